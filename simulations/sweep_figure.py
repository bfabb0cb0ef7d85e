"""The figure of a sweep: where the SLOs are met comes first.

One number: the p99 of each operation as a multiple of its SLO, with intervals, and beside it percentiles and the
utilisation of the busiest station, by name. Two numbers: a map of the worst p99 over its SLO, with a line around the
variants that meet all of them, and a map of the busiest station. The same results give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from sdlab.palette import LIGHT
from sdlab.spec import Slo
from simulations.grid import Axis
from simulations.present_sweep import answer
from simulations.results import place_of
from simulations.sweep_binding import binding
from simulations.sweep_map import heat_map
from simulations.sweep_results import Rows
from simulations.sweep_scales import COLOURS, Floats, colours_of, label, positions, value_axis

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


def draw(folder: Path, axes: tuple[Axis, ...], rows: Rows, slos: dict[str, Slo]) -> list[Path]:
    """Write ``sweep.svg`` and ``sweep.png`` into a folder; nothing for three numbers or more."""
    if len(axes) > 2:
        return []
    with mpl.rc_context(STYLE):
        wide = len(axes) == 1
        figure = Figure(figsize=(9.6, 4.6) if wide else (13.4, 5.8))
        FigureCanvasAgg(figure)
        if wide:
            _curves(figure, axes[0], rows, slos)
        else:
            heat_map(figure, axes, rows)
        first = answer(axes, rows)
        figure.suptitle(first[:1].upper() + first[1:], x=0.01, ha="left", fontsize=12, fontweight="bold")
        bound = binding(axes, rows)
        figure.supxlabel(bound[:1].upper() + bound[1:], x=0.01, ha="left", fontsize=10)
        files = [folder / "sweep.svg", folder / "sweep.png"]
        figure.savefig(files[0], metadata={"Date": None, "Creator": None})
        figure.savefig(files[1], dpi=150, metadata={"Software": None})
    return files


def _curves(figure: Figure, axis: Axis, rows: Rows, slos: dict[str, Slo]) -> None:
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1))
    main, times, shares = (figure.add_subplot(part) for part in (grid[:, 0], grid[0, 1], grid[1, 1]))
    x = positions(axis)
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
    _band(shares, x, *_estimates(busy, 100), MUTED, "")
    percent, _ = _estimates(busy, 100)
    for name, colour in colours_of(rows).items():
        there = [place for place, row in enumerate(rows) if place_of(row["busiest"]) == name]
        shares.plot(x[there], percent[there], "o", color=colour, markersize=5, label=f"busiest: {name}")
    if np.isfinite([one["mean"] for one in hits]).all():
        _band(shares, x, *_estimates(hits, 100), COLOURS[3], "cache hits")
    shares.set_ylim(0, 105)
    shares.set_title("Utilisation and hit ratio (%)")
    shares.legend(frameon=False, fontsize=8)
    for panel in (main, times, shares):
        panel.grid(color="#dfe3e7", linewidth=0.7)
        panel.set_axisbelow(True)
        value_axis(panel, axis, x)
    for panel in (main, shares):
        panel.set_xlabel(label(axis))
    times.tick_params(labelbottom=False)


def _band(axes: Axes, x: Floats, y: Floats, half_width: Floats, colour: str, name: str) -> None:
    axes.plot(x, y, color=colour, marker="o", markersize=4, linewidth=1.7, label=name)
    low = np.maximum(y - half_width, np.nanmin(y) / 10)  # a log axis has no room for 0
    axes.fill_between(x, low, y + half_width, color=colour, alpha=0.22, linewidth=0)
    axes.errorbar(x, y, yerr=[y - low, half_width], fmt="none", ecolor=colour, elinewidth=1, capsize=2.5)


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
