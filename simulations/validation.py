"""What must hold of a model before it runs. Every error names the step by its place."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdlab.errors import InvalidInput
from simulations.steps import (
    Branch,
    Flow,
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
    place_text,
    ways_of,
)

if TYPE_CHECKING:
    from simulations.model import Model

PROBABILITY_TOLERANCE = 1e-9


def validate(model: Model) -> None:
    """Raise `InvalidInput` for the first thing that is wrong with the model."""
    _names(model)
    for place, step in model.walk():
        _references(model, place, step)
        if isinstance(step, Branch):
            _probabilities(place, step)
        if isinstance(step, Switch):
            _cases(model, place, step)
    held_before: dict[str, dict[str, str]] = {}
    for flow in model.flows:
        _pools_balance(flow, held_before)
    _everything_is_used(model)
    _spawning_ends(model)


def _names(model: Model) -> None:
    if not model.flows:
        raise InvalidInput(f"model {model.name}, flows", (), "must hold at least one flow")
    names = {
        "flow": [flow.name for flow in model.flows],
        "station, pool or delay": [
            *(station.name for station in model.stations),
            *(pool.name for pool in model.pools),
            *model.delays,
        ],
        "cache": [cache.name for cache in model.caches],
        "region": list(model.regions),
    }
    for kind, given in names.items():
        for name, times in Counter(given).items():
            if not name:
                raise InvalidInput(f"model {model.name}, {kind}", name, "must have a name")
            if times > 1:
                raise InvalidInput(f"model {model.name}, {kind}", name, "is the name of more than one of them")
    for flow in model.flows:
        if not flow.steps:
            raise InvalidInput(f"flow {flow.name}, steps", (), "must hold at least one step")


def _references(model: Model, place: Place, step: Step) -> None:
    known: Sequence[str]
    match step:
        case Serve(name):
            kind, known = "station", [station.name for station in model.stations]
        case Hold(name) | Release(name):
            kind, known = "pool", [pool.name for pool in model.pools]
        case Lookup(name) | Store(name) | Invalidate(name):
            kind, known = "cache", [cache.name for cache in model.caches]
        case Spawn(name):
            kind, known = "flow", [flow.name for flow in model.flows]
        case _:
            return
    if name not in known:
        listed = ", ".join(known) or "none"
        raise InvalidInput(place_text(place, step), name, f"is no {kind} of the model; there are: {listed}")


def _probabilities(place: Place, step: Branch) -> None:
    where = place_text(place, step)
    for probability, _ in step.ways:
        if not 0 <= probability <= 1:
            raise InvalidInput(where, probability, "must be a probability from 0 to 1")
    total = math.fsum(probability for probability, _ in step.ways)
    if abs(total - 1) > PROBABILITY_TOLERANCE:
        raise InvalidInput(where, total, "the probabilities of the ways must add up to 1")


def _cases(model: Model, place: Place, step: Switch) -> None:
    where = place_text(place, step)
    if step.on not in ("region", "operation", "key"):
        raise InvalidInput(where, step.on, 'must switch on "region", "operation" or "key"')
    known = {"region": model.regions, "operation": [flow.name for flow in model.flows]}.get(step.on)
    for value in step.cases:
        if known is None:
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidInput(where, value, "a key must be an integer")
        elif value not in known:
            raise InvalidInput(where, value, f"is no {step.on} of the model; there are: {', '.join(known) or 'none'}")


def _pools_balance(flow: Flow, held_before: dict[str, dict[str, str]]) -> None:
    """Each slot is released once by the flow that holds it, whichever way the flow takes."""
    held: dict[str, str] = {}
    _follow_pools((flow.name,), flow.steps, held, held_before)
    for pool, where in held.items():
        raise InvalidInput(where, pool, "is still held at the end of the flow: release it")


def _follow_pools(
    prefix: Place, steps: Sequence[Step], held: dict[str, str], held_before: dict[str, dict[str, str]]
) -> None:
    """Update ``held`` (pool -> place of its hold) by what the steps do.

    ``held_before[later][earlier]`` collects where ``later`` is asked for while ``earlier`` is held.
    """
    for index, step in enumerate(steps):
        place: Place = (*prefix, index)
        where = place_text(place, step)
        if isinstance(step, Hold):
            if step.pool in held:
                raise InvalidInput(where, step.pool, f"is held already, since {held[step.pool]}")
            for earlier in held:
                held_before.setdefault(step.pool, {}).setdefault(earlier, where)
            _same_order(step.pool, where, held_before)
            held[step.pool] = where
        elif isinstance(step, Release):
            if step.pool not in held:
                raise InvalidInput(where, step.pool, "is not held here: hold it first")
            del held[step.pool]
        outcomes = []
        for way, inner in ways_of(step):
            after = dict(held)
            _follow_pools((*place, way), inner, after, held_before)
            outcomes.append((way, after))
        for way, after in outcomes:
            if set(after) != set(outcomes[0][1]):
                pools = sorted(set(after) ^ set(outcomes[0][1]))
                raise InvalidInput(where, way, f"leaves {', '.join(pools)} held unlike {outcomes[0][0]}")
        if outcomes:
            held.clear()
            held.update(outcomes[0][1])


def _same_order(pool: str, where: str, held_before: dict[str, dict[str, str]]) -> None:
    """Requests that hold pools in different orders can wait for each other for ever."""
    seen: set[str] = set()
    frontier = list(held_before.get(pool, {}).items())
    while frontier:
        earlier, place = frontier.pop()
        if earlier == pool:
            raise InvalidInput(where, pool, f"is held in another order in {place}: they could wait for ever")
        if earlier not in seen:
            seen.add(earlier)
            frontier += held_before.get(earlier, {}).items()


def _everything_is_used(model: Model) -> None:
    steps = [step for _, step in model.walk()]
    served = {step.station for step in steps if isinstance(step, Serve)}
    held = {step.pool for step in steps if isinstance(step, Hold)}
    asked = {step.cache for step in steps if isinstance(step, Lookup)}
    for kind, resources, used, verb in (
        ("station", model.stations, served, "no step serves at it"),
        ("pool", model.pools, held, "no step holds it"),
        ("cache", model.caches, asked, "no step looks anything up in it"),
    ):
        for resource in resources:
            if resource.name not in used:
                raise InvalidInput(f"model {model.name}, {kind}", resource.name, verb)


def _spawning_ends(model: Model) -> None:
    """A flow that spawns itself, directly or through others, would never end."""
    spawns = {flow.name: [s for s in flow.walk() if isinstance(s[1], Spawn)] for flow in model.flows}

    def visit(name: str, path: tuple[str, ...]) -> None:
        for place, step in spawns[name]:
            assert isinstance(step, Spawn)
            if step.flow in (*path, name):
                cycle = " -> ".join((*path, name, step.flow))
                raise InvalidInput(place_text(place, step), step.flow, f"spawns without end: {cycle}")
            visit(step.flow, (*path, name))

    for flow in model.flows:
        visit(flow.name, ())
