"""The distribution of what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from simulations.distributions.bounds import Law, at_least_zero


@dataclass(frozen=True)
class Empirical(Law):
    """Quantiles of measurements: ``quantiles_s`` are sorted values at equally spaced probabilities from 0 to 1.

    Between two neighbours a value is interpolated linearly, so the density is constant there. A draw reads two
    neighbours, however many there are.

    >>> half = Empirical((0.001, 0.002, 0.007))
    >>> half.mean_s, round(half.scv, 4)
    (0.003, 0.3704)
    """

    quantiles_s: tuple[float, ...]
    MIN_QUANTILES: ClassVar[int] = 2

    def __post_init__(self) -> None:
        values = tuple(float(value) for value in self.quantiles_s)
        object.__setattr__(self, "quantiles_s", values)
        if len(values) < self.MIN_QUANTILES:
            raise InvalidInput("quantiles_s", values, f"must have at least {self.MIN_QUANTILES} values")
        for value in values:
            at_least_zero("quantiles_s", value)
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
