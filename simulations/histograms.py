"""Response times as counts in buckets, which take the same memory however long a run is.

The buckets are log-linear: each power of two is cut into 2⁹ equal parts, so that a bucket is at most 0.2 % wide and
its middle at most 0.1 % from any time in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.layout import OUTCOMES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MANTISSA_BITS = 9
LOWEST, HIGHEST = -30, 20
"""Exponents of two: times below 2**-30 s (1 ns) share the first bucket, those of 2**20 s (12 days) on the last."""

BUCKETS = ((HIGHEST - LOWEST) << MANTISSA_BITS) + 2


def bucket_of(times_s: Floats) -> Ints:
    """The bucket that each time is counted in."""
    bits = np.asarray(times_s, dtype=np.float64).view(np.int64) >> (52 - MANTISSA_BITS)
    buckets: Ints = np.clip(bits - ((1023 + LOWEST) << MANTISSA_BITS) + 1, 0, BUCKETS - 1)
    return buckets


def bounds_s() -> Floats:
    """The lower ends of the buckets."""
    codes = np.arange(BUCKETS - 1, dtype=np.int64) + ((1023 + LOWEST) << MANTISSA_BITS)
    return np.concatenate([[0.0], (codes << (52 - MANTISSA_BITS)).view(np.float64)])


def middles_s() -> Floats:
    """What stands for each bucket: its middle; 0 for the first, the lower end of the last."""
    bounds = bounds_s()
    return np.concatenate([[0.0], (bounds[1:-1] + bounds[2:]) / 2, bounds[-1:]])


@dataclass(frozen=True, eq=False)
class Histograms:
    """Of each flow: completed requests by bucket; requests by outcome, with sum and maximum of their times."""

    counts: Ints
    ended: Ints
    sum_s: Floats
    max_s: Floats


def of_records(flow: Ints, outcome: NDArray[np.int8], times_s: Floats, flows: int) -> Histograms:
    """The histograms of so many requests: the index of its flow, its outcome and its response time of each."""
    counts = np.zeros((flows, BUCKETS), dtype=np.int64)
    done = outcome == 0
    np.add.at(counts, (flow[done], bucket_of(times_s[done])), 1)
    ended = np.zeros((flows, len(OUTCOMES)), dtype=np.int64)
    sum_s, max_s = np.zeros(ended.shape), np.zeros(ended.shape)
    np.add.at(ended, (flow, outcome), 1)
    np.add.at(sum_s, (flow, outcome), times_s)
    np.maximum.at(max_s, (flow, outcome), times_s)
    return Histograms(counts, ended, sum_s, max_s)
