"""The event loop's lag of a real service: what stands still shows, and a load leaves it in its run folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.lag import Reading, between, read
from loadtests.service import Service, running_service
from loadtests.window import run_window
from sdlab import workload
from sdlab.catalog import load_design
from tests.functional.loadtests.conftest import Load, StartStub

STALL_S = 1.0
WORKERS = 2
DESIGN = load_design("url_shortener")


@pytest.fixture(scope="module")
def served() -> Iterator[Service]:
    with running_service("url_shortener", workers=WORKERS, links=20) as service:
        yield service


def reading(service: Service) -> Reading:
    found = read(service.url)
    assert found is not None
    return found


def test_a_process_that_stands_still_is_late_and_one_that_idles_is_not(served: Service) -> None:
    api = served.pids["api-1"]
    before = reading(served)
    time.sleep(STALL_S)
    idle = between(before, reading(served))

    before = reading(served)
    os.kill(api, signal.SIGSTOP)
    time.sleep(STALL_S)
    os.kill(api, signal.SIGCONT)
    time.sleep(STALL_S / 4)
    stalled = between(before, reading(served))

    assert idle is not None
    assert stalled is not None
    over_s = STALL_S / 10
    late = sum(stalled["counts"][sum(bound_s <= over_s for bound_s in stalled["bounds_s"]) :])
    assert late >= 5, "of 18 at the mean"
    assert stalled["count"] > 10, "the other process was sampled all along"
    assert idle["mean_s"] < stalled["mean_s"] / 3


def test_a_load_keeps_the_lag_of_its_own_time(served: Service, tmp_path: Path) -> None:
    duration_s = 2.0
    requests = workload.steady(DESIGN, "poisson", 50.0, duration_s, 3, 20)
    run = run_window(DESIGN, requests, served, seed=3, command="a test", runs=tmp_path, samples_min=1)
    kept = run.json("resources")["event_loop_lag"]
    expected = WORKERS * duration_s / 0.05
    assert kept["count"] > expected / 2
    assert kept["count"] == sum(kept["counts"])
    assert kept["mean_s"] > 0
    assert kept["p90_s"] is None or 0 < kept["p90_s"] <= max(kept["bounds_s"])


def test_a_service_that_is_not_ours_is_asked_for_no_metrics(start_stub: StartStub, load: Load) -> None:
    stub = start_stub()
    run = load(stub, 50.0, 1.0)
    assert "event_loop_lag" not in run.json("resources")
    assert "/metrics" not in stub.seen()["paths"]
