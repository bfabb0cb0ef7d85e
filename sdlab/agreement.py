"""How well a prediction agrees with what was measured, over repeated windows: the rule, written before any run. Pure.

An error is signed: (predicted - measured) / measured, positive where the model is too pessimistic. Each window is
compared with its own prediction, made with the parameters that were frozen for it, and the median over the windows
stands for the load. Its interval is from the smallest to the largest error: that of the median holds with a chance of
1 - 2^(1-n) over n windows, whatever the errors' law (order statistics; David and Nagaraja 2003, 7.1).

The noise floor is the sample standard deviation of the repeated measurements over their median: what two windows of
the same service at the same rate differ by, which no model can foresee. A cell passes if

    |error| <= max(target, 2 x noise floor).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

STATISTICS = ("mean", "p50", "p90", "p95", "p99")
TARGETS = {"mean": 0.05, "p95": 0.10, "p99": 0.15}
"""The largest error by statistic; the others are shown and not judged."""

SATURATION_TARGET = 0.03
JUDGED_SHARE_MAX = 0.8
"""Loads above this share of saturation are shown, not judged."""

NOISE_FLOORS = 2.0
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Agreement:
    """One statistic at one load. Seconds are medians over ``windows`` windows; what is not known is NaN. Of
    `of_saturation` they are requests a second, over as many searches.

    ``target`` is None for what is not judged: a statistic without one, or a load above `JUDGED_SHARE_MAX`.
    """

    statistic: str
    windows: int
    measured_s: float
    predicted_s: float
    error: float
    error_low: float
    error_high: float
    noise_floor: float
    target: float | None

    @property
    def bound(self) -> float | None:
        """The largest error that passes: the target, or twice the noise floor where that is larger."""
        if self.target is None:
            return None
        return max(self.target, NOISE_FLOORS * self.noise_floor) if math.isfinite(self.noise_floor) else self.target

    @property
    def passes(self) -> bool | None:
        """None if it is not judged, or there is nothing to judge."""
        if self.bound is None or not math.isfinite(self.error):
            return None
        return abs(self.error) <= self.bound + _ROUNDING

    @property
    def meets_target(self) -> bool | None:
        """Whether it would pass without the help of the noise floor."""
        if self.target is None or not math.isfinite(self.error):
            return None
        return abs(self.error) <= self.target + _ROUNDING


def agreement(
    statistic: str, measured_s: Sequence[float], predicted_s: Sequence[float], share: float | None
) -> Agreement:
    """Compare windows with their predictions, in the same order; ``share`` is the load as a share of saturation.

    A window whose prediction is NaN counts for what was measured only.
    """
    pairs = [(m, p) for m, p in zip(measured_s, predicted_s, strict=True) if math.isfinite(m)]
    errors = [p / m - 1 for m, p in pairs if math.isfinite(p) and m > 0]
    judged = share is not None and share <= JUDGED_SHARE_MAX + _ROUNDING
    return Agreement(
        statistic,
        len(pairs),
        median(m for m, _ in pairs),
        median(p for _, p in pairs if math.isfinite(p)),
        median(errors),
        min(errors, default=math.nan),
        max(errors, default=math.nan),
        noise_floor([m for m, _ in pairs]),
        TARGETS.get(statistic) if judged else None,
    )


def of_saturation(measured_rps: Sequence[float], predicted_rps: Sequence[float]) -> Agreement:
    """Compare what searches of the running service found with what the model says, asked as each of them was."""
    return replace(agreement("saturation", measured_rps, predicted_rps, None), target=SATURATION_TARGET)


def noise_floor(measured: Sequence[float]) -> float:
    """Sample standard deviation over the median; NaN for fewer than two windows."""
    middle = median(measured)
    return statistics.stdev(measured) / middle if len(measured) > 1 and middle > 0 else math.nan


def coverage(windows: int) -> float:
    """The chance that the smallest and the largest of so many errors hold their true median between them."""
    return 1 - 2.0 ** (1 - windows) if windows > 0 else math.nan


def all_pass(cells: Iterable[Agreement]) -> bool | None:
    """The verdict over all judged cells; None if there is none."""
    judged = [cell.passes for cell in cells if cell.passes is not None]
    return all(judged) if judged else None


def median(values: Iterable[float]) -> float:
    """NaN of nothing."""
    known = list(values)
    return statistics.median(known) if known else math.nan
