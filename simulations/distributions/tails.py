"""Distributions whose tail can be heavier than exponential."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdlab.errors import InvalidInput
from simulations.distributions.bounds import Law, between, positive

WEIBULL_SHAPES = (0.05, 1000.0)


@dataclass(frozen=True)
class Weibull(Law):
    """P(T > t) = exp(-(t / scale)^shape), with mean scale Γ(1 + 1/shape) and scv Γ(1 + 2/shape) / Γ(1 + 1/shape)² - 1.

    A shape below 1 gives a tail heavier than exponential, 1 is the exponential itself (Weibull 1951).

    >>> heavy = Weibull(mean_s=0.01, shape=0.5)
    >>> round(heavy.scale_s, 6), round(heavy.scv, 6)
    (0.005, 5.0)
    """

    mean_s: float
    shape: float

    def __post_init__(self) -> None:
        positive("mean_s", self.mean_s)
        between("shape", self.shape, *WEIBULL_SHAPES)

    @property
    def scale_s(self) -> float:
        """The time that a fraction 1/e exceeds."""
        return self.mean_s / math.gamma(1 + 1 / self.shape)

    @property
    def scv(self) -> float:
        return math.expm1(math.lgamma(1 + 2 / self.shape) - 2 * math.lgamma(1 + 1 / self.shape))


@dataclass(frozen=True)
class Pareto(Law):
    """Pareto's first kind: P(T > t) = (minimum / t)^alpha from minimum = mean (alpha - 1) / alpha on (Pareto 1896).

    The kind that file sizes and CPU times were found to follow (Crovella & Bestavros 1997; Harchol-Balter & Downey
    1997). ``alpha`` is above 1, so that there is a mean; scv = 1 / (alpha (alpha - 2)) above 2, infinite up to 2. The
    mean of samples then converges slowly: with alpha 1.5 the error of n of them falls as n^(-1/3).

    >>> Pareto(mean_s=0.03, alpha=3.0).minimum_s, round(Pareto(0.03, 3.0).scv, 4), Pareto(0.03, 1.5).scv
    (0.02, 0.3333, inf)
    """

    mean_s: float
    alpha: float

    def __post_init__(self) -> None:
        positive("mean_s", self.mean_s)
        if not (math.isfinite(self.alpha) and self.alpha > 1):
            raise InvalidInput("alpha", self.alpha, "must be a number above 1, for the mean to be finite")

    @property
    def minimum_s(self) -> float:
        """The shortest time."""
        return self.mean_s * (self.alpha - 1) / self.alpha

    @property
    def scv(self) -> float:
        return 1 / (self.alpha * (self.alpha - 2)) if self.alpha > 2 else math.inf
