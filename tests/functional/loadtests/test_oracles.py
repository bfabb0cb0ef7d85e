"""Oracles that need no luck: queues whose every response time is known, and a service that is stopped for a while."""

import itertools
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from loadtests.window import Snapshot
from sdlab import arrivals
from sdlab.arrivals import FloatArray
from sdlab.summary import order_statistics, response_times
from tests.functional.loadtests.conftest import Load, StartStub
from tests.functional.loadtests.stub_service import DISTRIBUTIONS, service_times

SQUARED_CV = {"constant": 0.0, "exponential": 1.0, "two_point": 2.0}
SERVICE_S = 0.02


def single_server(arrival_s: FloatArray, distribution: str, mean_s: float) -> FloatArray:
    """Response times of a first-come-first-served server (Lindley 1952), given every arrival and service."""
    service_s = np.fromiter(itertools.islice(service_times(distribution, mean_s), arrival_s.size), np.float64)
    work_s = np.cumsum(service_s)
    departure_s = work_s + np.maximum.accumulate(arrival_s - (work_s - service_s))
    response_s: FloatArray = departure_s - arrival_s
    return response_s


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_stubs_queue_is_the_one_that_theory_knows(distribution: str) -> None:
    """Pollaczek and Khinchine's mean at 0.6: so the oracle of the next test is not one of our own making."""
    arrival_s = arrivals.poisson(30.0, 40_000, seed=2)
    mean_s = float(single_server(arrival_s, distribution, SERVICE_S).mean())
    rho = 30.0 * SERVICE_S
    expected_s = SERVICE_S * (1 + rho / (1 - rho) * (1 + SQUARED_CV[distribution]) / 2)
    assert mean_s == pytest.approx(expected_s, rel=0.014)  # 1.2 million requests; twice the worst of ten seeds


@pytest.mark.quiet
def test_each_response_time_of_a_known_queue_is_measured(start_stub: StartStub, load: Load) -> None:
    """The measured one is the queue's own plus what the real stack adds: never less, and little of a service time."""

    def loaded(distribution: str) -> pd.DataFrame:
        stub = start_stub("--one-server", distribution, "--service-time", str(SERVICE_S))
        return load(stub, 30, 5, arrival="poisson").requests()

    with ThreadPoolExecutor() as side_by_side:
        tables = dict(zip(DISTRIBUTIONS, side_by_side.map(loaded, DISTRIBUTIONS), strict=True))
    for distribution, table in tables.items():
        assert (table["outcome"] == "completed").all()
        expected_s = single_server(table["intended_s"].to_numpy(dtype=np.float64), distribution, SERVICE_S)
        added_s = response_times(table) - expected_s
        assert np.quantile(added_s, 0.25) > -0.0005, distribution
        assert np.median(added_s) < SERVICE_S / 4, distribution
        measured, known = (order_statistics(times, (50, 90)) for times in (response_times(table), expected_s))
        assert measured == pytest.approx(known, abs=SERVICE_S / 2), distribution


@pytest.mark.quiet
def test_a_service_stopped_for_two_seconds_shows_the_percentiles_of_the_closed_form(
    start_stub: StartStub, load: Load
) -> None:
    """Stopped for D of T seconds, an open loop at a constant rate sees P(R > x) = (D - x) / T for x < D.

    D is what the stop really took, as this process saw it.
    """
    stub = start_stub()
    duration_s = 6.0
    stopped_s: list[float] = []

    def stop_and_go(now: Snapshot) -> None:
        if not stopped_s and now.elapsed_s > 1.0:
            os.kill(stub.process.pid, signal.SIGSTOP)
            stopped_s.append(time.monotonic())
        elif len(stopped_s) == 1 and time.monotonic() - stopped_s[0] > 2.0:
            os.kill(stub.process.pid, signal.SIGCONT)
            stopped_s.append(time.monotonic())

    times = response_times(load(stub, 100, duration_s, progress=stop_and_go).requests())
    assert times.size == 600
    took_s = stopped_s[1] - stopped_s[0]
    assert took_s > 2.0
    for percent, value_s in zip((75, 80, 90, 95, 99), order_statistics(times, (75, 80, 90, 95, 99)), strict=True):
        assert value_s == pytest.approx(took_s - (1 - percent / 100) * duration_s, abs=0.1 * took_s)
