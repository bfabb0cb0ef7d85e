"""The load that requests offer to every resource, computed by following flows along their probabilities.

It is the least that must be served: each retry's expected attempts by what fails for certain reasons only (`Fail`,
limits), full batches, a key fetched once however many ask for it meanwhile, no waiting, nothing cancelled. A start-up
cost adds to how long things take at a station that idles, and nothing to its load: one that never idles pays none.
Visits multiply along a way (the forced flow law, Denning & Buzen 1978), and a slot is held at least as long as the
services and delays inside take.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from simulations.advice.mix import Class, Mix, expected_hit_ratio
from simulations.advice.start_up import start_up_per_visit
from simulations.model import Model
from simulations.steps import (
    Attempt,
    Balance,
    Branch,
    Break,
    Delay,
    Enqueue,
    Fail,
    Fork,
    Hedge,
    Hold,
    Limit,
    Lookup,
    Place,
    Release,
    Retry,
    Serve,
    Spawn,
    Step,
    Switch,
    Timeout,
    Travel,
    ways_of,
)

ROUNDS = 3
"""How often hit ratios and what limits let through are found anew from the rates they lead to."""


@dataclass
class Use:
    """What is offered to one resource: ``rate_rps`` visits of ``busy`` servers in all, and who asks how much.

    ``by_place`` has, for each step, its visits a second and the mean servers (slots) it keeps busy. ``shed`` says that
    something before it may turn requests away.
    """

    rate_rps: float = 0.0
    busy: float = 0.0
    shed: bool = False
    by_place: dict[Place, tuple[float, float]] = field(default_factory=dict)

    def add(self, place: Place, rate_rps: float, busy: float, shed: bool) -> None:
        self.rate_rps += rate_rps
        self.busy += busy
        self.shed |= shed
        rate_before, busy_before = self.by_place.get(place, (0.0, 0.0))
        self.by_place[place] = (rate_before + rate_rps, busy_before + busy)


def _uses() -> dict[str, Use]:
    return defaultdict(Use)


@dataclass
class Offered:
    """The load on everything. ``timeouts`` has, of each `Timeout`, its calls a second, how long they take together and
    how long it waits for one; ``misses``, of each cache, those a second and how long fetching takes them together.
    ``hit_ratio`` counts who joins another's flight as a hit: nothing is fetched for him."""

    stations: dict[str, Use] = field(default_factory=_uses)
    pools: dict[str, Use] = field(default_factory=_uses)
    queues: dict[str, Use] = field(default_factory=_uses)
    buckets: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    timeouts: dict[Place, tuple[float, float, float]] = field(default_factory=dict)
    lookups: dict[str, dict[Class, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))
    misses: dict[str, tuple[float, float]] = field(default_factory=dict)
    hit_ratio: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ran:
    """Of so many a second: who comes through, who fails how, and the time they take together (s per s)."""

    through: float
    failed: Mapping[str, float] = field(default_factory=dict)
    elapsed: float = 0.0


@dataclass(frozen=True)
class _Request:
    """What is known about a request; of its key, which it is (None: any but those in ``not_keys``)."""

    operation: str
    region: str
    key: int | None = None
    not_keys: frozenset[int] = frozenset()
    missed: float = 0.0  # the hit ratio of the caches that did not have its key
    items: int = 1


@dataclass
class _Task:
    held: dict[str, Place] = field(default_factory=dict)
    place: str = ""
    shed: bool = False


def offered_load(model: Model, mix: Mix) -> Offered:
    """What the requests of the mix offer; populations are not in it, because they wait."""
    hits: dict[str, float] = {}
    passes: dict[str, float] = {}
    start_up_s: dict[str, float] = {}
    classes: dict[str, set[Class]] = {}
    offered = Offered()
    for _ in range(ROUNDS):
        walk = Walk(model, mix.shares, hits, passes, start_up_s)
        for (operation, region), rate_rps in mix.rates_rps.items():
            walk.flow(operation, _Request(operation, region), rate_rps)
        offered = walk.offered
        for cache in model.caches:
            asking = offered.lookups.get(cache.name, {})
            depends = cache.expiry_s is not None or cache.single_flight  # on more than who asks
            if not asking or (not depends and classes.get(cache.name) == set(asking)):
                continue
            classes[cache.name] = set(asking)
            missed, fetching = offered.misses.get(cache.name, (0.0, 0.0))
            miss_s = fetching / missed if missed > 0 else 0.0
            found = expected_hit_ratio(cache, mix, asking, sum(asking.values()), miss_s)
            if found is not None:
                hits[cache.name] = found
        for bucket in model.buckets:
            comes = offered.buckets.get(bucket.name, 0.0)
            before = passes.get(bucket.name, 1.0)
            passes[bucket.name] = min(1.0, bucket.rate_rps / comes) if comes > 0 else before
        start_up_s = {
            station.name: start_up_per_visit(station, use.rate_rps, use.busy)
            for station in model.stations
            if station.start_up is not None and (use := offered.stations.get(station.name)) is not None
        }
        if not (model.caches or model.buckets or start_up_s):
            break
    offered.hit_ratio = hits
    return offered


def one_request(
    model: Model, operation: str, region: str | None, hits: Mapping[str, float], keys: NDArray[np.int64]
) -> tuple[Offered, Ran]:
    """What one request a second of a flow offers, and how it runs."""
    values, counts = np.unique(keys, return_counts=True)
    shares = dict(zip(values.tolist(), (counts / max(1, keys.size)).tolist(), strict=True))
    walk = Walk(model, {(operation, region or ""): shares}, hits, {})
    ran = walk.flow(operation, _Request(operation, region or ""), 1.0)
    return walk.offered, ran


class Walk:
    """Follows flows and adds up what they offer."""

    def __init__(
        self,
        model: Model,
        shares: Mapping[Class, Mapping[int, float]],
        hits: Mapping[str, float],
        passes: Mapping[str, float],
        start_up_s: Mapping[str, float] | None = None,
    ) -> None:
        self.model = model
        self.shares = shares
        self.hits = hits
        self.passes = passes
        self.start_up_s = start_up_s or {}
        self.offered = Offered()
        self.flows = {flow.name: flow for flow in model.flows}
        self.queues = {queue.name: queue for queue in model.queues}
        self.bounded = {station.name for station in model.stations if station.queue is not None}
        self.bounded |= {pool.name for pool in model.pools if pool.queue is not None}
        self.budgets = {budget.name: budget for budget in model.budgets}

    def flow(self, name: str, request: _Request, rate: float, shed: bool = False) -> Ran:
        task = _Task(place=request.region, shed=shed)
        return self.steps((name,), self.flows[name].steps, request, rate, task)

    def steps(self, prefix: Place, steps: Sequence[Step], request: _Request, rate: float, task: _Task) -> Ran:
        failed: dict[str, float] = defaultdict(float)
        elapsed = 0.0
        for index, step in enumerate(steps):
            if rate <= 0:
                break
            place: Place = (*prefix, index)
            chooses = isinstance(step, Branch | Switch | Balance | Lookup)
            ran = (
                self.choose(place, step, request, rate, task) if chooses else self.one(place, step, request, rate, task)
            )
            elapsed += ran.elapsed
            if not chooses:  # else the ways have counted it
                for pool in task.held:
                    self.offered.pools[pool].add(place, 0.0, ran.elapsed, task.shed)
            for outcome, failing in ran.failed.items():
                failed[outcome] += failing
            rate = ran.through
        return Ran(rate, failed, elapsed)

    def one(self, place: Place, step: Step, request: _Request, rate: float, task: _Task) -> Ran:  # noqa: PLR0911  one a kind
        """A step that is no choice of ways."""
        match step:
            case Delay(_, time):
                return Ran(rate, elapsed=rate * time.mean_s)
            case Travel(region):
                start, task.place = task.place, request.region if region is None else region
                return Ran(rate, elapsed=rate * self.model.one_way_s(start, task.place))
            case Serve(station, time, _, per_item):
                time_s = time.mean_s + (request.items * per_item.mean_s if per_item is not None else 0.0)
                self.offered.stations[station].add(place, rate, rate * time_s, task.shed)
                task.shed |= station in self.bounded
                return Ran(rate, elapsed=rate * (time_s + self.start_up_s.get(station, 0.0)))
            case Hold(pool):
                self.offered.pools[pool].add(place, rate, 0.0, task.shed)
                task.shed |= pool in self.bounded
                task.held[pool] = place
            case Release(pool):
                task.held.pop(pool, None)
            case Fail(outcome):
                return Ran(0.0, {outcome: rate})
            case Limit(bucket):
                self.offered.buckets[bucket] += rate
                task.shed = True
                through = rate * self.passes.get(bucket, 1.0)
                return Ran(through, {"rejected": rate - through})
            case Spawn(flow):
                self.flow(flow, replace(request, items=1, missed=0.0), rate, task.shed)
            case Enqueue():
                return self.enqueue(place, step, request, rate, task)
            case _ if ways_of(step):
                return self.parts(place, step, request, rate, task)
        return Ran(rate)

    def enqueue(self, place: Place, step: Enqueue, request: _Request, rate: float, task: _Task) -> Ran:
        """Batches are full, which is the least work that the items can be."""
        queue = self.queues[step.queue]
        batches = rate / queue.batch
        shed = task.shed or queue.limit is not None
        ran = self.flow(queue.flow, replace(request, items=queue.batch, missed=0.0), batches, shed)
        self.offered.queues[queue.name].add(place, rate, ran.elapsed, task.shed)
        if not step.wait:
            return Ran(rate)
        share = rate / batches
        failed = {outcome: failing * share for outcome, failing in ran.failed.items()}
        return Ran(ran.through * share, failed, ran.elapsed * share)

    def choose(self, place: Place, step: Step, request: _Request, rate: float, task: _Task) -> Ran:
        failed: dict[str, float] = defaultdict(float)
        through = elapsed = 0.0
        after: _Task | None = None
        ways = zip(ways_of(step), self.shared_out(step, request, rate), strict=True)
        for (way, inner), (share, then) in ways:
            there = _Task(dict(task.held), task.place, task.shed)
            ran = self.steps((*place, way), inner, then, rate * share, there)
            if isinstance(step, Lookup) and way == "miss":
                missed, fetching = self.offered.misses.get(step.cache, (0.0, 0.0))
                self.offered.misses[step.cache] = (missed + rate * share, fetching + ran.elapsed)
            through, elapsed = through + ran.through, elapsed + ran.elapsed
            for outcome, failing in ran.failed.items():
                failed[outcome] += failing
            if after is None and ran.through > 0:
                after = there
            task.shed |= there.shed
        if after is not None:
            task.held, task.place = after.held, after.place
        return Ran(through, failed, elapsed)

    def shared_out(self, step: Step, request: _Request, rate: float) -> list[tuple[float, _Request]]:
        """The share that each way gets, and what is known of the requests that take it."""
        match step:
            case Branch(ways):
                return [(probability, request) for probability, _ in ways]
            case Balance(_, targets):
                return [(1 / len(targets), request)] * len(targets)
            case Switch(on, cases):
                if on == "key":
                    return self.by_key(list(cases), request)
                own = request.region if on == "region" else request.operation
                shares = [float(value == own) for value in cases]
                return [(share, request) for share in (*shares, 1 - sum(shares))]
            case Lookup(cache):
                asking = self.offered.lookups[cache]
                asking[request.operation, request.region] += rate
                hit = self.hits.get(cache, 0.5)
                given = max(0.0, (hit - request.missed) / (1 - request.missed)) if request.missed < 1 else 0.0
                return [(given, request), (1 - given, replace(request, missed=max(request.missed, hit)))]
        raise AssertionError(step)

    def by_key(self, cases: Sequence[str | int], request: _Request) -> list[tuple[float, _Request]]:
        keys = [int(value) for value in cases]
        if request.key is not None:
            shares = [float(key == request.key) for key in keys]
        else:
            known = self.shares.get((request.operation, request.region), {})
            left = 1 - math.fsum(known.get(key, 0.0) for key in request.not_keys)
            shares = [known.get(key, 0.0) / left if left > 0 and key not in request.not_keys else 0.0 for key in keys]
        rest = replace(request, not_keys=request.not_keys | frozenset(keys)) if request.key is None else request
        ways = [(share, replace(request, key=key)) for share, key in zip(shares, keys, strict=True)]
        return [*ways, (max(0.0, 1 - math.fsum(shares)), rest)]

    def parts(self, place: Place, step: Step, request: _Request, rate: float, task: _Task) -> Ran:
        sheds = isinstance(step, Break) or (isinstance(step, Timeout) and step.abandoned == "cancel")

        def run(way: str | int, inner: Sequence[Step], its_rate: float) -> Ran:
            return self.steps((*place, way), inner, request, its_rate, _Task({}, task.place, task.shed or sheds))

        match step:
            case Fork(parts):
                return _joined(step, [run(way, inner, rate) for way, inner in ways_of(step)], rate, len(parts))
            case Retry(inner):
                return self.retried(step, lambda its_rate: run("steps", inner, its_rate), rate)
            case Attempt(inner, otherwise, on):
                ran = run("steps", inner, rate)
                handled = sum(ran.failed.get(outcome, 0.0) for outcome in on)
                instead = self.steps((*place, "otherwise"), otherwise, request, handled, task)
                failed = {outcome: failing for outcome, failing in ran.failed.items() if outcome not in on}
                for outcome, failing in instead.failed.items():
                    failed[outcome] = failed.get(outcome, 0.0) + failing
                return Ran(ran.through + instead.through, failed, ran.elapsed + instead.elapsed)
            case Timeout(after, inner):
                ran = run("steps", inner, rate)
                calls, length, _ = self.offered.timeouts.get(place, (0.0, 0.0, 0.0))
                self.offered.timeouts[place] = (calls + rate, length + ran.elapsed, after.mean_s)
                return replace(ran, elapsed=min(ran.elapsed, rate * after.mean_s))
            case Hedge(_, inner) | Break(_, inner):
                return run("steps", inner, rate)
        raise AssertionError(step)

    def retried(self, step: Retry, run, rate: float) -> Ran:  # type: ignore[no-untyped-def]
        """Attempts that fail independently with the same chance: a geometric number of them, cut off."""
        recording, self.offered = self.offered, Offered()
        once: Ran = run(rate)
        self.offered = recording
        again = min(1.0, sum(once.failed.get(outcome, 0.0) for outcome in step.on) / rate)
        attempts = math.fsum(again**number for number in range(step.attempts))
        if step.budget is not None:
            attempts = min(attempts, 1 + self.budgets[step.budget].ratio)
        ran: Ran = run(rate * attempts)
        failed = {outcome: failing for outcome, failing in ran.failed.items() if outcome not in step.on}
        left = max(0.0, rate - ran.through - sum(failed.values()))
        for outcome in step.on:
            if again > 0 and once.failed.get(outcome, 0.0) > 0:
                failed[outcome] = left * once.failed[outcome] / (again * rate)
        return Ran(min(rate, ran.through), failed, ran.elapsed)


def _joined(step: Fork, ran: Sequence[Ran], rate: float, parts: int) -> Ran:
    """Of independent parts enough must complete; the time is at least that of the slowest that is waited for."""
    needed = parts if step.wait_for is None else step.wait_for
    chances = [1.0]  # of exactly so many having completed
    for part in ran:
        completes = part.through / rate
        chances = [
            (chances[n] * (1 - completes) if n < len(chances) else 0.0) + (chances[n - 1] * completes if n else 0.0)
            for n in range(len(chances) + 1)
        ]
    through = rate * math.fsum(chances[needed:])
    failing: dict[str, float] = defaultdict(float)
    for part in ran:
        for outcome, amount in part.failed.items():
            failing[outcome] += amount
    total = sum(failing.values())
    failed = {outcome: (rate - through) * amount / total for outcome, amount in failing.items()} if total > 0 else {}
    return Ran(through, failed, sorted(part.elapsed for part in ran)[needed - 1])
