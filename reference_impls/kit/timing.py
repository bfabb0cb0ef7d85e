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
========  ============================================================================================

A stage that did not happen is absent. The stages do not overlap, so ``app`` minus their sum is the handler's own
CPU and its waits for the event loop. A stage counts wall-clock time from the call to the resumption, so it includes
the client library's CPU and, on a busy loop, the wait until the loop comes back to the request.
"""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from time import perf_counter, thread_time
from types import TracebackType

APP = "app"
CACHE = "cache"
WAIT = "wait"
POOL = "pool"
DB = "db"
STREAM = "stream"
CPU = "cpu"

STAGES = (CACHE, WAIT, POOL, DB, STREAM)


class RequestRecord:
    """One request's id and clock. It is found through ``current``, also by tasks that the request starts."""

    __slots__ = ("cpu_started_s", "descriptions", "request_id", "stages_s", "started_s")

    def __init__(self, request_id: str | None = None) -> None:
        self.started_s = perf_counter()
        self.cpu_started_s = thread_time()
        self.request_id = request_id or secrets.token_hex(8)
        self.stages_s: dict[str, float] = {}
        self.descriptions: dict[str, str] = {}

    def add(self, stage: str, duration_s: float) -> None:
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + duration_s

    def elapsed_s(self) -> float:
        return perf_counter() - self.started_s

    def server_timing(self, app_s: float) -> str:
        """The header's value, ``app_s`` being the time up to the start of the response."""
        cpu_s = thread_time() - self.cpu_started_s
        parts = [f"{APP};dur={app_s * 1e3:.3f}", f"{CPU};dur={cpu_s * 1e3:.3f}"]
        for name, duration_s in self.stages_s.items():
            description = self.descriptions.get(name)
            suffix = f";desc={description}" if description else ""
            parts.append(f"{name};dur={duration_s * 1e3:.3f}{suffix}")
        return ", ".join(parts)


current: ContextVar[RequestRecord | None] = ContextVar("current_request", default=None)


class stage:  # noqa: N801 - reads as a statement: with stage(DB): ...
    """Adds the time of its block to a stage of the current request; outside a request it does nothing."""

    __slots__ = ("_name", "_started_s")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._started_s = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        record = current.get()
        if record is not None:
            record.add(self._name, perf_counter() - self._started_s)


def describe(name: str, description: str) -> None:
    """Set the ``desc`` of a stage of the current request: one token of letters."""
    record = current.get()
    if record is not None:
        record.descriptions[name] = description
