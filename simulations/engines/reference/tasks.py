"""Tasks: how they begin, wait, become ready, end, and are cancelled. A task is a SimPy process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from simpy.events import Event

from simulations.engines.reference.environment import Environment, Process

if TYPE_CHECKING:
    from simulations.engines.reference.ledger import Ledger

Kind = Literal["request", "spawned", "batch", "part"]

COMPLETED = "completed"
REJECTED = "rejected"
TIMED_OUT = "timed_out"
FAILED = "failed"

POOLS, BALANCERS, FLIGHTS = range(3)


class TaskFailed(Exception):
    """Raised within a task's steps to end it with an outcome."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Listener(Protocol):
    """Who hears how a task ends."""

    def heard(self, task: Task, outcome: str) -> None:
        """The task has ended, at this instant."""


@dataclass(eq=False)
class Holding:
    """Something a task must give back when it fails or is cancelled, and its place in the order of giving back."""

    kind: int
    index: int
    give_back: Callable[[], None]


def nowhere() -> None:
    """Leave: nothing, for a task that stands in no line and at no resource."""


@dataclass(eq=False)
class Task:
    """One that runs the steps of a flow. ``row`` is that of its request, which its parts share."""

    kind: Kind
    flow: int
    identity: int
    operation: str
    key: int
    region: str | None
    place: str | None
    row: int | None = None
    parent: Listener | None = None
    items: int = 1
    """How many items its batch has."""
    spawned: int = 0
    """Its row among the spawned, if it is one."""
    started_s: float = 0.0
    holdings: list[Holding] = field(default_factory=list)
    leave: Callable[[], None] = nowhere
    """Takes it away from where it waits."""
    event: Event | None = None
    """What it waits for."""
    steps: Process | None = None

    def hold(self, kind: int, index: int, give_back: Callable[[], None]) -> Holding:
        """Note something to be given back."""
        holding = Holding(kind, index, give_back)
        self.holdings.append(holding)
        return holding

    def part(self, identity: int, parent: Listener) -> Task:
        """A part of this task."""
        key, region, place = self.key, self.region, self.place
        return Task("part", self.flow, identity, self.operation, key, region, place, self.row, parent, self.items)


class Tasks:
    """The tasks of a run; ``live`` counts those that have begun and not ended."""

    def __init__(self, env: Environment, ledger: Ledger) -> None:
        self.env = env
        self.ledger = ledger
        self.live = 0

    def begin(self, task: Task) -> None:
        """A task has begun; it is not running anything yet."""
        self.live += 1
        task.started_s = self.env.now
        self.ledger.began(task)

    def start(self, task: Task, steps: Process) -> None:
        """Begin a task, and make it ready to run its steps."""
        self.begin(task)
        task.steps = self._run(task, steps)
        task.event = self.env.process(task.steps).target

    def _run(self, task: Task, steps: Process) -> Process:
        try:
            yield from steps
        except TaskFailed as failure:
            outcome = failure.outcome
        else:
            outcome = COMPLETED
        self.end(task, outcome)

    def wait(self, task: Task, leave: Callable[[], None] = nowhere, event: Event | None = None) -> Process:
        """Wait for an event, or (none given) to be made ready; go on or fail then."""
        task.leave = leave
        task.event = event if event is not None else self.env.event()
        outcome = yield task.event
        if outcome is not None:
            raise TaskFailed(outcome)

    def wake(self, task: Task, outcome: str | None = None) -> None:
        """Make a task that waits ready, to go on or to fail with an outcome."""
        assert task.event is not None
        task.leave = nowhere
        task.event = self.env.instead(task.event, outcome)

    def end(self, task: Task, outcome: str) -> None:
        """A task has completed its steps or failed; its parent hears of it at once."""
        if outcome != COMPLETED:
            self._give_back(task)
        self.live -= 1
        self.ledger.ended(task, outcome)
        if task.parent is not None:
            task.parent.heard(task, outcome)

    def fail(self, task: Task, outcome: str) -> None:
        """Have a task that waits fail at once."""
        self._stop(task)
        self.end(task, outcome)

    def cancel(self, task: Task) -> None:
        """Have a task that waits, or is ready, end without an outcome; nobody hears."""
        task.leave()
        self._stop(task)
        self._give_back(task)
        self.live -= 1

    def _stop(self, task: Task) -> None:
        assert task.event is not None
        assert task.steps is not None
        self.env.cancel(task.event)
        task.steps.close()

    def _give_back(self, task: Task) -> None:
        for holding in sorted(task.holdings, key=lambda holding: (holding.kind, holding.index)):
            holding.give_back()
        task.holdings.clear()
