"""The report's figures. Times are drawn in milliseconds, rates in requests a second, shares in per cent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from reports import numbers as n
from reports import style
from reports.compare import Load, Window
from reports.files import CacheSweep, Curve, Hours
from reports.style import AMBER, BLUE, GREEN, GREY, INK, MUTED, ORANGE, PAPER, PURPLE, Figure
from sdlab.arrivals import FloatArray
from sdlab.spec import Slo

PERCENTILE_COLOURS = {"p50": BLUE, "p95": GREEN, "p99": ORANGE}
COLOURS = (ORANGE, BLUE, GREEN, PURPLE, AMBER, GREY)


def latency_against_load(
    curve: Curve | None, loads: Sequence[Load], slo: tuple[str, Slo] | None, peak_rate_rps: float
) -> Figure | None:
    """Response time against arrival rate: the model's lines, the measured windows with their intervals."""
    windows = [window for load in loads for window in (*load.valid, *load.invalid)]
    if curve is None and not windows:
        return None

    def paint(canvas: Canvas, narrow: bool) -> None:  # noqa: ARG001 - one panel at any width
        axes = canvas.subplots()
        axes.set_yscale("log")
        ends = _predicted_lines(axes, curve) if curve else []
        axes.set_xlim(
            0, 1.02 * max([*(curve.rate_rps if curve else []), *(one.rate_rps for one in windows), peak_rate_rps])
        )
        for window in windows:
            _measured_points(axes, window)
        milliseconds_axis(axes)
        ends = ends or _point_labels(windows)
        if slo:
            level = slo[1].response_time_s_p99
            _level(axes, level * 1e3)
            ends.append((level * 1e3, f"SLO {n.count(level * 1e3)} ms", PURPLE))
        axes.axvline(peak_rate_rps, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        axes.text(peak_rate_rps, 1.01, f"peak {n.significant(peak_rate_rps)}/s", color=MUTED, ha="center",
                  va="bottom", fontsize=8.5, transform=axes.get_xaxis_transform())  # fmt: skip
        axes.set_xlabel("arrival rate (requests/s)")
        axes.set_ylabel("response time (ms, log scale)")
        style.label_ends(axes, ends, room=0.06)
        handles = [Line2D([], [], color=INK, label="predicted")] if curve else []
        handles += [_mark(valid, word) for valid, word in ((True, "measured"), (False, "measured, INVALID"))
                    if any(window.valid == valid for window in windows)]  # fmt: skip
        canvas.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)

    return style.draw(
        "latency",
        alt=_latency_alt(curve, windows, slo, peak_rate_rps),
        caption="Lines: the model at steady Poisson arrivals on the reference deployment, all operations together, as "
        "fast as the machine was in the search for its highest rate. "
        "Points: measured windows of the running service with their 95 % intervals; a hollow point is an INVALID "
        f"window.{_slo_words(slo)} The dotted line marks the whole design's peak rate, "
        "here on the one-machine reference deployment.",
        paint=paint,
        heights=(3.9, 4.1),
    )


def day(hours: Hours, slos: dict[str, Slo]) -> Figure:
    """The day hour by hour, as small multiples over one axis of time."""
    x = np.asarray(hours.hour) + 0.5  # the middle of the hour
    panels = 3 + bool(hours.hit_ratio)

    def paint(canvas: Canvas, narrow: bool) -> None:
        rows, columns = (panels, 1) if narrow else (2, 2)
        grid = canvas.subplots(rows, columns, sharex=True, squeeze=False).ravel()
        room = 0.105 if narrow else 0.085
        _hours_panel(grid[0], "Arrival rate (requests/s)", x, {"": hours.arrival_rate_rps}, 1, room)
        grid[1].set_yscale("log")
        for name, colour in zip(hours.response_time_s_p99, cycle(COLOURS), strict=False):
            if name in slos:
                level = slos[name].response_time_s_p99 * 1e3
                grid[1].axhline(level, color=colour, linewidth=1, linestyle=(0, (4, 3)))
        _hours_panel(grid[1], "p99 by operation (ms, log; dashes: SLO)", x, hours.response_time_s_p99, 1e3, room)
        _hours_panel(grid[2], "Utilisation by tier (%)", x, hours.utilisation, 100, room)
        if hours.hit_ratio:
            _hours_panel(grid[3], "Cache hit ratio (%)", x, {"": hours.hit_ratio}, 100, room)
        for axes in grid[panels:]:
            axes.set_visible(False)
        for axes in grid[panels - columns : panels]:
            axes.set_xlabel("hour (UTC)")

    return style.draw(
        "day",
        alt=_day_alt(hours),
        caption="Each value is of the hour that begins there. Dashes in an operation's colour are its p99 SLO.",
        paint=paint,
        heights=(4.6, 1.75 * panels + 0.3),
    )


def cache_size(sweep: CacheSweep, operation: str, capacity_entries: int | None, slo: Slo | None) -> Figure:
    """Hit ratio, and response time of the operation that uses the cache, against the cache's size."""
    x = np.asarray(sweep.capacity_entries)
    p99 = [1e3 * value for value in sweep.response_time_s_p99_by_operation[operation]]
    means = [1e3 * value for value in sweep.response_time_s_mean_by_operation.get(operation, [])]

    def paint(canvas: Canvas, narrow: bool) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True) if narrow else canvas.subplots(1, 2)
        upper.plot(x, [100 * ratio for ratio in sweep.hit_ratio], color=BLUE, marker="o", markersize=4)
        upper.set_title("Hit ratio (%)")
        _from_zero(upper)
        lower.plot(x, p99, color=ORANGE, marker="o", markersize=4)
        ends = [(p99[-1], "p99", ORANGE)]
        if means:
            lower.plot(x, means, color=GREEN, marker="o", markersize=4)
            ends.append((means[-1], "mean", GREEN))
        lower.set_title(f"Response time of {operation} (ms)")
        _from_zero(lower)
        for axes in (upper, lower):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: n.count(value)))
            axes.xaxis.set_minor_formatter(NullFormatter())
            if capacity_entries:
                axes.axvline(capacity_entries, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        if capacity_entries:
            upper.annotate(f"design: {n.count(capacity_entries)}", (capacity_entries, 0.03), color=MUTED, fontsize=8.5,
                           xycoords=upper.get_xaxis_transform(), xytext=(-4, 0), textcoords="offset points",
                           ha="right")  # fmt: skip
        lower.set_xlabel("cache size (entries, log scale)")
        if not narrow:
            upper.set_xlabel("cache size (entries, log scale)")
        if slo and slo.response_time_s_p99 * 1e3 < 3 * np.nanmax(p99):
            _level(lower, slo.response_time_s_p99 * 1e3)
            ends.append((slo.response_time_s_p99 * 1e3, f"SLO {n.count(slo.response_time_s_p99 * 1e3)} ms", PURPLE))
        style.label_ends(lower, ends, room=0.1 if narrow else 0.07)

    pairs = [
        f"{n.count(size)} entries {n.percent(ratio)} hits and p99 {n.milliseconds(value / 1e3)}"
        for size, ratio, value in zip(sweep.capacity_entries, sweep.hit_ratio, p99, strict=True)
    ]
    return style.draw(
        "cache",
        alt=f"Cache size against hit ratio and p99 of {operation}: {'; '.join(pairs)}.",
        caption="Simulated at each size with the same requests and draws; the dotted line is the design's size.",
        paint=paint,
        heights=(2.9, 4.2),
    )


def _predicted_lines(axes: Axes, curve: Curve) -> list[tuple[float, str, str]]:
    ends = []
    for name, colour in PERCENTILE_COLOURS.items():
        values = [1e3 * value for value in getattr(curve, f"response_time_s_{name}")]
        axes.plot(curve.rate_rps, values, color=colour, zorder=2)
        ends.append((_last(values), name, colour))
    return ends


def _measured_points(axes: Axes, window: Window) -> None:
    away = 6 if window.rate_rps < axes.get_xlim()[1] / 2 else -6  # points; the word stays off the axes' edges
    for one in window.operations["all"]:
        colour = PERCENTILE_COLOURS.get(one.quantity.rpartition("_")[2])
        if colour is None or not math.isfinite(one.measured):
            continue
        value = 1e3 * one.measured
        face, edge = (colour, PAPER) if window.valid else (PAPER, colour)
        below = value - 1e3 * one.low if math.isfinite(one.low) and one.low > 0 else 0.0
        above = 1e3 * one.high - value if math.isfinite(one.high) else 0.0
        axes.errorbar(window.rate_rps, value, yerr=[[below], [above]], fmt="o", markersize=5, color=colour,
                      markerfacecolor=face, markeredgecolor=edge, markeredgewidth=0.8,
                      elinewidth=1.3, capsize=2.5, zorder=3)  # fmt: skip
        if not window.valid:
            axes.annotate(
                "INVALID",
                (window.rate_rps, value),
                xytext=(away, 0),
                textcoords="offset points",
                color=colour,
                fontsize=7.5,
                va="center",
                ha="left" if away > 0 else "right",
                zorder=2.5,  # over the lines, never over a point
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
            )


def _mark(valid: bool, label: str) -> Line2D:
    face, edge = (INK, PAPER) if valid else (PAPER, INK)
    return Line2D([], [], marker="o", linestyle="none", markersize=5, markerfacecolor=face, markeredgecolor=edge,
                  label=label)  # fmt: skip


def _point_labels(windows: Sequence[Window]) -> list[tuple[float, str, str]]:
    last = max(windows, key=lambda window: window.rate_rps)
    seen = {one.quantity.rpartition("_")[2]: one.measured for one in last.operations["all"]}
    return [(1e3 * seen[name], f"{name} measured", colour) for name, colour in PERCENTILE_COLOURS.items()]


def milliseconds_axis(axes: Axes) -> None:
    """A log axis with at least a decade, labelled 1, 2, 5, 10 ... in plain numbers."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, max(high, 10 * low))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 1000 else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _level(axes: Axes, value: float) -> None:
    """A dashed line for a bound, inside of the axes whatever the data."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, max(high, 1.3 * value if axes.get_yscale() == "log" else 1.12 * value))
    axes.axhline(value, color=PURPLE, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)


def _slo_words(slo: tuple[str, Slo] | None) -> str:
    return f" The dashed line is the p99 SLO of {slo[0]}." if slo else ""


def _from_zero(axes: Axes) -> None:
    axes.set_ylim(0, axes.get_ylim()[1] * 1.05)


def _hours_panel(
    axes: Axes, title: str, x: FloatArray, series: Mapping[str, Sequence[float]], scale: float, room: float
) -> None:
    ends = []
    colours = cycle(COLOURS) if len(series) > 1 else cycle([INK])
    for (name, values), colour in zip(series.items(), colours, strict=False):
        axes.plot(x, np.asarray(values) * scale, color=colour, marker="o" if len(values) == 1 else None)
        ends.append((_last(values) * scale, name, colour))
    axes.set_title(title)
    axes.set_xlim(0, 24)
    axes.xaxis.set_major_locator(FixedLocator([0, 6, 12, 18, 24]))
    if axes.get_yscale() == "log":
        milliseconds_axis(axes)
    else:
        _from_zero(axes)
    style.label_ends(axes, ends, room)


def _last(values: Sequence[float]) -> float:
    return next((value for value in reversed(values) if math.isfinite(value)), float("nan"))


def _latency_alt(curve: Curve | None, windows: Sequence[Window], slo: tuple[str, Slo] | None, peak_rps: float) -> str:
    parts = ["Response time against arrival rate."]
    if curve:
        ends = [f"{n.duration(curve.response_time_s_p99[i])} at {n.rate(curve.rate_rps[i])}" for i in (0, -1)]
        parts.append(f"Predicted p99 goes from {ends[0]} to {ends[1]}.")
    for window in sorted(windows, key=lambda one: one.rate_rps):
        p99 = next(one for one in window.operations["all"] if one.quantity == "response_time_s_p99")
        word = "" if window.valid else "INVALID "
        parts.append(f"Measured p99 at {n.rate(window.rate_rps)}: {word}{n.duration(p99.measured)}.")
    if slo:
        parts.append(f"The SLO of {slo[0]} is a p99 of {n.duration(slo[1].response_time_s_p99)}.")
    return " ".join([*parts, f"The design's peak is {n.rate(peak_rps)}."])


def _day_alt(hours: Hours) -> str:
    top = int(np.nanargmax(hours.arrival_rate_rps))
    p99s = [f"{name} {n.duration(values[top])}" for name, values in hours.response_time_s_p99.items()]
    busy = [f"{name} {n.percent(values[top])}" for name, values in hours.utilisation.items()]
    return (
        f"The day hour by hour. The busiest hour is {hours.hour[top]:.0f} UTC "
        f"with {n.rate(hours.arrival_rate_rps[top])}; p99 then: {', '.join(p99s)}; utilisation then: {', '.join(busy)}."
    )
