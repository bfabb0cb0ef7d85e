"""What a request costs a process that is busy already, and what one costs more that finds it idle. Pure.

A *busy period* is a run of requests that overlap, as the client saw them. Each answer carries the CPU clock of the
event loop's thread at the request's start (``span_clock_s``), so the CPU time of a whole period, work after the answers
included, is the difference of two clocks, and all periods add up to all CPU time. It is fitted as

    CPU of a period = sum over labels of requests x demand + extra of the idle gap before it + background x time

by least squares: the exceptional first service of Welch (1964, On a generalized M/G/1 queuing process in which the
first customer of each busy period receives exceptional service), with a level for each class of gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sdlab.arrivals import FloatArray, stream
from sdlab.errors import LabError

GAPS_S = (0.0003, 0.001, 0.003, 0.01)
"""From these idle times on, each a level. A shorter gap counts as busy: so long are the waits within a request."""

LEVEL_SAMPLES_MIN = 20
_RESAMPLED = 60
_CONFIDENCE = (2.5, 97.5)


@dataclass(frozen=True)
class Value:
    """Seconds, and half the width of their 95 % interval."""

    seconds: float
    half_width_s: float


@dataclass(frozen=True)
class Fitted:
    """Demands by label, and ``extra`` by gap: (idle for at least so long, extra, periods that began so)."""

    demands: dict[str, Value]
    extra: list[tuple[float, Value, int]]
    periods: int


@dataclass(frozen=True)
class _Periods:
    counts: NDArray[np.float64]  # period x label
    gap_s: FloatArray
    cpu_s: FloatArray
    duration_s: FloatArray


def fit(tables: Sequence[pd.DataFrame], labels: Sequence[str], background: float) -> Fitted:
    """Fit demands and extras over the busy periods of several windows of one process.

    ``tables`` are labelled records (`estimate.labelled`); ``background`` is the process's utilisation when nobody asks
    anything of it. The intervals are of a bootstrap over periods. Raises `LabError` if the clocks are of several
    processes, or there are fewer periods than unknowns.
    """
    found = [_periods(table, labels) for table in tables]
    counts = np.concatenate([one.counts for one in found])
    gap_s = np.concatenate([one.gap_s for one in found])
    duration_s = np.concatenate([one.duration_s for one in found])
    cpu_s = np.concatenate([one.cpu_s for one in found]) - background * duration_s
    level = np.searchsorted(GAPS_S, gap_s, side="right")
    seen = [number for number in range(1, len(GAPS_S) + 1) if (level == number).sum() >= LEVEL_SAMPLES_MIN]
    matrix = np.column_stack([counts, *((level == number).astype(np.float64) for number in seen)])
    if len(cpu_s) <= matrix.shape[1]:
        raise LabError(f"calibration saw {len(cpu_s)} busy periods, too few: load it longer or at a lower rate")
    solution = _solved(matrix, cpu_s)
    generator = stream(len(cpu_s), "bootstrap of busy periods")
    again = np.array([_solved(matrix[rows], cpu_s[rows]) for rows in _resampled(len(cpu_s), generator)])
    low, high = np.percentile(again, _CONFIDENCE, axis=0)
    values = [Value(float(x), float(w)) for x, w in zip(solution, (high - low) / 2, strict=True)]
    extra = [
        (GAPS_S[number - 1], value, int((level == number).sum()))
        for number, value in zip(seen, values[len(labels) :], strict=True)
    ]
    return Fitted(dict(zip(labels, values[: len(labels)], strict=True)), extra, len(cpu_s))


def _solved(matrix: NDArray[np.float64], cpu_s: FloatArray) -> FloatArray:
    """Least squares, every period counting by the inverse of its requests: longer ones vary more."""
    weight = 1 / np.sqrt(matrix.sum(axis=1))
    solution: FloatArray = np.linalg.lstsq(matrix * weight[:, None], cpu_s * weight, rcond=None)[0]
    return solution


def _resampled(size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    return generator.integers(0, size, (_RESAMPLED, size))


def _periods(table: pd.DataFrame, labels: Sequence[str]) -> _Periods:
    """The busy periods of one window but the first, which has no gap before it, and the last, which has no end."""
    sent, done = (table[name].to_numpy(dtype=np.float64) for name in ("sent_s", "completed_s"))
    clock, at = (table[name].to_numpy(dtype=np.float64) for name in ("span_clock_s", "span_at_s"))
    order = np.argsort(at)
    if (np.diff(clock[order]) < 0).any():
        raise LabError("the requests' CPU clocks are of several processes: calibrate with one worker")
    until = np.concatenate([[-np.inf], np.maximum.accumulate(done)[:-1]])
    first = np.flatnonzero(sent > until)
    if first.size < 3:
        raise LabError("the service was never idle while calibrating: calibrate at a lower rate")
    is_label = np.array([(table["label"] == label).to_numpy(dtype=np.float64) for label in labels]).T
    counts = np.add.reduceat(is_label, first, axis=0)
    began_cpu, began_at = np.minimum.reduceat(clock, first), np.minimum.reduceat(at, first)
    whole = slice(1, first.size - 1)
    return _Periods(counts[whole], (sent - until)[first][whole], np.diff(began_cpu)[1:], np.diff(began_at)[1:])
