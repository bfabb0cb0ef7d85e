"""The rule by which a prediction is judged, by hand."""

from __future__ import annotations

import math

import pytest

from sdlab.agreement import agreement, all_pass, coverage, noise_floor, of_saturation


def test_the_median_of_the_windows_own_errors_stands_for_a_load_with_its_range() -> None:
    cell = agreement("p95", [0.010, 0.020, 0.040], [0.011, 0.018, 0.040], share=0.5)
    assert (cell.windows, cell.measured_s, cell.predicted_s) == (3, 0.020, 0.018)
    assert (cell.error, cell.error_low, cell.error_high) == pytest.approx((0.0, -0.1, 0.1))


def test_an_error_at_its_target_passes_and_one_beyond_does_not() -> None:
    assert agreement("mean", [0.1], [0.105], 0.8).passes is True
    assert agreement("mean", [0.1], [0.0949], 0.8).passes is False


def test_twice_the_noise_floor_takes_the_targets_place_where_it_is_larger() -> None:
    cell = agreement("mean", [0.9, 1.0, 1.1], [1.08, 1.2, 1.32], 0.5)
    assert cell.noise_floor == pytest.approx(0.1)
    assert cell.bound == pytest.approx(0.2)
    assert (cell.passes, cell.meets_target) == (True, False)


def test_the_noise_floor_is_the_standard_deviation_over_the_median_and_needs_two_windows() -> None:
    assert noise_floor([1.0, 2.0, 6.0]) == pytest.approx(math.sqrt(7) / 2)
    assert math.isnan(noise_floor([1.0]))


def test_loads_above_four_fifths_of_saturation_and_medians_are_not_judged() -> None:
    cells = [agreement("p99", [1.0], [9.0], 0.9), agreement("p50", [1.0], [9.0], 0.5), agreement("p99", [1], [9], None)]
    assert [cell.passes for cell in cells] == [None] * 3
    assert all_pass(cells) is None


def test_one_miss_misses_all() -> None:
    good, bad = agreement("p99", [1.0], [1.1], 0.5), agreement("p99", [1.0], [1.2], 0.6)
    assert (all_pass([good]), all_pass([good, bad])) == (True, False)


def test_a_window_without_a_prediction_counts_for_the_noise_alone() -> None:
    cell = agreement("p99", [1.0, 2.0], [1.1, math.nan], 0.5)
    assert cell.windows == 2
    assert cell.error == pytest.approx(0.1)
    assert math.isfinite(cell.noise_floor)


def test_nothing_measured_is_nothing_judged() -> None:
    cell = agreement("p99", [], [], 0.5)
    assert (cell.windows, cell.passes) == (0, None)


def test_the_range_of_five_errors_holds_their_median_with_fifteen_chances_of_sixteen() -> None:
    assert coverage(5) == 15 / 16
    assert coverage(1) == 0


def test_a_saturation_is_held_against_what_searches_differ_by() -> None:
    once = of_saturation([100.0], [105.0])
    assert (once.passes, once.meets_target) == (False, False)
    twice = of_saturation([90.0, 110.0], [94.5, 115.5])
    assert twice.error == pytest.approx(0.05)
    assert twice.noise_floor == pytest.approx(math.sqrt(200) / 100)
    assert (twice.passes, twice.meets_target) == (True, False)
    assert of_saturation([90.0, 110.0], [91.8, 112.2]).meets_target
