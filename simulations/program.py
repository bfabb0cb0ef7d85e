"""A model compiled to a flat program.

Flows become instructions in one array (`layout.INSTRUCTION`), flow after flow; ``first_instruction[f]`` is where flow
f begins, and each ends with END. Nested steps are laid out in line:

    branch, switch   BRANCH, then each way's steps followed by JUMP to the end
    lookup           LOOKUP, hit steps, JUMP to the end, miss steps, STORE

``resources`` are the columns of every account: stations, then pools, then delays. The compiled engine executes the
instructions; the reference engine walks the model's own steps and takes from here only ``drawn``: what each place
draws from which distribution with which key.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations import layout
from simulations.distributions import Distribution
from simulations.layout import INSTRUCTION, NONE, WAY
from simulations.model import Model
from simulations.sampling import DistributionTable, tabulate
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
    describe,
    ways_of,
)

SWITCHES = {
    "region": layout.SWITCH_REGION,
    "operation": layout.SWITCH_OPERATION,
    "key": layout.SWITCH_KEY,
}


class Drawn(NamedTuple):
    """What a step draws: the key of its random numbers, and its distribution's row in the table (or NONE)."""

    draw_key: int
    distribution: int


NOTHING = Drawn(0, NONE)


@dataclass(frozen=True, eq=False)
class Program:
    """A model ready to run; arrays as the module's docstring says."""

    model: Model
    flows: tuple[str, ...]
    resources: tuple[str, ...]
    instructions: NDArray[np.void]
    ways: NDArray[np.void]
    first_instruction: NDArray[np.int64]
    distributions: DistributionTable
    drawn: dict[Place, Drawn]

    @property
    def queues(self) -> tuple[str, ...]:
        """The resources with a queue: stations and pools."""
        return self.resources[: len(self.model.stations) + len(self.model.pools)]


def compile_model(model: Model) -> Program:
    """Lay a model out flat."""
    flows = tuple(flow.name for flow in model.flows)
    resources = (*(s.name for s in model.stations), *(p.name for p in model.pools), *model.delays)
    drawn, distributions = _draws(model)
    writer = _Writer(model, resources, drawn)
    first = []
    for flow in model.flows:
        first.append(len(writer.instructions))
        writer.steps((flow.name,), flow.steps)
        writer.emit(layout.END)
    return Program(
        model,
        flows,
        resources,
        np.array(writer.instructions, dtype=INSTRUCTION),
        np.array(writer.ways, dtype=WAY),
        np.array(first, dtype=np.int64),
        tabulate(distributions),
        drawn,
    )


def draw_key(flow: str, step: str, occurrence: int) -> int:
    """A 32-bit key for the random numbers of the occurrence-th such step of a flow, stable as other steps change."""
    name = f"{flow}\0{step}\0{occurrence}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=4).digest(), "little")


def _draws(model: Model) -> tuple[dict[Place, Drawn], list[Distribution]]:
    rows: dict[Distribution, int] = {}
    drawn: dict[Place, Drawn] = {}
    taken: set[int] = set()
    for flow in model.flows:
        occurrences: Counter[str] = Counter()
        for place, step in flow.walk():
            name = describe(step)
            key = draw_key(flow.name, name, occurrences[name])
            occurrences[name] += 1
            while key in taken:  # two of a model's keys collide once in tens of millions of models
                key = (key + 1) % 2**32
            taken.add(key)
            row = rows.setdefault(step.time, len(rows)) if isinstance(step, Delay | Serve) else NONE
            drawn[place] = Drawn(key, row)
    return drawn, list(rows)


class _Writer:
    """Emits the instructions of one model."""

    def __init__(self, model: Model, resources: tuple[str, ...], drawn: dict[Place, Drawn]) -> None:
        self.resource = {name: column for column, name in enumerate(resources)}
        self.cache = {cache.name: index for index, cache in enumerate(model.caches)}
        self.flow = {flow.name: index for index, flow in enumerate(model.flows)}
        self.region = {name: index for index, name in enumerate(model.regions)}
        self.drawn = drawn
        self.instructions: list[tuple[int, ...]] = []
        self.ways: list[tuple[float, int, int]] = []

    def emit(
        self, code: int, *, resource: int = NONE, drawn: Drawn = NOTHING, first: int = NONE, count: int = 0
    ) -> int:
        self.instructions.append((code, resource, drawn.distribution, NONE, first, count, drawn.draw_key))
        return len(self.instructions) - 1

    def aim(self, instruction: int) -> None:
        """Let an instruction emitted before jump to where the next one will stand."""
        code, resource, distribution, _, *rest = self.instructions[instruction]
        self.instructions[instruction] = (code, resource, distribution, len(self.instructions), *rest)

    def steps(self, prefix: Place, steps: Sequence[Step]) -> None:
        for index, step in enumerate(steps):
            self.step((*prefix, index), step)

    def step(self, place: Place, step: Step) -> None:
        drawn = self.drawn[place]
        match step:
            case Delay(name):
                self.emit(layout.DELAY, resource=self.resource[name], drawn=drawn)
            case Serve(name):
                self.emit(layout.SERVE, resource=self.resource[name], drawn=drawn)
            case Hold(name):
                self.emit(layout.HOLD, resource=self.resource[name])
            case Release(name):
                self.emit(layout.RELEASE, resource=self.resource[name])
            case Store(name):
                self.emit(layout.STORE, resource=self.cache[name])
            case Invalidate(name):
                self.emit(layout.INVALIDATE, resource=self.cache[name])
            case Spawn(name):
                self.emit(layout.SPAWN, resource=self.flow[name], drawn=drawn)
            case Branch(ways):
                bounds = np.cumsum([probability for probability, _ in ways])
                bounds[-1] = 1.0
                self.choice(place, step, layout.BRANCH, [(bound, NONE) for bound in bounds.tolist()])
            case Switch():
                values = [(0.0, self.case(step, value)) for value in step.cases]
                self.choice(place, step, SWITCHES[step.on], [*values, (0.0, NONE)])
            case Lookup():
                self.lookup(place, step)

    def case(self, step: Switch, value: str | int) -> int:
        if isinstance(value, int):
            return value
        return self.region[value] if step.on == "region" else self.flow[value]

    def choice(self, place: Place, step: Branch | Switch, code: int, conditions: list[tuple[float, int]]) -> None:
        first = len(self.ways)
        self.emit(code, drawn=self.drawn[place], first=first, count=len(conditions))
        self.ways += [(bound, value, NONE) for bound, value in conditions]
        jumps = []
        for number, (way, steps) in enumerate(ways_of(step)):
            bound, value, _ = self.ways[first + number]
            self.ways[first + number] = (bound, value, len(self.instructions))
            self.steps((*place, way), steps)
            jumps.append(self.emit(layout.JUMP))
        for jump in jumps:
            self.aim(jump)

    def lookup(self, place: Place, step: Lookup) -> None:
        cache = self.cache[step.cache]
        asking = self.emit(layout.LOOKUP, resource=cache)
        self.steps((*place, "hit"), step.hit)
        done = self.emit(layout.JUMP)
        self.aim(asking)
        self.steps((*place, "miss"), step.miss)
        self.emit(layout.STORE, resource=cache)
        self.aim(done)
