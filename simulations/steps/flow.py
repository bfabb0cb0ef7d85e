"""A flow, and how to walk through its steps: where each stands, what is inside it, how to say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from simulations.steps.basic import Delay, Fail, Hold, Release, Serve, Travel
from simulations.steps.choice import Balance, Branch, Invalidate, Lookup, Store, Switch
from simulations.steps.concurrency import Enqueue, Fork, Spawn
from simulations.steps.protection import Attempt, Break, Hedge, Limit, Retry, Timeout

Step = (
    Delay
    | Travel
    | Serve
    | Hold
    | Release
    | Fail
    | Branch
    | Switch
    | Balance
    | Lookup
    | Store
    | Invalidate
    | Spawn
    | Fork
    | Enqueue
    | Limit
    | Timeout
    | Retry
    | Hedge
    | Break
    | Attempt
)

Place = tuple[str | int, ...]
"""Where a step stands: (flow, index), or (flow, index, way, index) inside another step, and so on."""

STARTS_PARTS = (Fork, Timeout, Retry, Hedge, Break, Attempt)
"""Steps that run what is inside them as parts: tasks of their own (`Attempt`'s ``otherwise`` is not one)."""


@dataclass(frozen=True)
class Flow:
    """What one request (or job, or message) does: an ordered program of steps. Named as the operation it serves.

    Example:
        >>> from simulations.examples import *
        >>> flows = [Flow("get", [Delay("read", Constant(0.25))]), Flow("put", [Delay("write", Constant(1.0))])]
        >>> requests = arrivals_at([0.0, 0.0], operation=["get", "put"])
        >>> simulate(Model("example", flows), requests, seed=1).completed_s.tolist()
        [0.25, 1.0]
    """

    name: str
    steps: Sequence[Step]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))

    def walk(self) -> Iterator[tuple[Place, Step]]:
        """Every step with its place, outer before inner, in the order written."""
        yield from walk_steps((self.name,), self.steps)


def ways_of(step: Step) -> list[tuple[str | int, Sequence[Step]]]:  # noqa: PLR0911  one a kind of step
    """The sequences of steps inside a step, each with the name of the way to it; empty for a plain step."""
    match step:
        case Branch(ways):
            return [(f"way {number}", steps) for number, (_, steps) in enumerate(ways, 1)]
        case Switch():
            cases: list[tuple[str | int, Sequence[Step]]] = [
                (f"{step.on} {value}", steps) for value, steps in step.cases.items()
            ]
            return [*cases, ("otherwise", step.otherwise)]
        case Balance():
            return [(f"target {target}", steps) for target, steps in step.ways.items()]
        case Lookup():
            return [("hit", step.hit), ("miss", step.miss)]
        case Fork():
            return [(f"part {number}", steps) for number, steps in enumerate(step.parts, 1)]
        case Timeout() | Retry() | Hedge() | Break():
            return [("steps", step.steps)]
        case Attempt():
            return [("steps", step.steps), ("otherwise", step.otherwise)]
    return []


def describe(step: Step) -> str:
    """A step in two words: "hold database_pool"."""
    subject = ""
    match step:
        case Switch(on):
            subject = f"on {on}"
        case Travel(region):
            subject = f"to {region}" if region is not None else "back"
        case Fail(outcome):
            subject = outcome
        case Delay(name) | Serve(name) | Hold(name) | Release(name):
            subject = name
        case Lookup(name) | Store(name) | Invalidate(name) | Spawn(name):
            subject = name
        case Balance(name) | Enqueue(name) | Limit(name) | Break(name):
            subject = name
    return f"{type(step).__name__.lower()} {subject}".rstrip()


def place_text(place: Place, step: Step) -> str:
    """A place as a person would say it: "flow redirect, step 2, miss, step 1 (serve database)"."""
    words = [f"flow {place[0]}"]
    words += [part if isinstance(part, str) else f"step {part + 1}" for part in place[1:]]
    return f"{', '.join(words)} ({describe(step)})"


def walk_steps(prefix: Place, steps: Iterable[Step]) -> Iterator[tuple[Place, Step]]:
    """Every step of a sequence that stands at ``prefix``, and every step inside them."""
    for index, step in enumerate(steps):
        place = (*prefix, index)
        yield place, step
        for way, inner in ways_of(step):
            yield from walk_steps((*place, way), inner)
