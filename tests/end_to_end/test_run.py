"""The main job, from the service to the report; and what is left when it is interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from sdlab.calibration import Calibration
from sdlab.catalog import ROOT
from sdlab.runs import RUNS, Run, find_runs
from tests.end_to_end.cli import lab_heard
from tests.patience import soon


@pytest.mark.quiet(but_only_at_first=True)
def test_the_main_job_measures_predicts_simulates_and_reports(quiet_no_longer: Callable[[], None]) -> None:
    def hear(line: str) -> None:
        # The search has to find a rate, and the calibration requests that were alone; what comes after only computes.
        if "predict the held-out loads" in line:
            quiet_no_longer()

    said, code = lab_heard("run", "--quick", hear=hear, timeout_s=280)
    assert code == 0, said
    (study,) = re.findall(r"study (\S+):", said)
    runs = [run for run in find_runs("url_shortener") if run.manifest.study == study]
    kinds = [(run.manifest.kind, run.manifest.parameters.get("mode")) for run in runs]
    assert kinds.count(("calibration", None)) == 1
    loads = [run for run in runs if run.manifest.kind == "load_test"]
    assert sum(run.manifest.parameters["role"] == "held_out" for run in loads) == 2
    assert kinds.count(("simulation", "replay")) == 2
    for mode in ("day", "cache_sweep"):
        assert kinds.count(("simulation", mode)) == 1
    assert kinds.count(("simulation", "capacity")) == 2
    frozen = {run.manifest.parameters["digest"] for run in runs if run.manifest.kind == "calibration"}
    assert_the_clients_floor_is_below_the_redirects(runs)
    used = {run.manifest.parameters["calibration"] for run in runs if run.manifest.kind == "simulation"}
    assert used == frozen
    (page,) = re.findall(r"Report: (\S+)", said)
    assert "URL shortener" in (ROOT / page).read_text()


def assert_the_clients_floor_is_below_the_redirects(runs: list[Run]) -> None:
    (frozen,) = (
        Calibration.load(run.folder / "calibration.toml") for run in runs if run.manifest.kind == "calibration"
    )
    floor = frozen.client_floor
    assert floor is not None
    windows = pd.concat([run.requests() for run in runs if run.manifest.run_id in frozen.run_ids])
    redirects = windows[(windows["operation"] == "redirect") & (windows["outcome"] == "completed")]
    assert 0 < floor.client_s < floor.mean_s < (redirects["completed_s"] - redirects["sent_s"]).mean()
    assert floor.run_id not in frozen.run_ids
    (measured,) = (run for run in runs if run.manifest.parameters.get("role") == "client_floor")
    assert measured.manifest.run_id == floor.run_id


@pytest.mark.parametrize("after_s", [0.5, 6.0, 14.0])
def test_ctrl_c_at_any_moment_stops_it_within_five_seconds_and_leaves_nothing(after_s: float, tmp_path: Path) -> None:
    mark = f"SDLAB_TEST_MARK={os.getpid()}-{after_s}"
    environment = {**os.environ, mark.partition("=")[0]: mark.partition("=")[2]}
    before = set(RUNS.glob(".partial-*"))
    with subprocess.Popen(
        [str(ROOT / "lab"), "run", "--quick"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        began_s = time.monotonic()
        _, said = process.communicate(timeout=20)
        stopped_after_s = time.monotonic() - began_s
    assert stopped_after_s < 5
    assert process.returncode == 130
    assert "Traceback" not in said
    # What its children had started ends a moment after them; folders of other tests' runs come and go.
    assert soon(lambda: not [one for one in psutil.process_iter() if _has(one, mark)], within_s=15)
    assert soon(lambda: set(RUNS.glob(".partial-*")) <= before, within_s=60)


def _has(process: psutil.Process, mark: str) -> bool:
    """Whether a process inherited the mark: it is ours, whoever its parent is now."""
    name, _, value = mark.partition("=")
    try:
        return process.environ().get(name) == value
    except psutil.Error:
        return False
