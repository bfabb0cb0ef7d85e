"""The same locustfile under Locust's own command: closed loop, headless."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sdlab.catalog import ROOT
from sdlab.summary import percentile, response_times
from tests.functional.loadtests.conftest import Load, StartStub

LOCUSTFILE = ROOT / "loadtests" / "url_shortener" / "locustfile.py"

BUSY = f"""
from locust import constant_throughput
from locust.util.load_locustfile import load_locustfile
UrlShortenerUser = load_locustfile({str(LOCUSTFILE)!r})[0]["UrlShortenerUser"]
UrlShortenerUser.wait_time = constant_throughput(25)
"""


@contextmanager
def locust(file: Path, host: str, folder: Path, *options: str) -> Iterator[dict[str, dict[str, str]]]:
    """Run Locust headless beside the block; its statistics by name are there when the block has ended."""
    program = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--host", host]
    program += ["--csv", str(folder / "locust"), *options]
    statistics: dict[str, dict[str, str]] = {}
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    try:
        yield statistics
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, output
    with (folder / "locust_stats.csv").open() as rows:
        statistics.update((row["Name"], row) for row in csv.DictReader(rows))


def test_plain_locust_runs_the_scenario_and_follows_no_redirect(start_stub: StartStub, tmp_path: Path) -> None:
    stub = start_stub()
    with locust(LOCUSTFILE, stub.url, tmp_path, "-u", "20", "-r", "20", "-t", "5s", "--seed", "5") as found:
        pass
    seen = stub.seen()
    assert int(found["Aggregated"]["Failure Count"]) == 0
    assert 20 <= int(found["Aggregated"]["Request Count"]) <= seen["requests"]
    assert "/followed" not in seen["paths"]
    redirects = [path for path in seen["paths"] if path.startswith("/k")]
    assert 0.8 * seen["requests"] < len(redirects)


def test_a_stall_shows_open_loop_as_its_closed_form_and_is_hidden_closed_loop(
    start_stub: StartStub, load: Load, tmp_path: Path
) -> None:
    """Stalled for D of T seconds, an open loop at a constant rate sees P(R > x) = (D - x) / T for x < D."""
    duration_s, stall_s = 6.0, 2.0
    stall = ("--stall-at", "1.5", "--stall-for", str(stall_s))
    file = tmp_path / "busy.py"
    file.write_text(BUSY)
    with locust(file, start_stub(*stall).url, tmp_path, "-u", "4", "-r", "4", "-t", "8s") as closed:
        opened = load(start_stub(*stall), 100, duration_s).requests()

    assert (opened["outcome"] == "completed").all()
    times = np.sort(response_times(opened))
    for share in (0.80, 0.90, 0.95):
        expected_s = stall_s - (1 - share) * duration_s
        assert percentile(times, share * 100).value_s == pytest.approx(expected_s, abs=0.25)
    within = opened[(opened["intended_s"] > 1.7) & (opened["intended_s"] < 3.3)]
    slope = np.polyfit(within["intended_s"], within["completed_s"] - within["intended_s"], 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)

    assert float(closed["Aggregated"]["Max Response Time"]) > 1500  # it met the stall too
    assert float(closed["Aggregated"]["95%"]) / 1000 < percentile(times, 95).value_s / 5
