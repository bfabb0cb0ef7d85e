"""Open-loop runs on Locust's own workers: the schedule once, all records in one run folder."""

import csv
import json
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hdrh.histogram import HdrHistogram

from loadtests.results import encode
from sdlab import workload
from sdlab.catalog import ROOT, load_design
from sdlab.cli import main
from sdlab.runs import Run, find_runs
from sdlab.summary import response_times
from tests.functional.loadtests.conftest import StartStub, Stub, free_port

LOCUSTFILE = ROOT / "loadtests" / "url_shortener" / "locustfile.py"
SEED = 9


def locust(*options: str) -> "subprocess.Popen[str]":
    program = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *options]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def master(stub: Stub, folder: Path, *options: str, duration: str = "1.5") -> "subprocess.Popen[str]":
    load = ("--rate", "100", "--arrival", "constant", "--duration", duration, "--seed", str(SEED))
    if "--processes" in options:  # on a port that no other master on this machine has
        port = str(free_port())
        options += ("--master-bind-port", port, "--master-port", port)
    return locust("--headless", "--host", stub.url, "--runs", str(folder / "runs"), *load, *options)


def ended(process: "subprocess.Popen[str]") -> str:
    try:
        output, _ = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
    return output


def the_run(folder: Path) -> Run:
    [run] = find_runs(runs=folder / "runs")
    return run


def assert_sent_once(run: Run, stub: Stub, duration_s: float = 1.5) -> None:
    """The service has seen each request of the schedule, and the folder has the record of each, once."""
    design = load_design("url_shortener")
    asked = workload.steady(design, "constant", 100, duration_s, SEED, design.test_data.links)
    table = run.requests()
    np.testing.assert_array_equal(table["intended_s"], asked.arrival_s)
    np.testing.assert_array_equal(table["key"], asked.key)
    assert run.json("generator")["exceptions_in_tasks"] == {}
    seen = stub.seen()
    assert seen["requests"] == len(asked)
    redirects = asked.key[asked.operation == asked.operations.index("redirect")]
    assert sorted(path for path in seen["paths"] if path.startswith("/k")) == sorted(
        f"/k{key:07d}" for key in redirects
    )
    creates = np.flatnonzero(asked.operation == asked.operations.index("create"))
    assert sorted(seen["bodies"]) == sorted(f'{{"url": "https://example.com/{SEED}-{row}"}}' for row in creates)


@pytest.mark.parametrize("workers", ["--processes", "--master"])
def test_two_workers_send_exactly_the_schedule_once_and_nothing_is_lost_in_merging(
    start_stub: StartStub, tmp_path: Path, workers: str
) -> None:
    stub = start_stub()
    started = []
    if workers == "--processes":
        process = master(stub, tmp_path, "--processes", "2", "--csv", str(tmp_path / "locust"))
    else:
        port = str(free_port())
        here = ("--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2")
        process = master(stub, tmp_path, "--master", *here, "--csv", str(tmp_path / "locust"))
        started = [locust("--worker", "--master-port", port) for _ in range(2)]
    output = ended(process)
    for worker in started:
        ended(worker)
    run = the_run(tmp_path)
    assert process.returncode == 4, output  # too few for a p99
    assert "too few samples: 150 completed" in output
    assert_sent_once(run, stub)
    assert run.manifest.parameters["generators"] == 2
    resources = run.json("resources")["processes"]
    assert set(resources) == {"generator-1", "generator-2"}
    assert all(process["cpu_s"] > 0 for process in resources.values())

    # Locust's own figures are of the same requests.
    with (tmp_path / "locust_stats.csv").open() as rows:
        counts = {row["Name"]: int(row["Request Count"]) for row in csv.DictReader(rows)}
    assert counts["Aggregated"] == 150

    # Every second row is one worker's: their histograms, added, are the run's.
    table = run.requests()
    is_redirect = (table["operation"] == "redirect").to_numpy()
    assert counts["redirect"] == is_redirect.sum()
    merged = HdrHistogram.decode(run.json("histograms")["operations"]["redirect"]["response_time"].encode())
    added = HdrHistogram(1, 3_600_000_000, 3)
    for part in (0, 1):
        is_part = np.arange(len(table)) % 2 == part
        added.decode_and_add(encode(response_times(table[is_redirect & is_part])).encode())
    assert merged.get_total_count() == added.get_total_count() == is_redirect.sum()
    assert [merged.get_value_at_percentile(p) for p in range(101)] == [
        added.get_value_at_percentile(p) for p in range(101)
    ]


def test_two_generators_of_lab_swarm_send_exactly_the_schedule_once(
    start_stub: StartStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = start_stub()
    load = ("--rate", "100", "--arrival", "constant", "--duration", "1.5", "--seed", str(SEED), "--processes", "2")
    arguments = ["lab", "swarm", "url_shortener", *load, "--host", stub.url, "--runs", str(tmp_path / "runs")]
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "argv", arguments)
    assert main() == 4
    signal.signal(signal.SIGTERM, handler)
    run = the_run(tmp_path)
    assert_sent_once(run, stub)
    assert set(run.json("resources")["processes"]) == {"generator-1", "generator-2"}
    assert "--processes=2" in run.manifest.command


def test_what_two_workers_are_to_send_completes_fails_times_out_is_rejected_or_dropped(
    start_stub: StartStub, tmp_path: Path
) -> None:
    stub = start_stub("--service-time", "0.1", "--reject-every", "7", "--drop-every", "11")
    ended(master(stub, tmp_path, "--processes", "2", "--max-in-flight", "5"))
    run = the_run(tmp_path)
    found = run.json("generator")["outcomes"]
    assert set(found) == {"completed", "rejected", "failed", "dropped"}
    assert sum(found.values()) == len(run.requests()) == 150
    assert stub.seen()["requests"] == 150 - found["dropped"] == run.json("generator")["sent"]


def test_a_lost_threshold_stops_all_workers(start_stub: StartStub, tmp_path: Path) -> None:
    stub = start_stub("--reject-every", "2")
    process = master(stub, tmp_path, "--processes", "2", "--threshold", "abort: errors < 20", duration="60")
    output = ended(process)
    run = the_run(tmp_path)
    reasons = run.manifest.validity.reasons if run.manifest.validity else []
    assert "'errors < 20' can no longer be met" in reasons[0]
    assert process.returncode == (5 if len(reasons) == 1 else 4), output
    assert 20 <= run.json("generator")["outcomes"]["rejected"] < 1000
    requests = stub.seen()["requests"]
    assert len(run.requests()) == requests
    time.sleep(0.3)
    assert stub.seen()["requests"] == requests


def test_a_worker_that_is_killed_leaves_what_it_had_told_and_the_others_go_on(
    start_stub: StartStub, tmp_path: Path
) -> None:
    stub = start_stub()
    process = master(stub, tmp_path, "--processes", "2", duration="5")
    deadline_s = time.monotonic() + 30
    while stub.seen()["requests"] < 200 and time.monotonic() < deadline_s:
        time.sleep(0.1)
    psutil.Process(process.pid).children()[1].kill()
    output = ended(process)
    run = the_run(tmp_path)
    assert run.manifest.validity is not None
    assert "ended early: it was lost" in run.manifest.validity.reasons[0], output
    assert not run.manifest.interrupted
    rows = np.rint(run.requests()["intended_s"] * 100 - 0.5).astype(int)
    counts = sorted(np.bincount(rows % 2).tolist())
    assert 0 < counts[0] < counts[1] == 250


def test_ctrl_c_keeps_what_the_workers_had_recorded(start_stub: StartStub, tmp_path: Path) -> None:
    stub = start_stub()
    process = master(stub, tmp_path, "--processes", "2", duration="60")
    deadline_s = time.monotonic() + 30
    while stub.seen()["requests"] < 50 and time.monotonic() < deadline_s:
        time.sleep(0.1)
    for target in [*psutil.Process(process.pid).children(), psutil.Process(process.pid)]:
        target.send_signal(signal.SIGINT)  # as a terminal does: to all of them
    output = ended(process)
    run = the_run(tmp_path)
    assert run.manifest.interrupted, output
    assert process.returncode == 130
    assert 50 <= len(run.requests()) == stub.seen()["requests"]


def test_the_web_ui_starts_the_same_load_without_workers(start_stub: StartStub, tmp_path: Path) -> None:
    stub = start_stub()
    port = free_port()
    web = ("--web-host", "127.0.0.1", "--web-port", str(port), "--runs", str(tmp_path / "runs"))
    required = ("--threshold", "p50 < 30s @ redirect", "--threshold", "errors < 1")
    process = locust("--host", stub.url, *web, *required)
    form = {"user_count": 1, "spawn_rate": 1, "rate": 100, "arrival": "constant", "duration": 1.5, "seed": SEED}
    try:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/swarm", urllib.parse.urlencode(form).encode(), method="POST"
        )
        answer = _when_it_is_there(request)
        assert answer["success"]
        deadline_s = time.monotonic() + 60
        while not find_runs(runs=tmp_path / "runs") and time.monotonic() < deadline_s:
            time.sleep(0.2)
        shown = _when_it_is_there(urllib.request.Request(f"http://127.0.0.1:{port}/stats/requests"))
        assert {row["name"]: row["num_requests"] for row in shown["stats"]}["Aggregated"] == 150
    finally:
        process.send_signal(signal.SIGINT)
        output = ended(process)
    assert_sent_once(the_run(tmp_path), stub)
    assert the_run(tmp_path).json("thresholds")["met"]
    assert "threshold met: p50 < 30s @ redirect" in output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "-5"), "locust: --rate = -5.0: must be a finite number of requests a second above 0"),
        (("--threshold", "p99"), "locust: --threshold = 'p99': must look like"),
    ],
)
def test_bad_input_ends_locust_with_exit_code_2(
    start_stub: StartStub, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    process = master(start_stub(), tmp_path, *options)
    assert said in ended(process)
    assert process.returncode == 2


def _when_it_is_there(request: urllib.request.Request) -> dict[str, Any]:
    deadline_s = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                content: dict[str, Any] = json.load(answer)
                return content
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.2)
