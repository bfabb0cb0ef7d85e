"""A model compiled to a flat program.

Flows become instructions in one array (`layout.INSTRUCTION`), flow after flow; ``first_instruction[f]`` is where flow
f begins, and each ends with END. Nested steps are laid out in line:

    branch, switch   BRANCH, then each way's steps followed by JUMP to the end
    balance          BALANCE, then each way's steps followed by LEAVE and JUMP
    lookup           LOOKUP, hit steps, JUMP to the end, miss steps, STORE (LAND where one flight leads)
    parts            FORK (TIMEOUT, RETRY, ...), each part's steps followed by END; ``target`` is after them
    attempt          as parts; then the steps of ``otherwise``, at which the second way aims

``resources`` are the columns of every account: stations, pools, queues, then delays. The compiled engine executes the
instructions; the reference engine walks the model's own steps and takes from here only ``drawn``, ``keys`` and
``rows``: what each place draws from which distribution with which key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations import layout
from simulations.distributions import Distribution
from simulations.draw_keys import NOTHING, Drawing, Drawn
from simulations.layout import INSTRUCTION, NONE, POLICY, WAY
from simulations.model import Model
from simulations.sampling import DistributionTable, tabulate
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
    ways_of,
)

SWITCHES = {
    "region": layout.SWITCH_REGION,
    "operation": layout.SWITCH_OPERATION,
    "key": layout.SWITCH_KEY,
}
JITTERS = ("none", "full", "equal")
_WITH_OPTION = (layout.SERVE, layout.TURN, layout.HOLD, layout.LOOKUP)


@dataclass(frozen=True, eq=False)
class Program:
    """A model ready to run; arrays as the module's docstring says.

    ``keys`` are the draw keys of what draws beside steps: ("queue", name), ("population", name), ("keys",
    population), ("up", station, number of the outage), ("down", station, number), ("balancer", name). ``rows`` has the
    row of each distribution in the table.
    """

    model: Model
    flows: tuple[str, ...]
    resources: tuple[str, ...]
    instructions: NDArray[np.void]
    ways: NDArray[np.void]
    policies: NDArray[np.void]
    first_instruction: NDArray[np.int64]
    distributions: DistributionTable
    drawn: dict[Place, Drawn]
    keys: dict[tuple[str | int, ...], int]
    rows: dict[Distribution, int]

    @property
    def queues(self) -> tuple[str, ...]:
        """The resources with a line: stations, pools and queues."""
        model = self.model
        return self.resources[: len(model.stations) + len(model.pools) + len(model.queues)]

    @property
    def capacity(self) -> NDArray[np.int64]:
        """Servers, slots or workers of each of ``queues``, as the model has them at the start."""
        model = self.model
        counts = [
            *(station.servers for station in model.stations),
            *(pool.slots for pool in model.pools),
            *(queue.workers for queue in model.queues),
        ]
        return np.array(counts, dtype=np.int64)

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """Whether the capacity of each of ``queues`` never changes."""
        changing = [bool(station.outages) or station.autoscaler is not None for station in self.model.stations]
        others = len(self.queues) - len(changing)
        return ~np.array([*changing, *[False] * others], dtype=np.bool_)

    @property
    def full(self) -> bool:
        """Whether it needs the whole vocabulary, or only what cannot fail and takes every line in order of arrival."""
        model, used = self.model, self.instructions
        return bool(
            (used["code"] > layout.SPAWN).any()
            or (used["second"] != NONE).any()
            or (used["option"][np.isin(used["code"], _WITH_OPTION)] != 0).any()
            or any(
                station.queue is not None
                or station.shares
                or (station.start_up and not station.turns)
                or station.outages
                or station.autoscaler
                for station in model.stations
            )
            or any(pool.queue is not None for pool in model.pools)
            or model.queues
            or model.populations
        )


def compile_model(model: Model) -> Program:
    """Lay a model out flat."""
    flows = tuple(flow.name for flow in model.flows)
    lined = [
        *(station.name for station in model.stations),
        *(pool.name for pool in model.pools),
        *(queue.name for queue in model.queues),
    ]
    resources = (*lined, *model.delays)
    drawing = Drawing(model)
    writer = _Writer(model, resources, drawing.drawn)
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
        np.array(writer.policies, dtype=POLICY),
        np.array(first, dtype=np.int64),
        tabulate(list(drawing.rows)),
        drawing.drawn,
        drawing.keys,
        drawing.rows,
    )


def outcome_mask(on: Sequence[str]) -> int:
    """Outcomes as bits: bit o is set for outcome o of `layout.OUTCOMES`."""
    return sum(1 << layout.OUTCOMES.index(outcome) for outcome in dict.fromkeys(on))


class _Writer:
    """Emits the instructions of one model."""

    def __init__(self, model: Model, resources: tuple[str, ...], drawn: dict[Place, Drawn]) -> None:
        self.model = model
        self.resource = _indices(resources)
        self.cache = _indices([cache.name for cache in model.caches])
        self.one_flight = {cache.name for cache in model.caches if cache.single_flight}
        self.turning = {station.name for station in model.stations if station.turns}
        self.flow = _indices([flow.name for flow in model.flows])
        self.region = _indices(model.regions)
        self.balancer = _indices([balancer.name for balancer in model.balancers])
        self.bucket = _indices([bucket.name for bucket in model.buckets])
        self.breaker = _indices([breaker.name for breaker in model.breakers])
        self.budget = _indices([budget.name for budget in model.budgets])
        self.queue = _indices([queue.name for queue in model.queues])
        self.drawn = drawn
        self.instructions: list[tuple[int, ...]] = []
        self.ways: list[tuple[float, int, int]] = []
        self.policies: list[tuple[float, ...]] = []

    def emit(
        self,
        code: int,
        *,
        resource: int = NONE,
        drawn: Drawn = NOTHING,
        first: int = NONE,
        count: int = 0,
        option: int = 0,
    ) -> int:
        row = (code, resource, drawn.distribution, NONE, first, count, drawn.draw_key)
        self.instructions.append((*row, drawn.second, drawn.second_key, option))
        return len(self.instructions) - 1

    def aim(self, instruction: int) -> None:
        """Let an instruction emitted before jump to where the next one will stand."""
        code, resource, distribution, _, *rest = self.instructions[instruction]
        self.instructions[instruction] = (code, resource, distribution, len(self.instructions), *rest)

    def steps(self, prefix: Place, steps: Sequence[Step]) -> None:
        for index, step in enumerate(steps):
            self.step((*prefix, index), step)

    def step(self, place: Place, step: Step) -> None:  # noqa: PLR0912  one case a step
        drawn = self.drawn[place]
        match step:
            case Delay(name):
                self.emit(layout.DELAY, resource=self.resource[name], drawn=drawn)
            case Travel(region):
                option = NONE if region is None else self.region[region]
                self.emit(layout.TRAVEL, resource=self.resource["network"], option=option)
            case Serve(name, _, priority):
                code = layout.TURN if name in self.turning else layout.SERVE
                self.emit(code, resource=self.resource[name], drawn=drawn, option=priority)
            case Hold(name, priority):
                self.emit(layout.HOLD, resource=self.resource[name], option=priority)
            case Release(name):
                self.emit(layout.RELEASE, resource=self.resource[name])
            case Fail(outcome):
                self.emit(layout.FAIL, option=layout.OUTCOMES.index(outcome))
            case Store(name):
                self.emit(layout.STORE, resource=self.cache[name])
            case Invalidate(name):
                self.emit(layout.INVALIDATE, resource=self.cache[name])
            case Spawn(name):
                self.emit(layout.SPAWN, resource=self.flow[name], drawn=drawn)
            case Enqueue(name, wait):
                self.emit(layout.ENQUEUE, resource=self.queue[name], drawn=drawn, option=int(wait))
            case Limit(name):
                self.emit(layout.LIMIT, resource=self.bucket[name])
            case Lookup():
                self.lookup(place, step)
            case Branch() | Switch() | Balance():
                self.choice(place, step)
            case _:
                self.parts(place, step)

    def choice(self, place: Place, step: Branch | Switch | Balance) -> None:
        code, resource = layout.BALANCE, NONE
        match step:
            case Branch(ways):
                code = layout.BRANCH
                bounds = np.cumsum([probability for probability, _ in ways])
                bounds[-1] = 1.0
                conditions = [(bound, NONE) for bound in bounds.tolist()]
            case Switch():
                code = SWITCHES[step.on]
                conditions = [*((0.0, self.case(step, value)) for value in step.cases), (0.0, NONE)]
            case Balance(name, targets):
                resource = self.balancer[name]
                known = self.model.balancers[resource].targets
                conditions = [(0.0, known.index(target)) for target in targets]
        first = len(self.ways)
        self.emit(code, resource=resource, drawn=self.drawn[place], first=first, count=len(conditions))
        self.ways += [(bound, value, NONE) for bound, value in conditions]
        jumps = []
        for number, (way, steps) in enumerate(ways_of(step)):
            self.lead(first + number)
            self.steps((*place, way), steps)
            if code == layout.BALANCE:
                self.emit(layout.LEAVE, resource=resource)
            jumps.append(self.emit(layout.JUMP))
        for jump in jumps:
            self.aim(jump)

    def case(self, step: Switch, value: str | int) -> int:
        if isinstance(value, int):
            return value
        return self.region[value] if step.on == "region" else self.flow[value]

    def lead(self, way: int) -> None:
        """Let a way lead to where the next instruction will stand."""
        bound, value, _ = self.ways[way]
        self.ways[way] = (bound, value, len(self.instructions))

    def lookup(self, place: Place, step: Lookup) -> None:
        cache = self.cache[step.cache]
        asking = self.emit(layout.LOOKUP, resource=cache, option=int(step.cache in self.one_flight))
        self.steps((*place, "hit"), step.hit)
        done = self.emit(layout.JUMP)
        self.aim(asking)
        self.steps((*place, "miss"), step.miss)
        self.emit(layout.LAND if step.cache in self.one_flight else layout.STORE, resource=cache)
        self.aim(done)

    def parts(self, place: Place, step: Step) -> None:
        ways = ways_of(step)
        first, resource = len(self.ways), NONE
        policy: Mapping[str, float] = {}
        match step:
            case Fork(parts, wait_for, rest):
                code = layout.FORK
                policy = {"needed": len(parts) if wait_for is None else wait_for, "left_alone": rest == "continue"}
            case Timeout(_, _, abandoned):
                code, policy = layout.TIMEOUT, {"left_alone": abandoned == "continue"}
            case Retry(_, attempts, backoff, budget, on):
                code = layout.RETRY
                policy = {
                    "attempts": attempts,
                    "first_s": backoff.first_s,
                    "factor": backoff.factor,
                    "most_s": backoff.most_s,
                    "jitter": JITTERS.index(backoff.jitter),
                    "budget": NONE if budget is None else self.budget[budget],
                    "on": outcome_mask(on),
                }
            case Hedge(_, _, extra):
                code, policy = layout.HEDGE, {"attempts": 1 + extra}
            case Break(name):
                code, resource = layout.BREAK, self.breaker[name]
            case Attempt(_, _, on):
                code, policy = layout.ATTEMPT, {"on": outcome_mask(on)}
            case _:
                raise AssertionError(step)
        self.policies.append(tuple(policy.get(name, 0) for name in POLICY.names or ()))
        starting = self.emit(
            code,
            resource=resource,
            drawn=self.drawn[place],
            first=first,
            count=len(ways),
            option=len(self.policies) - 1,
        )
        self.ways += [(0.0, NONE, NONE)] * len(ways)
        for number, (way, steps) in enumerate(ways):
            self.lead(first + number)
            self.steps((*place, way), steps)
            if way != "otherwise":
                self.emit(layout.END)
        self.aim(starting)


def _indices(names: Sequence[str]) -> dict[str, int]:
    return {name: index for index, name in enumerate(names)}
