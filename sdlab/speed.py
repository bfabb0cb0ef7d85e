"""The two speeds of a shared machine's core: alone in its place, and beside a busy neighbour. Pure.

Two hardware threads share what executes instructions; on a cloud machine the other one may be somebody else's. While
he is busy ours is slower by half, for tens of milliseconds or for minutes, and nothing else shows it: neither
/proc/stat's steal nor a probe before and after a window. So all through a window a fixed piece of work is timed on the
API's core (`loadtests.speed_probe`). Its times fall into two heaps, and say at any moment which speed it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sdlab.arrivals import FloatArray

SLOW_RATIO = 1.25
"""A time so many times the fast one is one at the slow speed; where this was found they were 18 and 30 us."""

_INTERRUPTED = 3.0

FAST_QUANTILE = 0.05
"""Of a block's times, the fast one: not the least, which is an accident of its own."""


@dataclass(frozen=True)
class Speeds:
    """The probe's times all through a window: ``spin_s`` at ``at_s`` since the run's start, in that order."""

    at_s: FloatArray
    spin_s: FloatArray

    @classmethod
    def of(cls, resources: Mapping[str, Any]) -> Self | None:
        """From a run's resources.json; None if it was not probed."""
        found = resources.get("speed")
        if not found or not found["at_s"]:
            return None
        return cls(np.array(found["at_s"], dtype=np.float64), np.array(found["spin_s"], dtype=np.float64))

    @property
    def mean_s(self) -> float:
        """The probe's mean time, what an interruption of it adds left out."""
        return float(np.minimum(self.spin_s, _INTERRUPTED * np.median(self.spin_s)).mean())

    def is_slow(self, at_s: FloatArray, fast_s: float) -> NDArray[np.bool_]:
        """Whether the core was slow at some moments: what the last probe before each said."""
        slow = self.spin_s > SLOW_RATIO * fast_s
        before = np.clip(np.searchsorted(self.at_s, at_s, side="right") - 1, 0, len(self.at_s) - 1)
        answer: NDArray[np.bool_] = slow[before]
        return answer

    def slow_share(self, fast_s: float) -> float:
        """The share of the window at the slow speed."""
        return float((self.spin_s > SLOW_RATIO * fast_s).mean())


def fast_s(windows: Iterable[Speeds | None]) -> float:
    """The time of the probe at the fast speed, from several windows together; NaN without any."""
    times_s = _together(windows)
    return float(np.quantile(times_s, FAST_QUANTILE)) if times_s.size else math.nan


def slow_factor(windows: Iterable[Speeds | None], fast_s: float) -> float:
    """How many times as long the probe took at the slow speed, the median over several windows; 1 if it never was.

    What the service does is slowed alike: over windows of the same load its CPU time a request goes with the probe's
    mean time.
    """
    times_s = _together(windows)
    slow = times_s > SLOW_RATIO * fast_s
    return float(np.median(times_s[slow]) / np.median(times_s[~slow])) if slow.any() else 1.0


def _together(windows: Iterable[Speeds | None]) -> FloatArray:
    return np.concatenate([np.empty(0), *(window.spin_s for window in windows if window is not None)])
