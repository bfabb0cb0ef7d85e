"""Distributions of one or two parameters whose tail falls at least exponentially, and the lognormal."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdlab.errors import InvalidInput
from simulations.distributions.bounds import Law, at_least_zero, between, positive

MAX_STAGES = 10_000
GAMMA_SHAPES = (0.01, 1e6)
SIGMA_MAX = 10.0


@dataclass(frozen=True)
class Constant(Law):
    """Always the same time; 0 is allowed.

    >>> Constant(0.002).scv
    0.0
    """

    value_s: float

    def __post_init__(self) -> None:
        at_least_zero("value_s", self.value_s)

    @property
    def mean_s(self) -> float:
        return self.value_s

    @property
    def scv(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Uniform(Law):
    """Any time from ``low_s`` to ``high_s`` with the same density: scv = ((high - low) / (high + low))² / 3.

    >>> spread = Uniform(0.001, 0.003)
    >>> spread.mean_s, round(spread.scv, 4)
    (0.002, 0.0833)
    """

    low_s: float
    high_s: float

    def __post_init__(self) -> None:
        at_least_zero("low_s", self.low_s)
        positive("high_s", self.high_s)
        if self.high_s <= self.low_s:
            raise InvalidInput("high_s", self.high_s, f"must be above low_s, {self.low_s}")

    @property
    def mean_s(self) -> float:
        return (self.low_s + self.high_s) / 2

    @property
    def scv(self) -> float:
        return ((self.high_s - self.low_s) / (self.high_s + self.low_s)) ** 2 / 3


@dataclass(frozen=True)
class Exponential(Law):
    """Memoryless; scv 1.

    >>> Exponential(0.003).scv
    1.0
    """

    mean_s: float

    def __post_init__(self) -> None:
        positive("mean_s", self.mean_s)

    @property
    def scv(self) -> float:
        return 1.0


@dataclass(frozen=True)
class Erlang(Law):
    """The sum of ``stages`` independent exponential times, together of mean ``mean_s``: scv = 1 / stages (Erlang 1917).

    >>> Erlang(mean_s=0.003, stages=4).scv
    0.25
    """

    mean_s: float
    stages: int

    def __post_init__(self) -> None:
        positive("mean_s", self.mean_s)
        if not isinstance(self.stages, int) or not 1 <= self.stages <= MAX_STAGES:
            raise InvalidInput("stages", self.stages, f"must be an integer from 1 to {MAX_STAGES}")

    @property
    def scv(self) -> float:
        return 1.0 / self.stages


@dataclass(frozen=True)
class Gamma(Law):
    """Density proportional to t^(shape - 1) exp(-shape t / mean): scv = 1 / shape.

    Erlang's for whole shapes, the exponential at shape 1 (Johnson, Kotz & Balakrishnan 1994, chapter 17).

    >>> Gamma(mean_s=0.01, shape=0.5).scv
    2.0
    """

    mean_s: float
    shape: float

    def __post_init__(self) -> None:
        positive("mean_s", self.mean_s)
        between("shape", self.shape, *GAMMA_SHAPES)

    @property
    def scv(self) -> float:
        return 1.0 / self.shape


@dataclass(frozen=True)
class LogNormal(Law):
    """The logarithm is normal with standard deviation ``sigma``; ``mean_s`` is the mean of the time itself.

    scv = exp(sigma²) - 1 (Johnson, Kotz & Balakrishnan 1994, chapter 14).

    >>> round(LogNormal(mean_s=0.05, sigma=1.0).scv, 3)
    1.718
    """

    mean_s: float
    sigma: float

    def __post_init__(self) -> None:
        positive("mean_s", self.mean_s)
        between("sigma", self.sigma, 0, SIGMA_MAX)

    @property
    def mu(self) -> float:
        """Mean of the logarithm."""
        return math.log(self.mean_s) - self.sigma**2 / 2

    @property
    def scv(self) -> float:
        return math.expm1(self.sigma**2)
