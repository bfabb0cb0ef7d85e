"""What the numbers rest on: cost, assumptions with their sources, measured demands, and how to make it all again."""

from __future__ import annotations

from typing import Any

from reports import cost as costs
from reports import numbers as n
from reports.collect import Material
from reports.document import Cell, Line, Section, Table, Tone, columns, rows
from reports.verdict import demands_measured
from sdlab.calibration import ClientFloor, Demand, Wait
from sdlab.runs import Machine, Run
from sdlab.sources import KINDS, OVERRIDDEN


def cost(material: Material) -> Section:
    """The topology's price a month."""
    found = costs.cost(material.design)
    lines: list[Line] = [
        [line.tier, f"{line.count:,} {line.unit}{'s' if line.count > 1 else ''}", str(line.regions),
         n.usd(line.usd_per_hour), n.usd(line.usd_per_month)]
        for line in found.lines
    ]  # fmt: skip
    total = [Cell("Together"), Cell(""), Cell(""), Cell(""), Cell(n.usd(found.usd_per_month))]
    unpriced = [f"No price is given for {n.words(list(found.unpriced_tiers))}: not counted."]
    unused = [f"No tier matches the price {n.words(list(found.unused_keys))}: not counted."]
    formula = (
        f"{n.usd(found.usd_per_month)} a month, {n.usd(found.usd_per_million_requests)} per million requests. "
        f"A line is units per region × regions × price an hour × {costs.HOURS_PER_MONTH:.0f} hours; traffic between "
        "hosts and storage are not in it."
    )
    text = (formula, *(unpriced if found.unpriced_tiers else []), *(unused if found.unused_keys else []))
    heads = columns("Tier", "Per region#", "Regions#", "USD an hour each#", "USD a month#")
    return Section(
        "cost", "Cost a month", text, tables=(Table("The topology's cost", heads, (rows([*lines, total]),)),)
    )


def assumptions(material: Material) -> Section:
    """Every number of the design with its source, and the demands that were measured in place of assumed ones."""
    design = material.design
    counted = {kind: sum(source.kind == kind for source in design.sources.values()) for kind in (*KINDS, OVERRIDDEN)}
    words = [
        f"{count} {'overridden for these runs' if k == OVERRIDDEN else k}" for k, count in counted.items() if count
    ]
    tree = design.model_dump()
    tones: dict[str, Tone] = {OVERRIDDEN: "bad"}
    lines: list[Line] = [
        [Cell(path, code=True), n.plain(_value(tree, path)),
         Cell("overridden" if source.kind == OVERRIDDEN else source.kind, tones.get(source.kind, "")), source.text]
        for path, source in design.sources.items()
    ]  # fmt: skip
    heads = columns("Number", "Value#", "Source", "In words")
    table = Table("Every number of the design", heads, (rows(lines),), "SI units; the unit ends the name.")
    text = (f"{len(design.sources)} numbers: {n.words(words)}.", _demand_words(material))
    measured = [found for found in (_demands(material), _by_itself(material), _client(material)) if found]
    return Section("assumptions", "Assumptions and their sources", text, tables=(*measured, table))


def reproduce(material: Material) -> Section:
    """The command, seed and commit of every run, and the machines they were made on."""
    runs = material.study.runs
    commands = tuple(dict.fromkeys(run.manifest.command for run in runs))
    lines: list[Line] = [
        [Cell(run.manifest.run_id, code=True), _what(run), run.manifest.created_at, str(run.manifest.seed),
         Cell(run.manifest.commit[:12] + ("+changes" if "+" in run.manifest.commit else ""), code=True),
         _judged(run)]
        for run in runs
    ]  # fmt: skip
    heads = columns("Run", "What", "Made (UTC)", "Seed#", "Commit", "Judged itself")
    machines = tuple(dict.fromkeys(run.manifest.machine.model_dump_json() for run in runs))
    made_on = [_machine(Machine.model_validate_json(one)) for one in machines]
    study = f"Study {material.study.name}." if material.study.name else "Runs made one by one, outside of a study."
    return Section(
        "reproduce",
        "How to reproduce it",
        text=(study, f"Made on {n.words(made_on)}.", "The commands that made these runs:"),
        commands=commands,
        tables=(Table("The runs", heads, (rows(lines),)),),
    )


def _demand_words(material: Material) -> str:
    found = material.calibration
    if found:
        return (
            f"Service demands were measured on the running service at {n.rate(found.rate_rps)} and "
            f"{n.percent(found.utilisation)} utilisation, and frozen as calibration {found.digest}."
        )
    if demands_measured(material):
        return "Service demands come from an earlier calibration, which is not part of this study."
    return (
        "No calibration in this study: the model's service demands are ASSUMED, as listed below under demands. "
        "`./lab run` measures them."
    )


def _demands(material: Material) -> Table | None:
    if material.calibration is None:
        return None
    groups = []
    for operation, parts in material.calibration.demands.items():
        before = material.design.demands.get(operation, {})
        lines: list[Line] = [
            [part, _mean(demand), _before(before, part), f"{demand.samples:,}"] for part, demand in parts.items()
        ]
        if wait := material.calibration.pool_wait.get(operation):
            lines.append(["(wait for a connection)", _mean(wait), n.MISSING, f"{wait.samples:,}"])
        groups.append(rows(lines, operation))
    heads = columns("Part", "Measured, mean (± 95 %)#", "Assumed before#", "Samples#")
    return Table("Service demands a request", heads, tuple(groups))


def _by_itself(material: Material) -> Table | None:
    """What the API process needs beside the demands: for a turn of its event loop, and after it was idle."""
    found = material.calibration
    if found is None:
        return None
    turn = f"{n.duration(found.turn.extra_s)} ± {n.duration(found.turn.half_width_s)}"
    lines: list[Line] = [["a turn of the event loop, however many requests are in it", turn, n.MISSING]]
    lines += [
        [f"the first request after {n.duration(level.after_s)} idle, more",
         f"{n.duration(level.extra_s)} ± {n.duration(level.half_width_s)}", f"{level.samples:,}"]
        for level in found.idle
    ]  # fmt: skip
    heads = columns("What", "Mean (± 95 %)#", "Samples#")
    return Table("CPU time of the API's process beside the demands", heads, (rows(lines),))


def _client(material: Material) -> Table | None:
    """The client's floor beside the client's time of each operation, which is what the model uses."""
    floor = material.calibration.client_floor if material.calibration else None
    if material.calibration is None or floor is None:
        return None
    word = "INVALID " if floor.invalid else ""
    samples = f"{floor.samples:,}"
    measured: list[Line] = [
        ["null endpoint, from the send to the answer", Cell(word + _mean(floor), "bad" if word else ""),
         word + n.duration(floor.p50_s), word + n.duration(floor.p95_s), samples],
        ["of it the endpoint's own CPU", word + n.duration(floor.server_cpu_s), n.MISSING, n.MISSING, samples],
        ["the client's floor: the rest", word + n.duration(floor.client_s), n.MISSING, n.MISSING, samples],
        ["beside it: how late it was sent", n.MISSING, word + n.duration(floor.lateness_p50_s),
         word + n.duration(floor.lateness_p95_s), samples],
    ]  # fmt: skip
    calibrated: list[Line] = [
        [operation, _mean(parts["client"]), *(n.duration(parts["client"].quantile_s(share)) for share in (0.5, 0.95)),
         f"{parts['client'].samples:,}"]
        for operation, parts in material.calibration.demands.items()
        if "client" in parts
    ]  # fmt: skip
    groups = (
        rows(measured, f"Measured with a null endpoint at {n.rate(floor.rate_rps)}"),
        rows(calibrated, "Calibrated: a response less the application and the API's CPU outside of it"),
    )
    note = "The model uses the calibrated times. The floor is the same client on the same cores without an application."
    reasons = "".join(f" INVALID: {reason}." for reason in floor.invalid)
    heads = columns("What", "Mean (± 95 %)#", "p50#", "p95#", "Samples#")
    return Table("What the client and the kernel add to a response", heads, groups, note + reasons)


def _mean(measured: Demand | Wait | ClientFloor) -> str:
    half_width_s = measured.half_width_s
    return n.duration(measured.mean_s) + (f" ± {n.duration(half_width_s)}" if half_width_s else "")


def _before(assumed: dict[str, float], part: str) -> str:
    value = assumed.get(part, assumed.get(f"{part}_s"))
    return n.MISSING if value is None else n.duration(value)


def _value(tree: dict[str, Any], path: str) -> object:
    node: Any = tree
    for name in path.split("."):
        node = node[name]
    return node


def _what(run: Run) -> str:
    said = run.manifest.parameters
    words = [
        run.manifest.kind.replace("_", " "),
        *(str(said[k]) for k in ("mode", "deployment", "scope", "role") if said.get(k)),
    ]
    words += [n.rate(float(said["rate_rps"]))] if said.get("rate_rps") else []
    words += ["interrupted"] if run.manifest.interrupted else []
    return ", ".join(word.replace("_", " ") for word in words)


def _judged(run: Run) -> Cell:
    validity = run.manifest.validity
    if validity is None:
        return Cell(n.MISSING, "muted")
    return Cell(validity.word, "good" if validity.valid else "bad")


def _machine(machine: Machine) -> str:
    memory = n.significant(machine.memory_bytes / 2**30)
    return f"{machine.cpu}, {machine.cores} cores, {memory} GiB, {machine.system}, Python {machine.python}"
