"""A steady run says what it can be sure of, and says so when it was too short to tell."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulations.engines import simulate
from simulations.model import Constant, Exponential
from simulations.steady_state import steady_state
from simulations.study import sectioning
from simulations.theory import mm1, mm1_response_time_quantile_s
from tests.unit.simulations.builders import one_station, poisson, requests


def test_an_interval_of_a_percentile_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(100):
        values = np.random.default_rng(seed).exponential(size=20_000)
        found = sectioning(values, lambda part: float(np.quantile(part, 0.99)))
        covered += found.contains(-math.log(0.01))
    assert 88 <= covered <= 100  # of 95 expected, with a standard deviation of 2.2


def test_the_interval_is_the_students_of_the_batches_about_the_value_of_the_whole() -> None:
    found = sectioning(np.array([9.0, 1.0, 2.0, 3.0, 6.0]), lambda part: float(part.max()), batches=2)
    assert found.mean == 6.0  # the 9 does not fill a batch
    assert found.half_width == pytest.approx(12.706205 * math.sqrt((4.0**2 + 0.0) / 1 / 2), rel=1e-6)


def test_a_long_run_of_a_station_has_the_exact_mean_and_percentile_in_its_intervals() -> None:
    arrivals = poisson(200_000, 50.0)
    found = steady_state(arrivals, simulate(one_station(Exponential(0.01)), arrivals, 1))
    row = found["rows"][0]
    assert found["settled"]
    assert found["warnings"] == []
    assert abs(row["response_time_s_mean"] - mm1(50.0, 0.01).response_time_s) <= row["response_time_s_mean_half_width"]
    p99_s = mm1_response_time_quantile_s(50.0, 0.01, 0.99)
    assert abs(row["response_time_s_p99"] - p99_s) <= row["response_time_s_p99_half_width"]


def test_what_happens_before_the_service_has_warmed_up_is_cut() -> None:
    crowd = np.sort(np.concatenate([np.linspace(0.0, 0.5, 500), np.arange(2_000) * 0.02]))
    arrivals = requests(crowd + np.random.default_rng(1).exponential(1e-3, crowd.size).cumsum() * 1e-3)
    found = steady_state(arrivals, simulate(one_station(Exponential(0.01)), arrivals, 1))
    assert found["settled"]
    assert 500 < found["warm_up_requests"] < 1_250
    assert 1.0 < found["warm_up_s"] < 20.0


def test_a_queue_that_only_grows_never_settles() -> None:
    arrivals = poisson(4_000, 120.0)
    found = steady_state(arrivals, simulate(one_station(Exponential(0.01)), arrivals, 1))
    assert not found["settled"]
    assert "not settled" in found["warnings"][0]
    assert found["rows"][0]["lag1"] > 0.5
    assert any("depend on each other" in warning for warning in found["warnings"])


def test_too_few_requests_get_no_interval_and_a_warning() -> None:
    arrivals = poisson(500, 10.0)
    found = steady_state(arrivals, simulate(one_station(Exponential(0.01)), arrivals, 1))
    row = found["rows"][0]
    assert math.isfinite(row["response_time_s_p50_half_width"])
    assert math.isnan(row["response_time_s_p99_half_width"])
    assert any("p99 of all, get: fewer than 100" in warning for warning in found["warnings"])
    few = poisson(19, 10.0)
    said = steady_state(few, simulate(one_station(Constant(0.01)), few, 1))
    assert said["rows"] == []
    assert "only 19 requests completed" in said["warnings"][0]
