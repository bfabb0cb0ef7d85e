"""What the probe says of a core's two speeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdlab import speed, spoilt
from sdlab.speed import Speeds

SPEEDS = Speeds(np.array([0.0, 0.1, 0.2, 0.3]), np.array([18e-6, 30e-6, 31e-6, 18.5e-6]))


def test_the_last_probe_before_a_moment_says_how_fast_the_core_was() -> None:
    moments = np.array([-1.0, 0.05, 0.1, 0.25, 0.3, 9.0])
    assert SPEEDS.is_slow(moments, 18e-6).tolist() == [False, False, True, True, False, False]
    assert SPEEDS.slow_share(18e-6) == 0.5


def test_the_fast_time_is_that_of_all_windows_together() -> None:
    slow_all_along = Speeds(np.arange(100.0), np.full(100, 30e-6))
    fast = Speeds(np.arange(100.0), np.full(100, 18e-6))
    assert speed.fast_s([slow_all_along, None, fast]) == pytest.approx(18e-6)
    assert math.isnan(speed.fast_s([None]))


def test_an_interrupted_probe_tells_nothing_of_the_speed() -> None:
    spin_s = np.full(50, 20e-6)
    spin_s[7] = 0.005
    assert Speeds(np.arange(50.0), spin_s).mean_s == pytest.approx(20e-6 * (49 + 3) / 50)


def test_a_window_is_spoilt_by_the_speed_all_through_it_where_that_is_known() -> None:
    def resources(spin_s: float) -> dict[str, object]:
        probe = {"before": {"min_s": 1.0}, "after": {"min_s": 1.0}}
        return {"spin_probe": probe, "speed": {"at_s": [0.0, 1.0], "spin_s": [spin_s, spin_s]}}

    assert spoilt.by_the_machine(resources(22e-6), 20e-6) is None
    assert "1.30 times as long" in (spoilt.by_the_machine(resources(26e-6), 20e-6) or "")


def test_a_run_without_a_probe_has_no_speeds() -> None:
    assert Speeds.of({}) is None
    assert Speeds.of({"speed": {"at_s": [], "spin_s": []}}) is None
