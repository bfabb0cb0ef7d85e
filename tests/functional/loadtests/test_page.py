"""docs/load-testing.md: its commands are run as they stand, and the figures it shows are what they still print."""

import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loadtests import validity
from sdlab.catalog import ROOT
from tests.functional.loadtests.conftest import StartStub, free_port

PAGE = (ROOT / "docs" / "load-testing.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
STUB, CLOSED, SWARM, WORKERS, WITH_THRESHOLDS, SATURATE = COMMANDS
FIGURES = {
    name: [float(cell) if cell.strip() else None for cell in cells.strip("|").split("|")]
    for name, cells in re.findall(r"^\| (closed|open, .*?|closed form) \|((?: [\d.]* ?\|)+)$", PAGE, re.MULTILINE)
}
STALL_S, LOAD_S = 2.0, 6.0
CLOSED_FORM_MS = {95: 1e3 * (STALL_S - 0.05 * LOAD_S), 99: 1e3 * (STALL_S - 0.01 * LOAD_S)}
# The stall begins with the first request that the service sees and ends when the system lets it run again.
SLACK_MS = 150


def run(command: str, url: str, folder: Path) -> str:
    """A command of the page, on other ports and with its run folder elsewhere."""
    port = free_port()
    program, *words = shlex.split(command.replace("http://127.0.0.1:8080", url))
    start = {"./lab": ["sdlab"], "locust": ["locust"]}[program]
    if "--rate" in words:
        words += ["--runs", str(folder)]
    if "--processes" in words:
        words += [f"--master-bind-port={port}", f"--master-port={port}"]
    done = subprocess.run(
        [sys.executable, "-m", *start, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode in (0, 4), done.stdout  # 4: a busy machine
    return done.stdout


def open_figures(output: str) -> tuple[int, float, float]:
    [line] = re.findall(r"^all .*$", output, re.MULTILINE)
    _, requests, _, _, p95, p99, _ = line.split()
    return int(requests.replace(",", "")), float(p95), float(p99)


def closed_figures(output: str) -> tuple[int, float, float]:
    """Requests, p95 and the greatest of Locust's two tables."""
    counts, percentiles = (line.split() for line in re.findall(r"^ +Aggregated .*$", output, re.MULTILINE))
    return int(counts[1]), float(percentiles[6]), float(counts[6])


@pytest.mark.quiet
def test_the_closed_run_hides_the_stall_and_the_open_ones_show_the_closed_form(
    start_stub: StartStub, tmp_path: Path
) -> None:
    _, _, *options = shlex.split(STUB)
    options[options.index("--port") + 1] = "0"

    with ThreadPoolExecutor() as side_by_side:
        stubs = [start_stub(*options) for _ in range(3)]
        closed, *opened = side_by_side.map(
            lambda command, stub: run(command, stub.url, tmp_path), (CLOSED, SWARM, WORKERS), stubs
        )

    requests, p95, greatest = closed_figures(closed)
    assert greatest > 1e3 * 0.9 * STALL_S  # it met the stall
    assert p95 < 100  # and does not show it
    assert requests > 400  # of which 4 were slow: not one in a hundred
    assert FIGURES["closed"][4] == pytest.approx(greatest, abs=SLACK_MS)

    for name, output in zip(("open, `lab swarm`", "open, two workers"), opened, strict=True):
        requests, p95, p99 = open_figures(output)
        assert FIGURES[name][0] == requests == 1200
        assert (p95, p99) == pytest.approx((CLOSED_FORM_MS[95], CLOSED_FORM_MS[99]), abs=SLACK_MS)
        assert FIGURES[name][2:4] == pytest.approx([p95, p99], abs=SLACK_MS)


def test_the_search_of_the_page_is_the_readmes_which_has_a_test() -> None:
    commands = [line.partition("#")[0].strip() for line in (ROOT / "README.md").read_text().splitlines()]
    assert SATURATE in commands


def test_the_closed_form_is_computed_right() -> None:
    assert FIGURES["closed form"] == [1200, None, CLOSED_FORM_MS[95], CLOSED_FORM_MS[99], 1e3 * STALL_S]


def test_the_page_names_the_bounds_that_the_code_has() -> None:
    for text in (
        f"at most {validity.LATENESS_S_P99_MAX * 1000:g} ms",
        f"at most {validity.GENERATOR_UTILISATION_MAX * 100:g} %",
        f"at most {validity.CONNECTION_FAILURE_SHARE_MAX * 100:g} % of requests",
        f"at least {validity.ACHIEVED_SHARE_MIN * 100:g} % answered",
        f"at most {validity.IN_FLIGHT_GROWTH_MAX:g} times the first's",
        f"at most {validity.STEAL_SHARE_MAX * 100:g} %",
        f"{validity.samples_for(99):,} for the p99",
    ):
        assert text in PAGE


def test_the_thresholds_of_the_page_are_read(tmp_path: Path) -> None:
    """The load itself starts the real service: test_swarm.py in end_to_end does. A host that refuses shows that all
    else of the command is accepted.
    """
    _, *words = shlex.split(WITH_THRESHOLDS)
    refuses = ["--host", "http://127.0.0.1:9", "--runs", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "sdlab", *words, *refuses], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 3
