"""Arrivals at a rate that changes: profiles of the rate, and the arrivals that follow one.

A profile is a rate that is linear between given times and may jump. Arrivals come by the change of time: those of a
process of rate 1, each moved to where the integral of the rate reaches it (Çinlar 1975, "Introduction to Stochastic
Processes", section 4.7). Unlike thinning this draws no arrival in vain and gives the k-th arrival of a higher rate an
earlier time, so variants of a load stay comparable arrival by arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdlab.arrivals import FloatArray, stream, unit_poisson
from sdlab.errors import InvalidInput

SPACINGS = ("poisson", "constant")
SOJOURNS_MAX = 10_000_000


@dataclass(frozen=True)
class Profile:
    """A rate over ``[0, duration_s)``: ``rates_rps[i]`` at ``times_s[i]``, linear in between.

    Two equal times make a jump. Before the first time the first rate holds, after the last one the last.
    """

    times_s: FloatArray
    rates_rps: FloatArray
    duration_s: float

    @classmethod
    def of(
        cls, times_s: Sequence[float] | FloatArray, rates_rps: Sequence[float] | FloatArray, duration_s: float
    ) -> Profile:
        """Checked, and cut or extended to the duration. Raises `InvalidInput` naming the argument."""
        times, rates = np.asarray(times_s, dtype=np.float64), np.asarray(rates_rps, dtype=np.float64)
        positive("duration", duration_s, "seconds")
        if not times.size or times.size != rates.size:
            raise InvalidInput("times_s", tuple(times_s), f"must be as many as rates_rps, {rates.size}, at least one")
        if not np.all(np.isfinite(times)) or times[0] < 0 or np.any(np.diff(times) < 0):
            raise InvalidInput("times_s", tuple(times_s), "must be finite, rising and not below 0")
        if not np.all(np.isfinite(rates)) or rates.min() < 0 or rates.max() == 0:
            raise InvalidInput("rates_rps", tuple(rates_rps), "must be finite and not below 0, and not all of them 0")
        inside = times < duration_s
        at_end = np.interp(duration_s, times, rates) if not inside.all() else rates[-1]
        return cls(
            np.concatenate([[0.0], times[inside], [duration_s]]),
            np.concatenate([[rates[0]], rates[inside], [_before_jump(times, rates, duration_s, at_end)]]),
            duration_s,
        )

    def expected(self) -> FloatArray:
        """The number of arrivals expected until each of ``times_s``: the integral of the rate."""
        areas = np.diff(self.times_s) * (self.rates_rps[:-1] + self.rates_rps[1:]) / 2
        return np.concatenate([[0.0], np.cumsum(areas)])

    def arrivals(self, seed: int, spacing: str = "poisson") -> FloatArray:
        """Arrivals along the profile: a non-homogeneous Poisson process, or evenly spaced in what is expected."""
        if spacing not in SPACINGS:
            raise InvalidInput("spacing", spacing, f"must be one of {', '.join(SPACINGS)}")
        total = float(self.expected()[-1])
        if total == 0:
            return np.empty(0)
        even = np.arange(int(total) + 1, dtype=np.float64) + 0.5
        unit = unit_poisson(total, seed) if spacing == "poisson" else even[even < total]
        return self._moved(unit)

    def _moved(self, unit: FloatArray) -> FloatArray:
        """Where the integral of the rate reaches each number: the root of a quadratic on each piece."""
        expected = self.expected()
        piece = np.searchsorted(expected, unit, side="right") - 1
        rest = unit - expected[piece]
        length = np.diff(self.times_s)[piece]
        rate = self.rates_rps[:-1][piece]
        twice_slope = 2 * (self.rates_rps[1:][piece] - rate) / length
        below = rate + np.sqrt(np.maximum(rate * rate + twice_slope * rest, 0.0))
        after = np.divide(2 * rest, below, out=np.zeros_like(rest), where=below > 0)
        times = np.maximum.accumulate(self.times_s[piece] + np.minimum(after, length))
        return times[: np.searchsorted(times, self.duration_s)]


def _before_jump(times: FloatArray, rates: FloatArray, end_s: float, otherwise: float) -> float:
    """The rate just before the end, if the profile has a time exactly there."""
    at_end = np.flatnonzero(times == end_s)
    return float(rates[at_end[0]] if at_end.size else otherwise)


def ramp(
    rate_rps: float, to_rps: float, duration_s: float, start_s: float = 0.0, end_s: float | None = None
) -> Profile:
    """From one rate to another, linearly from ``start_s`` to ``end_s`` (default: to the end of the run)."""
    end_s = duration_s if end_s is None else end_s
    not_negative("start_s", start_s)
    if not end_s > start_s:
        raise InvalidInput("end_s", end_s, f"must be after start_s, {start_s:g}")
    not_negative("to_rps", to_rps)
    return Profile.of((start_s, end_s), (rate_rps, to_rps), duration_s)


def step(rate_rps: float, to_rps: float, at_s: float, duration_s: float) -> Profile:
    """One rate until ``at_s``, another from then on."""
    not_negative("at_s", at_s)
    not_negative("to_rps", to_rps)
    return Profile.of((at_s, at_s), (rate_rps, to_rps), duration_s)


def flash_crowd(
    rate_rps: float, peak_rps: float, at_s: float, rise_s: float, hold_s: float, decay_s: float, duration_s: float
) -> Profile:
    """A crowd on top of a steady rate: it rises from ``at_s`` for ``rise_s``, stays at the peak, and fades.

    The three phases, each linear, are those of Ari, Hong, Miller, Brandt & Long 2003, "Managing flash crowds on the
    Internet".
    """
    for field, value in (("at_s", at_s), ("rise_s", rise_s), ("hold_s", hold_s), ("decay_s", decay_s)):
        not_negative(field, value)
    if not peak_rps >= rate_rps:
        raise InvalidInput("peak_rps", peak_rps, f"must be at least the steady rate, {rate_rps:g}")
    times = np.cumsum([at_s, rise_s, hold_s, decay_s])
    return Profile.of(times, (rate_rps, peak_rps, peak_rps, rate_rps), duration_s)


def mmpp(rates_rps: Sequence[float], sojourns_s: Sequence[float], duration_s: float, seed: int = 0) -> Profile:
    """One path of a Markov-modulated Poisson process's rate (Fischer & Meier-Hellstern 1993).

    In state i arrivals are Poisson at ``rates_rps[i]``; it lasts an exponential time of mean ``sojourns_s[i]``, then
    each other state is equally likely (of two, the other). It begins in equilibrium: in state i with a probability in
    proportion to its sojourn. The path and the arrivals have a random stream each.
    """
    positive("duration", duration_s, "seconds")
    rates, means = np.asarray(rates_rps, dtype=np.float64), np.asarray(sojourns_s, dtype=np.float64)
    if means.size < 2 or means.size != rates.size:
        raise InvalidInput("sojourns_s", tuple(sojourns_s), f"must be as many as rates, {rates.size}, at least two")
    if not np.all(np.isfinite(means) & (means > 0)):
        raise InvalidInput("sojourns_s", tuple(sojourns_s), "must be finite numbers of seconds above 0")
    if duration_s / means.mean() > SOJOURNS_MAX:
        raise InvalidInput("sojourns_s", tuple(sojourns_s), f"are more than {SOJOURNS_MAX:,} in {duration_s:g} s")
    choices, lengths = stream(seed, "mmpp states"), stream(seed, "mmpp sojourns")
    state = int(np.searchsorted(np.cumsum(means / means.sum())[:-1], choices.random(), side="right"))
    states, ends, end_s = [np.array([state])], [np.empty(0)], 0.0
    while end_s < duration_s:
        path = (states[-1][-1] + np.cumsum(choices.integers(1, means.size, 1024))) % means.size
        lasting = means[np.concatenate([states[-1][-1:], path[:-1]])] * lengths.standard_exponential(1024)
        ends.append(end_s + np.cumsum(lasting))
        states.append(path)
        end_s = float(ends[-1][-1])
    visited, left_s = np.concatenate(states)[:-1], np.concatenate(ends)
    times = np.concatenate([[0.0], np.repeat(left_s, 2)[:-1]])
    return Profile.of(times, np.repeat(rates[visited], 2), duration_s)


def positive(field: str, value: float, unit: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise InvalidInput(field, value, f"must be a finite number of {unit} above 0")


def not_negative(field: str, value: float) -> None:
    if not (np.isfinite(value) and value >= 0):
        raise InvalidInput(field, value, "must be a finite number of at least 0")
