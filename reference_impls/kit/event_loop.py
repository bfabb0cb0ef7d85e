"""How late an event loop is: for how long something that falls due at a random instant waits for the loop.

The instants are a Poisson process that goes on whatever the loop does: all that fall into a stall are counted, each
with what was left of it (Poisson arrivals see time averages, Wolff 1982). So the mean lag is what a request meets when
it arrives, and not what is seen from the moments at which the loop happened to have time to look.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from sdlab.timerfd import TimerFd

MEAN_GAP_S = 0.05


@contextmanager
def lag_measured(told: Callable[[float], None], seed: int = 1) -> Iterator[None]:
    """Tell ``told`` the running loop's lag in seconds at random instants, `MEAN_GAP_S` apart, until the block ends.

    ``seed`` is that of the gaps between them. The grain is a microsecond on Linux, elsewhere that of the loop's timers.
    """
    gap_s = Random(seed).expovariate
    due_s = time.monotonic() + gap_s(1 / MEAN_GAP_S)

    def ring() -> None:
        nonlocal due_s
        now_s = time.monotonic()
        while due_s <= now_s:
            told(now_s - due_s)
            due_s += gap_s(1 / MEAN_GAP_S)
        alarm.set(due_s)

    alarm = _alarm(asyncio.get_running_loop(), ring)
    alarm.set(due_s)
    try:
        yield
    finally:
        alarm.close()


class _FileAlarm:
    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._timer = TimerFd()
        self.set = self._timer.set
        loop.add_reader(self._timer.fd, callback)

    def close(self) -> None:
        self._loop.remove_reader(self._timer.fd)
        self._timer.close()


class _LoopAlarm:
    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop, self._callback = loop, callback
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_monotonic_s: float) -> None:
        self._handle = self._loop.call_later(max(0.0, at_monotonic_s - time.monotonic()), self._callback)

    def close(self) -> None:
        if self._handle:
            self._handle.cancel()


def _alarm(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> _FileAlarm | _LoopAlarm:
    """Calls ``callback`` in the loop at ``set(at_monotonic_s)``."""
    return _FileAlarm(loop, callback) if sys.platform == "linux" else _LoopAlarm(loop, callback)
