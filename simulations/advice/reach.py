"""What can never happen: ways that are never taken, steps behind a certain failure, handlers of what cannot fail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sdlab.workload import Requests
from simulations.advice.advice import Advice
from simulations.model import Model
from simulations.steps import (
    Attempt,
    Branch,
    Break,
    Enqueue,
    Fail,
    Flow,
    Fork,
    Hold,
    Limit,
    Place,
    Retry,
    Serve,
    Step,
    Switch,
    Timeout,
    place_text,
    ways_of,
)
from simulations.validation.ending import reached_from

COMPLETED = "completed"
Outcomes = frozenset[str]


def unreachable(model: Model, requests: Requests | None) -> list[Advice]:
    """Every step (the first of a row) that no request can come to, and every handler that nothing can call.

    Which operations and regions there are is read from the requests' names for them and from the populations; without
    requests, every flow is one and every region has some.
    """
    reaching = _Reaching(model)
    starting = _operations(model, requests)
    regions = _regions(model, requests)
    for flow in model.flows:
        operations = frozenset(name for name in starting if flow.name in reached_from(model, name))
        if operations:
            reaching.flow(flow, _Possible(operations, regions))
        else:
            started = "no request, population, step or queue starts it"
            reaching.found.append(Advice(f"flow {flow.name}", started))
    return reaching.found


def _operations(model: Model, requests: Requests | None) -> list[str]:
    if requests is None:
        return [flow.name for flow in model.flows]
    started = {population.flow for population in model.populations} | set(requests.operations)
    return [flow.name for flow in model.flows if flow.name in started]


def _regions(model: Model, requests: Requests | None) -> frozenset[str]:
    if requests is None:
        return frozenset(model.regions)
    some = {population.region for population in model.populations} | set(requests.regions)
    return frozenset(region for region in model.regions if region in some)


@dataclass(frozen=True)
class _Possible:
    """What a request here can be: its operation, its region, its key (None: any but those in ``not_keys``)."""

    operations: frozenset[str]
    regions: frozenset[str]
    key: int | None = None
    not_keys: frozenset[int] = frozenset()


class _Reaching:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.flows = {flow.name: flow for flow in model.flows}
        self.stations = {station.name: station for station in model.stations}
        self.bounded_pools = {pool.name for pool in model.pools if pool.queue is not None}
        self.queues = {queue.name: queue for queue in model.queues}
        self.found: list[Advice] = []

    def flow(self, flow: Flow, possible: _Possible) -> Outcomes:
        return self.steps((flow.name,), flow.steps, possible)

    def note(self, where: str, text: str) -> None:
        self.found.append(Advice(where, text))

    def steps(self, prefix: Place, steps: Sequence[Step], possible: _Possible) -> Outcomes:
        """How steps can end. Behind one that cannot complete, the rest cannot be reached."""
        outcomes: set[str] = set()
        for index, step in enumerate(steps):
            ends = self.step((*prefix, index), step, possible)
            outcomes |= ends - {COMPLETED}
            if COMPLETED not in ends:
                if index + 1 < len(steps):
                    after = place_text((*prefix, index + 1), steps[index + 1])
                    self.note(after, f"cannot be reached: step {index + 1} before it never completes")
                return frozenset(outcomes)
        return frozenset({COMPLETED, *outcomes})

    def step(self, place: Place, step: Step, possible: _Possible) -> Outcomes:
        if isinstance(step, Fail):
            return frozenset({step.outcome})
        ways = ways_of(step)
        if not ways:
            return frozenset({COMPLETED, *self.failures(step, possible)})
        if isinstance(step, Branch | Switch):
            ends = self.chosen(place, step, possible)
        else:
            ends = {way: self.steps((*place, way), inner, possible) for way, inner in ways if way != "otherwise"}
        everything = frozenset[str]().union(*ends.values())
        if isinstance(step, Attempt):
            return self.attempt(place, step, possible, everything)
        if isinstance(step, Fork):
            completing = sum(COMPLETED in outcomes for outcomes in ends.values())
            needed = len(step.parts) if step.wait_for is None else step.wait_for
            return everything if completing >= needed else everything - {COMPLETED}
        self.useless(place, step, everything)
        return everything | self.failures(step, possible)

    def failures(self, step: Step, possible: _Possible) -> set[str]:  # noqa: PLR0911  one a kind
        """The outcomes other than completed that a step itself can bring about."""
        match step:
            case Serve(name):
                station = self.stations[name]
                failing = any(outage.work == "fail" or outage.refuses for outage in station.outages)
                return {*(("rejected",) if station.queue is not None else ()), *(("failed",) if failing else ())}
            case Hold(name):
                return {"rejected"} if name in self.bounded_pools else set()
            case Limit() | Break():
                return {"rejected"}
            case Timeout():
                return {"timed_out"}
            case Enqueue(name, wait):
                queue = self.queues[name]
                full = {"rejected"} if queue.limit is not None else set()
                if not wait:
                    return full
                said = len(self.found)
                batch = self.flow(self.flows[queue.flow], possible)
                del self.found[said:]  # said already where that flow is looked at
                return full | (batch - {COMPLETED})
        return set()

    def chosen(self, place: Place, step: Branch | Switch, possible: _Possible) -> dict[str | int, Outcomes]:
        ends = {}
        for (way, inner), (then, why) in zip(ways_of(step), _narrowed(step, possible), strict=True):
            if then is not None:
                ends[way] = self.steps((*place, way), inner, then)
            elif inner:
                self.note(f"{place_text(place, step)}, {way}", f"is never taken: {why}")
        return ends

    def attempt(self, place: Place, step: Attempt, possible: _Possible, inside: Outcomes) -> Outcomes:
        handled = inside & frozenset(step.on)
        if not handled:
            self.note(place_text(place, step), f"handles nothing: none of its steps can end {_either(step.on)}")
            return inside
        return (inside - handled) | self.steps((*place, "otherwise"), step.otherwise, possible)

    def useless(self, place: Place, step: Step, inside: Outcomes) -> None:
        match step:
            case Retry() if step.attempts > 1 and not inside & frozenset(step.on):
                self.note(place_text(place, step), f"never retries: none of its steps can end {_either(step.on)}")
            case Break() if inside == {COMPLETED}:
                self.note(place_text(place, step), "never opens: none of its steps can fail")


def _narrowed(step: Branch | Switch, possible: _Possible) -> list[tuple[_Possible | None, str]]:
    """What a request is that takes each way; None with the reason if there is no such request."""
    if isinstance(step, Branch):
        return [(possible if probability > 0 else None, "its probability is 0") for probability, _ in step.ways]
    if step.on == "key":
        return _by_key(step, possible)
    there = possible.regions if step.on == "region" else possible.operations
    ways: list[tuple[_Possible | None, str]] = []
    for value in step.cases:
        if value in there:
            ways.append((_with(possible, step.on, frozenset({str(value)})), ""))
        else:
            ways.append((None, f"no request that comes here has this {step.on}"))
    left = there - {str(value) for value in step.cases}
    none_left = f"the cases name every {step.on} that there is here"
    # A model without regions is one place, which no case can name.
    can_be = left or not there
    return [*ways, (_with(possible, step.on, left) if can_be else None, none_left)]


def _with(possible: _Possible, on: str, values: frozenset[str]) -> _Possible:
    return replace(possible, regions=values) if on == "region" else replace(possible, operations=values)


def _by_key(step: Switch, possible: _Possible) -> list[tuple[_Possible | None, str]]:
    ways: list[tuple[_Possible | None, str]] = []
    for value in step.cases:
        key = int(value)
        can_be = key not in possible.not_keys if possible.key is None else key == possible.key
        ways.append((replace(possible, key=key) if can_be else None, "no request that comes here has this key"))
    excluded = possible.not_keys | {int(value) for value in step.cases}
    rest = possible if possible.key is not None else replace(possible, not_keys=excluded)
    can_be = possible.key is None or possible.key not in step.cases
    return [*ways, (rest if can_be else None, "the cases name the only key that there is here")]


def _either(outcomes: Iterable[str]) -> str:
    *most, last = dict.fromkeys(outcomes)
    return f"{', '.join(most)} or {last}" if most else last
