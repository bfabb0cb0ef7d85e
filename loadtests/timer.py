"""Being on time: a timer for gevent's loop with microseconds of grain, and what the kernel is asked for beforehand.

gevent's own timers sleep in whole milliseconds, so that an arrival is 0.5 to 1 ms late at the median; spinning through
the last millisecond would starve the service on a small machine. On Linux a timerfd (timerfd_create(2)) is a file that
the loop's epoll wakes up for at the right moment, and costs nothing in between.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from gevent.hub import Hub

from sdlab.timerfd import TimerFd


class _GeventTimerFd(TimerFd):
    def __init__(self, hub: Hub, callback: Callable[[], None]) -> None:
        super().__init__()
        # Of all that is ready in one turn of the loop, what is due to be sent comes first.
        self._watcher = hub.loop.io(self.fd, 1, priority=hub.loop.MAXPRI)
        self._watcher.start(callback)

    def again(self) -> None:
        """Call once more as soon as the loop has turned: what has expired stays readable until it is set anew."""

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        super().close()


class _LoopTimer:
    def __init__(self, hub: Hub, callback: Callable[[], None]) -> None:
        self._hub, self._callback = hub, callback
        self._timer = hub.loop.timer(0)

    def set(self, at_monotonic_s: float) -> None:
        self._timer.close()
        self._timer = self._hub.loop.timer(max(0.0, at_monotonic_s - time.monotonic()))
        self._timer.start(self._callback)

    def again(self) -> None:
        self.set(0.0)

    def stop(self) -> None:
        self._timer.stop()

    def close(self) -> None:
        self._timer.close()


Timer = _GeventTimerFd | _LoopTimer


def timer(callback: Callable[[], None]) -> Timer:
    """A timer that calls ``callback`` in the hub at ``set(at_monotonic_s)``; an earlier ``set`` is lost.

    The callback ends with another ``set``, with ``again()`` or with ``stop()``.
    """
    hub = gevent.get_hub()
    return _GeventTimerFd(hub, callback) if sys.platform == "linux" else _LoopTimer(hub, callback)


def make_room_for_descriptors(count: int) -> None:
    """Have this process's table of open files grow now, so that ``count`` more fit, or as many as it may open.

    Linux doubles the table with the 64th, 128th, 256th ... descriptor, and in a process with threads, as gevent's are,
    waits for an RCU grace period to do so (expand_fdtable in fs/file.c calls synchronize_rcu): the call that opens a
    connection slept for 6 to 9 ms, and all that was due meanwhile was late. The table never shrinks.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open() as file:
        number = file.fileno() + count
        if limit != resource.RLIM_INFINITY:
            number = max(file.fileno(), min(number, limit - 1))
        os.close(fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC, number))
