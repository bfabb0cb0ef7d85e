"""A simulated mean beside the value it should have: replications, control variates, a 99 % interval, a verdict."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sdlab import quantiles
from sdlab.errors import InvalidInput
from simulations.study import Interval

CONFIDENCE = 0.99
PRECISION = 0.005
"""Half-width of the interval, relative to the value, that a finding must be sharper than."""


@dataclass(frozen=True)
class Sample:
    """What one run gave: a mean, and how far other means, whose true values are known, came out from them."""

    value: float
    controls: tuple[float, ...] = ()


@dataclass(frozen=True)
class Case:
    """Something whose true mean is known: ``run(seed)`` simulates it once, ``replications`` times in all.

    Each case has seeds of its own, by its name: with the same ones, all cases would be off to the same side.
    """

    name: str
    source: str
    expected: float
    run: Callable[[int], Sample]
    replications: int = 40

    def find(self, replications: int | None = None) -> Finding:
        """Run every replication, or the first so many of them."""
        first = 1000 * zlib.crc32(self.name.encode())
        seeds = range(first, first + (replications or self.replications))
        return Finding(self.name, self.source, self.expected, controlled_interval([self.run(seed) for seed in seeds]))


@dataclass(frozen=True)
class Finding:
    """A row of the theory's table: the value that a formula gives and the interval of what was simulated."""

    name: str
    source: str
    expected: float
    found: Interval

    @property
    def relative_half_width(self) -> float:
        """Of the interval, as a share of the expected value."""
        return self.found.half_width / abs(self.expected)

    @property
    def inside(self) -> bool:
        """Whether the expected value lies in the interval: by chance alone, one in a hundred does not."""
        return self.found.contains(self.expected)

    @property
    def sharp(self) -> bool:
        """Whether the interval is narrow enough to say anything."""
        return self.relative_half_width < PRECISION

    @property
    def verdict(self) -> str:
        """In words."""
        return "agrees" if self.inside and self.sharp else "not sharp" if self.inside else "OUTSIDE"

    def as_dict(self) -> dict[str, str | float]:
        """One row of a table."""
        return {
            "name": self.name,
            "source": self.source,
            "expected": self.expected,
            "found": self.found.mean,
            "half_width": self.found.half_width,
            "relative_half_width": self.relative_half_width,
            "verdict": self.verdict,
        }


def controlled_interval(samples: Sequence[Sample], confidence: float = CONFIDENCE) -> Interval:
    """Student-t interval of the mean of independent samples, corrected by regression on their control variates.

    The intercept of the regression is the mean at controls of 0 (Lavenberg & Welch 1981, "A perspective on the use of
    control variables"). Needs at least three samples more than there are controls.
    """
    values = np.array([sample.value for sample in samples])
    controls = np.array([sample.controls for sample in samples]).reshape(len(samples), -1)
    freedom = len(samples) - controls.shape[1] - 1
    if freedom < 2:
        raise InvalidInput("samples", len(samples), f"must be at least {controls.shape[1] + 3}")
    scale = np.abs(controls).max(axis=0)
    design = np.column_stack([np.ones(len(samples)), controls / np.where(scale > 0, scale, 1.0)])
    coefficients = np.linalg.lstsq(design, values)[0]
    variance = float(np.sum((values - design @ coefficients) ** 2)) / freedom
    standard_error = math.sqrt(variance * float(np.linalg.pinv(design.T @ design)[0, 0]))
    quantile = quantiles.student_t((1 + confidence) / 2, freedom)
    return Interval(float(coefficients[0]), quantile * standard_error, confidence, len(samples))
