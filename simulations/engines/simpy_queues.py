"""Stations and pools of the reference engine, in SimPy."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from heapq import heappush
from typing import Any

import simpy
from simpy.events import NORMAL, URGENT, Event

from simulations.engines.ledger import QueueAccount

Process = Generator[Event, Any, None]


class Environment(simpy.Environment):
    """SimPy's environment, with events at an absolute time: ``now + (t - now)`` is not always ``t`` in floats."""

    def at(self, time_s: float) -> Event:
        """An event that happens at ``time_s``."""
        event = self.event()
        event._ok, event._value = True, None
        heappush(self._queue, (time_s, NORMAL, next(self._eid), event))
        return event

    def after(self, event: Event, delay_s: float) -> None:
        """Let an event that someone waits for happen in ``delay_s`` seconds."""
        event._ok, event._value = True, None
        self.schedule(event, NORMAL, delay_s)

    def wake(self, event: Event) -> None:
        """Let an event happen at this instant, before anything that is scheduled."""
        event._ok, event._value = True, None
        self.schedule(event, URGENT)


@dataclass
class Request:
    """One request, or one spawned flow, on its way."""

    row: int | None
    """Its row among the requests; None for what was spawned."""
    identity: int
    flow: int
    operation: str
    key: int
    region: str | None
    spawned: int | None = None
    """Its row among the spawned; None for a request."""
    started_s: float = 0.0


@dataclass
class WaitingForService:
    """Who waits at a station: its end of service, and how long that service will take."""

    request: Request
    end: Event
    service_s: float
    since_s: float


@dataclass
class WaitingForSlot:
    """Who waits at a pool: the event that wakes it."""

    request: Request
    granted: Event
    since_s: float


class StationState:
    """A station's servers and queue."""

    def __init__(self, env: Environment, account: QueueAccount, servers: int) -> None:
        self.env = env
        self.account = account
        self.free = servers
        self.waiting: deque[WaitingForService] = deque()

    def serve(self, request: Request, service_s: float) -> Process:
        """Wait for a server, be served, and hand the server on."""
        env = self.env
        self.account.arrived(env.now)
        if self.free > 0:
            self.free -= 1
            self.account.began(env.now, request, 0.0, service_s)
            yield env.timeout(service_s)
        else:
            end = env.event()
            self.account.queued(env.now)
            self.waiting.append(WaitingForService(request, end, service_s, env.now))
            yield end
        self.account.ended(env.now)
        if self.waiting:
            following = self.waiting.popleft()
            self.account.left_queue(env.now)
            self.account.began(env.now, following.request, env.now - following.since_s, following.service_s)
            env.after(following.end, following.service_s)
        else:
            self.free += 1


class PoolState:
    """A pool's free slots and queue."""

    def __init__(self, env: Environment, account: QueueAccount, slots: int) -> None:
        self.env = env
        self.account = account
        self.free = slots
        self.waiting: deque[WaitingForSlot] = deque()
        self.held_since_s: dict[int, float] = {}

    def hold(self, request: Request) -> Process:
        """Wait for a slot and take it."""
        env = self.env
        self.account.arrived(env.now)
        if self.free > 0:
            self.free -= 1
            self._grant(request, 0.0)
        else:
            granted = env.event()
            self.account.queued(env.now)
            self.waiting.append(WaitingForSlot(request, granted, env.now))
            yield granted

    def release(self, request: Request) -> None:
        """Hand the slot to the one who has waited longest."""
        env = self.env
        self.account.released(request, env.now - self.held_since_s.pop(id(request)))
        self.account.ended(env.now)
        if self.waiting:
            following = self.waiting.popleft()
            self.account.left_queue(env.now)
            self._grant(following.request, env.now - following.since_s)
            env.wake(following.granted)
        else:
            self.free += 1

    def _grant(self, request: Request, wait_s: float) -> None:
        self.account.began(self.env.now, request, wait_s, 0.0)
        self.held_since_s[id(request)] = self.env.now
