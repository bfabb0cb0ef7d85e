"""Places a graph in layers from left to right (Sugiyama, Tagawa & Toda 1981).

Every pair of linked nodes is taken in the order of the first visit, which is free of cycles; a node's layer is the
longest path to it; links over several layers get a waypoint in each; the order within a layer follows the barycentre
of neighbours. Regions are bands one below the other. Layers that do not fit into the width go on in a row below.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from simulations.drawing.svg import Point

SWEEPS = 8
GAP_X, GAP_X_MOST, GAP_Y, BAND_GAP, ROW_GAP = 64.0, 130.0, 22.0, 34.0, 36.0
BAND_TOP = 24.0


@dataclass(frozen=True)
class Box:
    """What is to be placed: its size, and the band (region) it belongs to (None: none)."""

    width: float
    height: float
    band: str | None = None


@dataclass(frozen=True)
class Placed:
    """Upper left corners and rows of the boxes; outlines of bands (name, top, bottom, left, right); sizes.

    ``waypoints`` are for each pair, in order, (left, right, y, row) of the columns it crosses, where nothing stands.
    """

    corners: dict[Hashable, Point]
    row: dict[Hashable, int]
    waypoints: dict[tuple[Hashable, Hashable], list[tuple[float, float, float, int]]]
    bands: list[tuple[str, float, float, float, float]]
    row_bottoms: list[float]
    width: float
    height: float


Key = TypeVar("Key", bound=Hashable)
_Key = Hashable


def place(
    boxes: Mapping[Key, Box], pairs: Mapping[tuple[Key, Key], int], width: float, bands: Sequence[str] = ()
) -> Placed:
    """Lay out boxes, given in the order of the first visit, within a width.

    ``pairs`` are linked boxes, the earlier first, with how many lines run between them.
    """
    layer = _layers(boxes, pairs)
    all_boxes: dict[_Key, Box] = dict(boxes.items())
    chains: dict[tuple[_Key, _Key], list[_Key]] = {}
    neighbours: dict[_Key, list[_Key]] = defaultdict(list)
    for (start, end), lines in pairs.items():
        chain: list[_Key] = [start]
        for between in range(layer[start] + 1, layer[end]):
            waypoint = ("waypoint", start, end, between)
            band = boxes[end].band if boxes[end].band is not None else boxes[start].band
            all_boxes[waypoint], layer[waypoint] = Box(0.0, 6.0 * lines + 4, band), between
            chain.append(waypoint)
        chain.append(end)
        chains[start, end] = chain
        for one, other in pairwise(chain):
            neighbours[one].append(other)
            neighbours[other].append(one)
    members = _ordered(all_boxes, layer, neighbours)
    return _coordinates(all_boxes, members, layer, chains, width, bands)


def _layers(boxes: Mapping[Key, Box], pairs: Mapping[tuple[Key, Key], int]) -> dict[_Key, int]:
    layer: dict[_Key, int] = dict.fromkeys(boxes, 0)
    before: dict[_Key, list[_Key]] = defaultdict(list)
    for start, end in pairs:
        before[end].append(start)
    for key in boxes:
        layer[key] = max((layer[other] + 1 for other in before[key]), default=0)
    return layer


def _ordered(
    boxes: Mapping[_Key, Box], layer: Mapping[_Key, int], neighbours: Mapping[_Key, list[_Key]]
) -> list[list[_Key]]:
    members: list[list[_Key]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for key in boxes:
        members[layer[key]].append(key)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        position = {key: i / max(1, len(keys)) for keys in members for i, key in enumerate(keys)}
        for index in range(len(members)) if down else reversed(range(len(members))):
            side = index - 1 if down else index + 1

            def barycentre(key: _Key, side: int = side, position: dict[_Key, float] = position) -> float:
                near = [position[other] for other in neighbours[key] if layer[other] == side]
                return sum(near) / len(near) if near else position[key]

            members[index].sort(key=barycentre)
            position.update((key, i / max(1, len(members[index]))) for i, key in enumerate(members[index]))
    return members


def _coordinates(
    boxes: Mapping[_Key, Box],
    members: list[list[_Key]],
    layer: Mapping[_Key, int],
    chains: Mapping[tuple[_Key, _Key], list[_Key]],
    width: float,
    names: Sequence[str],
) -> Placed:
    rows = _rows([max(boxes[key].width for key in keys) for keys in members], width)
    corners: dict[_Key, Point] = {}
    row_of: dict[_Key, int] = {}
    outlines: list[tuple[str, float, float, float, float]] = []
    row_bottoms: list[float] = []
    columns: dict[int, tuple[float, float]] = {}
    top, right = 0.0, 0.0
    for number, layers in enumerate(rows):
        keys = [key for index in layers for key in members[index]]
        present = [name for name in names if any(boxes[key].band == name for key in keys)]
        groups: list[str | None] = [None, *present]
        bottom = top
        spans: list[tuple[str, float, float]] = []
        loose_only = [k for k in keys if boxes[k].band is None]
        # What is in no region stands in a band of its own only if there is more of it than the first layer's.
        own_band = not present or any(layer[key] != layers[0] for key in loose_only)
        for group in groups:
            if group is None and not own_band:
                continue
            inside = [[key for key in members[index] if boxes[key].band == group] for index in layers]
            heights = [_stack_height(boxes, column) for column in inside]
            if not max(heights):
                continue
            start = bottom + (BAND_TOP if group is not None else 0.0)
            for column, height in zip(inside, heights, strict=True):
                _stack(boxes, column, start + (max(heights) - height) / 2, corners)
            end = start + max(heights) + (10.0 if group is not None else 0.0)
            if group is not None:
                spans.append((group, bottom, end))
            bottom = end + BAND_GAP
        bottom -= BAND_GAP
        if not own_band:
            column = [key for key in members[layers[0]] if boxes[key].band is None]
            height = _stack_height(boxes, column)
            _stack(boxes, column, top + max(0.0, (bottom - top - height) / 2), corners)
            bottom = max(bottom, top + height)
        left = 0.0
        widths = [max(boxes[key].width for key in members[index]) for index in layers]
        gap = min(GAP_X_MOST, max(GAP_X, (width - sum(widths)) / max(1, len(layers) - 1)))
        for index, widest in zip(layers, widths, strict=True):
            for key in members[index]:
                corners[key] = (left + (widest - boxes[key].width) / 2, corners[key][1])
                row_of[key] = number
            columns[index] = (left, left + widest)
            left += widest + gap
        left -= gap
        right = max(right, left)
        banded = [corners[key][0] for key in keys if boxes[key].band is not None and boxes[key].width > 0]
        outlines += [(group, start, end, min(banded, default=0.0) - 18, left + 18) for group, start, end in spans]
        row_bottoms.append(bottom)
        top = bottom + ROW_GAP
    waypoints = {
        pair: [(*columns[layer[k]], corners[k][1] + boxes[k].height / 2, row_of[k]) for k in chain[1:-1]]
        for pair, chain in chains.items()
    }
    return Placed(corners, row_of, waypoints, outlines, row_bottoms, right, row_bottoms[-1] if row_bottoms else 0.0)


def _rows(widths: Sequence[float], width: float) -> list[list[int]]:
    """Split layers into rows of about equal length that fit."""
    rows: list[list[int]] = [[]]
    used = 0.0
    for index, own in enumerate(widths):
        if rows[-1] and used + own > width:
            rows.append([])
            used = 0.0
        rows[-1].append(index)
        used += own + GAP_X
    return rows


def _stack_height(boxes: Mapping[_Key, Box], column: Sequence[_Key]) -> float:
    return sum(boxes[key].height for key in column) + GAP_Y * max(0, len(column) - 1)


def _stack(boxes: Mapping[_Key, Box], column: Sequence[_Key], top: float, corners: dict[_Key, Point]) -> None:
    for key in column:
        corners[key] = (0.0, top)
        top += boxes[key].height + GAP_Y
