"""Where the time of one request went, stage by stage: the names that the calibration reads.

Every response carries them as ``Server-Timing`` (W3C), durations in milliseconds:

========  ============================================================================================
``app``   inside the application: from the first ASGI call to the start of the response
``cache`` awaiting the cache: reads and fills; ``desc`` of a redirect is ``hit``, ``miss`` or ``down``
``wait``  awaiting another request that is already filling the same key (single flight)
``pool``  waiting for a free database connection
``db``    holding a database connection: its queries and their transaction
``stream`` awaiting the acknowledgement of the click's append to the stream
``cpu``   CPU time of the event loop's thread during ``app``; the request's own if no other one ran meanwhile
``first`` own CPU time from the first ASGI call to the first stage
``own``   own CPU time outside of all stages, up to the start of the response
``last``  own CPU time from the end of the last stage to the start of the response
``send``  CPU time of handing the response to the socket, of the request that ended last in this process
``finish`` CPU time of its count and log line after that
``at``    when the first ASGI call came, on the machine's monotonic clock (CLOCK_MONOTONIC)
``clock`` the CPU time of the event loop's thread until then, since the process began
``gap``   for how long the thread had not run before that, since it last came to a request
``idle``  for how long it did not run while the request awaited something
``wakes`` in how many of its stages that was so (a number, not a time)
``turns`` in how many turns the event loop had found something until then (a number, but for a constant; 0: not known)
========  ============================================================================================

A stage that did not happen is absent. The stages do not overlap, so ``app`` minus their sum is the handler's own
CPU and its waits for the event loop. No coroutine but the request's own runs between two stages, so ``own`` is its CPU
also when other requests are under way; ``send`` and ``finish`` come after the header and travel with a later one. From
``at`` and ``clock`` of all requests follows how much CPU the process used between any two of them, and from ``gap``,
``idle`` and ``wakes`` how often it had to wake up for it: each idle time is told by one request only; and from
``turns`` how many requests a turn of the loop is shared by. A stage counts
wall-clock time from the call to the resumption, so it includes the client library's CPU and, on a busy loop, the wait
until the loop comes back to the request.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter, thread_time
from types import TracebackType

from reference_impls.kit import loop_turns

APP = "app"
CACHE = "cache"
WAIT = "wait"
POOL = "pool"
DB = "db"
STREAM = "stream"
CPU = "cpu"
FIRST, OWN, LAST, SEND, FINISH, AT, CLOCK = "first", "own", "last", "send", "finish", "at", "clock"
GAP, IDLE, WAKES, TURNS = "gap", "idle", "wakes", "turns"

WAKE_S = 20e-6  # a thread that did not run for less has not slept

STAGES = (CACHE, WAIT, POOL, DB, STREAM)


class RequestRecord:
    """One request's id and clock. It is found through ``current``, also by tasks that the request starts."""

    __slots__ = (
        "cpu_started_s",
        "descriptions",
        "first_cpu_s",
        "gap_s",
        "idle_s",
        "own_cpu_s",
        "request_id",
        "resumed_cpu_s",
        "stages_s",
        "started_s",
        "turns",
        "wakes",
    )

    def __init__(self, request_id: str | None = None) -> None:
        self.started_s = perf_counter()
        self.cpu_started_s = self.resumed_cpu_s = thread_time()
        self.gap_s = latest.idle_until(self.started_s, self.cpu_started_s)
        self.turns = latest.turns()
        self.own_cpu_s = self.idle_s = 0.0
        self.wakes = 0
        self.first_cpu_s = -1.0
        self.request_id = request_id or secrets.token_hex(8)
        self.stages_s: dict[str, float] = {}
        self.descriptions: dict[str, str] = {}

    def add(self, stage: str, duration_s: float) -> None:
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + duration_s

    def pause(self) -> None:
        """The request is about to await something."""
        self.own_cpu_s += thread_time() - self.resumed_cpu_s
        if self.first_cpu_s < 0:
            self.first_cpu_s = self.own_cpu_s

    def resume(self, now_s: float) -> None:
        """What it awaited has come, at ``now_s`` by `perf_counter`."""
        self.resumed_cpu_s = thread_time()
        idle_s = latest.idle_until(now_s, self.resumed_cpu_s)
        if idle_s > WAKE_S:
            self.idle_s += idle_s
            self.wakes += 1

    def elapsed_s(self) -> float:
        return perf_counter() - self.started_s

    def server_timing(self, app_s: float) -> str:
        """The header's value, ``app_s`` being the time up to the start of the response."""
        now_s = thread_time()
        last_s = now_s - self.resumed_cpu_s
        own_s = self.own_cpu_s + last_s
        first_s = self.first_cpu_s if self.first_cpu_s >= 0 else own_s
        durations_s = (
            (APP, app_s),
            (CPU, now_s - self.cpu_started_s),
            (FIRST, first_s),
            (OWN, own_s),
            (LAST, last_s),
            (SEND, latest.send_s),
            (FINISH, latest.finish_s),
            (AT, self.started_s),
            (CLOCK, self.cpu_started_s),
            (GAP, self.gap_s),
            (IDLE, self.idle_s),
            (WAKES, self.wakes / 1e3),
            (TURNS, self.turns / 1e3),
        )
        parts = [f"{name};dur={duration_s * 1e3:.3f}" for name, duration_s in durations_s]
        for name, duration_s in self.stages_s.items():
            description = self.descriptions.get(name)
            suffix = f";desc={description}" if description else ""
            parts.append(f"{name};dur={duration_s * 1e3:.3f}{suffix}")
        return ", ".join(parts)


class Latest:
    """What was seen last in this process: CPU seconds after the start of the response, of the request that ended last;
    and both clocks when the event loop's thread last began or went on with a request."""

    __slots__ = ("_count", "_cpu_s", "_seen_s", "finish_s", "send_s")

    def __init__(self) -> None:
        self.send_s = self.finish_s = 0.0
        self._seen_s, self._cpu_s = perf_counter(), thread_time()
        self._count: Callable[[], int] | None = None

    def turns(self) -> int:
        """In how many turns the event loop has found something, but for a constant; 0 if nobody counts."""
        if self._count is None:
            self._count = loop_turns.counter()
        return self._count()

    def idle_until(self, now_s: float, cpu_s: float) -> float:
        """For how long the thread has not run since it was last seen; both clocks as they are now."""
        idle_s = (now_s - self._seen_s) - (cpu_s - self._cpu_s)
        self._seen_s, self._cpu_s = now_s, cpu_s
        return max(0.0, idle_s)


latest = Latest()
current: ContextVar[RequestRecord | None] = ContextVar("current_request", default=None)


class stage:  # noqa: N801 - reads as a statement: with stage(DB): ...
    """Adds the time of its block to a stage of the current request; outside a request it does nothing."""

    __slots__ = ("_name", "_record", "_started_s")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._record = current.get()
        if self._record is not None:
            self._record.pause()
        self._started_s = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        record = self._record
        if record is not None:
            now_s = perf_counter()
            record.add(self._name, now_s - self._started_s)
            record.resume(now_s)


def describe(name: str, description: str) -> None:
    """Set the ``desc`` of a stage of the current request: one token of letters."""
    record = current.get()
    if record is not None:
        record.descriptions[name] = description
