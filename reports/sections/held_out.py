"""The held-out loads in detail: the tail at 0.8 of saturation, where the time went, the machine and its windows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports import held_out_figures, parts_of_a_request
from reports import numbers as n
from reports.calibration_windows import PARAMETERS, CalibrationWindow, calibration_windows
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
    """Where it was measured, by which rule windows are rejected, and each window's own record, calibration too."""
    title = "The machine and the windows"
    calibrating = calibration_windows(material.study, material.calibrated_by)
    disturbed = _disturbed(calibrating)
    windows = [window for load in loads for window in (*load.valid, *load.invalid) if load.held_out]
    if not windows:
        gap = "No held-out load was measured: `./lab validate` measures some."
        return Section("machine", title, text=_calibration_words(calibrating), tables=disturbed, gap=gap)
    run = next(run for run in material.study.runs if run.manifest.run_id == windows[0].run_id)
    where = run.manifest.machine
    place = (
        f"{where.cpu}, {_count(where.cores, 'core')}, {n.significant(where.memory_bytes / 2**30)} GiB, "
        f"{where.system}, Python {where.python}."
        + (" Its cores were kept from sleeping." if run.manifest.parameters.get("awake") else "")
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
    text = (place, rule, *_calibration_words(calibrating))
    return Section("machine", title, text=text, tables=(table, *disturbed))


def _calibration_words(windows: Sequence[CalibrationWindow]) -> tuple[str, ...]:
    """How many windows that calibrate were disturbed, and of which blocks."""
    if not windows:
        return ()
    disturbed = [window for window in windows if window.reason]
    by = [f"block {block}" for block in sorted({window.block for window in disturbed if window.block is not None})]
    of = f" ({n.words(by)})" if by else ""
    used = sum(window.used_for == PARAMETERS for window in disturbed)
    count = (
        f"{len(disturbed)} of {_count(len(windows), 'calibration window')} {'was' if len(disturbed) == 1 else 'were'} "
        f"disturbed by the machine{of}, by the same rule against the windows of their own calibration; {used} of them "
        "gave parameters."
    )
    return (
        count if disturbed else f"None of {_count(len(windows), 'calibration window')} was disturbed by the machine.",
    )


def _disturbed(windows: Sequence[CalibrationWindow]) -> tuple[Table, ...]:
    lines: list[Line] = [
        [
            Cell(window.run_id.rpartition("-")[2], code=True),
            "" if window.block is None else str(window.block),
            window.focus,
            n.rate(window.rate_rps),
            window.used_for,
            f"× {window.probe_ratio:.2f}" if math.isfinite(window.probe_ratio) else n.MISSING,
            Cell(window.reason, "bad"),
        ]
        for window in windows
        if window.reason
    ]
    heads = columns("Window", "Block", "Focus", "Load", "Used for", "Spin probe#", "Disturbed")
    note = (
        "Parameters measured while the machine was disturbed are kept, and so are their block's held-out windows: read "
        "that block's errors with this in mind."
    )
    return (Table("Calibration windows that the machine disturbed", heads, (rows(lines),), note),) if lines else ()


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
