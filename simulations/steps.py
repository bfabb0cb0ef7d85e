"""The steps of a flow: what one request does, in order.

Steps are frozen and may be shared between flows. Those with steps inside (`Branch`, `Switch`, `Lookup`) come
together again: whichever way was taken, the flow goes on with the step after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from simulations.distributions import Distribution

Attribute = Literal["region", "operation", "key"]


@dataclass(frozen=True)
class Delay:
    """Time passes without contention: a network hop, a client's think time. ``name`` is what it is reported as."""

    name: str
    time: Distribution


@dataclass(frozen=True)
class Serve:
    """Take one of a station's servers in order of arrival, keep it for a drawn service time, give it back."""

    station: str
    time: Distribution


@dataclass(frozen=True)
class Hold:
    """Take one slot of a pool, waiting in order of arrival, and keep it until the `Release` of the same pool."""

    pool: str


@dataclass(frozen=True)
class Release:
    """Give the pool's slot back."""

    pool: str


@dataclass(frozen=True)
class Branch:
    """Go one of several ways by chance: ``ways`` are pairs of probability and steps; probabilities add up to 1."""

    ways: Sequence[tuple[float, Sequence[Step]]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ways", tuple((float(p), tuple(steps)) for p, steps in self.ways))


@dataclass(frozen=True)
class Switch:
    """Go the way named by an attribute of the request, or ``otherwise`` if no case names its value.

    ``on`` is "region" (cases are names of the model's regions), "operation" (names of flows: the operation that
    arrived, also within what it spawned) or "key" (integers).
    """

    on: Attribute
    cases: Mapping[str | int, Sequence[Step]]
    otherwise: Sequence[Step] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cases", {value: tuple(steps) for value, steps in self.cases.items()})
        object.__setattr__(self, "otherwise", tuple(self.otherwise))


@dataclass(frozen=True)
class Lookup:
    """Ask a cache for the request's key, and read through it on a miss (cache-aside).

    On a hit the ``hit`` steps run. On a miss the ``miss`` steps run, and when they are done the key is stored. Nothing
    keeps several requests from missing the same key at once, each doing the work.
    """

    cache: str
    hit: Sequence[Step] = ()
    miss: Sequence[Step] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "hit", tuple(self.hit))
        object.__setattr__(self, "miss", tuple(self.miss))


@dataclass(frozen=True)
class Store:
    """Put the request's key into a cache without asking for it first (write-through)."""

    cache: str


@dataclass(frozen=True)
class Invalidate:
    """Drop the request's key from a cache, if it is there."""

    cache: str


@dataclass(frozen=True)
class Spawn:
    """Start another flow at this instant, for the same key and region, and go on without waiting for it."""

    flow: str


Step = Delay | Serve | Hold | Release | Branch | Switch | Lookup | Store | Invalidate | Spawn

Place = tuple[str | int, ...]
"""Where a step stands: (flow, index), or (flow, index, way, index) inside another step, and so on."""


@dataclass(frozen=True)
class Flow:
    """What one request (or job, or message) does: an ordered program of steps. Named as the operation it serves."""

    name: str
    steps: Sequence[Step]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))

    def walk(self) -> Iterator[tuple[Place, Step]]:
        """Every step with its place, outer before inner, in the order written."""
        yield from _walk((self.name,), self.steps)


def ways_of(step: Step) -> list[tuple[str | int, Sequence[Step]]]:
    """The sequences of steps inside a step, each with the name of the way to it; empty for a plain step."""
    match step:
        case Branch(ways):
            return [(f"way {number}", steps) for number, (_, steps) in enumerate(ways, 1)]
        case Switch():
            cases: list[tuple[str | int, Sequence[Step]]] = [
                (f"{step.on} {value}", steps) for value, steps in step.cases.items()
            ]
            return [*cases, ("otherwise", step.otherwise)]
        case Lookup():
            return [("hit", step.hit), ("miss", step.miss)]
    return []


def describe(step: Step) -> str:
    """A step in two words: "hold database_pool"."""
    match step:
        case Branch():
            subject = ""
        case Switch(on):
            subject = f"on {on}"
        case Delay(name) | Serve(name) | Hold(name) | Release(name):
            subject = name
        case Lookup(name) | Store(name) | Invalidate(name) | Spawn(name):
            subject = name
    return f"{type(step).__name__.lower()} {subject}".rstrip()


def place_text(place: Place, step: Step) -> str:
    """A place as a person would say it: "flow redirect, step 2, miss, step 1 (serve database)"."""
    words = [f"flow {place[0]}"]
    words += [part if isinstance(part, str) else f"step {part + 1}" for part in place[1:]]
    return f"{', '.join(words)} ({describe(step)})"


def _walk(prefix: Place, steps: Iterable[Step]) -> Iterator[tuple[Place, Step]]:
    for index, step in enumerate(steps):
        place = (*prefix, index)
        yield place, step
        for way, inner in ways_of(step):
            yield from _walk((*place, way), inner)
