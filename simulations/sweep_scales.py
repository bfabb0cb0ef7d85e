"""The scales of a sweep's figure: where the values of a number stand, how they are written, and colours for names."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from sdlab.palette import LIGHT
from simulations.grid import Axis, shown
from simulations.sweep_binding import stations
from simulations.sweep_results import Rows

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

COLOURS = tuple(LIGHT[name] for name in ("blue", "orange", "green", "purple", "amber", "grey"))
Floats = NDArray[np.float64]


def label(axis: Axis) -> str:
    """The path, with the unit in words."""
    leaf = axis.path.rpartition(".")[2]
    unit = UNITS.get(leaf) or ("s" if leaf.endswith("_s") else "bytes" if leaf.endswith("_bytes") else "")
    notes = [part for part in (unit, "log scale" if axis.logarithmic else "") if part]
    return f"{axis.path} ({', '.join(notes)})" if notes else axis.path


def positions(axis: Axis) -> Floats:
    """Where the values stand: on their scale, or side by side if they are words or listed out of order."""
    if axis.is_numeric and list(axis.values) == sorted(axis.values):
        return np.array(axis.values, dtype=np.float64)
    return np.arange(len(axis.values), dtype=np.float64)


def edges(places: Floats, logarithmic: bool) -> Floats:
    """Borders half-way between neighbours, on the axis's own scale."""
    if places.size == 1:
        return np.array([places[0] * 0.5, places[0] * 1.5]) if places[0] > 0 else np.array([-0.5, 0.5])
    scaled = np.log(places) if logarithmic else places
    middles = (scaled[1:] + scaled[:-1]) / 2
    edges = np.concatenate([[2 * scaled[0] - middles[0]], middles, [2 * scaled[-1] - middles[-1]]])
    return np.exp(edges) if logarithmic else edges


def value_axis(panel: Axes, axis: Axis, places: Floats, which: str = "x") -> None:
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


def colours_of(rows: Rows) -> dict[str, str]:
    """A colour for each station that is the busiest of a variant; those after the fifth share the last one."""
    return {name: COLOURS[min(place, len(COLOURS) - 1)] for place, name in enumerate(stations(rows))}
