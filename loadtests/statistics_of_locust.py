"""Locust's own statistics, fed in bulk: logging each request by itself takes longer than sending it."""

from __future__ import annotations

import time
from typing import Any

import gevent
import locust.stats
from locust.env import Environment
from locust.stats import StatsEntry

# Whichever comes first. So many take 0.1 ms, and Locust shows its figures every second or two.
_BULK = 64
_AFTER_S = 0.1


class Statistics:
    """What went as its task expects, until it is entered into ``environment.stats``; the rest is logged by Locust."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._handlers: list[Any] = getattr(environment.events.request, "_handlers", [])
        self._lean = [handler for handler in self._handlers if _is_of_the_runner(handler)]
        self._timer = gevent.get_hub().loop.timer(_AFTER_S)
        self._times_ms: dict[tuple[str, str], list[float]] = {}
        self._lengths: dict[tuple[str, str], int] = {}
        self._count = 0

    @property
    def listens_alone(self) -> bool:
        """Whether nobody else is to be told of each request. Listeners may come and go during a run."""
        return len(self._lean) == 1 and self._handlers == self._lean

    def add(self, method: str, name: str, response_time_ms: float, length: int) -> None:
        """Enter a request, by and by. ``length``: bytes of its answer's body."""
        key = (name, method)
        if key in self._times_ms:
            self._times_ms[key].append(response_time_ms)
            self._lengths[key] += length
        else:
            self._times_ms[key], self._lengths[key] = [response_time_ms], length
        self._count += 1
        if self._count == 1:
            self._timer.start(self.enter)
        elif self._count >= _BULK:
            self.enter()

    def enter(self) -> None:
        """Enter what has come together."""
        self._timer.stop()
        self._count = 0
        stats = self._environment.stats
        for (name, method), times_ms in self._times_ms.items():
            entry = StatsEntry(stats, name, method)
            entry.num_requests = len(times_ms)
            entry.total_response_time = sum(times_ms)  # type: ignore[arg-type]
            entry.min_response_time = min(times_ms)  # type: ignore[assignment]
            entry.max_response_time = max(times_ms)  # type: ignore[assignment]
            for bucket in map(locust.stats.bucket_response_time, times_ms):
                entry.response_times[bucket] += 1
            entry.total_content_length = self._lengths[(name, method)]
            entry.last_request_timestamp = time.time()
            entry.num_reqs_per_sec[int(entry.last_request_timestamp)] = len(times_ms)
            for total in (stats.entries[(name, method)], stats.total):
                total.extend(entry)
        self._times_ms.clear()

    def close(self) -> None:
        """Enter the rest."""
        self.enter()
        self._timer.close()


def _is_of_the_runner(handler: Any) -> bool:
    """Whether a listener is the one with which Locust's runners log requests."""
    return (handler.__module__, handler.__qualname__) == ("locust.runners", "Runner.__init__.<locals>.on_request")
