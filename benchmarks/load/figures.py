"""The load benchmarks as figures. SVG and PNG, light ground."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.engines.figures import GRID, INK, MUTED, OURS, PEERS, STYLE

FREE = "#7a7f85"
COLOURS = {"agree": "#0069a6", "within noise": "#7a7f85", "differ": "#bf4c00"}
LABELS = {"rate_rps": "requests/s", "mean_s": "mean", "p50_s": "p50", "p90_s": "p90", "p99_s": "p99"}


def draw_generator(document: Mapping[str, Any], folder: Path, stem: str) -> list[Path]:
    """Rate flat out by client, and lateness over the share of the maximum."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.4))
        rates, late = figure.subplots(1, 2, width_ratios=[1.15, 1])
        rows = document["flat_out"]
        values = [row["requests_per_cpu_s"] for row in rows]
        bars = rates.barh(
            [row["name"] for row in rows],
            values,
            color=[OURS if row["name"].startswith("ours") else PEERS for row in rows],
            height=0.62,
        )
        rates.bar_label(bars, [f"{value:,.0f}" for value in values], padding=4, color=INK)
        rates.set_xlim(0, max(values) * 1.22)
        rates.set_xlabel("requests per CPU second, flat out")
        rates.xaxis.set_major_locator(MaxNLocator(4))
        rates.xaxis.set_major_formatter("{x:,.0f}")
        rates.set_title("What one core carries")
        rates.grid(axis="y", visible=False)
        for arrival, colour in (("constant", OURS), ("poisson", PEERS)):
            points = [row for row in document["lateness"] if row["arrival"] == arrival]
            shares = [100 * row["share"] for row in points]
            for percent, line in ((99, "-"), (50, ":")):
                late_ms = [1e3 * row[f"lateness_s_p{percent}"] for row in points]
                late.plot(shares, late_ms, line, marker="o", ms=4, color=colour, label=f"{arrival}, p{percent}")
            # Medians of the tenths of a second: without those that a pause of the machine fell into.
            typical_ms = [
                1e3 * median(late_s for one in row["rounds"] for late_s in one["lateness_s_p99_of_slices"])
                for row in points
            ]
            late.plot(shares, typical_ms, "--", marker="o", ms=4, color=colour, label=f"{arrival}, p99 of 0.1 s")
        limit_ms = 1e3 * document["ratios"]["asked"]["lateness_s_p99_at_half_max"]
        late.axhline(limit_ms, color=FREE, lw=0.9, ls="--")
        late.annotate(
            "asked of the p99 at 50 %",
            (51, limit_ms),
            xytext=(0, -11),
            textcoords="offset points",
            color=MUTED,
            fontsize=7,
        )
        bare_ms = 1e3 * next(row["lateness_s_p99"] for row in document["bare"] if row["place"] == "generator")
        late.axhline(bare_ms, color=FREE, lw=0.9, ls=":", label=f"clock only, p99: {bare_ms:.2g} ms")
        late.set_yscale("log")
        late.set_ylim(top=500)
        late.set_xlabel("offered rate, % of the open loop's maximum")
        late.set_ylabel("lateness, ms (log scale)")
        late.set_title("Lateness of the open loop")
        late.legend(frameon=False, fontsize=7, loc="upper left", ncols=2)
        return save(figure, folder, stem)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    files = [folder / f"{name}.{kind}" for kind in ("svg", "png")]
    FigureCanvasAgg(figure)
    for file in files:
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    return files


def draw_cross_check(document: Mapping[str, Any], folder: Path, stem: str) -> list[Path]:
    """Our figure over theirs, by check and figure, with the bounds as a band and twice the noise floor as a bar."""
    rows = document["checks"]
    names = list(document["metadata"]["bounds"])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 0.95 * len(rows) + 1.1))
        axes = figure.subplots()
        place, places, labels = 0.0, [], []
        for row in rows:
            for name in names:
                found = row["figures"][name]
                off, noise = 100 * (found["ratio"] - 1), 200 * found["noise"]
                axes.barh(place, 200 * found["bound"], left=-100 * found["bound"], height=0.84, color=GRID, zorder=1)
                axes.errorbar(off, place, xerr=noise, fmt="o", ms=4.5, color=COLOURS[found["verdict"]], zorder=3)
                places.append(place)
                labels.append(f"{row['check']}, {row['tool']}: {LABELS[name]}" if name == names[0] else LABELS[name])
                place += 1
            place += 0.7
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set_yticks(places, labels)
        axes.tick_params(axis="y", labelsize=7.5)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(-40, 40)
        axes.set_xlabel("ours / theirs - 1, %   (grey: the bound; bar: twice the noise floor; cut beyond 40 %)")
        axes.set_title("The same load measured by our generator and by others")
        return save(figure, folder, stem)
