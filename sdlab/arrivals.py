"""Arrival processes: absolute times in seconds, shared by the simulator and the load generator.

Each function returns a sorted float64 array of arrival times in ``[0, duration_s)`` and is a pure function of its
arguments, the seed included. One random stream belongs to one purpose: changing another part of a workload never
changes these times.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from sdlab.spec import SECONDS_PER_DAY, DayCurve

FloatArray: TypeAlias = NDArray[np.float64]

SECONDS_PER_HOUR = 3600.0
_PIECE_S = 900.0


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random stream of one purpose under one seed: Philox (Salmon et al. 2011), keyed by both."""
    return np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(purpose.encode())]))


def constant(rate_rps: float, duration_s: float, seed: int = 0) -> FloatArray:  # noqa: ARG001 - one signature for all
    """One arrival each ``1 / rate_rps`` seconds, the first after half of that."""
    _check(rate_rps, duration_s)
    times = (np.arange(int(rate_rps * duration_s) + 1, dtype=np.float64) + 0.5) / rate_rps
    return times[times < duration_s]


def poisson(rate_rps: float, duration_s: float, seed: int = 0) -> FloatArray:
    """A Poisson process: independent exponential gaps with mean ``1 / rate_rps``."""
    _check(rate_rps, duration_s)
    return _poisson(rate_rps, duration_s, stream(seed, "arrivals"))


def unit_poisson(end: float, seed: int) -> FloatArray:
    """The arrivals before ``end`` of a Poisson process of rate 1."""
    return _poisson(1.0, end, stream(seed, "arrivals"))


def _poisson(rate_rps: float, duration_s: float, generator: np.random.Generator) -> FloatArray:
    expected = rate_rps * duration_s
    pieces = [np.cumsum(generator.exponential(1 / rate_rps, int(expected + 6 * np.sqrt(expected) + 16)))]
    while pieces[-1][-1] < duration_s:
        pieces.append(_summed_from(pieces[-1][-1], generator.exponential(1 / rate_rps, 1024)))
    times = np.concatenate(pieces)
    return times[: np.searchsorted(times, duration_s)]


def poisson_chunks(rate_rps: float, seed: int, count: int, chunk: int = 1_000_000) -> Iterator[FloatArray]:
    """The first ``count`` arrivals of the process that `poisson` gives, ``chunk`` at a time, in constant memory.

    The gaps are added one after the other, so the times are the same to the last bit whatever the chunk.
    """
    _check(rate_rps, 1.0)
    for field, value in (("count", count), ("chunk", chunk)):
        if value < 1:
            raise InvalidInput(field, value, "must be a whole number of at least 1")
    generator = stream(seed, "arrivals")
    last_s = 0.0
    for done in range(0, count, chunk):
        times = _summed_from(last_s, generator.exponential(1 / rate_rps, min(chunk, count - done)))
        last_s = float(times[-1])
        yield times


def _summed_from(start_s: float, gaps_s: FloatArray) -> FloatArray:
    """``start_s`` plus the running sum of the gaps, added in sequence; the gaps are overwritten."""
    gaps_s[0] += start_s
    return np.cumsum(gaps_s, out=gaps_s)


def day(mean_rate_rps: float, curve: DayCurve, seed: int = 0, day_s: float = SECONDS_PER_DAY) -> FloatArray:
    """A Poisson process whose rate follows the day curve, by thinning (Lewis and Shedler 1979).

    Each quarter of an hour has a majorant of its own: few candidates are thinned out, and memory stays small. With a
    shorter ``day_s`` every rate of the day still occurs, each for a time that is shorter in proportion.
    """
    _check(mean_rate_rps, day_s)
    candidates, keep = stream(seed, "arrivals"), stream(seed, "thinning")
    scale = day_s / SECONDS_PER_DAY
    pieces = []
    for start_s in np.arange(0, SECONDS_PER_DAY, _PIECE_S):
        highest = _highest_relative_rate(curve, start_s, start_s + _PIECE_S)
        times = start_s * scale + _poisson(mean_rate_rps * highest, _PIECE_S * scale, candidates)
        pieces.append(times[keep.random(times.size) * highest < relative_rate(curve, times / scale)])
    return np.concatenate(pieces)


def _highest_relative_rate(curve: DayCurve, start_s: float, end_s: float) -> float:
    """The highest rate over the mean in an interval: the peak if it lies inside, else at one of the ends."""
    peak_s = curve.peak_hour_utc * SECONDS_PER_HOUR
    if (peak_s - start_s) % SECONDS_PER_DAY <= end_s - start_s:
        return curve.peak_to_mean_ratio
    return float(relative_rate(curve, np.array([start_s, end_s])).max())


def relative_rate(curve: DayCurve, time_s: FloatArray) -> FloatArray:
    """The rate at each time of day over the day's mean: a von Mises bell on the circle of 24 hours (mean 1)."""
    concentration = _concentration(curve.peak_to_mean_ratio)
    hours = time_s / SECONDS_PER_HOUR - curve.peak_hour_utc
    bell = np.exp(concentration * (np.cos(2 * np.pi * hours / 24) - 1))
    return np.asarray(bell * curve.peak_to_mean_ratio, dtype=np.float64)


@lru_cache(maxsize=64)
def _concentration(peak_to_mean_ratio: float) -> float:
    """The concentration of a von Mises bell whose peak is so many times its mean: exp(k) / I0(k) = ratio."""
    low, high = 0.0, 1e4
    for _ in range(200):
        middle = (low + high) / 2
        angles = np.linspace(-np.pi, np.pi, 4096, endpoint=False)
        mean_over_peak = float(np.mean(np.exp(middle * (np.cos(angles) - 1))))
        low, high = (middle, high) if 1 / mean_over_peak < peak_to_mean_ratio else (low, middle)
    return (low + high) / 2


def _check(rate_rps: float, duration_s: float) -> None:
    if not (np.isfinite(rate_rps) and rate_rps > 0):
        raise InvalidInput("rate", rate_rps, "must be a finite number of requests a second above 0")
    if not (np.isfinite(duration_s) and duration_s > 0):
        raise InvalidInput("duration", duration_s, "must be a finite number of seconds above 0")
