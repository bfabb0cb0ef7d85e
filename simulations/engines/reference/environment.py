"""SimPy's environment, with timers, events at an absolute time, and events that can be cancelled."""

from __future__ import annotations

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import Any

import simpy
from simpy.events import NORMAL, URGENT, Event

Process = Generator[Event, Any, None]


class Environment(simpy.Environment):
    """Events happen in SimPy's own order: of time, urgent before others, of scheduling.

    What is *ready* is woken by an urgent event at this instant, which therefore comes before anything scheduled. An
    event without a list of callbacks was cancelled: it is dropped unseen, and does not move the clock.
    """

    def at(self, event: Event, time_s: float) -> None:
        """Let an event happen at ``time_s``: ``now + (t - now)`` is not always ``t`` in floats."""
        event._ok, event._value = True, None
        heappush(self._queue, (time_s, NORMAL, next(self._eid), event))

    def after(self, event: Event, delay_s: float) -> None:
        """Let an event happen in ``delay_s`` seconds."""
        event._ok, event._value = True, None
        self.schedule(event, NORMAL, delay_s)

    def timer(self, delay_s: float, happens: Callable[[], None]) -> Event:
        """Call something in ``delay_s`` seconds."""
        return self.timer_at(self.now + delay_s, happens)

    def timer_at(self, time_s: float, happens: Callable[[], None]) -> Event:
        """Call something at ``time_s``."""
        event = self.event()
        event.callbacks.append(lambda _: happens())
        self.at(event, time_s)
        return event

    def instead(self, waited_for: Event, value: object) -> Event:
        """Let who waits for an event be woken at this instant, with a value, by another; the first is cancelled."""
        ready = self.event()
        ready.callbacks, waited_for.callbacks = waited_for.callbacks, None  # type: ignore[assignment]
        ready._ok, ready._value = True, value
        self.schedule(ready, URGENT)
        return ready

    def cancel(self, event: Event) -> None:
        """Let an event that may be scheduled not happen."""
        event.callbacks = None  # type: ignore[assignment]

    def step(self) -> None:
        """Let the next event that was not cancelled happen."""
        while self._queue and self._queue[0][3].processed:
            heappop(self._queue)
        super().step()
