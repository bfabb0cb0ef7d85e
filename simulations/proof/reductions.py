"""Smaller models: without what no step uses, and the smallest one that still shows a difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

from sdlab.errors import InvalidInput
from simulations.model import (
    Attempt,
    Balance,
    Branch,
    Break,
    Constant,
    Delay,
    Enqueue,
    Flow,
    Fork,
    Hedge,
    Hold,
    Invalidate,
    Limit,
    Lookup,
    Model,
    Queue,
    Release,
    Retry,
    Serve,
    Spawn,
    Step,
    Store,
    Switch,
    Timeout,
)
from simulations.proof.describing import python_of

Steps = tuple[Step, ...]

NOTHING: Steps = (Delay("nothing", Constant(0.0)),)
"""What stands in a part that would be empty."""


def without_unused(name: str, flows: Sequence[Flow], **resources: Any) -> Model:
    """A model of these flows with those of the resources that some step uses.

    Flows that only a queue without items would run are dropped, and steps on caches that nothing looks anything up in,
    as a model may not have such a cache.
    """
    flows = _without_idle_batches(list(flows), resources.get("queues", ()))
    asked = {step.cache for flow in flows for _, step in flow.walk() if isinstance(step, Lookup)}
    flows = [Flow(flow.name, _without_stores(flow.steps, asked) or NOTHING) for flow in flows]
    names = {flow.name for flow in flows}
    used = _used(flows)
    kept = {}
    for kind, given in resources.items():
        kept[kind] = given
        if kind in USED_BY_STEPS:
            kept[kind] = [one for one in given if one.name in used]
    kept["populations"] = [one for one in resources.get("populations", ()) if one.flow in names]
    return Model(name, flows, **kept)


USED_BY_STEPS = ("stations", "pools", "caches", "queues", "balancers", "buckets", "breakers", "budgets")


def _without_idle_batches(flows: list[Flow], queues: Sequence[Queue]) -> list[Flow]:
    used = _used(flows)
    idle = {queue.flow for queue in queues} - {queue.flow for queue in queues if queue.name in used}
    busy = [flow for flow in flows if flow.name not in idle]
    return busy if len(busy) == len(flows) else _without_idle_batches(busy, queues)


def _used(flows: Sequence[Flow]) -> set[str]:
    used: set[str] = set()
    for flow in flows:
        for _, step in flow.walk():
            match step:
                case (
                    Serve(name) | Hold(name) | Lookup(name) | Enqueue(name) | Balance(name) | Limit(name) | Break(name)
                ):
                    used.add(name)
                case Retry() if step.budget is not None:
                    used.add(step.budget)
    return used


def _without_stores(steps: Sequence[Step], asked: set[str]) -> Steps:
    def keep(step: Step) -> bool:
        return not (isinstance(step, Store | Invalidate) and step.cache not in asked)

    return tuple(_inside(step, lambda inner: _without_stores(inner, asked)) for step in steps if keep(step))


def _without_items(steps: Sequence[Step], queue: str) -> Steps:
    """The steps without those that leave something in a queue."""
    kept = (step for step in steps if not (isinstance(step, Enqueue) and step.queue == queue))
    return tuple(_inside(step, lambda inner: _without_items(inner, queue)) for step in kept)


def _inside(step: Step, change: Callable[[Sequence[Step]], Sequence[Step]]) -> Step:  # noqa: PLR0911  one a kind
    """The step with each sequence of steps inside it changed; one that must not be empty stays if it would be."""
    match step:
        case Branch():
            return Branch([(probability, change(steps)) for probability, steps in step.ways])
        case Switch():
            return replace(
                step,
                cases={value: change(steps) for value, steps in step.cases.items()},
                otherwise=change(step.otherwise),
            )
        case Balance():
            return replace(step, ways={target: change(steps) for target, steps in step.ways.items()})
        case Lookup():
            return replace(step, hit=change(step.hit), miss=change(step.miss))
        case Fork():
            return replace(step, parts=[change(steps) or NOTHING for steps in step.parts])
        case Timeout() | Retry() | Hedge() | Break():
            return replace(step, steps=change(step.steps) or NOTHING)
        case Attempt():
            return replace(step, steps=change(step.steps) or NOTHING, otherwise=change(step.otherwise))
    return step


def smallest(model: Model, still: Callable[[Model], bool]) -> Model:
    """The model made smaller, one step at a time, for as long as ``still`` holds of it (greedy delta debugging)."""
    size, shrinking = len(python_of(model)), True
    while shrinking:
        shrinking = False
        for smaller in _smaller(model):
            if len(python_of(smaller)) < size and still(smaller):
                model, size, shrinking = smaller, len(python_of(smaller)), True
                break
    return model


def _smaller(model: Model) -> Iterator[Model]:
    """Models with something less: a flow, a step, what is around some steps, a population, a station's option."""
    given = {field.name: getattr(model, field.name) for field in fields(model) if field.name not in ("name", "flows")}
    for flows in _fewer(list(model.flows)):
        yield from _valid(partial(without_unused, model.name, flows, **given))
    for number, flow in enumerate(model.flows):
        for steps in _shorter(tuple(flow.steps)):
            changed = [*model.flows]
            changed[number] = Flow(flow.name, steps)
            yield from _valid(partial(without_unused, model.name, changed, **given))
    for queue in model.queues:
        flows = [Flow(flow.name, _without_items(flow.steps, queue.name) or NOTHING) for flow in model.flows]
        fewer = {**given, "queues": [other for other in model.queues if other is not queue]}
        yield from _valid(partial(without_unused, model.name, flows, **fewer))
    for population in model.populations:
        others = [other for other in model.populations if other is not population]
        yield from _valid(partial(replace, model, populations=others))
    for number, station in enumerate(model.stations):
        plain: dict[str, Any] = {"outages": (), "autoscaler": None, "start_up": None, "queue": None, "turns": False}
        for option, value in plain.items():
            if getattr(station, option) != value:
                stations = [*model.stations]
                stations[number] = replace(station, **{option: value})
                yield from _valid(partial(replace, model, stations=stations))


def _valid(make: Callable[[], Model]) -> Iterator[Model]:
    try:
        yield make()
    except InvalidInput:
        return


def _fewer(flows: list[Flow]) -> Iterator[list[Flow]]:
    for number, flow in enumerate(flows):
        others = flows[:number] + flows[number + 1 :]
        if others and not any(
            isinstance(s, Spawn) and s.flow == flow.name for other in others for _, s in other.walk()
        ):
            yield others


def _shorter(steps: Steps) -> Iterator[Steps]:
    """Sequences without one step (a hold goes with its release), or with what is inside in its place; and so within."""
    for index, step in enumerate(steps):
        before, after = steps[:index], steps[index + 1 :]
        if isinstance(step, Hold):
            end = next((n for n, s in enumerate(after) if isinstance(s, Release) and s.pool == step.pool), len(after))
            yield before + after[:end] + after[end + 1 :]
        elif not isinstance(step, Release):
            yield before + after
    for index, step in enumerate(steps):
        before, after = steps[:index], steps[index + 1 :]
        inner = _sequences(step)
        for sequence in inner:
            if sequence:
                yield (*before, *sequence, *after)
        if isinstance(step, Fork) and len(step.parts) > 1:
            for part in range(len(step.parts)):
                parts = [*step.parts[:part], *step.parts[part + 1 :]]
                wait_for = None if step.wait_for is None else min(step.wait_for, len(parts))
                yield (*before, replace(step, parts=parts, wait_for=wait_for), *after)
        for number, sequence in enumerate(inner):
            for shorter in _shorter(sequence):
                yield (*before, _with_sequence(step, number, shorter), *after)


def _sequences(step: Step) -> list[Steps]:
    found: list[Steps] = []

    def note(steps: Sequence[Step]) -> Sequence[Step]:
        found.append(tuple(steps))
        return steps

    _inside(step, note)
    return found


def _with_sequence(step: Step, number: int, steps: Steps) -> Step:
    count = iter(range(1_000_000))
    return _inside(step, lambda old: steps if next(count) == number else old)
