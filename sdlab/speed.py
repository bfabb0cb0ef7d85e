"""The speed of a shared machine's core, from moment to moment. Pure.

Two hardware threads share what executes instructions; on a cloud machine the other one may be somebody else's. While
he is busy ours is slower by half, for tens of milliseconds or for hours, and nothing else shows it: neither
/proc/stat's steal nor a probe before and after a window. So all through a window a fixed piece of work is timed on the
API's core (`loadtests.speed_probe`). One such time is no measurement of the speed: it also has what the API left in
the caches. The median of those around a moment is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sdlab.arrivals import FloatArray

AROUND = 9
"""So many probes together tell the speed: fewer are noisier, more miss the changes."""

_INTERRUPTED = 3.0


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

    @property
    def halves(self) -> tuple[Speeds, Speeds]:
        """Every other probe, and the others: two measurements of the same speed that err each for itself."""
        return tuple(Speeds(self.at_s[first::2], self.spin_s[first::2]) for first in range(2))  # type: ignore[return-value]

    def around(self, moments_s: FloatArray) -> FloatArray:
        """The probe's median time around each moment: of the `AROUND` probes nearest to it."""
        after = np.searchsorted(self.at_s, moments_s)
        nearest = np.clip(after, 0, len(self.at_s) - 1)
        times_s = np.pad(self.spin_s, AROUND // 2, mode="edge")
        medians: FloatArray = np.median(sliding_window_view(times_s, AROUND), axis=1)[nearest]
        return medians
