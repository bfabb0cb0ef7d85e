"""Whether fresh servers agree with a search's answer, or what they say against it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtests.probes import Probe, Verdict, heard, standing
from loadtests.saturation import repeatable

CONFIRM_ABOVE = 1.05
# The first that is contradicted sends the search on; what is said against the second stands.
CONFIRMATIONS_MAX = 2
_WORDS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.INCONCLUSIVE: "cannot tell",
    Verdict.VOID: "had void windows only",
}


@dataclass(frozen=True)
class Confirmation:
    """The windows of two fresh servers: one ``at`` an estimate, one `CONFIRM_ABOVE` of it, at least one window each."""

    at: tuple[Probe, ...]
    above: tuple[Probe, ...]

    @property
    def agreed(self) -> bool:
        """Not certainly failing at the estimate, nor certainly passing above it, and both were heard."""
        return not self.contradicted and Verdict.VOID not in (standing(self.at), standing(self.above))

    @property
    def contradicted(self) -> bool:
        """Whether a fresh server certainly fails at the estimate, or certainly passes above it."""
        return standing(self.at) is Verdict.FAIL or standing(self.above) is Verdict.PASS

    def words(self) -> str:
        said = " and ".join(
            f"{_WORDS[standing(probes)]} at {probes[0].rate_rps:.1f}/s" for probes in (self.at, self.above)
        )
        return f"{'confirmed' if self.agreed else 'NOT confirmed'}: fresh servers {said}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "rate_rps": self.at[0].rate_rps,
            "verdict": str(standing(self.at)),
            "above_rps": self.above[0].rate_rps,
            "above_verdict": str(standing(self.above)),
            "agreed": self.agreed,
            "words": self.words(),
        }


def settle(probe: Callable[[], Probe], told: Callable[[Probe], None]) -> tuple[Probe, ...]:
    """Probe one rate until two windows of it count, and once more if those cannot tell; void ones have their limit."""
    said: list[Probe] = []
    while repeatable(said) and (len(heard(said)) < 2 or standing(said) is Verdict.INCONCLUSIVE):
        said.append(probe())
        told(said[-1])
    return tuple(said)
