"""The probes of a saturation search, drawn: the share of requests over the limit, and each resource's use."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

# Okabe and Ito 2008: told apart by colour-blind readers.
LOOKS = {
    "pass": ("o", "#00755a", "passes"),
    "fail": ("X", "#bf4c00", "fails"),
    "inconclusive": ("D", "#836000", "cannot tell"),
    "void": ("s", "#8a8a8a", "void"),
}
_LINES = ("#0069a6", "#bf4c00", "#00755a", "#95408a", "#836000", "#59626b", "#1c2126")
_UTILISATION_MIN = 0.05


def draw(content: dict[str, Any], path: Path) -> None:
    """Write the figure of a `saturation.json` as PNG or SVG, by the path's ending."""
    figure = Figure(figsize=(8.4, 6.2), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _shares(above, content)
    _utilisation(below, content)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#dfe3e7", linewidth=0.7)
        axes.set_axisbelow(True)
    below.set_xlabel("arrival rate (requests/s)")
    figure.savefig(path, dpi=110)


def shown_tally(content: dict[str, Any]) -> str | None:
    """The promise to draw: that which binds, else the first."""
    names = [tally["name"] for probe in content["probes"] for tally in probe["tallies"]]
    return content["binding"] if content["binding"] in names else next(iter(names), None)


def _shares(axes: Axes, content: dict[str, Any]) -> None:
    name = shown_tally(content)
    axes.set_yscale("log")
    seen: set[str] = set()
    for probe in content["probes"]:
        tally = next((one for one in probe["tallies"] if one["name"] == name and one["count"]), None)
        if tally is None:
            continue
        marker, colour, words = LOOKS[probe["verdict"]]
        floor = 0.5 / tally["count"]  # a log axis has no nought: drawn at half a request
        share = max(tally["share"], floor)
        bounds = [[share - max(tally["share_low"], floor / 2)], [tally["share_high"] - share]]
        axes.errorbar(
            probe["rate_rps"], share, yerr=bounds, fmt=marker, color=colour, markersize=7, capsize=2.5, linewidth=1.2,
            markerfacecolor="none" if probe["role"] == "confirmation" else colour,
            label=None if words in seen else words,
        )  # fmt: skip
        seen.add(words)
    curve = next((one for one in content["curves"] if one["name"] == name), None)
    if curve:
        floors = [0.5 / weight for weight in curve["weight"]]
        fitted = [max(share, floor) for share, floor in zip(curve["fitted"], floors, strict=True)]
        axes.plot(curve["rate_rps"], fitted, color="#59626b", linewidth=1, label="isotonic regression", zorder=1)
        axes.axhline(curve["allowed"], color="#95408a", linewidth=1, linestyle=(0, (4, 3)))
    _interval(axes, content)
    axes.set_ylabel(f"share of {name} (%, log)")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    axes.legend(frameon=False, fontsize=8.5, loc="lower right")
    axes.set_title(_title(content), loc="left", fontsize=10, fontweight="bold")


def _interval(axes: Axes, content: dict[str, Any]) -> None:
    high = content["high_rps"]
    if high is not None and math.isfinite(high):
        axes.axvspan(content["low_rps"], high, color="#0069a6", alpha=0.12, linewidth=0)
    axes.axvline(content["rate_rps"], color="#0069a6", linewidth=1.2)


def _title(content: dict[str, Any]) -> str:
    high = content["high_rps"]
    to = f"{high:.0f}" if high is not None and math.isfinite(high) else "unknown"
    hollow = "; hollow: fresh server" if any(p["role"] == "confirmation" for p in content["probes"]) else ""
    agreed = {True: "", None: "; not held against fresh servers"}.get(content["confirmed"], "; NOT confirmed")
    return f"{content['rate_rps']:.0f} requests/s within the SLOs ({content['low_rps']:.0f} to {to}){agreed}{hollow}"


def _utilisation(axes: Axes, content: dict[str, Any]) -> None:
    probes = sorted(content["probes"], key=lambda probe: float(probe["rate_rps"]))
    names = list(dict.fromkeys(name for probe in probes for name in probe["utilisation"]))
    peaks = {name: max(probe["utilisation"].get(name, 0.0) for probe in probes) for name in names}
    shown = sorted((name for name in names if peaks[name] >= _UTILISATION_MIN), key=lambda name: -peaks[name])
    for name, colour in zip(shown, _LINES, strict=False):
        used: dict[float, list[float]] = {}
        for probe in (one for one in probes if name in one["utilisation"]):
            used.setdefault(probe["rate_rps"], []).append(100 * probe["utilisation"][name])
            axes.plot(probe["rate_rps"], used[probe["rate_rps"]][-1], color=colour, marker=".")
        medians = [statistics.median(values) for values in used.values()]
        axes.plot(list(used), medians, color=colour, linewidth=1.2, label=name)
    axes.axvline(content["rate_rps"], color="#0069a6", linewidth=1.2)
    axes.set_ylim(0, None)
    axes.set_ylabel("utilisation (% of limit)")
    if shown:
        axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
