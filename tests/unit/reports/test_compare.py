"""Errors by hand: every request of a window takes the same time, so each percentile and the mean is that time."""

from __future__ import annotations

import numpy as np
import pytest

from reports.build import measured_loads
from reports.collect import choose_study
from reports.compare import Load, mean_interval, model_error
from tests.unit.reports.synthetic import SyntheticStudy, exponential_times


def loads(study: SyntheticStudy) -> list[Load]:
    return measured_loads(choose_study(study.slug, runs=study.runs))


def test_an_error_is_predicted_minus_measured_over_measured_with_its_sign(study: SyntheticStudy) -> None:
    study.pair(100, measured_s=0.010, predicted_s=0.008)
    study.pair(200, measured_s=0.010, predicted_s=0.0125)
    low, high = loads(study)
    for name in ("response_time_s_p50", "response_time_s_p95", "response_time_s_p99", "response_time_s_mean"):
        for load, error in ((low, -0.2), (high, 0.25)):
            one = load.quantity(name)
            assert one is not None
            assert one.measured == pytest.approx(0.010)
            assert one.relative_error == pytest.approx(error)


def test_what_was_judged_is_shown_as_predicted_and_not_the_one_replay_that_was_kept(study: SyntheticStudy) -> None:
    run_id = study.load_test(100, np.full(400, 0.010))
    study.replay(run_id, 100, np.full(400, 0.008), judged_s=0.009)
    (load,) = loads(study)
    shown = {one.quantity: one.predicted for one in load.operations["all"] if one.quantity != "utilisation"}
    assert set(shown.values()) == {0.009}
    operation = next(name for name in load.operations if name != "all")
    assert load.quantity("response_time_s_mean", operation).predicted == pytest.approx(0.008)  # type: ignore[union-attr]


def test_utilisation_compares_the_api_processes_with_the_models_api_stations(study: SyntheticStudy) -> None:
    study.pair(100, 0.010, 0.010)  # measured 0.5 on api-1 (and 0.1 on postgres), predicted 0.4 on api-1
    one = loads(study)[0].quantity("utilisation")
    assert one is not None
    assert (one.measured, one.predicted) == (0.5, 0.4)
    assert one.relative_error == pytest.approx(-0.2)


def test_each_operation_is_compared_with_its_own_requests(study: SyntheticStudy) -> None:
    times_s = np.where(np.arange(400) % 10 == 0, 0.030, 0.010)  # every tenth request is a write
    run_id = study.load_test(100, times_s)
    study.replay(run_id, 100, np.full(400, 0.015))
    load = loads(study)[0]
    read, write = load.quantity("response_time_s_p99", "read"), load.quantity("response_time_s_p99", "write")
    assert read is not None
    assert write is not None
    assert read.relative_error == pytest.approx(0.5)
    assert write.relative_error == pytest.approx(-0.5)


def test_the_generators_lateness_is_no_error_of_the_model_but_is_shown_to_the_user(study: SyntheticStudy) -> None:
    run_id = study.load_test(100, np.full(400, 0.010), lateness_s=0.005)
    study.replay(run_id, 100, np.full(400, 0.010))
    load = loads(study)[0]
    one = load.quantity("response_time_s_p99")
    assert one is not None
    assert one.relative_error == pytest.approx(0)
    assert load.valid[0].response_time_s_p99_intended == pytest.approx(0.015)


def test_repeated_windows_give_medians_and_a_noise_floor_of_their_standard_deviation_over_the_median(
    study: SyntheticStudy,
) -> None:
    for measured_s in (0.010, 0.011, 0.014):
        study.pair(100, measured_s, predicted_s=0.011)
    (load,) = loads(study)
    one = load.quantity("response_time_s_p99")
    assert one is not None
    assert (one.measured, one.low, one.high) == pytest.approx((0.011, 0.010, 0.014))
    assert one.relative_error == pytest.approx(0)
    assert load.noise_floor["response_time_s_p99"] == pytest.approx(np.std([10, 11, 14], ddof=1) / 11)


def test_one_window_has_an_interval_and_no_noise_floor(study: SyntheticStudy) -> None:
    study.load_test(100, exponential_times(0.010))
    (load,) = loads(study)
    one = load.quantity("response_time_s_p99")
    assert one is not None
    assert one.low < one.measured < one.high
    assert one.measured == pytest.approx(0.010 * np.log(100), rel=0.01)
    assert np.isnan(load.noise_floor["response_time_s_p99"])
    assert np.isnan(one.relative_error), "nothing was predicted"


def test_the_model_error_is_the_median_and_worst_over_held_out_loads(study: SyntheticStudy) -> None:
    for rate, predicted_s in ((100, 0.0105), (200, 0.0090), (300, 0.0130)):
        study.pair(rate, 0.010, predicted_s)
    error = model_error(loads(study))
    assert error is not None
    assert (error.loads, error.invalid_windows) == (3, 0)
    assert error.median_absolute == pytest.approx(0.10)
    assert error.worst == pytest.approx(0.30)
    assert error.worst_rate_rps == 300


def test_an_invalid_window_counts_but_never_enters_an_error(study: SyntheticStudy) -> None:
    study.pair(100, 0.010, 0.011)
    study.pair(100, 0.100, 0.011, reasons=("the machine was busy",))
    study.pair(200, 0.500, 0.011, reasons=("drops",))
    low, high = loads(study)
    error = model_error([low, high])
    assert error is not None
    assert (error.loads, error.invalid_windows) == (1, 2)
    assert error.worst == pytest.approx(0.10)
    assert (len(low.valid), len(low.invalid), len(high.valid), high.operations) == (1, 1, 0, {})


def test_an_interrupted_window_is_invalid(study: SyntheticStudy) -> None:
    study.load_test(100, np.full(400, 0.010), interrupted=True)
    (load,) = loads(study)
    assert load.valid == ()
    assert load.invalid[0].reasons == ("interrupted",)


def test_calibration_and_warm_up_windows_are_not_held_against_the_model(study: SyntheticStudy) -> None:
    for role in ("calibration", "warm_up"):
        study.load_test(100, np.full(400, 0.010), role=role)
    assert loads(study) == []


def test_a_window_that_is_not_held_out_stands_apart_and_enters_no_error(study: SyntheticStudy) -> None:
    study.replay(study.load_test(100, np.full(400, 0.010), role=None), 100, np.full(400, 0.020))
    study.pair(100, 0.010, 0.011)
    found = loads(study)
    assert [(load.rate_rps, load.held_out) for load in found] == [(100, False), (100, True)]
    error = model_error(found)
    assert error is not None
    assert error.worst == pytest.approx(0.10)


def test_batch_means_cover_the_true_mean_about_as_often_as_they_say() -> None:
    stream = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        low, high = mean_interval(stream.exponential(1.0, 600))
        inside += low <= 1.0 <= high
    assert 0.91 <= inside / 400 <= 0.98
