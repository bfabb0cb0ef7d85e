"""In how many turns the event loop of this process has found something to do.

libuv counts its turns, but uvloop does not tell: it hands out the address of its ``uv_loop_t``, and its library the
symbols of libuv, of which ``uv_metrics_info`` (from libuv 1.45 on) copies the loop's counters. In the turn before the
thread goes to sleep nothing was found; how often it slept, the kernel counts. Another loop is not counted.
"""

from __future__ import annotations

import asyncio
import ctypes
import resource
from collections.abc import Callable
from typing import Any

import uvloop
import uvloop.loop


class _Metrics(ctypes.Structure):
    """``uv_metrics_t``: one turn is one iteration, with at most one poll."""

    _fields_ = (
        ("loop_count", ctypes.c_uint64),
        ("events", ctypes.c_uint64),
        ("events_waiting", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64 * 13),
    )


def counter() -> Callable[[], int]:
    """A function that says in how many turns the loop that runs has found something, but for a constant; 0 if nobody
    counts. To be called in the loop's thread."""
    running = asyncio.get_running_loop()
    library = ctypes.PyDLL(uvloop.loop.__file__)
    counts = hasattr(library, "uv_metrics_info") and hasattr(resource, "RUSAGE_THREAD")  # the latter is Linux's
    if not (counts and isinstance(running, uvloop.Loop)):
        return _unknown
    read = library.uv_metrics_info
    loop = _address(getattr(uvloop.loop, "libuv_get_loop_t_ptr")(running))  # noqa: B009 - its stubs lack it
    metrics = _Metrics()
    place = ctypes.byref(metrics)

    def found() -> int:
        read(loop, place)
        return int(metrics.loop_count) - resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    # The thread also slept before it had a loop, for files and locks.
    before = found() - 1

    def count() -> int:
        return 0 if running.is_closed() else max(0, found() - before)

    return count


def _unknown() -> int:
    return 0


def _address(capsule: Any) -> ctypes.c_void_p:
    """What a capsule points to."""
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return ctypes.c_void_p(api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)))
