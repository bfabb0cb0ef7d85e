"""One probe of a saturation search: what was promised, what was counted, and the verdict. Pure.

A probe *passes* when every operation is within its SLO with certainty, at least 99 % of the offered rate was achieved,
at most 0.1 % of the requests failed, none was dropped and the number in flight did not grow. It *fails* when one of
these is certainly broken, is *inconclusive* when the count cannot tell, and *void* when only the load generator or the
machine's host was at fault: that is no verdict on the service.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sdlab import quantiles

CONFIDENCE = 0.95
ERROR_SHARE_MAX = 0.001


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    VOID = "void"


def binomial_interval(broken: float, count: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of a share, ``broken`` of ``count`` having been counted (Clopper and Pearson 1934).

    The requests are taken to be independent; those of one busy period are not, so what is seen to vary between probes
    of one rate may be more than the interval says. No requests at all: (0, 1).
    """
    tail = (1 - confidence) / 2
    low = quantiles.beta(tail, broken, count - broken + 1) if broken > 0 else 0.0
    high = quantiles.beta(1 - tail, broken + 1, count - broken) if broken < count else 1.0
    return low, high


def enough(allowed: float, confidence: float = CONFIDENCE) -> int:
    """From how many requests on the interval can lie within ``allowed`` at all: with none of them broken."""
    return math.ceil(math.log((1 - confidence) / 2) / math.log1p(-allowed))


@dataclass(frozen=True)
class Tally:
    """How many of an operation's requests broke a promise, and the share that may: 0.01 over the time of a p99.

    ``strict`` asks for certainty before it passes. A promise that is not (an availability of 99.95 %, for which a probe
    is far too short) passes on what was counted, unless it is certainly broken.
    """

    name: str
    broken: int
    count: int
    allowed: float
    strict: bool = True

    @property
    def share(self) -> float:
        return self.broken / self.count if self.count else math.nan

    @property
    def few(self) -> bool:
        """Too few requests for any certainty that the promise is kept: such a tally can object, and not vouch."""
        return self.count < enough(self.allowed)

    @property
    def verdict(self) -> Verdict:
        if not self.count:
            return Verdict.PASS
        low, high = binomial_interval(self.broken, self.count)
        if low > self.allowed:
            return Verdict.FAIL
        kept = high <= self.allowed if self.strict and not self.few else self.strict or self.share <= self.allowed
        return Verdict.PASS if kept else Verdict.INCONCLUSIVE

    def words(self) -> str:
        low, high = (_percent(end) for end in binomial_interval(self.broken, self.count))
        few = ", too few to be certain" if self.few and self.strict else ""
        return (
            f"{self.name}: {self.broken:,} of {self.count:,} ({_percent(self.share)}, 95 % {low} to {high}; "
            f"{_percent(self.allowed)} may{few})"
        )

    def as_dict(self) -> dict[str, Any]:
        low, high = binomial_interval(self.broken, self.count)
        return {
            "name": self.name,
            "broken": self.broken,
            "count": self.count,
            "share": self.share,
            "share_low": low,
            "share_high": high,
            "allowed": self.allowed,
            "enough": not self.few,
            "verdict": str(self.verdict),
        }


@dataclass(frozen=True)
class Probe:
    """One window of load at a rate.

    ``faults`` are what the service did wrong beside its SLOs, ``generator_faults`` why the window says less about it,
    ``blameless`` whether those alone can explain what is wrong. ``evidence`` is what else was measured.
    """

    rate_rps: float
    tallies: tuple[Tally, ...]
    faults: tuple[str, ...] = ()
    generator_faults: tuple[str, ...] = ()
    blameless: bool = True
    role: str = "search"
    run_id: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        if self.generator_faults and self.blameless:
            return Verdict.VOID
        return Verdict.FAIL if self.faults else worst(self.tallies)

    def reasons(self) -> list[str]:
        """Why it did not pass; for one that did, its tightest promise."""
        if self.verdict is Verdict.VOID:
            return [*self.generator_faults, "no verdict on the service"]
        blamed = [tally.words() for tally in self.tallies if tally.verdict is not Verdict.PASS]
        said = [*self.faults, *blamed, *self.generator_faults]
        tight = sorted((t for t in self.tallies if t.count and t.strict), key=lambda t: -t.share / t.allowed)
        return said or [tally.words() for tally in tight[:1]]

    def as_dict(self) -> dict[str, Any]:
        return {
            "rate_rps": self.rate_rps,
            "verdict": str(self.verdict),
            "reasons": self.reasons(),
            "role": self.role,
            "run_id": self.run_id,
            "tallies": [tally.as_dict() for tally in self.tallies],
            **self.evidence,
        }


def worst(tallies: Sequence[Tally]) -> Verdict:
    """What several promises together say: all must hold."""
    said = {tally.verdict for tally in tallies}
    return next((v for v in (Verdict.FAIL, Verdict.INCONCLUSIVE) if v in said), Verdict.PASS)


def pooled(probes: Sequence[Probe]) -> tuple[Tally, ...]:
    """The tallies of several probes counted together, by name."""
    together: dict[str, Tally] = {}
    for tally in (tally for probe in probes for tally in probe.tallies):
        so_far = together.get(tally.name)
        broken, count = (so_far.broken, so_far.count) if so_far else (0, 0)
        together[tally.name] = Tally(
            tally.name, broken + tally.broken, count + tally.count, tally.allowed, tally.strict
        )
    return tuple(together.values())


def heard(probes: Sequence[Probe]) -> list[Probe]:
    """Those that say something of the service: the void ones are left out."""
    return [probe for probe in probes if probe.verdict is not Verdict.VOID]


def standing(probes: Sequence[Probe]) -> Verdict:
    """What all probes of one rate say together; void ones say nothing.

    Counted together while none fails. Where some do, the median of their verdicts: near saturation windows of one rate
    differ by more than counting explains, because the machine does, and one spoilt window must not decide.
    """
    said = heard(probes)
    if not said:
        return Verdict.VOID
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    ranks = sorted(order.index(probe.verdict) for probe in said)
    if ranks[0] > 0:
        return worst(pooled(said))
    low, high = ranks[(len(ranks) - 1) // 2], ranks[len(ranks) // 2]
    return order[low] if low == high else Verdict.INCONCLUSIVE


def median_shares(probes: Sequence[Probe]) -> dict[str, tuple[float, Tally]]:
    """Of each promise that was counted: the median of the windows' shares, and all windows counted together."""
    said = heard(probes)
    shares: dict[str, list[float]] = {}
    for tally in (tally for probe in said for tally in probe.tallies if tally.count):
        shares.setdefault(tally.name, []).append(tally.share)
    return {tally.name: (statistics.median(shares[tally.name]), tally) for tally in pooled(said) if tally.count}


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
