"""What is taken is given back, and nobody waits for ever.

Every flow is followed along all of its ways. A task *has* the slots it holds; what the tasks around it hold; while
the ``miss`` steps of a cache with one flight per key run, that flight; and as a queue's batch, a worker of that queue.
It *asks for* a pool by `Hold`, for a flight by `Lookup`, for a queue's worker by waiting for its item. If who has A can
ask for B, and who has B for A, directly or through others, they can wait for each other for ever (Coffman, Elphick &
Shoshani 1971: circular wait). A pool that rejects at once (``queue`` 0) is never waited for. A `Timeout` around a wait
does not count as a way out: until it comes, everything stands.

Failing gives everything back, so a way that ends in `Fail` need not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sdlab.errors import InvalidInput
from simulations.steps import (
    STARTS_PARTS,
    Attempt,
    Enqueue,
    Fail,
    Flow,
    Fork,
    Hold,
    Lookup,
    Place,
    Release,
    Step,
    place_text,
    ways_of,
)

if TYPE_CHECKING:
    from simulations.model import Model


def check_holding(model: Model) -> None:
    """Raise `InvalidInput` where a flow keeps, gives back or waits for what it must not."""
    following = _Following(model)
    for flow in model.flows:
        following.flow(flow)


class _Had(NamedTuple):
    """Something one can have while waiting for something else."""

    kind: str
    name: str

    def __str__(self) -> str:
        return {"pool": self.name, "queue": f"a worker of {self.name}"}.get(self.kind, f"a key's flight of {self.name}")


@dataclass
class _Task:
    """``held`` are the pools it must release, ``around`` what else it has, each with the place where it was taken."""

    held: dict[str, str] = field(default_factory=dict)
    around: Mapping[_Had, str] = field(default_factory=dict)

    @property
    def has(self) -> dict[_Had, str]:
        return {**self.around, **{_Had("pool", pool): where for pool, where in self.held.items()}}

    def copy(self, **more: str) -> _Task:
        flights = {_Had("flight", cache): where for cache, where in more.items()}
        return _Task(dict(self.held), {**self.around, **flights})


class _Following:
    def __init__(self, model: Model) -> None:
        self.one_flight = {cache.name for cache in model.caches if cache.single_flight}
        self.rejecting = {pool.name for pool in model.pools if pool.queue == 0}
        self.queues = model.queues
        self.asked: dict[_Had, dict[_Had, str]] = {}

    def flow(self, flow: Flow) -> None:
        workers = {_Had("queue", q.name): f"queue {q.name}" for q in self.queues if q.flow == flow.name}
        self.whole((flow.name,), flow.steps, _Task(around=workers), "flow")

    def whole(self, prefix: Place, steps: Sequence[Step], task: _Task, kind: str) -> bool:
        """All steps of a task, which must have nothing left; whether it can complete."""
        completes = self.steps(prefix, steps, task)
        if completes:
            for pool, where in task.held.items():
                raise InvalidInput(where, pool, f"is still held at the end of the {kind}: release it")
        return completes

    def steps(self, prefix: Place, steps: Sequence[Step], task: _Task) -> bool:
        """Update ``task`` by what the steps do; whether their end can be reached."""
        return all(self.step((*prefix, index), step, task) for index, step in enumerate(steps))

    def step(self, place: Place, step: Step, task: _Task) -> bool:
        where = place_text(place, step)
        match step:
            case Hold(pool):
                self.hold(where, pool, task)
            case Release(pool):
                _release(where, pool, task)
            case Enqueue(queue, wait) if wait:
                self.ask(_Had("queue", queue), where, task)
            case Fail():
                return False
            case _ if isinstance(step, STARTS_PARTS):
                return self.parts(place, step, task)
            case _ if ways_of(step):
                return self.ways(place, step, task)
        return True

    def hold(self, where: str, pool: str, task: _Task) -> None:
        since = task.has.get(_Had("pool", pool))
        if since is not None:
            raise InvalidInput(where, pool, f"is held already, since {since}")
        if pool not in self.rejecting:
            self.ask(_Had("pool", pool), where, task)
        task.held[pool] = where

    def ways(self, place: Place, step: Step, task: _Task) -> bool:
        leads: dict[str, str] = {}
        if isinstance(step, Lookup) and step.cache in self.one_flight:
            where, flight = place_text(place, step), _Had("flight", step.cache)
            if flight in task.around:
                bound = f"waits for the key that it is itself fetching, since {task.around[flight]}"
                raise InvalidInput(where, step.cache, bound)
            self.ask(flight, where, task)
            leads = {step.cache: where}
        after = []
        for way, inner in ways_of(step):
            there = task.copy(**(leads if way == "miss" else {}))
            if self.steps((*place, way), inner, there):
                after.append((way, there))
        return _same_after(place, step, task, after)

    def parts(self, place: Place, step: Step, task: _Task) -> bool:
        """A part gives back itself what it takes, and cannot give back what those around it have."""
        complete = 0
        after: list[tuple[str | int, _Task]] = []
        for way, inner in ways_of(step):
            if isinstance(step, Attempt) and way == "otherwise":
                there = task.copy()
                if self.steps((*place, way), inner, there):
                    after.append((way, there))
            elif self.whole((*place, way), inner, _Task(around=task.has), "part"):
                complete += 1
        if isinstance(step, Attempt):
            return _same_after(place, step, task, [*([("steps", task.copy())] if complete else []), *after])
        needed = len(step.parts) if isinstance(step, Fork) and step.wait_for is None else getattr(step, "wait_for", 1)
        return complete >= needed

    def ask(self, wanted: _Had, where: str, task: _Task) -> None:
        """Note that who has what the task has asks for it, and refuse what closes a circle."""
        for had in task.has:
            self.asked.setdefault(had, {}).setdefault(wanted, where)
            circle = self.path(wanted, had)
            if circle is None:
                continue
            others = [self.asked[one][other] for one, other in pairwise(circle)]
            if len(circle) == 2 and wanted.kind == had.kind == "pool":
                raise InvalidInput(
                    where, wanted.name, f"is held in another order in {others[0]}: both could wait for ever"
                )
            told = "; ".join(
                f"in {place}, who has {one} asks for {other}"
                for place, one, other in zip(others, circle, circle[1:], strict=False)
            )
            raise InvalidInput(where, wanted.name, f"is asked for by who has {had}; {told}: they could wait for ever")

    def path(self, start: _Had, end: _Had) -> list[_Had] | None:
        """The shortest way from what one has to what another who is waited for has, if there is one."""
        ways, seen = [[start]], {start}
        for way in ways:
            if way[-1] == end:
                return way
            for further in self.asked.get(way[-1], {}):
                if further not in seen:
                    seen.add(further)
                    ways.append([*way, further])
        return None


def _release(where: str, pool: str, task: _Task) -> None:
    if pool in task.held:
        del task.held[pool]
        return
    since = task.around.get(_Had("pool", pool))
    if since is not None:
        raise InvalidInput(where, pool, f"is held by what this is a part of, since {since}: release it there")
    raise InvalidInput(where, pool, "is not held here: hold it first")


def _same_after(place: Place, step: Step, task: _Task, after: list[tuple[str | int, _Task]]) -> bool:
    """All ways that come to their end hold the same; then the task goes on so."""
    if not after:
        return False
    first, like = after[0]
    for way, there in after:
        if set(there.held) != set(like.held):
            pools = ", ".join(sorted(set(there.held) ^ set(like.held)))
            raise InvalidInput(place_text(place, step), way, f"leaves {pools} held unlike {first}")
    task.held = like.held
    return True
