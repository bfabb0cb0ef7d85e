"""From runs to evidence: where the warm-up ends, and how sure a mean is.

- `mser5`: how many observations to cut from the start (White 1997; Franklin & White 2008).
- `batch_means`: an interval for the mean of one long run (Law & Kelton 2000, section 9.5.3).
- `sectioning`: an interval for any statistic of one long run, a percentile for one (Asmussen & Glynn 2007, III.5a).
- `replications`: an interval for the mean over independent runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdlab import quantiles
from sdlab.errors import InvalidInput

Floats = NDArray[np.float64]
BATCH = 5


@dataclass(frozen=True)
class Interval:
    """A mean with the half-width of its confidence interval (Student's t) and how many values it rests on."""

    mean: float
    half_width: float
    confidence: float
    values: int

    @property
    def low(self) -> float:
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        return self.mean + self.half_width

    def contains(self, value: float) -> bool:
        """Whether the value lies in the interval, its ends included."""
        return self.low <= value <= self.high


def interval(values: Sequence[float] | Floats, confidence: float = 0.95) -> Interval:
    """Student-t interval for the mean of independent values; at least two are needed."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < 2:
        raise InvalidInput("values", array.size, "must be at least two")
    if not np.all(np.isfinite(array)):
        raise InvalidInput("values", "NaN or infinite", "must be finite numbers")
    if not 0 < confidence < 1:
        raise InvalidInput("confidence", confidence, "must be between 0 and 1")
    standard_error = float(array.std(ddof=1)) / math.sqrt(array.size)
    quantile = quantiles.student_t((1 + confidence) / 2, array.size - 1)
    return Interval(float(array.mean()), quantile * standard_error, confidence, array.size)


@dataclass(frozen=True)
class WarmUp:
    """How many observations to cut, and whether the rule found a steady state at all.

    MSER-5 looks for its minimum in the first half; ``settled`` is False if the minimum lies at the very end of it,
    which means that the run is too short to tell.
    """

    observations: int
    settled: bool


def mser5(observations: Floats) -> WarmUp:
    """The cut that minimises the standard error of what remains, over batches of five observations in time order.

    MSER(d) = Σ_{i>d} (y_i - ȳ)² / (n - d)², minimised over d up to n / 2 (White 1997, "An effective truncation
    heuristic for bias reduction in simulation output").
    """
    values = np.asarray(observations, dtype=np.float64)
    batches = values.size // BATCH
    if batches < 4:
        raise InvalidInput("observations", values.size, f"must be at least {4 * BATCH}")
    y = values[: batches * BATCH].reshape(batches, BATCH).mean(axis=1)
    y = y - y.mean()  # the statistic does not change, and the sums of squares lose no digits
    left = np.arange(batches, 0, -1)
    sums, squares = np.cumsum(y[::-1])[::-1], np.cumsum((y * y)[::-1])[::-1]
    statistic = np.maximum(squares - sums**2 / left, 0.0) / left.astype(np.float64) ** 2
    candidates = batches // 2 + 1
    cut = int(np.argmin(statistic[:candidates]))
    return WarmUp(cut * BATCH, cut < candidates - 1)


def batch_means(observations: Floats, confidence: float = 0.95, batches: int = 30) -> Interval:
    """Interval for the mean of a stationary series: means of consecutive batches taken as independent.

    Observations that do not fill the last batch are left out from the start. Batches must be long against the time
    over which observations depend on each other; `lag1` of the batch means near 0 says they are.
    """
    return interval(means_of_batches(observations, batches), confidence)


def means_of_batches(observations: Floats, batches: int = 30) -> Floats:
    """Means of so many consecutive batches of equal length."""
    values = np.asarray(observations, dtype=np.float64)
    if batches < 2:
        raise InvalidInput("batches", batches, "must be at least 2")
    if values.size < batches:
        raise InvalidInput("observations", values.size, f"must be at least the {batches} batches")
    size = values.size // batches
    means: Floats = values[values.size - size * batches :].reshape(batches, size).mean(axis=1)
    return means


def sectioning(
    observations: Floats, statistic: Callable[[Floats], float], confidence: float = 0.95, batches: int = 20
) -> Interval:
    """Interval for a statistic of a stationary series: its value over the whole, and how it varies between batches.

    With q of the whole and q_1 ... q_b of consecutive batches, the half-width is t(b - 1) √(Σ (q_i - q)² / b / (b - 1))
    (Asmussen & Glynn 2007, "Stochastic Simulation", III.5a; for percentiles Nakayama 2014). The value of the whole has
    less bias than the mean of the batches' values, which is why it is in the middle. Observations that do not fill the
    last batch are left out from the start.
    """
    values = np.asarray(observations, dtype=np.float64)
    if batches < 2:
        raise InvalidInput("batches", batches, "must be at least 2")
    if values.size < batches:
        raise InvalidInput("observations", values.size, f"must be at least the {batches} batches")
    kept = values[values.size % batches :]
    whole = float(statistic(kept))
    of_batches = np.array([statistic(batch) for batch in kept.reshape(batches, -1)])
    spread = math.sqrt(float(((of_batches - whole) ** 2).sum()) / (batches - 1) / batches)
    return Interval(whole, quantiles.student_t((1 + confidence) / 2, batches - 1) * spread, confidence, batches)


def lag1(values: Floats) -> float:
    """Correlation of neighbours in a series; NaN for a constant one."""
    centred = np.asarray(values, dtype=np.float64) - np.mean(values)
    variance = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / variance if variance > 0 else math.nan


def replications(
    run: Callable[[int], float], seeds: Sequence[int], confidence: float = 0.95
) -> tuple[Interval, list[float]]:
    """Run once for each seed, and give the interval of the mean with the single values."""
    if len(set(seeds)) != len(seeds):
        raise InvalidInput("seeds", list(seeds), "must differ: equal seeds give equal runs")
    values = [float(run(seed)) for seed in seeds]
    return interval(values, confidence), values
