"""The figure of a sweep: where the SLOs are met comes first.

One number: the p99 of each operation as a multiple of its SLO, with intervals, and beside it percentiles and
utilisation. Two numbers: a map of the worst p99 over its SLO, with a line around the variants that meet all of them.
The same results give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from sdlab.palette import LIGHT
from sdlab.spec import Slo
from simulations.grid import Axis
from simulations.present_sweep import answer, shown
from simulations.sweep_results import Rows

COLOURS = tuple(LIGHT[name] for name in ("blue", "orange", "green", "purple", "amber", "grey"))
INK, MUTED, MISSED = LIGHT["ink"], LIGHT["muted"], "#f8e3dc"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "system-design-lab",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "figure.constrained_layout.use": True,
}
UNITS = {
    "requests_per_day": "requests a day",
    "capacity_entries": "entries",
    "workers": "per region",
    "pool_slots": "connections a worker",
    "batch_items": "clicks a batch",
    "keys": "keys",
    "share": "0 to 1",
    "links": "links",
    "peak_hour_utc": "hour, UTC",
}
CELLS_WITH_NUMBERS_MAX = 110
SPAN = 10.0  # the map's colours reach from a tenth of the SLO to ten times it

Floats = NDArray[np.float64]


def draw(folder: Path, axes: tuple[Axis, ...], rows: Rows, slos: dict[str, Slo]) -> list[Path]:
    """Write ``sweep.svg`` and ``sweep.png`` into a folder; nothing for three numbers or more."""
    if len(axes) > 2:
        return []
    with mpl.rc_context(STYLE):
        wide = len(axes) == 1
        figure = Figure(figsize=(9.6, 4.4) if wide else (8.4, 5.6))
        FigureCanvasAgg(figure)
        if wide:
            _curves(figure, axes[0], rows, slos)
        else:
            _heat_map(figure, axes, rows)
        first = answer(axes, rows)
        figure.suptitle(first[:1].upper() + first[1:], x=0.01, ha="left", fontsize=12, fontweight="bold")
        files = [folder / "sweep.svg", folder / "sweep.png"]
        figure.savefig(files[0], metadata={"Date": None, "Creator": None})
        figure.savefig(files[1], dpi=150, metadata={"Software": None})
    return files


def label(axis: Axis) -> str:
    """The path, with the unit in words."""
    leaf = axis.path.rpartition(".")[2]
    unit = UNITS.get(leaf) or ("s" if leaf.endswith("_s") else "bytes" if leaf.endswith("_bytes") else "")
    notes = [part for part in (unit, "log scale" if axis.logarithmic else "") if part]
    return f"{axis.path} ({', '.join(notes)})" if notes else axis.path


def _curves(figure: Figure, axis: Axis, rows: Rows, slos: dict[str, Slo]) -> None:
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1))
    main, times, shares = (figure.add_subplot(part) for part in (grid[:, 0], grid[0, 1], grid[1, 1]))
    x = _positions(axis)
    bounds = {name: slo.response_time_s_p99 for name, slo in slos.items() if _has(rows, name)}
    for (name, bound_s), colour in zip(bounds.items(), COLOURS, strict=False):
        _band(main, x, *_estimates([row["response_time_s"][name]["p99"] for row in rows], 1 / bound_s), colour, name)
    main.axhline(1, color=INK, linewidth=1.4)
    main.set_yscale("log")
    _decade_around_one(main)
    main.axhspan(1, main.get_ylim()[1], color=MISSED, zorder=0, linewidth=0)
    main.annotate("SLO missed", (0.01, 1), xycoords=main.get_yaxis_transform(), ha="left", va="bottom",
                  xytext=(0, 3), textcoords="offset points", color="#a33c12")  # fmt: skip
    main.set_title("p99 as a multiple of its SLO")
    main.legend(frameon=False, fontsize=8.5)
    worst = max(rows, key=lambda row: np.nan_to_num(row["slo_ratio"]["mean"]))["slo_operation"] or "all"
    for name, colour in zip(("p50", "p95", "p99"), (COLOURS[2], COLOURS[4], COLOURS[1]), strict=True):
        _band(times, x, *_estimates([row["response_time_s"][worst][name] for row in rows], 1e3), colour, name)
    times.set_yscale("log")
    _plain_log(times)
    times.set_title(f"Response time of {worst} (ms, log scale)")
    times.legend(frameon=False, fontsize=8, ncols=3)
    busy, hits = ([row[name] for row in rows] for name in ("utilisation", "hit_ratio"))
    _band(shares, x, *_estimates(busy, 100), COLOURS[0], "busiest station busy")
    if np.isfinite([one["mean"] for one in hits]).all():
        _band(shares, x, *_estimates(hits, 100), COLOURS[3], "cache hits")
    shares.set_ylim(0, 105)
    shares.set_title("Utilisation and hit ratio (%)")
    shares.legend(frameon=False, fontsize=8)
    for panel in (main, times, shares):
        panel.grid(color="#dfe3e7", linewidth=0.7)
        panel.set_axisbelow(True)
        _value_axis(panel, axis, x)
    for panel in (main, shares):
        panel.set_xlabel(label(axis))
    times.tick_params(labelbottom=False)


def _band(axes: Axes, x: Floats, y: Floats, half_width: Floats, colour: str, name: str) -> None:
    axes.plot(x, y, color=colour, marker="o", markersize=4, linewidth=1.7, label=name)
    low = np.maximum(y - half_width, np.nanmin(y) / 10)  # a log axis has no room for 0
    axes.fill_between(x, low, y + half_width, color=colour, alpha=0.22, linewidth=0)
    axes.errorbar(x, y, yerr=[y - low, half_width], fmt="none", ecolor=colour, elinewidth=1, capsize=2.5)


def _heat_map(figure: Figure, axes: tuple[Axis, ...], rows: Rows) -> None:
    down, across = axes
    shape = len(down.values), len(across.values)
    ratio = np.array([row["slo_ratio"]["mean"] for row in rows]).reshape(shape)
    slos = np.array([row["slos"] for row in rows]).reshape(shape)
    panel = figure.subplots()
    x, y = _positions(across), _positions(down)
    edges_x, edges_y = _edges(x, across.logarithmic), _edges(y, down.logarithmic)
    mesh = panel.pcolormesh(
        edges_x, edges_y, ratio, cmap="RdBu_r", norm=LogNorm(1 / SPAN, SPAN), rasterized=False, linewidth=0
    )
    panel.set_facecolor("#dddddd")
    panel.set_xlabel(label(across))
    panel.set_ylabel(label(down))
    _value_axis(panel, across, x, "x")
    _value_axis(panel, down, y, "y")
    panel.add_collection(
        LineCollection(_boundary(slos == "met", edges_x, edges_y), colors=INK, linewidths=2.4, capstyle="projecting")
    )
    panel.set_xlim(edges_x[0], edges_x[-1])
    panel.set_ylim(edges_y[0], edges_y[-1])
    if ratio.size <= CELLS_WITH_NUMBERS_MAX:
        for i, j in np.ndindex(*shape):
            if np.isfinite(ratio[i, j]):
                strong = abs(np.log10(ratio[i, j])) > 0.6
                number = f"{ratio[i, j]:,.0f}" if ratio[i, j] >= 100 else f"{ratio[i, j]:.2g}"
                panel.text(float(x[j]), float(y[i]), number, ha="center", va="center", fontsize=7.5,
                           color="white" if strong else INK)  # fmt: skip
    unsure = np.argwhere(slos == "unsure")
    if unsure.size:
        off = (0, -9) if ratio.size <= CELLS_WITH_NUMBERS_MAX else (0, 0)
        for i, j in unsure:
            panel.annotate("?", (x[j], y[i]), xytext=off, textcoords="offset points", ha="center", va="center",
                           fontsize=8, fontweight="bold")  # fmt: skip
    bar = figure.colorbar(mesh, ax=panel, extend="both", pad=0.02)
    bar.set_label("worst p99 / SLO (log scale): blue meets, red misses")
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    words = "Blue, up to the black line: all SLOs are met"
    panel.set_title(words + ("; ?: more replications would tell" if unsure.size else ""), fontweight="normal")


def _boundary(met: NDArray[np.bool_], edges_x: Floats, edges_y: Floats) -> list[list[tuple[float, float]]]:
    """The sides of cells that part what meets the SLOs from what does not."""
    lines = []
    for i, j in np.argwhere(met[:, 1:] != met[:, :-1]):
        lines.append([(edges_x[j + 1], edges_y[i]), (edges_x[j + 1], edges_y[i + 1])])
    for i, j in np.argwhere(met[1:, :] != met[:-1, :]):
        lines.append([(edges_x[j], edges_y[i + 1]), (edges_x[j + 1], edges_y[i + 1])])
    return lines


def _positions(axis: Axis) -> Floats:
    """Where the values stand: on their scale, or side by side if they are words or listed out of order."""
    if axis.is_numeric and list(axis.values) == sorted(axis.values):
        return np.array(axis.values, dtype=np.float64)
    return np.arange(len(axis.values), dtype=np.float64)


def _edges(places: Floats, logarithmic: bool) -> Floats:
    """Borders half-way between neighbours, on the axis's own scale."""
    if places.size == 1:
        return np.array([places[0] * 0.5, places[0] * 1.5]) if places[0] > 0 else np.array([-0.5, 0.5])
    scaled = np.log(places) if logarithmic else places
    middles = (scaled[1:] + scaled[:-1]) / 2
    edges = np.concatenate([[2 * scaled[0] - middles[0]], middles, [2 * scaled[-1] - middles[-1]]])
    return np.exp(edges) if logarithmic else edges


def _value_axis(panel: Axes, axis: Axis, places: Floats, which: str = "x") -> None:
    """Ticks at the values themselves if they are few, on a log scale if they were spaced so."""
    one = panel.xaxis if which == "x" else panel.yaxis
    if axis.logarithmic:
        panel.set_xscale("log") if which == "x" else panel.set_yscale("log")
        one.set_major_locator(LogLocator(subs=(1, 2, 5) if places[-1] / places[0] <= 1000 else (1,)))
        one.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        one.set_minor_formatter(NullFormatter())
    elif len(axis.values) <= 20 or not axis.is_numeric:
        if which == "x":
            panel.set_xticks(places, [shown(value) for value in axis.values])
        else:
            panel.set_yticks(places, [shown(value) for value in axis.values])


def short(value: float) -> str:
    """A number on a log axis: 100, 10 k, 2 M."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {prefix}"
    return f"{value:g}"


def _estimates(found: Sequence[dict[str, Any]], scale: float) -> tuple[Floats, Floats]:
    means = np.array([one["mean"] for one in found], dtype=np.float64)
    halves = np.array([one["half_width"] or 0.0 for one in found], dtype=np.float64)
    return means * scale, halves * scale


def _has(rows: Rows, operation: str) -> bool:
    return all(operation in row["response_time_s"] for row in rows)


def _decade_around_one(panel: Axes) -> None:
    low, high = panel.get_ylim()
    panel.set_ylim(min(low, 0.5), max(high, 2.0))
    _plain_log(panel)


def _plain_log(panel: Axes) -> None:
    low, high = panel.get_ylim()
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 1000 else (1,)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
