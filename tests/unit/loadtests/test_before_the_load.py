"""What a generator does before its load, so as not to be late by doing it in the middle."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys

import pytest

from loadtests.schedule import busiest
from sdlab.catalog import ROOT

ASK = """
import os, sys
from pathlib import Path
from loadtests.timer import make_room_for_descriptors
before = set(os.listdir("/proc/self/fd"))
make_room_for_descriptors(int(sys.argv[1]))
print(set(os.listdir("/proc/self/fd")) == before)
print(Path("/proc/self/status").read_text())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the size of the table is told by Linux only")
@pytest.mark.parametrize(("asked", "limit", "room"), [(2000, 4096, 2000), (2000, 512, 512)])
def test_the_table_of_open_files_has_its_size_before_the_load_and_none_of_them_stays_open(
    asked: int, limit: int, room: int
) -> None:
    """It doubles from 64, and in a process with threads it sleeps for milliseconds to do so."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(asked)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard)),
    )
    assert done.stdout.startswith("True")
    size = re.search(r"^FDSize:\s*(\d+)", done.stdout, re.MULTILINE)
    assert size is not None
    assert int(size[1]) >= room


@pytest.mark.parametrize(
    ("arrival_s", "most"),
    [([], 0), ([3.0], 1), ([0.0, 0.1, 0.2, 0.3], 1), ([0.0, 0.5, 0.5, 0.505, 0.509, 0.511, 2.0], 4)],
)
def test_the_busiest_moment_of_a_schedule_is_where_most_arrivals_fall_together(
    arrival_s: list[float], most: int
) -> None:
    assert busiest(arrival_s, 0.01) == most
