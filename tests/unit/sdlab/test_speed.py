"""What the probe says of a core's speed."""

from __future__ import annotations

import numpy as np
import pytest

from sdlab import spoilt
from sdlab.speed import AROUND, Speeds


def test_the_median_of_the_probes_around_a_moment_says_how_fast_the_core_was() -> None:
    at_s = np.arange(0.0, 1.0, 0.01)
    spin_s = np.where((at_s >= 0.3) & (at_s < 0.6), 30e-6, 18e-6)
    spin_s[[10, 40]] = 30e-6, 18e-6  # one by itself is no change of speed
    found = Speeds(at_s, spin_s).around(np.array([-1.0, 0.1, 0.4, 0.5, 0.9, 9.0]))
    assert found.tolist() == [18e-6, 18e-6, 30e-6, 30e-6, 18e-6, 18e-6]


def test_a_change_of_speed_is_seen_half_a_median_early_or_late_at_most() -> None:
    at_s = np.arange(0.0, 1.0, 0.01)
    speeds = Speeds(at_s, np.where(at_s < 0.5, 18e-6, 30e-6))
    found = speeds.around(at_s)
    changed = int(np.argmax(found > 20e-6))
    assert abs(changed - 50) <= AROUND // 2


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
