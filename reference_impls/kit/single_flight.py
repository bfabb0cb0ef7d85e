"""Single flight: callers that want the same key at the same time share one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from reference_impls.kit.timing import WAIT, stage

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """The first caller of a key starts its call; those who come while it runs wait for the same answer.

    The call runs in a task of its own, so a caller who is cancelled does not take the others with it. An error goes
    to all who wait, and the next caller starts anew.
    """

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Task[T]] = {}

    async def do(self, key: str, call: Callable[[], Awaitable[T]]) -> T:
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
        if not flight.cancelled():
            flight.exception()  # seen, even if every caller has been cancelled


async def _run(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
