"""What binds in a sweep: the busiest station of each variant, and why more of a number stops helping. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from simulations.grid import Axis, shown
from simulations.results import place_of
from simulations.sweep_results import Rows

SPANS_MAX = 4
"""How many stretches of a number's values are told one by one."""


def stations(rows: Rows) -> dict[str, int]:
    """Of how many variants each station is the busiest; the most frequent first. Workers of a region are one."""
    counts = Counter(place_of(row["busiest"]) for row in rows)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def binding(axes: tuple[Axis, ...], rows: Rows) -> str:
    """The busiest station in words: along one number, where more of one of two no longer helps, or how often."""
    if len(axes) == 1 and (words := _along(axes[0], rows)):
        return words
    if len(axes) == 2:
        down, across = axes
        table = np.arange(len(rows)).reshape(len(down.values), len(across.values))
        for axis, order in ((down, table), (across, table.T)):
            if words := _stops_helping(axis, order, rows):
                return words
    return f"busiest: {_often(rows)}"


def _often(rows: Rows) -> str:
    counts = stations(rows)
    if len(counts) == 1:
        return f"{next(iter(counts))} in all {len(rows)} variants"
    first, *others = counts.items()
    return ", ".join([f"{first[0]} in {first[1]} of {len(rows)} variants", *(f"{name} in {n}" for name, n in others)])


def _along(axis: Axis, rows: Rows) -> str | None:
    """Which station is the busiest from which value to which; None if they take turns too often."""
    spans = [
        (name, [row["values"][axis.path] for row in together])
        for name, together in groupby(rows, key=lambda row: place_of(row["busiest"]))
    ]
    if not 1 < len(spans) <= SPANS_MAX:
        return None
    (first, up_to), *others = spans
    words = [f"{first} up to {axis.path} = {shown(up_to[-1])}"]
    words += [f"{name} from {shown(values[0])}" for name, values in others]
    return f"busiest: {', '.join(words)}"


def _stops_helping(axis: Axis, order: NDArray[np.intp], rows: Rows) -> str | None:
    """From which value of a number on more of it meets no more SLOs, and what is the busiest with the most of it.

    ``order`` has the rows' numbers, a line for each value of the number. None if less of it meets as many or more,
    or if its highest value still helps.
    """
    if not axis.is_numeric or list(axis.values) != sorted(axis.values):
        return None
    met = np.array([row["slos"] == "met" for row in rows])[order]
    counts = met.sum(axis=1)
    if np.any(np.diff(counts) < 0) or counts[-1] == met.shape[1]:
        return None
    last = int(np.argmax(counts == counts[-1]))
    if last == len(counts) - 1:
        return None
    names = stations([rows[at] for at in order[-1][_first_missed(met[-1])]])
    words = f"more than {axis.path} = {shown(axis.values[last])} meets no more SLOs"
    return f"{words}: with {shown(axis.values[-1])}, {next(iter(names))} is the busiest where they are first missed"


def _first_missed(met: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of a line of variants, those that miss beside one that meets; all of them if none does."""
    if not met.any():
        return ~met
    beside = np.zeros_like(met)
    beside[1:] |= met[:-1]
    beside[:-1] |= met[1:]
    missed: NDArray[np.bool_] = ~met & beside
    return missed
