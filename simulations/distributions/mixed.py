"""Distributions made of others: each time comes from one of them, chosen by chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdlab.errors import InvalidInput
from simulations.distributions.bounds import Law, positive, probabilities

if TYPE_CHECKING:
    from simulations.distributions import Distribution


@dataclass(frozen=True)
class Hyperexponential(Law):
    """A mixture of exponentials: with ``probabilities[i]`` the time is exponential of mean ``means_s[i]``; scv >= 1.

    >>> mostly_hits = Hyperexponential(probabilities=(0.9, 0.1), means_s=(0.001, 0.02))
    >>> round(mostly_hits.mean_s, 6), round(mostly_hits.scv, 2)
    (0.0029, 8.73)
    """

    probabilities: Sequence[float]
    means_s: Sequence[float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "means_s", tuple(float(m) for m in self.means_s))
        object.__setattr__(self, "probabilities", probabilities(self.probabilities, "means_s", len(self.means_s)))
        for mean in self.means_s:
            positive("means_s", mean)

    @property
    def mean_s(self) -> float:
        return math.fsum(p * m for p, m in zip(self.probabilities, self.means_s, strict=True))

    @property
    def scv(self) -> float:
        second_moment = math.fsum(2 * p * m**2 for p, m in zip(self.probabilities, self.means_s, strict=True))
        return second_moment / self.mean_s**2 - 1


@dataclass(frozen=True)
class Mixture(Law):
    """With ``probabilities[i]`` the time is drawn from ``parts[i]``, which is any distribution, also a mixture.

    E[T] = Σ p E[Tᵢ] and E[T²] = Σ p E[Tᵢ]² (1 + scvᵢ), the law of total expectation.

    >>> read = Mixture((0.95, 0.05), (Exponential(0.001), Constant(0.2)))
    >>> round(read.mean_s, 6), round(read.scv, 2)
    (0.01095, 15.7)
    """

    probabilities: Sequence[float]
    parts: Sequence[Distribution]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "probabilities", probabilities(self.probabilities, "parts", len(self.parts)))
        for part in self.parts:
            if not isinstance(part, Law):
                raise InvalidInput("parts", part, "must be a distribution")

    def flat(self) -> Iterator[tuple[float, Distribution]]:
        """Every part that can be drawn and is no mixture, with its probability in the whole."""
        for probability, part in zip(self.probabilities, self.parts, strict=True):
            if isinstance(part, Mixture):
                yield from ((probability * within, inner) for within, inner in part.flat())
            elif probability > 0:
                yield probability, part

    @property
    def mean_s(self) -> float:
        return math.fsum(p * part.mean_s for p, part in self.flat())

    @property
    def scv(self) -> float:
        mean_s = self.mean_s
        if mean_s == 0:
            return 0.0
        second_moment = math.fsum(p * part.mean_s**2 * (1 + part.scv) for p, part in self.flat() if part.mean_s > 0)
        return max(0.0, second_moment / mean_s**2 - 1)
