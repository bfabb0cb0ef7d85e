"""The benchmark as figures: requests a second by engine, and growth. SVG and PNG, light ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.engines.networks import NETWORKS

# After Okabe and Ito 2008: told apart by colour-blind readers.
OURS, PEERS, INK, MUTED, GRID = "#bf4c00", "#0069a6", "#1c2126", "#59626b", "#dfe3e7"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "system-design-lab",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "figure.constrained_layout.use": True,
}


def draw(document: Mapping[str, Any], folder: Path, stem: str) -> list[Path]:
    """Write the figures the document has data for; returns their files."""
    files = []
    with mpl.rc_context(STYLE):
        if "engines" in document:
            files += _save(_rates(document["engines"]), folder, f"{stem}-rates")
        if "growth" in document:
            files += _save(_growth(document["growth"]), folder, f"{stem}-growth")
    return files


def _save(figure: Figure, folder: Path, name: str) -> list[Path]:
    files = [folder / f"{name}.{kind}" for kind in ("svg", "png")]
    FigureCanvasAgg(figure)
    for file in files:
        metadata = {"Date": None} if file.suffix == ".svg" else None
        figure.savefig(file, dpi=150, metadata=metadata)
    return files


def _rates(rows: Sequence[Mapping[str, Any]]) -> Figure:
    networks = list(dict.fromkeys(row["network"] for row in rows))
    engines = len(dict.fromkeys(row["engine"] for row in rows))
    figure = Figure(figsize=(8.4, (0.27 * engines + 0.62) * len(networks) + 0.3))
    panels = figure.subplots(len(networks), 1, sharex=True, squeeze=False).ravel()
    for axes, network in zip(panels, networks, strict=True):
        _bars(axes, [row for row in rows if row["network"] == network])
        axes.set_title(NETWORKS[network].title)
    panels[-1].set_xlabel(
        "requests per CPU second, every latency recorded (log scale)\n"
        "bar: first run in a fresh process (×: times SimPy's)\ntick: steady, the fastest run within one process"
    )
    return figure


def _bars(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    ordered = sorted(rows, key=lambda row: float(row["requests_per_s"]))
    rates = [row["requests_per_s"] for row in ordered]
    spread = [
        [rate - row["requests_per_s_min"] for rate, row in zip(rates, ordered, strict=True)],
        [row["requests_per_s_max"] - rate for rate, row in zip(rates, ordered, strict=True)],
    ]
    axes.set_xscale("log")
    axes.set_xlim(min(rates) / 2, max(rates) * 12)
    colours = [OURS if row["title"].startswith("ours") else PEERS for row in ordered]
    axes.barh([row["title"] for row in ordered], rates, color=colours, height=0.68, xerr=spread,
              error_kw={"ecolor": INK, "elinewidth": 0.9})  # fmt: skip
    steady = [row["requests_per_s_steady"] for row in ordered]
    axes.plot(steady, range(len(ordered)), linestyle="", marker="|", markersize=11, color=INK, markeredgewidth=2)
    for place, row in enumerate(ordered):
        ratio = row["ratio_to_simpy"]
        label = f"{_short(row['requests_per_s'])}/s" + (f"   {_times(ratio)}×" if ratio else "   not comparable")
        axes.text(
            max(row["requests_per_s_max"], row["requests_per_s_steady"]) * 1.15, place, label, va="center", fontsize=8.5
        )
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    _counts(axes)


def _growth(curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    figure = Figure(figsize=(8.4, 5.4))
    for axes, (name, curve) in zip(figure.subplots(2, 2).ravel(), curves.items(), strict=True):
        x = [point["x"] for point in curve["points"]]
        visits = x if name == "stations" else [1] * len(x)
        low, y, high = (
            [point[f"ns_per_request{end}"] / each for point, each in zip(curve["points"], visits, strict=True)]
            for end in ("_min", "", "_max")
        )
        spread = [
            [middle - end for middle, end in zip(y, low, strict=True)],
            [end - middle for middle, end in zip(y, high, strict=True)],
        ]
        axes.errorbar(x, y, yerr=spread, color=OURS, marker="o", markersize=4, linewidth=1.8, elinewidth=0.9)
        axes.set_xscale("log")
        axes.set_ylim(0, 1.12 * max(high))
        axes.set_title(curve["title"])
        axes.set_xlabel(f"{curve['x']} (log scale)")
        axes.set_ylabel("ns a request and station" if name == "stations" else "ns a request")
        _counts(axes)
    return figure


def _counts(axes: Axes) -> None:
    axes.xaxis.set_major_locator(LogLocator(10))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    """1,234,567 as "1.2 M"."""
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}"
