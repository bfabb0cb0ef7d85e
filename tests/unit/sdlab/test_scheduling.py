"""Who runs first where processes share a core."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdlab import processes, scheduling
from sdlab.processes import Child

SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}  # numbers of the system call


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Child]:
    child = processes.start("sleeper", [sys.executable, "-c", "input()"], log_path=tmp_path / "sleeper.log")
    yield child
    processes.stop([child], grace_s=1.0)


def slice_ns(pid: int) -> int:
    """What struct sched_attr says of a process's slice: 0 where the kernel knows no slices."""
    attributes = ctypes.create_string_buffer(48)
    ctypes.CDLL(None).syscall(SCHED_GETATTR[platform.machine()], pid, attributes, len(attributes), 0)
    return int(struct.unpack("=IIQiIQQQ", attributes.raw)[5])


def test_who_works_in_the_background_is_nicer_than_all_others_and_so_is_its_session(sleeper: Child) -> None:
    scheduling.give_way(sleeper.pid)
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 19
    group = Path(f"/proc/{sleeper.pid}/autogroup")
    if group.exists():
        assert group.read_text().split()[-1] == "19"


def test_who_answers_asks_for_short_slices_and_keeps_its_share(sleeper: Child) -> None:
    if platform.machine() not in SCHED_GETATTR or slice_ns(os.getpid()) == 0:
        pytest.skip("this kernel does not tell slices")
    before = slice_ns(sleeper.pid)
    scheduling.ask_for_short_slices(sleeper.pid)
    assert slice_ns(sleeper.pid) == 100_000 < before
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == os.getpriority(os.PRIO_PROCESS, 0)


def test_a_process_that_has_ended_is_left_alone(sleeper: Child) -> None:
    processes.stop([sleeper], grace_s=1.0)
    scheduling.give_way(sleeper.pid)
    scheduling.ask_for_short_slices(sleeper.pid)
