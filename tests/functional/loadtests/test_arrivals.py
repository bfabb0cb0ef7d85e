"""Every arrival process through ``lab swarm``: what its schedule holds is what the service gets, at its times."""

import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from loadtests.offered import DAY
from sdlab import arrival_choice, arrivals
from sdlab.arrival_choice import PROCESSES
from sdlab.catalog import load_design
from sdlab.cli import main
from sdlab.runs import find_runs
from tests.functional.loadtests.conftest import StartStub

RATE_RPS, DURATION_S, SEED = 80.0, 1.5, 4
CHOICES = [
    "constant",
    "poisson",
    "ramp:to_rps=200",
    "step:to_rps=200,at_s=0.7",
    "flash_crowd:peak_rps=300,at_s=0.5,rise_s=0.1,hold_s=0.3,decay_s=0.2",
    "mmpp:ratios=1/9,sojourns_s=0.3/0.1",
    "profile:times_s=0/0.5/0.5/1.5,ratios=1/1/3/2",
    DAY,
]


def test_no_arrival_process_is_left_out() -> None:
    assert {choice.partition(":")[0] for choice in CHOICES} == {*PROCESSES, DAY}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_process_is_sent_as_it_is_scheduled(
    start_stub: StartStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    stub = start_stub()
    load = (f"--rate={RATE_RPS}", f"--arrival={choice}", f"--duration={DURATION_S}", f"--seed={SEED}")
    monkeypatch.setattr(
        sys, "argv", ["lab", "swarm", "url_shortener", *load, "--host", stub.url, "--runs", str(tmp_path)]
    )
    handler = signal.getsignal(signal.SIGTERM)
    main()
    signal.signal(signal.SIGTERM, handler)
    [run] = find_runs(runs=tmp_path)
    table = run.requests()
    if choice == DAY:
        curve = load_design("url_shortener").workload.day_curve
        expected_s = arrivals.day(RATE_RPS, curve, SEED, DURATION_S)
    else:
        expected_s = arrival_choice.times_of(choice, RATE_RPS, DURATION_S, SEED)
    np.testing.assert_array_equal(table["intended_s"], expected_s)
    assert (table["outcome"] == "completed").all()
    assert (table["started_s"] >= table["intended_s"]).all()
    assert stub.seen()["requests"] == len(expected_s) > 50
    assert run.manifest.parameters["arrival"] == choice
