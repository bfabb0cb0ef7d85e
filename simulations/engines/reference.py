"""The reference engine: a model's flows as SimPy processes. It is the definition; the compiled engine must equal it.

It walks the model's own steps, with queues, caches and accounts of its own; from the program it takes only the keys
and distributions of what is drawn. The rule is "What happens when" in `simulations.model`; in SimPy's words:

- An event's place among those of the same time is when it was scheduled: SimPy's own order.
- Whoever is *ready* (handed a slot, or spawned) is woken by an urgent event at this instant, which SimPy handles
  before any other event and in the order they were made.
- A request that waits for a server waits for its end of service, an event that whoever hands it the server schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sdlab.workload import Requests
from simulations.caches.reference import reference_cache
from simulations.caches.sizes import entry_size_of
from simulations.engines.ledger import Ledger
from simulations.engines.prepare import prepare
from simulations.engines.simpy_queues import Environment, PoolState, Process, Request, StationState
from simulations.program import Drawn, Program
from simulations.sample_path import SamplePath
from simulations.sampling import child_identity_of, draw_one, sample_one
from simulations.steps import (
    Branch,
    Delay,
    Hold,
    Invalidate,
    Lookup,
    Place,
    Release,
    Serve,
    Spawn,
    Step,
    Store,
    Switch,
)

REQUESTS_PER_PROGRESS = 2_000


class ReferenceEngine:
    """One run of a program."""

    def __init__(self, program: Program, requests: Requests, seed: int, ledger: Ledger) -> None:
        model = program.model
        self.program = program
        self.requests = requests
        self.seed = seed
        self.ledger = ledger
        self.env = Environment()
        self.steps = {flow.name: flow.steps for flow in model.flows}
        self.stations = {
            station.name: StationState(self.env, ledger.queue(station.name), station.servers)
            for station in model.stations
        }
        self.pools = {pool.name: PoolState(self.env, ledger.queue(pool.name), pool.slots) for pool in model.pools}
        self.cached = {cache.name: cache for cache in model.caches}
        self.caches = {cache.name: reference_cache(cache) for cache in model.caches}

    def run(self, progress: Callable[[int, int], None] | None) -> None:
        """Run until every flow has ended."""
        self.env.process(self.arrivals(progress))
        self.env.run()

    def arrivals(self, progress: Callable[[int, int], None] | None) -> Process:
        """Schedule each arrival when the one before it happens, and start its request."""
        times = self.requests.arrival_s.tolist()
        following = self.env.at(times[0]) if times else None
        for row in range(len(times)):
            assert following is not None
            yield following
            if row + 1 < len(times):
                following = self.env.at(times[row + 1])
            self.start(self.arriving(row))
            if progress is not None and row % REQUESTS_PER_PROGRESS == 0:
                progress(row, len(times))

    def arriving(self, row: int) -> Request:
        """The request in a row of the table."""
        table = self.requests
        operation = table.operations[table.operation[row]]
        region = table.regions[table.region[row]] if table.regions else None
        return Request(row, row, self.program.flows.index(operation), operation, int(table.key[row]), region)

    def start(self, request: Request) -> None:
        """Begin a flow at this instant."""
        request.started_s = self.env.now
        self.ledger.started(request)
        self.env.process(self.flow(request))

    def flow(self, request: Request) -> Process:
        """A request's way through its flow, from start to end."""
        name = self.program.flows[request.flow]
        yield from self.walk(request, (name,), self.steps[name])
        self.ledger.finished(self.env.now, request)

    def walk(self, request: Request, prefix: Place, steps: Sequence[Step]) -> Process:
        """Take steps one after the other."""
        for index, step in enumerate(steps):
            yield from self.take(request, (*prefix, index), step)

    def take(self, request: Request, place: Place, step: Step) -> Process:
        """Take one step."""
        drawn = self.program.drawn[place]
        match step:
            case Delay(name):
                delay_s = self.time_s(request, drawn)
                self.ledger.delayed(name, request, delay_s)
                yield self.env.timeout(delay_s)
            case Serve(name):
                yield from self.stations[name].serve(request, self.time_s(request, drawn))
            case Hold(name):
                yield from self.pools[name].hold(request)
            case Release(name):
                self.pools[name].release(request)
            case Branch(ways):
                number = self.way(request, drawn, [probability for probability, _ in ways])
                yield from self.walk(request, (*place, f"way {number + 1}"), ways[number][1])
            case Switch(attribute, cases, otherwise):
                value = getattr(request, attribute)
                way = f"{attribute} {value}" if value in cases else "otherwise"
                yield from self.walk(request, (*place, way), cases.get(value, otherwise))
            case Lookup(name, on_hit, on_miss):
                hit = self.caches[name].lookup(request.key, self.env.now)
                self.ledger.looked_up(self.env.now, name, request, hit)
                if hit:
                    yield from self.walk(request, (*place, "hit"), on_hit)
                else:
                    yield from self.walk(request, (*place, "miss"), on_miss)
                    self.store(name, request.key)
            case Store(name):
                self.store(name, request.key)
            case Invalidate(name):
                self.caches[name].invalidate(request.key)
            case Spawn(name):
                self.start(self.spawned(request, name, drawn))

    def store(self, name: str, key: int) -> None:
        """Put a key into a cache."""
        self.caches[name].store(key, self.env.now, entry_size_of(self.cached[name], key))

    def spawned(self, parent: Request, flow: str, drawn: Drawn) -> Request:
        """The request that a spawning step starts."""
        identity = child_identity_of(parent.identity, drawn.draw_key)
        index = self.program.flows.index(flow)
        return Request(None, identity, index, parent.operation, parent.key, parent.region)

    def time_s(self, request: Request, drawn: Drawn) -> float:
        """The drawn time of a step."""
        return float(
            sample_one(self.program.distributions, drawn.distribution, self.seed, request.identity, drawn.draw_key)
        )

    def way(self, request: Request, drawn: Drawn, probabilities: Sequence[float]) -> int:
        """Which way a branch takes."""
        uniform = draw_one(self.seed, request.identity, drawn.draw_key)
        below = np.flatnonzero(uniform < np.cumsum(probabilities)[:-1])
        return int(below[0]) if below.size else len(probabilities) - 1


def run(
    program: Program,
    requests: Requests,
    seed: int,
    *,
    record_spans: bool = False,
    record_spawned: bool = False,
    bin_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SamplePath:
    """Run every request to its completion; arguments and result as in `simulations.engines.compiled.run`."""
    prepare(program, requests, seed, bin_s)
    ledger = Ledger(program, requests, record_spans, bin_s)
    engine = ReferenceEngine(program, requests, seed, ledger)
    engine.run(progress)
    return ledger.sample_path(engine.env.now, engine.caches, record_spawned)
