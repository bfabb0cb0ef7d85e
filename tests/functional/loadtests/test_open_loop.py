"""The open-loop driver against a service whose behaviour is known."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from hdrh.histogram import HdrHistogram

from loadtests.window import Interrupted, Snapshot
from sdlab.runs import find_runs
from sdlab.summary import response_times
from tests.functional.loadtests.conftest import Load, StartStub

LOCUSTFILE = """
from loadtests.url_shortener.locustfile import UrlShortenerUser as Original

class Broken(Original):
    def statistics(self) -> None:
        raise LookupError("a mistake in the scenario")

    def list(self) -> None:
        pass

del Original
"""


def outcomes(table: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(count) for name, count in table["outcome"].value_counts().items() if count}


def test_every_arrival_is_sent_once_and_recorded_with_what_the_service_said(start_stub: StartStub, load: Load) -> None:
    stub = start_stub("--service-time", "0.003")
    run = load(stub, 100, 3)
    table = run.requests()
    seen = stub.seen()
    assert len(table) == seen["requests"] == 300
    assert outcomes(table) == {"completed": 300}
    assert (table["started_s"] >= table["intended_s"]).all()
    assert (table["sent_s"] >= table["started_s"]).all()
    assert (table["completed_s"] - table["sent_s"]).min() >= 0.003 - 1e-4
    np.testing.assert_allclose(table["span_db_s"], 0.0005)
    np.testing.assert_allclose(table["span_app_s"], 0.0015)
    assert table["span_stream_s"].isna().all()
    assert (table["cache_hit"] == 1).all()
    assert set(table["status"][table["operation"] == "redirect"]) == {302}
    assert "/followed" not in seen["paths"]
    redirects = table[table["operation"] == "redirect"]
    asked = [path for path in seen["paths"] if path.startswith("/k")]
    assert sorted(asked) == sorted(f"/k{key:07d}" for key in redirects["key"])
    # New data follow from the seed (3) and the row, so the same seed sends the same again.
    rows = np.flatnonzero(table["operation"] == "create")
    assert sorted(seen["bodies"]) == sorted(f'{{"url": "https://example.com/3-{row}"}}' for row in rows)


def test_the_run_folder_holds_histograms_and_accounts_that_agree_with_the_records(
    start_stub: StartStub, load: Load
) -> None:
    run = load(start_stub("--service-time", "0.002"), 200, 2, generators=2)
    table = run.requests()
    assert outcomes(table) == {"completed": 400}
    redirects = table[table["operation"] == "redirect"]
    encoded = run.json("histograms")["operations"]["redirect"]["response_time"]
    histogram = HdrHistogram.decode(encoded.encode())
    assert histogram.get_total_count() == len(redirects)
    exact = np.sort(response_times(redirects))[int(0.99 * len(redirects) + 0.5) - 1]  # HdrHistogram's own rounding
    assert histogram.get_value_at_percentile(99) / 1e6 == pytest.approx(exact, rel=2e-3)
    processes = run.json("resources")["processes"]
    assert set(processes) == {"generator-1", "generator-2"}
    assert all(0 < process["utilisation"] < 1.5 for process in processes.values())
    assert run.json("generator")["sent"] == 400
    assert run.manifest.parameters["generators"] == 2


def test_what_is_offered_is_what_completed_failed_timed_out_was_rejected_or_dropped(
    start_stub: StartStub, load: Load
) -> None:
    stub = start_stub("--service-time", "0.05", *("--reject-every", "7", "--drop-every", "11", "--silent-every", "13"))
    run = load(stub, 150, 3, request_timeout_s=0.5, max_in_flight=10)
    table = run.requests()
    found = outcomes(table)
    assert set(found) == {"completed", "rejected", "failed", "timed_out", "dropped"}
    assert sum(found.values()) == len(table) == 450
    assert stub.seen()["requests"] == 450 - found["dropped"]  # a request whose connection broke is not sent again
    assert table["completed_s"].notna().sum() == found["completed"] + found["rejected"]
    assert set(table["error"][table["outcome"] == "failed"]) == {"connection_lost"}
    assert run.manifest.validity is not None
    reasons = " ".join(run.manifest.validity.reasons)
    assert "dropped" in reasons
    assert "connections failed" in reasons


def test_answers_in_pieces_and_connections_closed_while_idle_are_no_errors(start_stub: StartStub, load: Load) -> None:
    stub = start_stub("--chunked", "--idle-limit", "0.05")
    run = load(stub, 8, 2)
    assert outcomes(run.requests()) == {"completed": 16}
    seen = stub.seen()
    assert seen["requests"] == 16
    assert seen["connections"] > 8  # a new connection for nearly each request


def test_an_exception_in_a_task_fails_its_request_and_is_told(
    start_stub: StartStub, load: Load, tmp_path: Path
) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(LOCUSTFILE)
    stub = start_stub()
    run = load(stub, 400, 2, locustfile=file)
    table = run.requests()
    broken = table["operation"].isin(["statistics", "list"])
    assert broken.any()
    assert set(table["outcome"][broken]) == {"failed"}
    assert set(table["error"][broken]) == {"task"}
    assert set(table["outcome"][~broken]) == {"completed"}
    told = run.json("generator")["exceptions_in_tasks"]
    assert sum(told.values()) == broken.sum()
    assert "LookupError: a mistake in the scenario" in told
    assert stub.seen()["requests"] == (~broken).sum()


def test_a_service_that_dies_midway_ends_the_load_and_keeps_what_was_recorded(
    start_stub: StartStub, load: Load
) -> None:
    stub = start_stub("--die-at", "1")
    run = load(stub, 100, 20, pids={"api-1": stub.process.pid})
    table = run.requests()
    assert 50 < len(table) < 1000
    assert (table["outcome"] == "completed").sum() > 50
    assert run.manifest.validity is not None
    assert not run.manifest.validity.valid
    assert "the service died" in run.manifest.validity.reasons[0]


def test_a_service_that_is_not_ours_and_stops_answering_ends_the_load_too(start_stub: StartStub, load: Load) -> None:
    run = load(start_stub("--die-at", "1"), 100, 20)
    table = run.requests()
    assert (table["outcome"] == "completed").sum() > 50
    assert (table["error"] == "connect").any()
    assert len(table) < 1500
    assert run.manifest.validity is not None
    assert "the service stopped answering" in run.manifest.validity.reasons[0]


def test_an_interrupted_run_keeps_what_was_recorded_and_leaves_no_process(
    start_stub: StartStub, load: Load, tmp_path: Path
) -> None:
    began: list[float] = []

    def interrupt(now: Snapshot) -> None:
        if now.completed > 20 and not began:
            began.append(time.monotonic())
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()

    stub = start_stub()
    before = set(psutil.Process().children())  # what PostgreSQL starts, if it runs for other tests, comes and goes
    with pytest.raises(Interrupted) as stopped:
        load(stub, 100, 60, progress=interrupt)
    assert stopped.value.run is not None
    [kept] = find_runs(runs=tmp_path / "runs")
    assert kept.manifest == stopped.value.run.manifest
    assert kept.manifest.interrupted
    assert kept.manifest.validity is not None
    assert "interrupted" in kept.manifest.validity.reasons
    assert 20 < len(kept.requests()) < 5000
    assert set(psutil.Process().children()) - before == set()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [kept.folder.name]
