"""The held-out loads in detail: the tail at 0.8 of saturation, where the time went, the machine and its windows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports import held_out_figures, parts_of_a_request
from reports import numbers as n
from reports.collect import Material
from reports.compare import Load, Window
from reports.document import Cell, Line, Section, Table, columns, rows
from sdlab import agreement, spoilt

_MISSING = "No valid held-out load was replayed in the model: `./lab run` measures and replays some."


def tail(loads: Sequence[Load]) -> Section:
    """The complementary distribution at the judged load nearest to 0.8 of saturation."""
    title = "The tail, measured and predicted"
    load = _chosen(loads)
    figure = held_out_figures.tail(load) if load else None
    return Section("tail", title, figure=figure, gap="" if figure else _MISSING)


def parts(loads: Sequence[Load]) -> Section:
    """A request's time by part at the same load: what the service said of itself beside the model's spans."""
    title = "A request's time, measured and modelled"
    load = _chosen(loads)
    windows = [window for window in load.valid if all(window.parts)] if load else []
    if load is None or not windows:
        gap = _MISSING if load is None else "The service gave no Server-Timing spans, or the replay kept none."
        return Section("parts", title, gap=gap)
    measured, modelled = (_means([window.parts[side] for window in windows]) for side in (0, 1))
    names = parts_of_a_request.names(measured, modelled)
    lines: list[Line] = [
        [name, n.duration(measured.get(name, 0.0)), n.duration(modelled.get(name, 0.0)),
         n.duration(abs(difference)) if difference >= 0 else f"−{n.duration(-difference)}"]
        for name in names
        for difference in [modelled.get(name, 0.0) - measured.get(name, 0.0)]
    ]  # fmt: skip
    whole = sum(measured.values()), sum(modelled.values())
    lines.append(["all", n.duration(whole[0]), n.duration(whole[1]), n.signed_percent(whole[1] / whole[0] - 1)])
    table = Table(
        f"Mean time of a request at {n.rate(load.rate_rps)}, {_count(len(windows), 'valid window')}",
        columns("Part", "Measured#", "Modelled#", "Difference#"),
        (rows(lines),),
        "A measured stage runs until the event loop came back to the request, so it holds waits for the loop that the "
        "model counts at the API process.",
    )
    return Section("parts", title, figure=held_out_figures.parts(measured, modelled, names), tables=(table,))


def machine(material: Material, loads: Sequence[Load]) -> Section:
    """Where it was measured, by which rule windows are rejected, and each window's own record."""
    title = "The machine and the windows"
    windows = [window for load in loads for window in (*load.valid, *load.invalid) if load.held_out]
    if not windows:
        return Section("machine", title, gap="No held-out load was measured: `./lab validate` measures some.")
    run = next(run for run in material.study.runs if run.manifest.run_id == windows[0].run_id)
    where = run.manifest.machine
    place = (
        f"{where.cpu}, {_count(where.cores, 'core')}, {n.significant(where.memory_bytes / 2**30)} GiB, "
        f"{where.system}, Python {where.python}."
    )
    rule = (
        f"{len(windows)} held-out windows, {sum(not window.valid for window in windows)} of them left out. "
        "The rule was written before: a window is rejected if the spin probe before and after it took more than "
        f"{spoilt.PROBE_RATIO_MAX:g} times as long as while its block was calibrated, or less than the inverse, if "
        f"other processes used more than {n.percent(spoilt.OTHERS_SHARE_MAX)} of the machine, if the generator was "
        "late or too busy, or if the host took CPU time. Rejected windows are measured again at most "
        f"{spoilt.REPEATED_PER_BLOCK} times a block."
    )
    ordered = sorted(windows, key=lambda window: (window.block or 0, window.run_id))
    heads = columns("Window", "Block", "Parameters", "Load", "Verdict", "p50#", "p99#", "Spin probe#", "Stolen CPU#")
    table = Table(
        "Every held-out window, in the order measured", heads, (rows(_line(one) for one in ordered),),
        "Spin probe: how long a fixed piece of work took around the window, over what it took while calibrating. "
        "Parameters: the digest of those frozen before.",
    )  # fmt: skip
    return Section("machine", title, text=(place, rule), tables=(table,))


def _line(window: Window) -> Line:
    word = "" if window.valid else "INVALID "
    measured = {one.quantity.rpartition("_")[2]: one.measured for one in window.operations["all"]}
    share = f" ({n.percent(window.share)})" if window.share else ""
    return [
        Cell(window.run_id.rpartition("-")[2], code=True),
        "" if window.block is None else str(window.block),
        Cell(window.frozen or n.MISSING, code=bool(window.frozen)),
        f"{n.rate(window.rate_rps)}{share}",
        Cell("VALID", "good") if window.valid else Cell(f"INVALID: {'; '.join(window.reasons)}", "bad"),
        word + n.duration(measured["p50"]),
        word + n.duration(measured["p99"]),
        f"× {window.probe_ratio:.2f}" if math.isfinite(window.probe_ratio) else n.MISSING,
        n.percent(window.steal_share),
    ]


def _chosen(loads: Sequence[Load]) -> Load | None:
    """The predicted held-out load nearest to the highest that is judged; without shares, the highest."""
    found = [load for load in loads if load.cells]
    known = [load for load in found if load.share is not None]
    if known:
        return min(known, key=lambda load: abs((load.share or 0.0) - agreement.JUDGED_SHARE_MAX))
    return found[-1] if found else None


def _means(every: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(one.get(name, 0.0) for one in every) / len(every) for name in parts_of_a_request.names(*every)}


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
