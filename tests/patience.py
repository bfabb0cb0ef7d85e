"""Waiting for what another process does: a busy machine makes a test slower, and never wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psutil


def soon(condition: Callable[[], object], within_s: float = 60.0) -> bool:
    """Whether the condition comes to hold."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.02)
    return True


def running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run: not ended, whether or not somebody has waited for them."""
    return [one for one in processes if _runs(one)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False
