"""A run's schedule as a file: which request is due when. The generator's processes read it, each its own part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdlab.workload import Requests


@dataclass(frozen=True)
class Schedule:
    """One generator process's arrivals, in order of time.

    ``row``: the request's row in the whole run. ``arrival_s``: seconds since the run's start. ``operation``: index
    into ``operations``. ``key``: popularity rank.
    """

    row: list[int]
    arrival_s: list[float]
    operation: list[int]
    key: list[int]
    operations: tuple[str, ...]


def busiest(arrival_s: Sequence[float], within_s: float) -> int:
    """The most arrivals that are due within ``within_s`` seconds."""
    at_s = np.asarray(arrival_s)
    return int((np.searchsorted(at_s, at_s + within_s) - np.arange(at_s.size)).max(initial=0))


def split(count: int, parts: int) -> list[NDArray[np.intp]]:
    """The rows of each part: every ``parts``-th, so that all parts have the same rate and no row is in two."""
    return [np.arange(part, count, parts) for part in range(parts)]


def write(path: Path, requests: Requests) -> None:
    with path.open("wb") as file:
        np.savez(
            file,
            arrival_s=requests.arrival_s,
            operation=requests.operation,
            key=requests.key,
            operations=np.array(requests.operations),
        )


def read(path: Path, part: int = 0, parts: int = 1) -> Schedule:
    with np.load(path, allow_pickle=False) as stored:
        operations = tuple(stored["operations"].tolist())
        return _part(stored["arrival_s"], stored["operation"], stored["key"], operations, part, parts)


def part_of(requests: Requests, part: int, parts: int) -> Schedule:
    """One generator's part of requests that it has made itself."""
    return _part(requests.arrival_s, requests.operation, requests.key, requests.operations, part, parts)


def _part(
    arrival_s: NDArray[Any],
    operation: NDArray[Any],
    key: NDArray[Any],
    operations: tuple[str, ...],
    part: int,
    parts: int,
) -> Schedule:
    rows = split(arrival_s.size, parts)[part]
    return Schedule(rows.tolist(), arrival_s[rows].tolist(), operation[rows].tolist(), key[rows].tolist(), operations)
