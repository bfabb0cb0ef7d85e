"""The tables of a run: every request, how it ended, what protected the service, and all of it over time."""

from __future__ import annotations

import dataclasses
import importlib.util
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from sdlab import catalog
from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations import results
from simulations.engines import simulate
from simulations.model import Constant, Exponential, Flow, Model, Population, Serve, Station
from simulations.sample_path import OUTCOMES, SamplePath
from simulations.series import as_json, flat
from tests.unit.simulations.builders import poisson, requests

BIN_S = 1.0


@pytest.fixture(scope="module")
def shop() -> ModuleType:
    spec = importlib.util.spec_from_file_location("every_step", catalog.ROOT / "examples" / "every_step.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(shop: ModuleType) -> Model:
    built: Model = shop.build()
    return built


@pytest.fixture(scope="module")
def outside(shop: ModuleType) -> Requests:
    sent: Requests = shop.customers(4_000, 250.0)
    return sent


@pytest.fixture(scope="module")
def path(model: Model, outside: Requests) -> SamplePath:
    return simulate(model, outside, 1, bin_s=BIN_S)


@pytest.fixture(scope="module")
def table(model: Model, outside: Requests, path: SamplePath) -> Requests:
    return results.requests_of(outside, path, model)


def test_the_requests_of_populations_follow_those_from_outside() -> None:
    users = Population("users", "report", users=3, think=Exponential(1.0), until_s=20.0, region="us")
    flows = [Flow("get", [Serve("server", Constant(0.01))]), Flow("report", [Serve("server", Constant(0.02))])]
    model = Model("both", flows, [Station("server")], regions=["eu", "us"], populations=[users])
    outside = requests([1.0, 2.0, 30.0])
    path = simulate(model, outside, 1)
    found = results.requests_of(outside, path, model)
    closed = len(found) - 3
    assert closed > 20
    assert found.arrival_s is path.arrival_s
    assert found.operations == ("get", "report")
    assert found.operation.tolist() == [0] * 3 + [1] * closed
    assert [found.regions[code] for code in found.region[-2:]] == ["us", "us"]
    everything = {row.operation: row for row in results.summary(found, path, 30.0)}
    assert everything["all"].requests == 3 + closed
    assert everything["report"].completed == closed


def test_records_are_sorted_by_when_requests_began(table: Requests, path: SamplePath) -> None:
    records = results.records(table, path)
    assert len(records) == path.arrival_s.size > 4_000
    assert records["intended_s"].is_monotonic_increasing
    assert set(records["operation"].cat.categories) == {"browse", "search", "order", "stock"}
    assert int(records["retries"].sum()) == int(path.retries.sum()) > 0


def test_a_table_without_the_requests_of_populations_is_refused(path: SamplePath, outside: Requests) -> None:
    with pytest.raises(InvalidInput, match="of closed populations"):
        results.requests_of(outside, path)
    for call in (results.records, results.series, results.outcomes):
        with pytest.raises(InvalidInput, match="requests_of"):
            call(outside, path)


def test_every_request_ends_in_one_way_and_is_counted_once(table: Requests, path: SamplePath) -> None:
    everything, *operations = results.summary(table, path, 16.0)
    for row in (everything, *operations):
        assert row.completed + row.rejected + row.timed_out + row.failed + row.dropped == row.requests
        assert row.goodput_rps == row.completed / 16.0
        assert row.availability == row.completed / row.requests
    assert everything.requests == sum(row.requests for row in operations) == len(path.outcome)
    assert everything.rejected > 100  # the token bucket lets 210 of 250 a second through
    assert everything.retried == int((path.retries > 0).sum())
    assert everything.retries == int(path.retries.sum())


def test_times_of_what_failed_stand_apart(table: Requests, path: SamplePath) -> None:
    rows = results.outcomes(table, path)
    of_all = {row["outcome"]: row for row in rows if row["operation"] == "all"}
    for code, outcome in enumerate(OUTCOMES):
        taken_s = path.response_time_s[path.outcome == code]
        if taken_s.size:
            assert of_all[outcome]["requests"] == taken_s.size
            assert of_all[outcome]["response_time_s_mean"] == pytest.approx(taken_s.mean(), rel=1e-12)
            assert of_all[outcome]["response_time_s_max"] == taken_s.max()
    completed_s = path.response_time_s[path.outcome == 0]
    assert results.summary(table, path, 16.0)[0].response_time_s_max == completed_s.max()
    assert sum(row["share"] for row in rows if row["operation"] == "order") == pytest.approx(1.0)


def test_guards_say_what_they_let_through_and_refused(model: Model, path: SamplePath) -> None:
    found = results.guards(path, model)
    (bucket,) = found["buckets"]
    assert bucket["taken"] + bucket["rejected"] == 4_000
    assert 0 < bucket["rejected"] < int((path.outcome == OUTCOMES.index("rejected")).sum())  # the pool rejects too
    sent = {row["target"]: row["sent"] for row in found["balancers"]}
    assert set(sent) == {"web_1", "web_2"}
    assert sum(sent.values()) == bucket["taken"]
    assert sum(row["share"] for row in found["balancers"]) == pytest.approx(1.0)
    assert {row["name"] for row in found["breakers"] + found["budgets"]} == {"payment"}


def test_a_model_without_guards_has_no_tables_of_them() -> None:
    model = Model("plain", [Flow("get", [Serve("server", Constant(0.1))])], [Station("server")])
    assert results.guards(simulate(model, requests([0.0]), 1), model) == {}


def test_a_series_adds_up_to_the_run(table: Requests, path: SamplePath) -> None:
    series = results.series(table, path)
    assert path.bins is not None
    there_s = np.full(len(series), BIN_S)
    there_s[-1] = path.end_s - (len(series) - 1) * BIN_S
    assert series["requests"]["all"]["arrivals"].sum() == len(table)
    for code, outcome in enumerate(OUTCOMES):
        ended = [series["requests"][name][outcome].sum() for name in table.operations]
        assert sum(ended) == series["requests"]["all"][outcome].sum() == int((path.outcome == code).sum())
    for index, name in enumerate(path.queues):
        station = series["stations"][name]
        busy_s = station["utilisation"].fillna(0.0).to_numpy() @ path.bins.capacity_s[:, index]
        assert busy_s == pytest.approx(path.queue.busy_s[index], rel=1e-9)
        queue_s = station["queue_length_mean"].to_numpy() @ there_s
        assert queue_s == pytest.approx(path.queue.queue_s[index], rel=1e-9)
        in_flight_s = station["in_flight_mean"].to_numpy() @ there_s
        assert in_flight_s == pytest.approx(path.queue.busy_s[index] + path.queue.queue_s[index], rel=1e-9)
    assert series["requests"]["all"]["in_flight_mean"].to_numpy() @ there_s == pytest.approx(
        path.bins.in_flight_s.sum(), rel=1e-12
    )


def test_percentiles_of_a_step_are_of_what_arrived_in_it_and_completed(table: Requests, path: SamplePath) -> None:
    series = results.series(table, path)
    chosen = (table.operation == 0) & (path.outcome == 0) & (table.arrival_s >= 3.0) & (table.arrival_s < 4.0)
    times_s = np.sort(path.response_time_s[chosen])
    row = series["requests"]["browse"].loc[3.0]
    assert row["response_time_s_p50"] == times_s[int(np.ceil(0.50 * times_s.size)) - 1]
    assert row["response_time_s_p99"] == times_s[int(np.ceil(0.99 * times_s.size)) - 1]


def test_a_station_under_constant_load_is_as_busy_in_each_step_as_it_should_be() -> None:
    model = Model("one", [Flow("get", [Serve("server", Constant(0.25))])], [Station("server")])
    path = simulate(model, requests(np.arange(0.0, 10.0, 0.5)), 1, bin_s=1.0)
    series = results.series(requests(path.arrival_s), path)
    assert series.index.tolist() == list(range(10))
    assert series["stations"]["server"]["utilisation"].tolist()[:-1] == [0.5] * 9
    assert series["requests"]["get"]["arrivals"].tolist() == [2] * 10
    assert series["requests"]["get"]["response_time_s_p99"].tolist() == [0.25] * 10
    assert series["requests"]["all"]["in_flight_mean"].tolist()[:-1] == [0.5] * 9


def test_a_series_reads_the_same_as_json_and_as_a_file(table: Requests, path: SamplePath) -> None:
    series = results.series(table, path)
    nested, file = as_json(series), flat(series)
    assert nested["time_s"] == file["time_s"].tolist() == series.index.tolist()
    assert nested["stations"]["web_1"]["utilisation"] == file["stations.web_1.utilisation"].tolist()
    assert set(nested) == {"time_s", "requests", "stations", "caches"}


def test_a_series_needs_bins() -> None:
    model = Model("one", [Flow("get", [Serve("server", Constant(0.25))])], [Station("server")])
    with pytest.raises(InvalidInput, match="bin_s"):
        results.series(requests([0.0]), simulate(model, requests([0.0]), 1))


def test_hours_are_the_same_from_finer_bins() -> None:
    model = Model("one", [Flow("get", [Serve("server", Exponential(0.08))])], [Station("server")])
    arrivals = poisson(5_000, 10.0)
    coarse, fine = (simulate(model, arrivals, 1, bin_s=bin_s) for bin_s in (60.0, 7.5))
    expected, found = (results.hours(arrivals, path, 60.0) for path in (coarse, fine))
    assert expected["hour"] == found["hour"]
    assert expected["response_time_s_p99"] == found["response_time_s_p99"]
    for name in ("utilisation", "queue_length_mean"):
        pd.testing.assert_frame_equal(pd.DataFrame(expected[name]), pd.DataFrame(found[name]), rtol=1e-9)
    with pytest.raises(InvalidInput, match="part of 50 s"):
        results.hours(arrivals, fine, 50.0)


def test_hours_do_not_call_a_quick_refusal_a_fast_response(path: SamplePath, table: Requests) -> None:
    refused = dataclasses.replace(path, outcome=np.where(path.outcome == 0, 1, path.outcome).astype(np.int8))
    assert np.isnan(results.hours(table, refused, 5.0)["response_time_s_p99"]["browse"]).all()
