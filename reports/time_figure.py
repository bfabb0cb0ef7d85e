"""The figure of where a request's time goes: waiting and service by resource, in milliseconds."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from reports import numbers as n
from reports import style
from reports.figures import COLOURS
from reports.files import Breakdown
from reports.style import GREY, MUTED, PAPER, Figure

_SHOWN_RESOURCES = 5


def where_time_goes(breakdown: Breakdown) -> Figure:
    """Mean response time of each operation, stacked by resource: waiting hatched, service solid."""
    resources = _largest(breakdown)
    colours = dict(zip(resources, COLOURS, strict=False)) | {"other": GREY}
    bars = [_bar(breakdown, row, resources) for row in range(len(breakdown.operations))]

    def paint(canvas: Canvas, narrow: bool) -> None:
        grid = canvas.subplots(len(bars), 1, squeeze=False).ravel()
        for axes, operation, bar in zip(grid, breakdown.operations, bars, strict=True):
            _stack(axes, bar, colours)
            total = sum(wait + service for _, wait, service in bar)
            axes.set_title(f"{operation}: {n.milliseconds(total)}")
        grid[-1].set_xlabel("mean ms a request" if narrow else "mean time a request (ms; each on its own scale)")
        shown = [name for name in colours if any(r == name and w + s > 0 for bar in bars for r, w, s in bar)]
        handles = [Patch(facecolor=colours[name], label=name) for name in shown]
        handles += [Patch(facecolor=PAPER, edgecolor=MUTED, hatch="/////", label="waiting for it", linewidth=0.7)]
        canvas.legend(handles=handles, loc="outside upper left", ncols=3 if narrow else len(handles), frameon=False,
                      fontsize=8.5, handlelength=1.2, columnspacing=1.2)  # fmt: skip

    rows = len(bars)
    return style.draw(
        "breakdown",
        alt="Mean time a request spends at each resource: " + "; ".join(_bar_words(o, b) for o, b in zip(
            breakdown.operations, bars, strict=True)) + ".",
        caption="Solid: being served. Hatched: waiting for it. Each operation has its own scale.",
        paint=paint,
        heights=(0.75 * rows + 0.7, 0.85 * rows + 0.95),
    )  # fmt: skip


def _largest(breakdown: Breakdown) -> list[str]:
    """The resources that matter most to any operation, in the order of the flow."""
    weight = np.zeros(len(breakdown.resources))
    for waits, services in zip(breakdown.wait_s, breakdown.service_s, strict=True):
        spent = np.nan_to_num(np.asarray(waits)) + np.nan_to_num(np.asarray(services))
        weight = np.maximum(weight, spent / (spent.sum() or 1.0))
    kept = set(np.argsort(-weight, kind="stable")[:_SHOWN_RESOURCES].tolist())
    return [name for i, name in enumerate(breakdown.resources) if i in kept]


def _bar(breakdown: Breakdown, row: int, resources: list[str]) -> list[tuple[str, float, float]]:
    """(resource, wait, service) in seconds, what is not among ``resources`` together as "other"."""
    parts: dict[str, tuple[float, float]] = dict.fromkeys([*resources, "other"], (0.0, 0.0))
    for name, wait, service in zip(breakdown.resources, breakdown.wait_s[row], breakdown.service_s[row], strict=True):
        place = name if name in parts else "other"
        before = parts[place]
        parts[place] = (before[0] + np.nan_to_num(wait), before[1] + np.nan_to_num(service))
    return [(name, float(wait), float(service)) for name, (wait, service) in parts.items()]


def _stack(axes: Axes, bar: list[tuple[str, float, float]], colours: dict[str, str]) -> None:
    left = 0.0
    for name, wait, service in bar:
        for value, waiting in ((1e3 * wait, True), (1e3 * service, False)):
            axes.barh(0, value, left=left, height=0.8, linewidth=0.7, edgecolor=colours[name] if waiting else PAPER,
                      facecolor=PAPER if waiting else colours[name], hatch="/////" if waiting else None)  # fmt: skip
            left += value
    axes.set_yticks([])
    axes.set_xlim(0, left or 1.0)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def _bar_words(operation: str, bar: list[tuple[str, float, float]]) -> str:
    parts = sorted(bar, key=lambda part: -(part[1] + part[2]))[:3]
    return f"{operation} " + n.words([f"{n.duration(w + s)} at {name}" for name, w, s in parts if w + s > 0])
