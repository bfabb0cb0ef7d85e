"""When a load can end early: a threshold that is certainly missed, whatever the rest of the run would bring.

The rule, for a run that schedules N requests of the threshold's operation:

- A percentile or the lateness bounded from above is lost once more than N - ceil(p N) requests broke the bound: they
  outnumber those that may lie above the percentile, however many of the N complete.
- ``max`` is lost with the first request that broke it; ``mean`` when the response times so far add up to N bounds.
- ``errors`` and ``drops`` are lost when there are too many of them for N requests.
- ``rate`` bounded from below is lost when even all requests not yet dealt with would not reach it.

Nothing else ends a run: lateness of one moment, a slow second or a trend is no certainty.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtests.recorder import COMPLETED, DROPPED, FAILED, PENDING, REJECTED, TIMED_OUT
from loadtests.thresholds import ALL, Threshold
from sdlab.workload import Requests

# Watching may cost the lab's process this share of a core at most.
_WATCH_SHARE = 0.05


class Watch:
    """Follows the shared records of a run and says which threshold is lost, if one is."""

    def __init__(self, thresholds: Sequence[Threshold], requests: Requests) -> None:
        self._thresholds = [threshold for threshold in thresholds if threshold.aborts]
        self._requests = requests
        self._rows = {name: _rows(requests, name) for name in {threshold.operation for threshold in self._thresholds}}
        self._next_s = 0.0

    def lost(self, columns: Mapping[str, NDArray[Any]]) -> Threshold | None:
        """The first threshold that is certainly missed by what is recorded so far. Looks rarely if looking is slow."""
        began_s = time.monotonic()
        if not self._thresholds or began_s < self._next_s:
            return None
        found = next((threshold for threshold in self._thresholds if self._is_lost(threshold, columns)), None)
        took_s = time.monotonic() - began_s
        self._next_s = began_s + took_s / _WATCH_SHARE
        return found

    def _is_lost(self, threshold: Threshold, columns: Mapping[str, NDArray[Any]]) -> bool:
        rows = self._rows[threshold.operation]
        return is_lost(
            threshold,
            outcome=columns["outcome"][rows],
            intended_s=self._requests.arrival_s[rows],
            started_s=columns["started_s"][rows],
            completed_s=columns["completed_s"][rows],
            span_s=self._requests.duration_s,
        )


def _rows(requests: Requests, operation: str) -> NDArray[np.intp] | slice:
    """The rows of an operation. All of them as a slice: no copy."""
    if operation == ALL:
        return slice(None)
    return np.flatnonzero(requests.operation == requests.operations.index(operation))


def is_lost(
    threshold: Threshold,
    *,
    outcome: NDArray[np.int8],
    intended_s: NDArray[np.float64],
    started_s: NDArray[np.float64],
    completed_s: NDArray[np.float64],
    span_s: float,
) -> bool:
    """Whether no ending of the run can meet the threshold. One value a scheduled request, `PENDING` if not ended.

    Times are seconds since the run's start, NaN for what did not happen; ``span_s`` is the last intended start.
    """
    scheduled = outcome.size
    if threshold.metric in ("errors", "drops"):
        return _count_is_lost(threshold, outcome, scheduled)
    if threshold.metric == "rate":
        if threshold.is_upper or not span_s:
            return False
        still_possible = int(np.count_nonzero((outcome == COMPLETED) | (outcome == PENDING)))
        return not threshold.is_met_by(still_possible / span_s)
    if not (threshold.is_upper and scheduled):
        return False
    taken_s = _taken_s(threshold, outcome, intended_s, started_s, completed_s)
    if threshold.metric == "mean":
        return not threshold.is_met_by(float(taken_s.sum()) / scheduled)
    return _tail_is_lost(threshold, taken_s, scheduled)


def _taken_s(
    threshold: Threshold,
    outcome: NDArray[np.int8],
    intended_s: NDArray[np.float64],
    started_s: NDArray[np.float64],
    completed_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The times that the threshold bounds, of the requests that have one for good."""
    if threshold.metric == "lateness":
        counted = (outcome != PENDING) & ~np.isnan(started_s)
        return np.asarray(started_s[counted] - intended_s[counted])
    counted = outcome == COMPLETED
    return np.asarray(completed_s[counted] - intended_s[counted])


def _tail_is_lost(threshold: Threshold, taken_s: NDArray[np.float64], scheduled: int) -> bool:
    breaks = taken_s > threshold.bound if threshold.comparison == "<=" else taken_s >= threshold.bound
    broke = int(np.count_nonzero(breaks))
    if threshold.metric == "max":
        return broke > 0
    percent = 99.0 if threshold.metric == "lateness" else threshold.percent
    assert percent is not None
    return broke > scheduled - math.ceil(percent / 100 * scheduled)


def _count_is_lost(threshold: Threshold, outcome: NDArray[np.int8], scheduled: int) -> bool:
    if not threshold.is_upper:
        return False
    kinds = (REJECTED, TIMED_OUT, FAILED) if threshold.metric == "errors" else (DROPPED,)
    count = int(np.isin(outcome, kinds).sum())
    return count > 0 and not threshold.is_met_by(count / scheduled if threshold.is_share else count)
