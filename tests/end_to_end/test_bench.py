"""`./lab bench`, as a person calls it. How fast this machine is, no test asserts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import psutil
import pytest

from benchmarks.engines.table import CIMBA, ENGINES, SIMPY
from sdlab.catalog import ROOT
from tests.end_to_end.cli import lab
from tests.patience import running, soon


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("bench") / "engines.json"
    done = lab("bench", "engines", "--quick", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "engines-growth.png",
        "engines-growth.svg",
        "engines-rates.png",
        "engines-rates.svg",
        "engines.json",
    ]
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_each_engine_has_one_row_a_network_and_agrees_with_simpy(document: dict[str, Any]) -> None:
    rows = document["engines"]
    assert [(one["engine"], one["network"]) for one in rows] == [(name, "network") for name in ENGINES]
    assert all(one["agrees_with_simpy"] for one in rows)
    for one in rows:
        assert one["requests"] > 0
        assert one["requests_per_s_min"] <= one["requests_per_s"] <= one["requests_per_s_max"]
        assert one["peak_memory_bytes"] >= one["baseline_memory_bytes"] > 0
        assert one["latency_s_p99"] > one["latency_s_mean"] > 0
        assert one["warm_start_s"] > 0
        assert one["versions"] == ENGINES[one["engine"]].versions


def test_ratios_are_those_of_the_rates_of_the_same_run(document: dict[str, Any]) -> None:
    for which in ("", "_steady"):
        rates = {one["engine"]: one[f"requests_per_s{which}"] for one in document["engines"]}
        for one in document["engines"]:
            assert one[f"ratio_to_simpy{which}"] == rates[one["engine"]] / rates[SIMPY]
            assert one[f"ratio_to_cimba{which}"] == rates[one["engine"]] / rates[CIMBA]
            assert one["requests_per_s_steady"] >= one["requests_per_s"]


def test_the_document_says_what_it_was_measured_on(document: dict[str, Any]) -> None:
    metadata = document["metadata"]
    assert metadata["command"].startswith("./lab bench engines --quick --json ")
    assert {"commit", "machine", "seed", "repeats", "created_at"} <= set(metadata)
    assert set(metadata["versions"]) == {"numba", "numpy", "simpy", "ciw", "cimba"}


def test_growth_day_and_profile_come_from_the_same_run(document: dict[str, Any]) -> None:
    assert set(document["growth"]) == {"requests", "stations", "servers", "in_flight"}
    in_flight = {point["x"]: point["mean_in_flight"] for point in document["growth"]["in_flight"]["points"]}
    # Little's law; 20,000 delays have a mean within 5 % of theirs (seven standard deviations).
    assert in_flight[10] == pytest.approx(10, rel=0.05)
    day = document["day"]
    assert day["requests_per_s"] == day["requests"] / day["engine_cpu_s"]
    assert day["making_requests_cpu_s"] > 0
    rungs = {one["rung"]: one for one in document["profile"]}
    assert all(one["on"] in {None, *rungs} for one in rungs.values())


def test_ctrl_c_ends_the_measurement_too() -> None:
    program = [sys.executable, "-m", "sdlab", "bench", "engines", "--only", "mm1"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    try:
        measuring = _wait_for_a_worker(process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert measuring
    assert soon(lambda: running(measuring) == [], within_s=2)  # the kernel ends them with their parent


def _wait_for_a_worker(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that measure, once there is one."""
    deadline_s = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline_s:
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(process.pid).children(recursive=True)
            if any("benchmarks.engines.worker" in one.cmdline() for one in found):
                return found
        time.sleep(0.05)
    return []
