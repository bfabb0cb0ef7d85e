"""Every arrival process through the open-loop generator: the service gets what the schedule holds, at its times."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from loadtests import offered
from loadtests.offered import DAY
from loadtests.service import Service
from loadtests.window import run_window
from sdlab import arrival_choice, arrivals
from sdlab.arrival_choice import PROCESSES
from sdlab.catalog import ROOT, load_design
from sdlab.runs import Run, find_runs
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


def test_a_process_is_sent_as_it_is_scheduled(start_stub: StartStub, tmp_path: Path) -> None:
    """All of them side by side: what is asserted does not depend on how fast the machine is."""
    design = load_design("url_shortener")

    def sent(choice: str) -> tuple[Run, int]:
        stub = start_stub()
        asked = offered.steady(design, choice, RATE_RPS, DURATION_S, SEED)
        run = run_window(
            design,
            asked.requests,
            Service(stub.url),
            seed=SEED,
            command="a test",
            parameters=asked.parameters,
            runs=tmp_path,
        )
        return run, stub.seen()["requests"]

    with ThreadPoolExecutor(4) as side_by_side:
        runs = dict(zip(CHOICES, side_by_side.map(sent, CHOICES), strict=True))
    for choice, (run, seen) in runs.items():
        if choice == DAY:
            expected_s = arrivals.day(RATE_RPS, design.workload.day_curve, SEED, DURATION_S)
        else:
            expected_s = arrival_choice.times_of(choice, RATE_RPS, DURATION_S, SEED)
        table = run.requests()
        np.testing.assert_array_equal(table["intended_s"], expected_s, choice)
        assert (table["outcome"] == "completed").all(), choice
        assert (table["started_s"] >= table["intended_s"]).all(), choice
        assert seen == len(expected_s) > 50, choice
        assert run.manifest.parameters["arrival"] == choice


def test_swarm_takes_a_process_with_its_parameters(start_stub: StartStub, tmp_path: Path) -> None:
    choice = "mmpp:ratios=1/9,sojourns_s=0.3/0.1"
    load = ("url_shortener", "--rate", "80", "--arrival", choice, "--duration", "1", "--host", start_stub().url)
    program = [sys.executable, "-m", "sdlab", "swarm", *load, "--runs", str(tmp_path)]
    assert subprocess.run(program, cwd=ROOT, capture_output=True, check=False).returncode == 4  # too few for a p99
    [run] = find_runs(runs=tmp_path)
    assert run.manifest.parameters["arrival"] == choice
