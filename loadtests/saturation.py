"""The search for the highest rate that a running service carries within its SLOs. Pure: what probes is not known here.

The rate doubles to the first failure and the bracket is then bisected. Probes that cannot tell are repeated, three at
a rate at most, and so is the end of the last bracket if one probe alone stands for it: a stall of the machine must not
decide. A void probe is none of the three, and is repeated within a limit of its own. All probes together then give the
estimate, by isotonic regression (Barlow, Bartholomew, Bremner and Brunk 1972) on the rate, of the share of requests
that broke a promise: at each rate the median of its windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.probes import Probe, Verdict, heard, median_shares, standing
from sdlab.errors import InvalidInput

REPEATS_MAX = 3
VOIDS_MAX = 3
HALVINGS_MAX = 8
_STEADY = "keeps up"


@dataclass(frozen=True)
class Settings:
    """Where the search begins, how narrow its last bracket is (relative) and how far it may go (requests/s)."""

    start_rps: float
    precision: float = 0.04
    max_rps: float = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_rps) and self.start_rps > 0):
            raise InvalidInput("--start", self.start_rps, "must be a finite number of requests/s above 0")
        if not 0.01 <= self.precision <= 0.5:
            raise InvalidInput("--precision", self.precision, "must be from 0.01 to 0.5")
        if not self.max_rps >= self.start_rps:
            raise InvalidInput("--max-rate", self.max_rps, f"must be at least the start, {self.start_rps:g} requests/s")


@dataclass(frozen=True)
class Curve:
    """A promise over all probes: the share that broke it at each rate, ``fitted`` so that it never falls."""

    name: str
    allowed: float
    rate_rps: tuple[float, ...]
    share: tuple[float, ...]
    weight: tuple[float, ...]
    fitted: tuple[float, ...]

    def crossing_rps(self) -> float:
        """The rate at which the fit crosses the share allowed; infinite if it never does.

        Between two rates the share is taken to grow exponentially (half a request where none was counted), as the tail
        of a queue nearly does.
        """
        over = [share > self.allowed for share in self.fitted]
        if not any(over):
            return math.inf
        at = over.index(True)
        if at == 0:
            return self.rate_rps[0]
        (low, high), (below, above) = self.rate_rps[at - 1 : at + 1], self.fitted[at - 1 : at + 1]
        below = math.log(max(below, 0.5 / self.weight[at - 1]))
        step = (math.log(self.allowed) - below) / (math.log(above) - below)
        return low + (high - low) * min(1.0, max(0.0, step))


@dataclass(frozen=True)
class Saturation:
    """The answer: ``rate_rps`` (0 if nothing passed), within [``low_rps``, ``high_rps``].

    ``low_rps`` is the highest rate that passed with no failing one below it, ``high_rps`` the lowest that failed with
    no passing one above it (infinite if none failed). ``binding`` is the promise that is broken first.
    ``generator_bound``: beyond it every probe was void, by the generator or by others, so the service may carry more.
    """

    rate_rps: float
    low_rps: float
    high_rps: float
    binding: str | None
    generator_bound: bool
    curves: tuple[Curve, ...]


def by_rate(probes: Sequence[Probe]) -> dict[float, list[Probe]]:
    """The probes of each rate, rates rising."""
    return {rate: [p for p in probes if p.rate_rps == rate] for rate in sorted({p.rate_rps for p in probes})}


def repeatable(said: Sequence[Probe]) -> bool:
    """Whether a rate may be probed once more, after these; void probes are counted apart."""
    counted = len(heard(said))
    return counted < REPEATS_MAX and len(said) - counted < VOIDS_MAX


def given_up(probes: Sequence[Probe]) -> str | None:
    """The rates that void probes left without a verdict, in words; None if there are none."""
    ended = [
        f"{rate:.1f}/s ({len(heard(said)) or 'none'} counted)"
        for rate, said in by_rate(probes).items()
        if len(said) - len(heard(said)) >= VOIDS_MAX and standing(said) in (Verdict.VOID, Verdict.INCONCLUSIVE)
    ]
    if not ended:
        return None
    return f"given up after {VOIDS_MAX} void probes, which do not count as repeats: {', '.join(ended)}"


def next_rate(probes: Sequence[Probe], settings: Settings) -> float | None:
    """The rate to probe next, None when the search is over."""
    rates = by_rate(probes)
    if not probes:
        return settings.start_rps
    last = probes[-1].rate_rps
    if standing(rates[last]) in (Verdict.INCONCLUSIVE, Verdict.VOID) and repeatable(rates[last]):
        return last
    low, high = _bracket(rates)
    if math.isinf(high):
        return None if low >= settings.max_rps else min(2 * low, settings.max_rps)
    if low == 0:
        return None if high <= settings.start_rps / 2**HALVINGS_MAX else high / 2
    if high - low > settings.precision * low:
        return (low + high) / 2
    ends = ((rate, rates[rate]) for rate in (high, low))
    return next((rate for rate, said in ends if len(heard(said)) == 1 and repeatable(said)), None)


def search(
    probe: Callable[[float], Probe],
    settings: Settings,
    told: Callable[[Probe], None] = lambda _probe: None,
    known: Sequence[Probe] = (),
) -> list[Probe]:
    """Probe until `next_rate` has no more to ask, beginning with what is ``known``; what ``probe`` raises is passed on.

    Returns the new probes.
    """
    probes = list(known)
    while (rate := next_rate(probes, settings)) is not None:
        probes.append(probe(rate))
        told(probes[-1])
    return probes[len(known) :]


def estimate(probes: Sequence[Probe]) -> Saturation:
    """The highest rate within the promises, by all probes, those of the confirmation too."""
    rates = by_rate(probes)
    counted = {rate: said for rate, said in rates.items() if heard(said)}
    passed = [rate for rate, said in counted.items() if standing(said) is Verdict.PASS]
    failed = [rate for rate, said in counted.items() if standing(said) is Verdict.FAIL]
    low = max((rate for rate in passed if rate < min(failed, default=math.inf)), default=0.0)
    high = min((rate for rate in failed if rate > max(passed, default=0.0)), default=math.inf)
    curves = _curves(counted)
    crossings = {curve.name: curve.crossing_rps() for curve in curves}
    binding = min(crossings, key=crossings.__getitem__, default=None)
    rate = crossings[binding] if binding is not None else math.inf
    if math.isinf(rate):
        binding, rate = None, max(passed, default=0.0)
    if low == 0 and not passed:
        rate = 0.0
    above = [rate_rps for rate_rps in rates if rate_rps > low]
    bound = bool(above) and math.isinf(high) and standing(rates[above[-1]]) is Verdict.VOID
    return Saturation(min(max(rate, low), high), low, high, binding, bound, curves)


def _bracket(rates: Mapping[float, Sequence[Probe]]) -> tuple[float, float]:
    """The highest rate taken to pass (or 0) below the lowest taken not to (or infinity)."""
    taken = {rate: _taken_to_pass(said) for rate, said in rates.items()}
    high = min((rate for rate, passes in taken.items() if not passes), default=math.inf)
    return max((rate for rate, passes in taken.items() if passes and rate < high), default=0.0), high


def _taken_to_pass(said: Sequence[Probe]) -> bool:
    """Which way the search goes on; one that stays inconclusive goes by what was counted."""
    verdict = standing(said)
    if verdict is Verdict.INCONCLUSIVE:
        return all(share <= tally.allowed for share, tally in median_shares(said).values())
    return verdict is Verdict.PASS


def _curves(counted: Mapping[float, Sequence[Probe]]) -> tuple[Curve, ...]:
    """One curve a promise that the probes were long enough for, and one for all that breaks nothing counted there."""
    points: dict[str, list[tuple[float, float, float]]] = {}
    allowed: dict[str, float] = {}
    steady: list[tuple[float, float, float]] = []
    for rate, said in counted.items():
        found = {name: point for name, point in median_shares(said).items() if not point[1].few}
        for name, (share, tally) in found.items():
            points.setdefault(name, []).append((rate, share, float(tally.count)))
            allowed[name] = tally.allowed
        told = any(share > tally.allowed for share, tally in found.values())
        unexplained = standing(said) is Verdict.FAIL and not told
        steady.append((rate, float(unexplained), 1.0))
    curves = [_fitted(name, allowed[name], points_of) for name, points_of in points.items()]
    if any(share for _, share, _ in steady):
        curves.append(_fitted(_STEADY, 0.5, steady))
    return tuple(curves)


def _fitted(name: str, allowed: float, points: Sequence[tuple[float, float, float]]) -> Curve:
    from scipy.optimize import isotonic_regression  # noqa: PLC0415  slow to load, and most commands fit nothing

    rates, shares, weights = zip(*points, strict=True)
    fit = isotonic_regression(np.asarray(shares), weights=np.asarray(weights), increasing=True)
    return Curve(name, allowed, rates, shares, weights, tuple(float(value) for value in fit.x))
