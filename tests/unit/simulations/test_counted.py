"""Histograms say the same of a run as its records do, to 0.1 %."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations import results
from simulations.checks import check, everything_in_flight
from simulations.counted import middles_s
from simulations.engines import simulate, simulate_stream
from simulations.histograms import bounds_s, buckets_of
from simulations.model import Constant, Exponential, Flow, Model, Population, Serve, Station, Timeout
from simulations.records import reduced
from simulations.sample_path import SamplePath
from tests.unit.simulations.builders import requests

HALF_A_BUCKET = 2.0**-10


@given(st.floats(1e-9, 1e6))
def test_a_time_lies_in_its_bucket_and_within_a_thousandth_of_its_middle(time_s: float) -> None:
    bucket = int(buckets_of(np.array([time_s]))[0])
    bounds = bounds_s()
    assert bounds[bucket] <= time_s < bounds[bucket + 1]
    assert abs(middles_s()[bucket] - time_s) <= HALF_A_BUCKET * time_s


@pytest.fixture(scope="module")
def run() -> tuple[Requests, SamplePath]:
    rng = np.random.default_rng(1)
    table = requests(
        rng.exponential(0.01, 20_000).cumsum(), operation=rng.integers(0, 2, 20_000).tolist(), operations=("get", "put")
    )
    steps = [Timeout(Constant(0.1), [Serve("server", Exponential(0.008))], abandoned="cancel")]
    users = Population("users", "report", users=2, think=Exponential(1.0), region="eu")
    flows = [Flow("get", steps), Flow("put", [Serve("server", Exponential(0.008))]), Flow("report", [*steps])]
    model = Model("three", flows, [Station("server")], regions=["eu"], populations=[users])
    path = simulate(model, table, 1, bin_s=10.0)
    return results.requests_of(table, path, model), path


def test_a_summary_from_histograms_is_that_from_records(run: tuple[Requests, SamplePath]) -> None:
    table, path = run
    expected, found = results.summary(table, path, 200.0), results.summary(table, reduced(table, path), 200.0)
    assert expected[0].timed_out > 100
    by_operation = {row.operation: row.as_dict() for row in expected}
    assert [row.operation for row in found] == ["all", "get", "put", "report"]
    for row in found:
        for name, value in list(row.as_dict().items())[1:]:  # the first is the operation's name
            if name in ("retried", "retries"):
                assert value is None
            elif "_p" in name or "_max" in name:
                assert value == pytest.approx(by_operation[row.operation][name], rel=HALF_A_BUCKET)
            else:
                assert value == pytest.approx(by_operation[row.operation][name], rel=1e-12), name


def test_outcomes_and_the_breakdown_need_no_records(run: tuple[Requests, SamplePath]) -> None:
    table, path = run
    kept = reduced(table, path)
    expected = {(row["operation"], row["outcome"]): row for row in results.outcomes(table, path)}
    for row in results.outcomes(table, kept):
        same = expected.pop((row["operation"], row["outcome"]))
        assert (row["requests"], row["share"]) == (same["requests"], same["share"])
        if row["outcome"] == "completed":
            assert row["response_time_s_mean"] == pytest.approx(same["response_time_s_mean"], rel=1e-12)
            assert row["response_time_s_p99"] == pytest.approx(same["response_time_s_p99"], rel=HALF_A_BUCKET)
        else:
            assert math.isnan(row["response_time_s_mean"])
    assert not expected
    assert results.breakdown(table, kept) == results.breakdown(table, path)


def test_the_laws_hold_and_time_passes_without_records(run: tuple[Requests, SamplePath]) -> None:
    table, path = run
    kept = reduced(table, path)
    assert kept.completed_s.size == 0
    assert all(law.ok for law in check(kept))
    series = results.series(table, kept)
    assert series["stations"].equals(results.series(table, path)["stations"])
    hours = results.hours(table, kept, 20.0)
    assert hours["response_time_s_p99"] == {}
    assert hours["utilisation"] == results.hours(table, path, 20.0)["utilisation"]


def test_what_needs_every_request_says_so(run: tuple[Requests, SamplePath]) -> None:
    table, path = run
    with pytest.raises(InvalidInput, match="hold no request's record"):
        results.records(table, reduced(table, path))
    with pytest.raises(InvalidInput, match="must be all"):
        everything_in_flight(reduced(table, path), 0)


def test_a_stream_counts_what_the_records_of_the_same_requests_say() -> None:
    table = requests(np.random.default_rng(1).exponential(0.01, 5_000).cumsum())
    model = Model("one", [Flow("get", [Serve("server", Exponential(0.008))])], [Station("server")])
    kept, streamed = reduced(table, simulate(model, table, 1)).histograms, simulate_stream(model, [table], 1).histograms
    assert kept is not None
    assert streamed is not None
    assert np.array_equal(kept.counts, streamed.counts)
    assert np.array_equal(kept.ended, streamed.ended)
    assert kept.total_s == pytest.approx(streamed.total_s, rel=1e-12)
