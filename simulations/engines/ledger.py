"""The reference engine's own book-keeping, in plain Python.

Nothing here is shared with the compiled engine: that two independent accounts agree to the last bit is the proof.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sdlab.workload import Requests
from simulations.caches.reference import ReferenceCache
from simulations.program import Program
from simulations.sample_path import (
    COMPLETED,
    HIT,
    MISS,
    NO_LOOKUP,
    Accounts,
    Background,
    Bins,
    Caches,
    Queues,
    SamplePath,
    Spawned,
)


class Flowing(Protocol):
    """What the ledger needs to know of a request."""

    row: int | None
    flow: int
    spawned: int | None
    started_s: float


class BinClock:
    """Which bin a time falls in, for times that never go back."""

    def __init__(self, bin_s: float | None) -> None:
        self.bin_s = bin_s
        self.bin = 0

    def pieces(self, start_s: float, end_s: float, start_bin: int) -> list[tuple[int, float]]:
        """An interval cut at the bins' edges: (bin, length) of each piece; one piece if there are no bins."""
        if self.bin_s is None:
            return [(0, end_s - start_s)]
        pieces = []
        while end_s >= (edge_s := (start_bin + 1) * self.bin_s):
            pieces.append((start_bin, edge_s - start_s))
            start_bin, start_s = start_bin + 1, edge_s
        return [*pieces, (start_bin, end_s - start_s)]


@dataclass
class QueueAccount:
    """What happened at one station or pool."""

    ledger: Ledger
    resource: int
    clock: BinClock
    busy: int = 0
    waiting: int = 0
    changed_s: float = 0.0
    bin: int = 0
    arrivals: int = 0
    completions: int = 0
    busy_s: float = 0.0
    queue_s: float = 0.0
    max_waiting: int = 0
    bin_arrivals: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    bin_busy_s: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    bin_queue_s: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))

    def _count_until(self, now_s: float) -> None:
        for which, length_s in self.clock.pieces(self.changed_s, now_s, self.bin):
            self.busy_s += self.busy * length_s
            self.queue_s += self.waiting * length_s
            self.bin_busy_s[which] += self.busy * length_s
            self.bin_queue_s[which] += self.waiting * length_s
            self.bin = which
        self.changed_s = now_s

    def arrived(self, now_s: float) -> None:
        """Someone comes."""
        self._count_until(now_s)
        self.arrivals += 1
        self.bin_arrivals[self.bin] += 1

    def queued(self, now_s: float) -> None:
        """Whoever came has to wait."""
        self._count_until(now_s)
        self.waiting += 1
        self.max_waiting = max(self.max_waiting, self.waiting)

    def left_queue(self, now_s: float) -> None:
        """The head of the queue is taken."""
        self._count_until(now_s)
        self.waiting -= 1

    def began(self, now_s: float, request: Flowing, wait_s: float, service_s: float) -> None:
        """A server or slot is taken after a wait."""
        self._count_until(now_s)
        self.busy += 1
        self.ledger.visited(self.resource, request, wait_s, service_s)

    def ended(self, now_s: float) -> None:
        """A server or slot is given back."""
        self._count_until(now_s)
        self.busy -= 1
        self.completions += 1

    def released(self, request: Flowing, held_s: float) -> None:
        """How long a pool's slot was held."""
        self.ledger.service_s[request.flow, self.resource] += held_s


class Ledger:
    """Every record and account of one run."""

    def __init__(self, program: Program, requests: Requests, record_spans: bool, bin_s: float | None) -> None:
        flows, resources, count = len(program.flows), len(program.resources), len(requests)
        self.program = program
        self.requests = requests
        self.clock = BinClock(bin_s)
        self.resource = {name: column for column, name in enumerate(program.resources)}
        self.queues = {name: QueueAccount(self, self.resource[name], self.clock) for name in program.queues}
        self.wait_s = np.zeros((flows, resources))
        self.service_s = np.zeros((flows, resources))
        self.visits = np.zeros((flows, resources), dtype=np.int64)
        self.completed_s = np.full(count, np.nan)
        self.cache_hit = np.full(count, NO_LOOKUP, dtype=np.int8)
        self.spans = np.zeros((count, resources)) if record_spans else None
        self.in_flight = self.max_in_flight = 0
        self.spawned: list[tuple[int, float]] = []
        self.spawned_completed: dict[int, float] = {}
        self.background_response_s = [0.0] * flows
        self.looked: list[tuple[int, str, bool]] = []

    def queue(self, name: str) -> QueueAccount:
        """The account of a station or pool."""
        return self.queues[name]

    def started(self, request: Flowing) -> None:
        """A flow begins."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        if request.row is None:
            request.spawned = len(self.spawned)
            self.spawned.append((request.flow, request.started_s))

    def finished(self, now_s: float, request: Flowing) -> None:
        """A flow has come to its end."""
        self.in_flight -= 1
        if request.row is not None:
            self.completed_s[request.row] = now_s
        else:
            assert request.spawned is not None
            self.spawned_completed[request.spawned] = now_s
            self.background_response_s[request.flow] += now_s - request.started_s

    def visited(self, resource: int, request: Flowing, wait_s: float, service_s: float) -> None:
        """A visit to a resource, with its wait and its service."""
        self.visits[request.flow, resource] += 1
        self.wait_s[request.flow, resource] += wait_s
        self.service_s[request.flow, resource] += service_s
        if self.spans is not None and request.row is not None:
            self.spans[request.row, resource] += wait_s + service_s

    def delayed(self, name: str, request: Flowing, delay_s: float) -> None:
        """A delay begins."""
        self.visited(self.resource[name], request, 0.0, delay_s)

    def looked_up(self, now_s: float, cache: str, request: Flowing, hit: bool) -> None:
        """A cache was asked."""
        self.clock.bin = self.clock.pieces(now_s, now_s, self.clock.bin)[-1][0]
        self.looked.append((self.clock.bin, cache, hit))
        if request.row is not None:
            self.cache_hit[request.row] = HIT if hit else MISS

    def sample_path(self, end_s: float, caches: dict[str, ReferenceCache], record_spawned: bool) -> SamplePath:
        """Everything as the arrays that both engines give."""
        model, accounts = self.program.model, list(self.queues.values())
        flows = np.array([flow for flow, _ in self.spawned], dtype=np.int64)
        started_s = np.array([start for _, start in self.spawned], dtype=np.float64)
        completed_s = np.array([self.spawned_completed[row] for row in range(len(flows))], dtype=np.float64)
        capacity = [*(s.servers for s in model.stations), *(p.slots for p in model.pools)]
        return SamplePath(
            flows=self.program.flows,
            resources=self.program.resources,
            queues=self.program.queues,
            capacity=np.array(capacity, dtype=np.int64),
            cache_names=tuple(caches),
            arrival_s=self.requests.arrival_s,
            completed_s=self.completed_s,
            outcome=np.full(len(self.requests), COMPLETED, dtype=np.int8),
            cache_hit=self.cache_hit,
            spans=self.spans,
            accounts=Accounts(self.wait_s, self.service_s, self.visits),
            queue=Queues(
                np.array([account.arrivals for account in accounts], dtype=np.int64),
                np.array([account.completions for account in accounts], dtype=np.int64),
                np.array([account.busy_s for account in accounts], dtype=np.float64),
                np.array([account.queue_s for account in accounts], dtype=np.float64),
                np.array([account.max_waiting for account in accounts], dtype=np.int64),
            ),
            cache=Caches(
                *(
                    np.array([getattr(cache, name) for cache in caches.values()], dtype=np.int64)
                    for name in Caches.__dataclass_fields__
                )
            ),
            background=self._background(flows, completed_s - started_s),
            spawned=Spawned(flows, started_s, completed_s) if record_spawned else None,
            bins=self._bins(end_s, tuple(caches)),
            end_s=float(end_s),
            max_in_flight=self.max_in_flight,
        )

    def _background(self, flows: np.ndarray, response_s: np.ndarray) -> Background:
        count = len(self.program.flows)
        longest_s = np.zeros(count)
        np.maximum.at(longest_s, flows, response_s)
        spawned = np.bincount(flows, minlength=count).astype(np.int64)
        return Background(spawned, spawned, np.array(self.background_response_s), longest_s)

    def _bins(self, end_s: float, caches: tuple[str, ...]) -> Bins | None:
        if self.clock.bin_s is None:
            return None
        count = self.clock.pieces(0.0, end_s, 0)[-1][0] + 1
        accounts = list(self.queues.values())
        lookups = np.zeros((count, len(caches)), dtype=np.int64)
        hits = np.zeros((count, len(caches)), dtype=np.int64)
        for which, cache, hit in self.looked:
            lookups[which, caches.index(cache)] += 1
            hits[which, caches.index(cache)] += hit
        shape = (count, len(accounts))
        return Bins(
            self.clock.bin_s,
            np.array([[a.bin_arrivals[b] for a in accounts] for b in range(count)], dtype=np.int64).reshape(shape),
            np.array([[a.bin_busy_s[b] for a in accounts] for b in range(count)], dtype=np.float64).reshape(shape),
            np.array([[a.bin_queue_s[b] for a in accounts] for b in range(count)], dtype=np.float64).reshape(shape),
            lookups,
            hits,
        )
