"""Single flight: callers that want the same key at the same time share one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from reference_impls.kit.timing import WAIT, stage

T = TypeVar("T")

# Longer than a look-up in the cache may take; see SingleFlight.
LINGER_S = 2.0


@dataclass(frozen=True, slots=True)
class _Landed(Generic[T]):
    value: T
    landed_at_s: float


class SingleFlight(Generic[T]):
    """The first caller of a key starts its call; those who come while it runs wait for the same answer.

    A caller whose look-up in a cache missed may come only after the call has ended and the cache was filled: its
    miss was older than that. So each caller says since when it has been asking, and an answer that landed later is
    its answer too. Otherwise a stampede of misses would end in a second call, and a third.

    The call runs in a task of its own, so a caller who is cancelled does not take the others with it. An error goes
    to all who wait, and the next caller starts anew.
    """

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Task[T]] = {}
        self._landed: dict[str, _Landed[T]] = {}

    async def do(self, key: str, call: Callable[[], Awaitable[T]], *, asking_since_s: float) -> T:
        """The answer of one call for ``key`` that ended after ``asking_since_s`` (monotonic)."""
        landed = self._landed.get(key)
        if landed is not None and landed.landed_at_s >= asking_since_s:
            return landed.value
        flight = self._flights.get(key)
        if flight is not None:
            with stage(WAIT):
                return await asyncio.shield(flight)
        flight = asyncio.ensure_future(_run(call))
        self._flights[key] = flight
        flight.add_done_callback(lambda done: self._land(key, done))
        return await asyncio.shield(flight)

    def _land(self, key: str, flight: asyncio.Task[T]) -> None:
        del self._flights[key]
        if flight.cancelled() or flight.exception() is not None:
            return
        landed = _Landed(flight.result(), monotonic())
        self._landed[key] = landed
        asyncio.get_running_loop().call_later(LINGER_S, self._forget, key, landed)

    def _forget(self, key: str, landed: _Landed[T]) -> None:
        if self._landed.get(key) is landed:
            del self._landed[key]


async def _run(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
