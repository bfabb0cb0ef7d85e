"""Walks each task through the steps of its flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simpy.core import EmptySchedule

from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations.engines.reference.balancers import BalancerState
from simulations.engines.reference.caches import CacheState
from simulations.engines.reference.draws import Draws, child
from simulations.engines.reference.environment import Environment, Process
from simulations.engines.reference.guards import BreakerState, BucketState, BudgetState
from simulations.engines.reference.ledger import Ledger
from simulations.engines.reference.parts import (
    AttemptParts,
    BreakParts,
    ForkParts,
    HedgeParts,
    Parts,
    RetryParts,
    TimeoutParts,
)
from simulations.engines.reference.pools import PoolState
from simulations.engines.reference.populations import User
from simulations.engines.reference.queues import QueueState
from simulations.engines.reference.scaling import Outages, Scaler
from simulations.engines.reference.sharing import SharedStation
from simulations.engines.reference.stations import StationState
from simulations.engines.reference.supply import Supply
from simulations.engines.reference.tasks import BALANCERS, Task, TaskFailed, Tasks
from simulations.engines.reference.turns import TurningStation
from simulations.model import NETWORK
from simulations.program import Program
from simulations.resources import Station
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
    Invalidate,
    Limit,
    Lookup,
    Place,
    Release,
    Retry,
    Serve,
    Spawn,
    Step,
    Store,
    Switch,
    Timeout,
    Travel,
)

Progress = Callable[[int, int], None]

REQUESTS_PER_PROGRESS = 2_000


class ReferenceEngine:
    """One run of a program. What is scheduled at time 0 is scheduled in the order in which it is built here."""

    def __init__(
        self,
        program: Program,
        requests: Requests,
        seed: int,
        *,
        record_spans: bool,
        bin_s: float | None,
        progress: Progress | None,
    ) -> None:
        model = program.model
        self.program = program
        self.requests = requests
        self.progress = progress
        self.env = Environment()
        self.draws = Draws(program, seed)
        self.ledger = Ledger(self.env, program, requests, record_spans, bin_s)
        self.tasks = Tasks(self.env, self.ledger)
        self.steps = {flow.name: flow.steps for flow in model.flows}
        self.pools = {
            pool.name: PoolState(self.env, self.tasks, self.ledger.queues[pool.name], pool, index)
            for index, pool in enumerate(model.pools)
        }
        self.caches = {
            cache.name: CacheState(self.env, self.tasks, cache, index) for index, cache in enumerate(model.caches)
        }
        self.cache_index = {cache.name: index for index, cache in enumerate(model.caches)}
        self.queues = {queue.name: QueueState(self, queue) for queue in model.queues}
        self.balancers = {one.name: BalancerState(program, self.draws, one) for one in model.balancers}
        self.balancer_index = {balancer.name: index for index, balancer in enumerate(model.balancers)}
        self.buckets = {bucket.name: BucketState(bucket) for bucket in model.buckets}
        self.breakers = {breaker.name: BreakerState(breaker) for breaker in model.breakers}
        self.budgets = {budget.name: BudgetState(budget) for budget in model.budgets}
        self.arrivals_s: list[float] = requests.arrival_s.tolist()
        self.arrived = 0
        self._schedule_arrival()
        last_s = self.arrivals_s[-1] if self.arrivals_s else 0.0
        for index, population in enumerate(model.populations):
            until_s = last_s if population.until_s is None else population.until_s
            for number in range(population.users):
                User(self, population, index, number, until_s)
        self.stations = {station.name: self._station(station) for station in model.stations}

    def _station(self, station: Station) -> StationState | SharedStation | TurningStation:
        env, supply, account = self.env, Supply(station.servers), self.ledger.queues[station.name]
        if station.turns:
            return TurningStation(env, self.tasks, account, self.draws, station)
        state: StationState | SharedStation
        if station.shares:
            state = SharedStation(env, self.tasks, account, supply)
        else:
            state = StationState(env, self.tasks, account, self.draws, station, supply)
        for number, outage in enumerate(station.outages):
            Outages(env, self.draws, state, supply, outage, (station.name, number))
        if station.autoscaler is not None:
            Scaler(env, account, state, supply, station.autoscaler)
        return state

    def run(self) -> None:
        """Run until all arrivals have come and the last task has ended.

        Raises `InvalidInput` if nothing more can happen and there are tasks that wait for each other.
        """
        try:
            while self.arrived < len(self.arrivals_s) or self.tasks.live:
                self.env.step()
        except EmptySchedule:
            where = f"model {self.program.model.name}, tasks that wait for each other"
            raise InvalidInput(where, self.tasks.live, "must be 0: none of them can ever go on") from None

    def _schedule_arrival(self) -> None:
        if self.arrived < len(self.arrivals_s):
            self.env.timer_at(self.arrivals_s[self.arrived], self._arrive)

    def _arrive(self) -> None:
        """Schedule the next arrival, then start this one: nothing else is ready now, so it runs at once."""
        row, table = self.arrived, self.requests
        self.arrived += 1
        self._schedule_arrival()
        operation = table.operations[table.operation[row]]
        region = table.regions[table.region[row]] if table.regions else None
        flow = self.program.flows.index(operation)
        self.start(Task("request", flow, row, operation, int(table.key[row]), region, region, row))
        if self.progress is not None and row % REQUESTS_PER_PROGRESS == 0:
            self.progress(row, len(self.arrivals_s))

    def start(self, task: Task) -> None:
        """Make a task ready that runs a whole flow."""
        name = self.program.flows[task.flow]
        self.tasks.start(task, self.walk(task, (name,), self.steps[name]))

    def walk(self, task: Task, prefix: Place, steps: Sequence[Step]) -> Process:
        """Take steps one after the other."""
        for index, step in enumerate(steps):
            place = (*prefix, index)
            taking = TAKE.get(type(step))
            if taking is not None:
                yield from taking(self, task, place, step)
            else:
                self._act(task, place, step)

    def _act(self, task: Task, place: Place, step: Step) -> None:
        """Take a step that never waits."""
        match step:
            case Release(name):
                self.pools[name].release(task)
            case Fail(outcome):
                raise TaskFailed(outcome)
            case Store(name):
                self.caches[name].store(task.key)
            case Invalidate(name):
                self.caches[name].invalidate(task.key)
            case Limit(name):
                self.buckets[name].take(self.env.now)
            case Spawn(name):
                identity = child(task.identity, self.program.drawn[place].draw_key)
                flow = self.program.flows.index(name)
                self.start(Task("spawned", flow, identity, task.operation, task.key, task.region, task.place))
            case _:
                raise AssertionError(step)

    def _delay(self, task: Task, place: Place, step: Delay) -> Process:
        delay_s = self.draws.step_s(task.identity, self.program.drawn[place])
        yield from self._pass(task, step.name, delay_s)

    def _travel(self, task: Task, place: Place, step: Travel) -> Process:  # noqa: ARG002  nothing is drawn
        goal = task.region if step.region is None else step.region
        if goal != task.place:
            time_s = self.program.model.one_way_s(task.place or "", goal or "")
            task.place = goal
            yield from self._pass(task, NETWORK, time_s)

    def _pass(self, task: Task, name: str, time_s: float) -> Process:
        """Let time pass without contention."""
        env, ledger, column, began_s = self.env, self.ledger, self.ledger.column[name], self.env.now
        ledger.visited(column, task, 0.0, time_s)
        over = env.event()
        env.after(over, time_s)
        yield from self.tasks.wait(task, lambda: ledger.booked(column, task, 0.0, (env.now - began_s) - time_s), over)

    def _serve(self, task: Task, place: Place, step: Serve) -> Process:
        drawn, station = self.program.drawn[place], self.stations[step.station]
        service_s = self.draws.step_s(task.identity, drawn)
        if step.per_item is not None:
            service_s += self.draws.per_item_s(task.identity, drawn) * task.items
        if isinstance(station, SharedStation):
            yield from station.serve(task, service_s)
        else:
            yield from station.serve(task, service_s, step.priority, drawn.draw_key)

    def _hold(self, task: Task, place: Place, step: Hold) -> Process:  # noqa: ARG002
        yield from self.pools[step.pool].hold(task, step.priority)

    def _enqueue(self, task: Task, place: Place, step: Enqueue) -> Process:
        yield from self.queues[step.queue].enqueue(task, step.wait, self.program.drawn[place].draw_key)

    def _branch(self, task: Task, place: Place, step: Branch) -> Process:
        uniform = self.draws.uniform(task.identity, self.program.drawn[place].draw_key)
        total, taken = 0.0, len(step.ways) - 1
        for number, (probability, _) in enumerate(step.ways[:-1]):
            total += probability
            if uniform < total:
                taken = number
                break
        yield from self.walk(task, (*place, f"way {taken + 1}"), step.ways[taken][1])

    def _switch(self, task: Task, place: Place, step: Switch) -> Process:
        value = getattr(task, step.on)
        way = f"{step.on} {value}" if value in step.cases else "otherwise"
        yield from self.walk(task, (*place, way), step.cases.get(value, step.otherwise))

    def _balance(self, task: Task, place: Place, step: Balance) -> Process:
        balancer = self.balancers[step.balancer]
        picked = balancer.pick(task, self.program.drawn[place].draw_key)
        target = balancer.balancer.targets[picked]
        holding = task.hold(BALANCERS, self.balancer_index[step.balancer], lambda: balancer.left(picked))
        yield from self.walk(task, (*place, f"target {target}"), step.ways[target])
        task.holdings.remove(holding)
        balancer.left(picked)

    def _lookup(self, task: Task, place: Place, step: Lookup) -> Process:
        cache = self.caches[step.cache]
        found = cache.lookup(task.key)
        self.ledger.looked_up(self.cache_index[step.cache], task, found)
        if not found and cache.single_flight:
            yield from cache.take_off(task)
            found = not cache.leads(task)
        if found:
            yield from self.walk(task, (*place, "hit"), step.hit)
            return
        yield from self.walk(task, (*place, "miss"), step.miss)
        cache.store(task.key)
        if cache.single_flight:
            cache.land(task)

    def _parts(self, task: Task, place: Place, step: Step) -> Process:
        parts: Parts
        match step:
            case Fork():
                parts = ForkParts(self, task, place, step)
            case Timeout():
                parts = TimeoutParts(self, task, place, step)
            case Retry():
                budget = None if step.budget is None else self.budgets[step.budget]
                parts = RetryParts(self, task, place, step, budget)
            case Hedge():
                parts = HedgeParts(self, task, place, step)
            case Break():
                parts = BreakParts(self, task, place, step, self.breakers[step.breaker])
            case _:
                raise AssertionError(step)
        yield from parts.wait()

    def _attempt(self, task: Task, place: Place, step: Attempt) -> Process:
        parts = AttemptParts(self, task, place, step)
        yield from parts.wait()
        if parts.handled:
            yield from self.walk(task, (*place, "otherwise"), step.otherwise)


TAKE: dict[type[Step], Callable[..., Process]] = {
    Delay: ReferenceEngine._delay,
    Travel: ReferenceEngine._travel,
    Serve: ReferenceEngine._serve,
    Hold: ReferenceEngine._hold,
    Enqueue: ReferenceEngine._enqueue,
    Branch: ReferenceEngine._branch,
    Switch: ReferenceEngine._switch,
    Balance: ReferenceEngine._balance,
    Lookup: ReferenceEngine._lookup,
    Attempt: ReferenceEngine._attempt,
    **dict.fromkeys((Fork, Timeout, Retry, Hedge, Break), ReferenceEngine._parts),
}
"""How to take the steps that may wait."""
