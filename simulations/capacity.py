"""The highest rate a system carries within its limits, found by search (as Vidur's and Nighthawk's controllers do).

The rate doubles from a start until a limit breaks, then the bracket is bisected to a stated relative precision. What
is probed is not known here: a simulation, or a running service.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sdlab.errors import InvalidInput

MAX_DOUBLINGS = 60


@dataclass(frozen=True)
class Limit:
    """A bound on one measure: at most ``at_most``, at least ``at_least``, or both."""

    measure: str
    at_most: float = math.inf
    at_least: float = -math.inf

    def holds(self, value: float) -> bool:
        """Whether a value is within the bound; NaN never is."""
        return self.at_least <= value <= self.at_most


@dataclass(frozen=True)
class ProbeResult:
    """What one probe measured: ``measures`` by the names that limits use, and each station's utilisation (0 to 1)."""

    measures: Mapping[str, float]
    utilisation: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """One probe: the rate, what was measured, and the limits it broke."""

    rate_rps: float
    result: ProbeResult
    broken: tuple[Limit, ...]

    @property
    def passes(self) -> bool:
        """Whether every limit held."""
        return not self.broken


@dataclass(frozen=True)
class Capacity:
    """The result of a search.

    ``rate_rps`` is the highest rate that passed (0 if none did) and ``failing_rate_rps`` the lowest above it that did
    not (infinite if every probe passed). ``first_to_saturate`` is the busiest station at the failing rate, or at the
    highest probed if none failed. ``probes`` are in the order made.
    """

    rate_rps: float
    failing_rate_rps: float
    first_to_saturate: str | None
    utilisation_at_failure: float
    probes: tuple[Probe, ...]


def find_capacity(
    probe: Callable[[float], ProbeResult],
    limits: Sequence[Limit],
    *,
    start_rps: float,
    precision: float = 0.01,
    max_rps: float = math.inf,
    progress: Callable[[Probe], None] | None = None,
    ahead: Callable[[Sequence[float]], None] | None = None,
) -> Capacity:
    """Double the rate from ``start_rps`` to the first failure, then bisect until the bracket is within ``precision``.

    If the start fails already, the rate is halved until it passes; below ``start_rps`` · 2⁻⁶⁰ the capacity is 0.
    ``precision`` is relative: (failing - passing) ≤ precision · passing. The search stops at ``max_rps`` if that
    passes. ``ahead`` is told, before each probe, its rate and those that may be asked for next; it may begin them, and
    the result is the same whatever it does. Whatever ``probe`` raises is passed on: an error is not a broken limit.
    Raises `InvalidInput` for a start, precision or maximum out of range, no limits, or a limit on something the probe
    does not measure.
    """
    _check(limits, start_rps, precision, max_rps)
    probes: list[Probe] = []

    def passes(rate_rps: float, *next_rps: float) -> bool:
        if ahead is not None:
            ahead([rate_rps, *next_rps])
        result = probe(rate_rps)
        for limit in limits:
            if limit.measure not in result.measures:
                raise InvalidInput("limit", limit.measure, f"must be one of {', '.join(result.measures)}")
        broken = tuple(limit for limit in limits if not limit.holds(result.measures[limit.measure]))
        probes.append(Probe(rate_rps, result, broken))
        if progress is not None:
            progress(probes[-1])
        return not broken

    low, high = _bracket(passes, min(start_rps, max_rps), max_rps)
    while low > 0 and math.isfinite(high) and high - low > precision * low:
        middle = (low + high) / 2
        # Whether the middle passes or not, one of these is the middle after it.
        if passes(middle, (low + middle) / 2, (middle + high) / 2):
            low = middle
        else:
            high = middle
    name, utilisation = _busiest(probes, high)
    return Capacity(low, high, name, utilisation, tuple(probes))


def _bracket(passes: Callable[..., bool], start_rps: float, max_rps: float) -> tuple[float, float]:
    """A passing rate (or 0) and a failing one (or infinity), a factor of two apart."""
    rate = start_rps
    if not passes(rate, *_doubled(rate, max_rps)):
        for _ in range(MAX_DOUBLINGS):
            high, rate = rate, rate / 2
            if passes(rate, rate / 2, rate / 4):
                return rate, high
        return 0.0, rate
    for _ in range(MAX_DOUBLINGS):
        if rate >= max_rps:
            break
        low, rate = rate, min(2 * rate, max_rps)
        if not passes(rate, *_doubled(rate, max_rps)):
            return low, rate
    return rate, math.inf


def _doubled(rate_rps: float, max_rps: float) -> list[float]:
    """The rates after this one, should all of them pass."""
    return [rate for rate in (2 * rate_rps, 4 * rate_rps, 8 * rate_rps) if rate < max_rps]


def _busiest(probes: Sequence[Probe], failing_rps: float) -> tuple[str | None, float]:
    """The station with the highest utilisation at the failing rate, or at the highest rate probed."""
    at = next((p for p in probes if p.rate_rps == failing_rps), max(probes, key=lambda p: p.rate_rps))
    if not at.result.utilisation:
        return None, math.nan
    name = max(at.result.utilisation, key=at.result.utilisation.__getitem__)
    return name, at.result.utilisation[name]


def _check(limits: Sequence[Limit], start_rps: float, precision: float, max_rps: float) -> None:
    if not limits:
        raise InvalidInput("limits", (), "must hold at least one limit")
    if not (math.isfinite(start_rps) and start_rps > 0):
        raise InvalidInput("start_rps", start_rps, "must be a number above 0")
    if not max_rps > 0:
        raise InvalidInput("max_rps", max_rps, "must be above 0")
    if not 1e-6 <= precision < 1:
        raise InvalidInput("precision", precision, "must be from 0.000001 to below 1")
