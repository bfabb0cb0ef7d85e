"""Distributions of service times and delays, in seconds.

Each is frozen, validates itself, and knows its mean and its squared coefficient of variation (variance / mean²),
which is what queueing formulas ask for. How values are drawn is in `simulations.sampling`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput

MAX_STAGES = 10_000


@dataclass(frozen=True)
class Constant:
    """Always the same time; 0 is allowed."""

    value_s: float

    def __post_init__(self) -> None:
        _at_least_zero("value_s", self.value_s)

    @property
    def mean_s(self) -> float:
        return self.value_s

    @property
    def scv(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Exponential:
    """Memoryless; squared coefficient of variation 1."""

    mean_s: float

    def __post_init__(self) -> None:
        _positive("mean_s", self.mean_s)

    @property
    def scv(self) -> float:
        return 1.0


@dataclass(frozen=True)
class Erlang:
    """The sum of ``stages`` independent exponential times, together of mean ``mean_s``: scv = 1 / stages."""

    mean_s: float
    stages: int

    def __post_init__(self) -> None:
        _positive("mean_s", self.mean_s)
        if not isinstance(self.stages, int) or not 1 <= self.stages <= MAX_STAGES:
            raise InvalidInput("stages", self.stages, f"must be an integer from 1 to {MAX_STAGES}")

    @property
    def scv(self) -> float:
        return 1.0 / self.stages


@dataclass(frozen=True)
class LogNormal:
    """The logarithm is normal with standard deviation ``sigma``; ``mean_s`` is the mean of the time itself."""

    mean_s: float
    sigma: float

    def __post_init__(self) -> None:
        _positive("mean_s", self.mean_s)
        _at_least_zero("sigma", self.sigma)

    @property
    def mu(self) -> float:
        """Mean of the logarithm."""
        return math.log(self.mean_s) - self.sigma**2 / 2

    @property
    def scv(self) -> float:
        return math.expm1(self.sigma**2)


@dataclass(frozen=True)
class Hyperexponential:
    """A mixture of exponentials: with ``probabilities[i]`` the time is exponential of mean ``means_s[i]``."""

    probabilities: tuple[float, ...]
    means_s: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", tuple(float(p) for p in self.probabilities))
        object.__setattr__(self, "means_s", tuple(float(m) for m in self.means_s))
        if not self.probabilities or len(self.probabilities) != len(self.means_s):
            raise InvalidInput("probabilities", self.probabilities, "must be as many as means_s, at least one")
        for probability in self.probabilities:
            if not 0 <= probability <= 1:
                raise InvalidInput("probabilities", probability, "must be from 0 to 1")
        if abs(math.fsum(self.probabilities) - 1) > 1e-9:
            raise InvalidInput("probabilities", self.probabilities, "must add up to 1")
        for mean in self.means_s:
            _positive("means_s", mean)

    @property
    def mean_s(self) -> float:
        return math.fsum(p * m for p, m in zip(self.probabilities, self.means_s, strict=True))

    @property
    def scv(self) -> float:
        second_moment = math.fsum(2 * p * m**2 for p, m in zip(self.probabilities, self.means_s, strict=True))
        return second_moment / self.mean_s**2 - 1


@dataclass(frozen=True)
class Empirical:
    """Quantiles of measurements: ``quantiles_s`` are sorted values at equally spaced probabilities from 0 to 1.

    Between two neighbours a value is interpolated linearly, so the density is constant there.
    """

    quantiles_s: tuple[float, ...]
    MIN_QUANTILES: ClassVar[int] = 2

    def __post_init__(self) -> None:
        values = tuple(float(value) for value in self.quantiles_s)
        object.__setattr__(self, "quantiles_s", values)
        if len(values) < self.MIN_QUANTILES:
            raise InvalidInput("quantiles_s", values, f"must have at least {self.MIN_QUANTILES} values")
        for value in values:
            _at_least_zero("quantiles_s", value)
        for before, after in pairwise(values):
            if after < before:
                raise InvalidInput("quantiles_s", after, f"must not fall below the quantile before it, {before}")

    @classmethod
    def from_measurements(cls, times_s: NDArray[np.float64], quantiles: int = 201) -> Empirical:
        """Summarise measured times by this many quantiles, the extremes included."""
        if len(times_s) == 0:
            raise InvalidInput("times_s", [], "must hold at least one measurement")
        probabilities = np.linspace(0.0, 1.0, max(quantiles, cls.MIN_QUANTILES))
        return cls(tuple(np.quantile(np.asarray(times_s, dtype=np.float64), probabilities).tolist()))

    @property
    def mean_s(self) -> float:
        q = np.asarray(self.quantiles_s)
        return float(np.mean((q[:-1] + q[1:]) / 2))

    @property
    def scv(self) -> float:
        """Exact for the interpolated distribution: each piece is uniform, E[X²] = (a² + ab + b²) / 3."""
        if self.mean_s == 0:
            return 0.0
        q = np.asarray(self.quantiles_s)
        a, b = q[:-1], q[1:]
        second_moment = float(np.mean((a**2 + a * b + b**2) / 3))
        return max(0.0, second_moment / self.mean_s**2 - 1)


Distribution = Constant | Exponential | Erlang | LogNormal | Hyperexponential | Empirical


def _positive(field: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InvalidInput(field, value, "must be a number above 0")


def _at_least_zero(field: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InvalidInput(field, value, "must be a number of at least 0")
