"""``lab swarm`` on the real service: PostgreSQL, Valkey, API and click worker, started and stopped by it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from loadtests.service import running_service
from loadtests.window import run_window
from sdlab import workload
from sdlab.catalog import ROOT, load_design
from sdlab.runs import find_runs
from tests.patience import running, soon

LINKS = 2000


def test_two_windows_on_one_service_record_what_it_did_and_leave_nothing(tmp_path: Path) -> None:
    design = load_design("url_shortener")
    said: list[str] = []
    with running_service("url_shortener", workers=2, links=LINKS, progress=said.append) as service:
        assert {"api-1", "api-2", "click_worker", "postgres", "valkey"} <= set(service.pids)
        for seed in (1, 2):
            requests = workload.steady(design, "poisson", 150, 2, seed, keys=LINKS)
            run_window(design, requests, service, seed=seed, command="a test", runs=tmp_path)
        pids = list(service.pids.values())
    assert "starting" in said[0]
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []

    for run in find_runs(runs=tmp_path):
        table = run.requests()
        assert set(table["outcome"]) == {"completed"}, run.json("generator")
        assert set(table["status"][table["operation"] == "create"]) <= {201}
        redirects = table[table["operation"] == "redirect"]
        assert set(redirects["cache_hit"]) == {0, 1}
        inside = redirects[["span_cache_s", "span_pool_s", "span_db_s", "span_stream_s"]].sum(axis=1)
        measured = (redirects["completed_s"] - redirects["sent_s"]).to_numpy()
        assert np.mean(inside.to_numpy() <= measured) > 0.99
        processes = run.json("resources")["processes"]
        assert all(processes[name]["cpu_s"] > 0 for name in (*service.pids, "generator"))
        assert run.manifest.parameters["workers"] == 2
        assert run.manifest.parameters["links"] == LINKS


def test_ctrl_c_stops_the_service_too_and_keeps_the_run(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "sdlab", "swarm", "url_shortener", "--rate", "60", "--runs", str(tmp_path)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    try:
        assert soon(lambda: _is_loading(process.pid) or process.poll() is not None, within_s=90)
        time.sleep(2.0)
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert len(started) > 5
    assert running(started) == []
    [run] = find_runs(runs=tmp_path)
    assert run.manifest.interrupted
    assert len(run.requests()) > 0
    assert (run.requests()["outcome"] == "completed").any()


def _is_loading(pid: int) -> bool:
    """Whether the driver is there and has said that it is ready."""
    try:
        words = [word for child in psutil.Process(pid).children() for word in child.cmdline()]
    except psutil.Error:
        return False
    return any(word.startswith("--report=") and Path(word.removeprefix("--report=")).exists() for word in words)
