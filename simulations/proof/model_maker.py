"""Models made at random over the whole vocabulary: every step inside every other, and every resource.

The same random numbers make the same model. Models are valid by construction: whatever one can have while waiting for
something else (slots of pools, flights of caches, workers of queues) is taken in one order; flows start later flows
only; nothing repeats itself at one instant; and steps multiply (a fork in a retry in a hedge) within bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulations.model import (
    Attempt,
    Backoff,
    Balance,
    Balancer,
    Branch,
    Break,
    Cache,
    Delay,
    Enqueue,
    Fail,
    Flow,
    Fork,
    Hedge,
    Hold,
    Invalidate,
    Limit,
    Lookup,
    Model,
    Release,
    Retry,
    Serve,
    Spawn,
    Station,
    Step,
    Store,
    Switch,
    Timeout,
    Travel,
)
from simulations.proof import made_resources as made
from simulations.proof.chance import seconds, time
from simulations.proof.made_resources import EVERYTHING, REGIONS, Vocabulary
from simulations.proof.reductions import without_unused
from simulations.steps import FAILURES, Failure

OPERATIONS = ("f0", "f1", "f2", "last")
BATCHES = ("b0", "b1")
FLOWS = ("f0", "f1", "f2", "b0", "b1", "last")
"""Each may start those after it: spawn operations, and leave items for the queues that run the batches' flows."""

STATIONS = ("s0", "s1", "s2")
POOLS = ("p0", "p1")
CACHES = ("c0", "c1")
QUEUES = ("q0", "q1")
BALANCERS = ("l0", "l1")
DELAYS = ("d0", "d1")

PLAIN = (
    *(*["serve"] * 6, "delay", "travel", "fail", "store", "invalidate", "spawn", "limit"),
    *["enqueue"] * 2,
)
NESTED = (
    *("branch", "switch", "balance", "lookup", "lookup", "hold", "hold"),
    *("fork", "fork", "timeout", "timeout", "retry", "hedge", "guard", "attempt"),
)
MOST_STEPS = 150
"""How many steps one run of a flow may take, with all that it starts, before its maker adds no more."""


@dataclass(frozen=True)
class _Scope:
    """Where steps are being made: in which flow, how deep, how often they may run, and what may be waited for."""

    flow: int
    depth: int
    times: int
    locks: tuple[str, ...]
    balancers: tuple[str, ...] = BALANCERS

    def deeper(self, times: int = 1) -> _Scope:
        return replace(self, depth=self.depth - 1, times=self.times * times)

    def part(self, times: int = 1) -> _Scope:
        """Inside a part, which has places at balancers of its own."""
        return replace(self.deeper(times), balancers=BALANCERS)

    def after(self, lock: str) -> _Scope:
        return replace(self.deeper(), locks=self.locks[self.locks.index(lock) + 1 :])


class ModelMaker:
    """Makes one model with flows of up to ``longest`` steps a sequence, nested to ``depth``."""

    def __init__(self, r: Random, longest: int, depth: int, vocabulary: Vocabulary = EVERYTHING) -> None:
        self.r, self.longest, self.depth = r, longest, depth
        self.pick: Callable[[Sequence[Any]], Any] = r.choice
        self.vocabulary = vocabulary
        self.stations = [made.station(r, name, vocabulary) for name in STATIONS]
        self.caches = [made.cache(r, name, vocabulary) for name in CACHES]
        self.balancers = [
            made.balancer(r, name, targets)
            for name, targets in zip(BALANCERS, (("a", "b"), ("a", "b", "c")), strict=True)
        ]
        flights = [cache.name for cache in self.caches if cache.single_flight]
        self.locks = r.sample([*POOLS, *QUEUES, *flights], len(POOLS) + len(QUEUES) + len(flights))
        self.left = 0
        self.cost: dict[str, int] = {}
        wanted = vocabulary.steps
        self.plain = [kind for kind in PLAIN if wanted is None or kind in wanted]
        self.nested = [kind for kind in NESTED if wanted is None or kind in wanted]

    def model(self) -> Model:
        """The whole model, without the resources that no step came to use."""
        r = self.r
        flows = {name: self._flow(number) for number, name in reversed(list(enumerate(FLOWS)))}
        populations = [made.population(r, f"u{n}", r.choice(OPERATIONS)) for n in range(r.choice([0, 0, 1, 2]))]
        names = [(a, b) for a in REGIONS for b in REGIONS if a < b]
        return without_unused(
            "generated",
            [flows[name] for name in FLOWS],
            stations=self.stations,
            pools=[made.pool(r, name) for name in POOLS],
            caches=self.caches,
            regions=REGIONS,
            queues=[made.queue(r, name, flow) for name, flow in zip(QUEUES, BATCHES, strict=True)],
            balancers=self.balancers,
            buckets=[made.bucket(r, "t0")],
            breakers=[made.breaker(r, "k0")],
            budgets=[made.budget(r, "g0")],
            populations=populations if self.vocabulary.populations else [],
            round_trip_s={pair: 2 * seconds(r, 0, 2) for pair in names},
        )

    def _flow(self, number: int) -> Flow:
        name = FLOWS[number]
        locks = tuple(self.locks)
        if name in BATCHES:
            queue = QUEUES[BATCHES.index(name)]
            locks = locks[locks.index(queue) + 1 :]
        self.left = MOST_STEPS
        scope = _Scope(number, self.depth, 1, locks)
        steps = [*self._some(scope), *self._sequence(scope)]
        self.cost[name] = MOST_STEPS - self.left
        return Flow(name, steps)

    def _sequence(self, scope: _Scope) -> list[Step]:
        """Steps, perhaps none."""
        return [step for _ in range(self.r.randint(0, self.longest)) for step in self._piece(scope)]

    def _some(self, scope: _Scope) -> list[Step]:
        """At least one step."""
        return self._sequence(scope) or [Delay(self.r.choice(DELAYS), time(self.r))]

    def _piece(self, scope: _Scope) -> list[Step]:
        """One step with what is inside it; none if the flow has as much as it may, or the step cannot be here."""
        self.left -= scope.times
        if self.left < 0:
            return []
        kinds = [*self.plain, *self.nested] if scope.depth > 0 else self.plain
        kind = self.r.choice(kinds)
        if kind in PLAIN:
            return self._plain(kind, scope)
        make: Callable[[_Scope], Sequence[Step]] = getattr(self, f"_{kind}")
        return list(make(scope))

    def _plain(self, kind: str, scope: _Scope) -> list[Step]:  # noqa: PLR0911  one a kind
        r = self.r
        match kind:
            case "serve":
                return self._serve(scope)
            case "delay":
                return [Delay(r.choice(DELAYS), time(r))]
            case "travel":
                return [Travel(self.pick([None, *REGIONS]))]
            case "fail":
                failing: list[Step] = [Fail(r.choice(FAILURES))]
                return failing if r.random() < 0.1 else [Branch([(0.75, []), (0.25, failing)])]
            case "store":
                return [Store(r.choice(CACHES))]
            case "invalidate":
                return [Invalidate(r.choice(CACHES))]
            case "spawn":
                return [Spawn(flow) for flow in self._affordable(OPERATIONS, scope)]
            case "enqueue":
                queues = [QUEUES[BATCHES.index(flow)] for flow in self._affordable(BATCHES, scope)]
                return [Enqueue(queue, queue in scope.locks and r.random() < 0.6) for queue in queues]
        return [Limit("t0")]

    def _serve(self, scope: _Scope) -> list[Step]:
        station: Station = self.r.choice(self.stations)
        priority = 0 if station.shares else self.r.choice([0, 0, 0, 1, 2])
        per_item = time(self.r) if FLOWS[scope.flow] in BATCHES and self.r.random() < 0.5 else None
        return [Serve(station.name, time(self.r), priority, per_item)]

    def _affordable(self, some: tuple[str, ...], scope: _Scope) -> list[str]:
        """One of these flows that comes later than the present one, if what it does is not too much."""
        flows = [name for name in FLOWS[scope.flow + 1 :] if name in some]
        if not flows:
            return []
        flow = self.r.choice(flows)
        cost = self.cost[flow] * scope.times
        if cost > self.left:
            return []
        self.left -= cost
        return [flow]

    # Steps with others inside

    def _branch(self, scope: _Scope) -> Sequence[Step]:
        first, second = self.r.choice([(0.0, 0.5), (0.25, 0.25), (0.1, 0.9), (1.0, 0.0)])
        probabilities = (first, second, 1 - first - second)
        return [Branch([(probability, self._sequence(scope.deeper())) for probability in probabilities])]

    def _switch(self, scope: _Scope) -> Sequence[Step]:
        on, values = self.pick([("region", REGIONS), ("operation", OPERATIONS), ("key", range(made.KEYS))])
        cases = {value: self._sequence(scope.deeper()) for value in self.r.sample(list(values), 2)}
        return [Switch(on, cases, self._sequence(scope.deeper()))]

    def _balance(self, scope: _Scope) -> Sequence[Step]:
        if not scope.balancers:
            return []
        name = self.r.choice(scope.balancers)
        inside = replace(scope.deeper(), balancers=tuple(other for other in scope.balancers if other != name))
        balancer: Balancer = self.balancers[BALANCERS.index(name)]
        return [Balance(name, {target: self._sequence(inside) for target in balancer.targets})]

    def _lookup(self, scope: _Scope) -> Sequence[Step]:
        cache: Cache = self.r.choice(self.caches)
        if cache.single_flight and cache.name not in scope.locks:
            return []
        missing = scope.after(cache.name) if cache.single_flight else scope.deeper()
        return [Lookup(cache.name, self._sequence(scope.deeper()), self._sequence(missing))]

    def _hold(self, scope: _Scope) -> Sequence[Step]:
        pools = [lock for lock in scope.locks if lock in POOLS]
        if not pools:
            return []
        pool = self.r.choice(pools)
        return [Hold(pool, self.r.choice([0, 0, 1])), *self._sequence(scope.after(pool)), Release(pool)]

    # Steps that start parts

    def _fork(self, scope: _Scope) -> Sequence[Step]:
        count = self.r.randint(1, 3)
        wait_for = self.pick([None, self.r.randint(1, count)])
        rest = self.pick(["cancel", "continue"])
        if self.r.random() < 0.3:
            return [Fork.copies(count, self._some(scope.part(count)), wait_for, rest)]
        return [Fork([self._some(scope.part()) for _ in range(count)], wait_for, rest)]

    def _timeout(self, scope: _Scope) -> Sequence[Step]:
        abandoned = self.pick(["cancel", "continue"])
        return [Timeout(time(self.r), self._some(scope.part()), abandoned)]

    def _retry(self, scope: _Scope) -> Sequence[Step]:
        r, attempts = self.r, self.r.randint(1, 3)
        jitter = self.pick(["none", "none", "full", "equal"])
        backoff = Backoff(seconds(r, 0, 2), r.choice([1.0, 2.0, 1.5]), r.choice([2.0, 1.5, float("inf")]), jitter)
        budget = self.pick([None, "g0"])
        return [Retry(self._some(scope.part(attempts)), attempts, backoff, budget, self._outcomes())]

    def _hedge(self, scope: _Scope) -> Sequence[Step]:
        extra = self.r.randint(1, 2)
        return [Hedge(time(self.r), self._some(scope.part(1 + extra)), extra)]

    def _guard(self, scope: _Scope) -> Sequence[Step]:
        return [Break("k0", self._some(scope.part()))]

    def _attempt(self, scope: _Scope) -> Sequence[Step]:
        return [Attempt(self._some(scope.part()), self._sequence(scope.deeper()), self._outcomes())]

    def _outcomes(self) -> Sequence[Failure]:
        outcomes: Sequence[Failure] = self.pick([FAILURES, FAILURES, self.r.sample(FAILURES, self.r.randint(1, 2))])
        return outcomes
