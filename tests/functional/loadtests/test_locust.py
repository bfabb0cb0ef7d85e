"""The same locustfile under Locust's own command: closed loop, headless."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdlab.catalog import ROOT
from tests.functional.loadtests.conftest import StartStub

LOCUSTFILE = ROOT / "loadtests" / "url_shortener" / "locustfile.py"


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
