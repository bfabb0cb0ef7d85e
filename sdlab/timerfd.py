"""Linux's timerfd (timerfd_create(2)): a timer with microseconds of grain, for any event loop that watches files.

The loops' own timers sleep in whole milliseconds (gevent's and uvloop's do). Python has it from 3.13 on, as
``os.timerfd_create``.
"""

from __future__ import annotations

import ctypes
import os

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_SMALLEST_S = 1e-6


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class TimerFd:
    """A file that becomes readable at the moment it is set to, and costs nothing until then.

    ``fd`` is its descriptor. What has expired stays readable until it is set anew or stopped; nobody needs to read it.
    Raises `OSError` where there is none to be had.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._settime = libc.timerfd_settime
        self._when = _Itimerspec()
        self._when_pointer = ctypes.byref(self._when)

    def set(self, at_monotonic_s: float) -> None:
        """Expire at that moment of `time.monotonic`, at once if it has passed; an earlier ``set`` is lost."""
        at_s = max(at_monotonic_s, _SMALLEST_S)  # 0 would disarm it
        self._when.value_s = int(at_s)
        self._when.value_ns = int(at_s % 1 * 1e9)
        self._settime(self.fd, _TFD_TIMER_ABSTIME, self._when_pointer, None)

    def stop(self) -> None:
        self._settime(self.fd, 0, ctypes.byref(_Itimerspec()), None)

    def close(self) -> None:
        os.close(self.fd)
