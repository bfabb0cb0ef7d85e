"""Intervals with control variates cover what they should, and are narrower than without."""

from __future__ import annotations

import numpy as np
import pytest

from sdlab.errors import InvalidInput
from simulations.proof.evidence import Finding, Sample, controlled_interval


def samples(seed: int, count: int = 20) -> list[Sample]:
    """A value of mean 5 of which most of the variance is that of a control with weight 3."""
    rng = np.random.default_rng(seed)
    control, rest = rng.normal(0, 1, count), rng.normal(0, 0.5, count)
    return [Sample(5 + 3 * float(c) + float(r), (float(c),)) for c, r in zip(control, rest, strict=True)]


def test_ninety_nine_of_a_hundred_intervals_cover_the_mean() -> None:
    covered = sum(controlled_interval(samples(seed)).contains(5.0) for seed in range(2000))
    assert covered == pytest.approx(1980, abs=4 * np.sqrt(2000 * 0.01 * 0.99))


def test_a_control_takes_away_the_variance_that_it_explains() -> None:
    with_control = controlled_interval(samples(1, 200)).half_width
    without = controlled_interval([Sample(sample.value) for sample in samples(1, 200)]).half_width
    assert with_control / without == pytest.approx(0.5 / np.hypot(3, 0.5), rel=0.2)


def test_a_finding_is_judged_by_its_interval_and_its_sharpness() -> None:
    interval = controlled_interval(samples(1, 200))
    wide = Finding("wide", "nobody", 5.0, interval)
    assert wide.verdict == "not sharp"
    assert Finding("off", "nobody", 7.0, interval).verdict == "OUTSIDE"
    sharp = controlled_interval([Sample(5 + noise) for noise in np.linspace(-0.01, 0.01, 20).tolist()])
    assert Finding("sharp", "nobody", 5.0, sharp).verdict == "agrees"


def test_too_few_samples_for_the_controls_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 4"):
        controlled_interval(samples(1, 3))
