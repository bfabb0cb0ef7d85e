"""Histograms of response times, for runs too long to keep every request's record.

Buckets are log-linear, as in HDR histograms (Tene 2012): each power of two is cut into 512 equal parts, so a bucket is
at most 0.2 % wide, and a percentile read as its middle is off by 0.1 % at most. The bucket of a time is read from the
bits of its floating-point number: exponent and the nine highest bits of the mantissa.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from simulations.jit import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MANTISSA_BITS = 9
POWERS = 60
"""From 2^-30 s (a nanosecond) to 2^30 s (34 years); what is beyond counts in the first or last bucket."""

BUCKETS = POWERS << MANTISSA_BITS
_SHIFT = 52 - MANTISSA_BITS
_FIRST = (1023 - POWERS // 2) << MANTISSA_BITS


def _bits_of(_typing: Any, _value: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), codegen


_bits = cast("Callable[[float], int]", intrinsic(_bits_of))


@kernel
def bucket(time_s: float) -> int:
    """The bucket of one time, in compiled code."""
    return min(max((_bits(time_s) >> _SHIFT) - _FIRST, 0), BUCKETS - 1)


def buckets_of(times_s: Floats) -> Ints:
    """The bucket of each of some times."""
    bits = np.ascontiguousarray(times_s, dtype=np.float64).view(np.int64)
    buckets: Ints = np.clip((bits >> _SHIFT) - _FIRST, 0, BUCKETS - 1)
    return buckets


def bounds_s() -> Floats:
    """The lower bound of each bucket, and the upper one of the last: float64[buckets + 1]."""
    return ((np.arange(BUCKETS + 1, dtype=np.int64) + _FIRST) << _SHIFT).view(np.float64)


@dataclass(frozen=True, eq=False)
class Histograms:
    """Response times of requests, one row a flow: ``counts`` int64[flows, buckets] of those that completed.

    ``ended`` is int64[flows, outcomes], ``total_s`` float64[flows] the sum over those that completed.
    """

    counts: Ints
    ended: Ints
    total_s: Floats

    def mean_s(self, flow: int) -> float:
        """Mean response time of a flow's completed requests; NaN without any."""
        completed = int(self.ended[flow, 0])
        return float(self.total_s[flow]) / completed if completed else float("nan")

    def percentile_s(self, flow: int, percent: float) -> float:
        """The middle of the bucket in which the percentile lies, within 0.1 %; NaN without any request."""
        cumulative = np.cumsum(self.counts[flow])
        if cumulative[-1] == 0:
            return float("nan")
        at = int(np.searchsorted(cumulative, max(1, int(np.ceil(cumulative[-1] * percent / 100)))))
        low, high = bounds_s()[at : at + 2]
        return float((low + high) / 2)
