"""What the model predicted and what the running service did."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports import figures, held_out_figures
from reports import numbers as n
from reports.collect import Material
from reports.compare import ALL, BASELINES, UTILISATION, Compared, Load, Window
from reports.document import Cell, Line, Section, Table, columns, rows
from reports.verdict import validation_of
from sdlab.agreement import JUDGED_SHARE_MAX, SATURATION_TARGET, Agreement, coverage, of_saturation
from sdlab.spec import Slo

_NAMES = {
    "response_time_s_p50": "p50",
    "response_time_s_p90": "p90",
    "response_time_s_p95": "p95",
    "response_time_s_p99": "p99",
    "response_time_s_mean": "mean",
    UTILISATION: "API utilisation",
}
_HOW = (
    "Response times count from the recorded send, which is what the model was fed; predicted is the mean of a window's "
    "replays, by operation that of the one that was kept. Error: (predicted − measured) / "
    "measured, of several windows the median, with the range over the windows. Interval of what was measured: for one "
    "window 95 %, of order statistics for percentiles and of batch means for the mean; for several, their range. "
    "Noise floor: standard deviation of repeated windows over their median. M/M/1 and M/G/1: the errors of naive "
    "queues with the same frozen mean demand. A cell passes if its error is at most its target, or twice the noise "
    f"floor where that is larger; loads above {n.percent(JUDGED_SHARE_MAX)} of saturation are not judged."
)


def latency(material: Material, loads: Sequence[Load]) -> Section:
    """The figure that carries the report: response time against load."""
    figure = figures.latency_against_load(
        material.curve, loads, busiest_slo(material), material.design.workload.peak_rate_rps
    )
    missing = [] if material.curve else ["no latency curve was simulated"]
    missing += [] if loads else ["no load was measured"]
    gap = f"{n.words(missing).capitalize()}: `./lab run` fills this." if missing else ""
    return Section("latency", "Response time against load", figure=figure, gap=gap)


def comparison(material: Material, loads: Sequence[Load]) -> Section:
    """Predicted against measured at each load, with signed errors and their verdict, and what each window says."""
    title = "Predicted against measured"
    if not loads:
        return Section("comparison", title, gap="The running service was not measured: `./lab run` measures it at "
                       "loads the model was not fitted to, and replays each in the model.")  # fmt: skip
    tables = [_quantities(loads), _by_operation(loads), _windows(loads), _reasons(loads)]
    windows = [window for load in loads for window in (*load.valid, *load.invalid)]
    replayed = any(window.predicted for window in windows)
    gap = "" if replayed else "No window was replayed in the model: `./lab run` replays each."
    return Section(
        "comparison",
        title,
        text=tuple(line for line in (_verdict_words(loads), _saturation_words(material)) if line),
        figure=held_out_figures.curves(loads),
        tables=tuple(table for table in tables if table),
        gap=gap,
    )


def busiest_slo(material: Material) -> tuple[str, Slo] | None:
    """The SLO of the operation with the largest share: the one a line over all operations is read against."""
    operations = material.design.workload.operations
    names = sorted(material.design.slo, key=lambda name: -operations[name].share)
    return (names[0], material.design.slo[names[0]]) if names else None


def _verdict_words(loads: Sequence[Load]) -> str:
    """The verdict over all judged cells, with the worst of those that missed."""
    found = validation_of(loads)
    if found is None:
        return ""
    judged = [(load, cell) for load in loads for cell in load.cells if cell.passes is not None]
    words = (
        f"Verdict up to {n.percent(JUDGED_SHARE_MAX)} of saturation: {'PASS' if found.passes else 'MISSED'}. "
        f"{found.passed} of {found.judged} cells are within their bound, {found.within_target} within the bare target."
    )
    missed = [(load, cell) for load, cell in judged if not cell.passes]
    if missed:
        load, cell = max(missed, key=lambda one: abs(one[1].error) / (one[1].bound or 1.0))
        words += (
            f" Furthest beyond: {cell.statistic} at {n.rate(load.rate_rps)}, off by {n.signed_percent(cell.error)} "
            f"where {n.absolute_percent(cell.bound or math.nan)} is allowed."
        )
    fewest = min(cell.windows for _, cell in judged)
    if fewest < 2:
        return f"{words} A load with one window has neither an interval nor a noise floor."
    return f"{words} The range over {fewest} windows holds the median error with a chance of {coverage(fewest):.0%}."


def _saturation_words(material: Material) -> str:
    """The one rate that both sides answer: the highest within the SLOs on the reference deployment."""
    both = [(one.measured_rps, one.model_rps) for one in material.searched if one.model_rps]
    if not both:
        return ""
    found = of_saturation([measured for measured, _ in both], [model for _, model in both])
    answers = " and ".join(f"measured {n.rate(measured)}, predicted {n.rate(model)}" for measured, model in both)
    words = (
        f"Highest rate within the SLOs: {answers}, {'median ' if len(both) > 1 else ''}error "
        f"{n.signed_percent(found.error)}: "
    )
    target = n.absolute_percent(SATURATION_TARGET)
    if found.meets_target:
        return f"{words}within the target of {target}."
    if found.passes:
        return (
            f"{words}within {n.absolute_percent(found.bound or math.nan)}, twice the noise floor of the searches "
            f"(beyond the bare target of {target})."
        )
    return f"{words}MISSED, beyond the target of {target}."


def _quantities(loads: Sequence[Load]) -> Table:
    groups = []
    for load in loads:
        if load.valid:
            groups.append(rows([_line(one, load) for one in load.operations[ALL]], _load_heading(load)))
        for window in load.invalid:
            lines = [_line(one, None) for one in window.operations[ALL]]
            groups.append(rows(lines, f"{_rate(load)}, INVALID window {_short(window)}"))
    heads = columns(
        "Quantity", "Measured#", "Predicted#", "Error#", "Verdict", "Range of errors#", "Noise floor#", "M/M/1#",
        "M/G/1#", "Interval#",
    )  # fmt: skip
    return Table("All operations together, by load", heads, tuple(groups), _HOW)


def _line(one: Compared, load: Load | None) -> Line:
    """A quantity of a load, or (None) of an INVALID window."""
    show = n.percent if one.quantity == UTILISATION else n.duration
    word = "" if load else "INVALID "
    statistic = one.quantity.rpartition("_")[2]
    cell = load.cell(statistic) if load else None
    noise = load.noise_floor.get(one.quantity, math.nan) if load else math.nan
    naive = [load.baselines.get(name, {}).get(statistic, math.nan) if load else math.nan for name in BASELINES]
    interval = f"{word}{show(one.low)} to {show(one.high)}" if math.isfinite(one.low) else n.MISSING
    return [
        _NAMES[one.quantity],
        Cell(word + show(one.measured), "" if load else "bad"),
        show(one.predicted),
        _error(one, word),
        _judged(cell),
        f"{n.signed_percent(min(one.errors))} to {n.signed_percent(max(one.errors))}" if one.errors else n.MISSING,
        n.absolute_percent(noise) if math.isfinite(noise) else n.MISSING,
        *("∞" if math.isinf(error) else n.signed_percent(error) for error in naive),
        interval,
    ]


def _judged(cell: Agreement | None) -> Cell:
    if cell is None or cell.passes is None or cell.bound is None or cell.target is None:
        return Cell("not judged", "muted")
    bound = n.absolute_percent(cell.bound) + ("" if cell.bound == cell.target else ", twice the noise")
    return Cell(f"within {bound}", "good") if cell.passes else Cell(f"MISSED: over {bound}", "bad")


def _error(one: Compared, word: str) -> Cell:
    if not math.isfinite(one.relative_error):
        return Cell(n.MISSING)
    return Cell(word + n.signed_percent(one.relative_error), "muted" if word else "")


def _rate(load: Load) -> str:
    share = f" ({n.percent(load.share)} of saturation)" if load.share else ""
    return f"{n.rate(load.rate_rps)}{share}{', held out' if load.held_out else ''}"


def _load_heading(load: Load) -> str:
    count = len(load.valid)
    words = f"{_rate(load)}: {count} valid {'window' if count == 1 else 'windows'}"
    words += ", medians" if count > 1 else ""
    return words + (f" ({len(load.invalid)} INVALID left out)" if load.invalid else "")


def _by_operation(loads: Sequence[Load]) -> Table | None:
    groups = []
    for load in loads:
        lines: list[Line] = []
        for operation in load.operations:
            p50, p99 = load.quantity("response_time_s_p50", operation), load.quantity("response_time_s_p99", operation)
            if operation == ALL or p50 is None or p99 is None:
                continue
            cells = [text for one in (p50, p99) for text in (
                n.duration(one.measured), n.duration(one.predicted), n.signed_percent(one.relative_error)
            )]  # fmt: skip
            lines.append([operation, *cells])
        if lines:
            groups.append(rows(lines, _load_heading(load)))
    heads = columns("Operation", "p50 measured#", "predicted#", "Error#", "p99 measured#", "predicted#", "Error#")
    return Table("By operation, valid windows", heads, tuple(groups)) if groups else None


def _windows(loads: Sequence[Load]) -> Table:
    lines = [_window(window) for load in loads for window in sorted((*load.valid, *load.invalid), key=_run_id)]
    heads = columns(
        "Window", "Judged itself", "Offered, sent (1/s)#", "Requests#", "Completed#", "p99 from intended#",
        "Lateness p50, p99#", "Stolen CPU#",
    )  # fmt: skip
    note = (
        "A window is named by the end of its run's name. p99 from intended: from the intended start of a request, "
        "what its user would have seen. Lateness: of the generator, from the intended start to the send."
    )
    return Table("The measured windows", heads, (rows(lines),), note)


def _window(window: Window) -> Line:
    word = "VALID" if window.valid else "INVALID"
    mark = "" if window.valid else "INVALID "
    return [
        Cell(_short(window), code=True),
        Cell(word, "good" if window.valid else "bad"),
        f"{n.significant(window.rate_rps)}, {n.significant(window.achieved_rate_rps)}",
        f"{window.requests:,}",
        n.percent(window.availability),
        mark + n.duration(window.response_time_s_p99_intended),
        f"{n.duration(window.lateness_s_p50)}, {n.duration(window.lateness_s_p99)}",
        n.percent(window.steal_share),
    ]


def _reasons(loads: Sequence[Load]) -> Table | None:
    lines: list[Line] = [
        [Cell(_short(window), code=True), n.rate(window.rate_rps), Cell(f"INVALID: {reason}", "bad")]
        for load in loads
        for window in load.invalid
        for reason in window.reasons or ("no reason given",)
    ]
    heads = columns("Window", "Offered#", "Reason")
    return Table("Why windows are INVALID", heads, (rows(lines),)) if lines else None


def _short(window: Window) -> str:
    """The last part of the run's name, which tells the windows of a study apart."""
    return window.run_id.rpartition("-")[2] or window.run_id


def _run_id(window: Window) -> str:
    return window.run_id
