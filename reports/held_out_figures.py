"""The figures of the validation: latency-load curves, and the tail at one load. Times in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from reports import numbers as n
from reports import style
from reports.compare import Load, Window
from reports.figures import milliseconds_axis
from reports.style import BLUE, GREEN, GREY, INK, ORANGE, PAPER, PURPLE, Figure
from sdlab.arrivals import FloatArray

COLOURS = {"mean": PURPLE, "p50": BLUE, "p95": GREEN, "p99": ORANGE}
_TAIL_POINTS = 400


def curves(loads: Sequence[Load]) -> Figure | None:
    """Each statistic against load: the medians predicted as lines, those measured as points with their range."""
    judged = [load for load in loads if load.cells]
    if not judged:
        return None

    def paint(canvas: Canvas, narrow: bool) -> None:  # noqa: ARG001 - one panel at any width
        axes = canvas.subplots()
        axes.set_yscale("log")
        ends = []
        for name, colour in COLOURS.items():
            found = [(load.rate_rps, cell, load.quantity(f"response_time_s_{name}"))
                     for load in judged if (cell := load.cell(name))]  # fmt: skip
            predicted = [(rate, 1e3 * cell.predicted_s) for rate, cell, _ in found if math.isfinite(cell.predicted_s)]
            if not predicted:
                continue
            axes.plot(*zip(*predicted, strict=True), color=colour, zorder=2, marker="_", markersize=9)
            ends.append((predicted[-1][1], name, colour))
            for rate, cell, one in found:
                middle = 1e3 * cell.measured_s
                below, above = (1e3 * abs(end - cell.measured_s) for end in (one.low, one.high)) if one else (0.0, 0.0)
                bars = [[value if math.isfinite(value) else 0.0] for value in (below, above)]
                axes.errorbar(rate, middle, yerr=bars, fmt="o", markersize=5, color=colour, markeredgecolor=PAPER,
                              markeredgewidth=0.8, elinewidth=1.3, capsize=2.5, zorder=3)  # fmt: skip
        rates = [load.rate_rps for load in judged]
        axes.set_xlim(min(rates) * 0.93, max(rates) * 1.03)
        milliseconds_axis(axes)
        axes.set_xlabel("arrival rate (requests/s)")
        axes.set_ylabel("response time (ms, log scale)")
        style.label_ends(axes, ends, room=0.06)
        handles = [Line2D([], [], color=INK, marker="_", label="predicted"),
                   Line2D([], [], color=INK, marker="o", linestyle="none", markersize=5, label="measured")]  # fmt: skip
        canvas.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)

    words = [
        f"{name} at {n.rate(load.rate_rps)}: measured {n.duration(cell.measured_s)}, predicted "
        f"{n.duration(cell.predicted_s)}"
        for load in judged for name in ("p50", "p99") if (cell := load.cell(name))
    ]  # fmt: skip
    return style.draw(
        "validation",
        alt=f"Predicted against measured response times at held-out loads. {'; '.join(words)}.",
        caption="Medians over the valid windows of each held-out load; the bars are the range of the measured windows "
        "(of one window: its 95 % interval). Counted from the send. INVALID windows are left out.",
        paint=paint,
        heights=(3.7, 3.9),
    )


def tail(load: Load) -> Figure | None:
    """The share of requests slower than a time, each window and all together, measured and predicted."""
    windows = [window for window in load.valid if window.measured_s.size and window.predicted_s.size]
    if not windows:
        return None

    def paint(canvas: Canvas, narrow: bool) -> None:  # noqa: ARG001
        axes = canvas.subplots()
        axes.set_yscale("log")
        axes.set_xscale("log")
        for kind, colour in (("measured", INK), ("predicted", ORANGE)):
            each = [_times(window, kind) for window in windows]
            for times_s in each if len(each) > 1 else ():
                axes.plot(*_exceeded(times_s), color=colour, linewidth=0.7, alpha=0.45, zorder=2)
            axes.plot(*_exceeded(np.sort(np.concatenate(each))), color=colour, linewidth=1.9, label=kind, zorder=3)
        axes.set_ylim(0.1, 110)
        for share, name in ((50, "p50"), (5, "p95"), (1, "p99")):
            axes.axhline(share, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
            axes.annotate(
                name, (1.01, share), xycoords=("axes fraction", "data"), color=GREY, fontsize=8.5, va="center"
            )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.set_xlim(_limits(windows))
        axes.set_xlabel("response time t (ms, log scale)")
        axes.set_ylabel("requests slower than t (%, log scale)")
        canvas.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)

    share = f" ({n.percent(load.share)} of saturation)" if load.share else ""
    words = [f"{name}: measured {n.duration(cell.measured_s)}, predicted {n.duration(cell.predicted_s)}"
             for name in ("p50", "p95", "p99") if (cell := load.cell(name))]  # fmt: skip
    return style.draw(
        "tail",
        alt=f"Complementary distribution of response times at {n.rate(load.rate_rps)}{share}. {'; '.join(words)}.",
        caption=f"All operations at {n.rate(load.rate_rps)}{share}, counted from the send. Thick: all "
        f"{len(windows)} valid windows together; thin: each one.",
        paint=paint,
        heights=(3.6, 3.8),
    )


def parts(measured: dict[str, float], modelled: dict[str, float], names: Sequence[str]) -> Figure:
    """Mean time of a request by part: one bar measured, one modelled."""
    rows = (("measured", measured), ("modelled", modelled))
    colours = dict(zip(names, cycle((ORANGE, BLUE, GREEN, PURPLE, GREY)), strict=False))

    def paint(canvas: Canvas, narrow: bool) -> None:
        axes = canvas.subplots()
        for row, (_, values) in enumerate(rows):
            left = 0.0
            for name in names:
                width = max(0.0, 1e3 * values.get(name, 0.0))
                axes.barh(row, width, left=left, height=0.66, color=colours[name], edgecolor=PAPER, linewidth=0.7,
                          label=name if row == 0 else None)  # fmt: skip
                left += width
        axes.set_yticks([0, 1], [name for name, _ in rows])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("mean time a request (ms)")
        canvas.legend(loc="outside upper left", ncols=1 if narrow else 3, frameon=False, fontsize=8.5,
                      handlelength=1.2, columnspacing=1.2)  # fmt: skip

    words = [f"{name} {n.duration(measured.get(name, 0.0))} measured, {n.duration(modelled.get(name, 0.0))} modelled"
             for name in names]  # fmt: skip
    return style.draw(
        "parts",
        alt=f"Mean time of a request by part: {'; '.join(words)}.",
        caption="Measured: the spans in the service's Server-Timing header. Modelled: the spans of the replay.",
        paint=paint,
        heights=(1.9, 2.9),
    )


def _times(window: Window, kind: str) -> FloatArray:
    return window.measured_s if kind == "measured" else window.predicted_s


def _exceeded(sorted_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(milliseconds, per cent of requests that took longer), thinned evenly on the log scale of the share."""
    count = sorted_s.size
    left = np.unique(np.geomspace(1, count, _TAIL_POINTS).astype(int))[::-1]  # how many took longer
    return 1e3 * sorted_s[count - left], 100.0 * left / count


def _limits(windows: Sequence[Window]) -> tuple[float, float]:
    times_s = np.concatenate([part for window in windows for part in (window.measured_s, window.predicted_s)])
    low, high = np.quantile(times_s, (0.005, 0.9995))
    return 0.9e3 * float(low), 1.1e3 * float(high)
