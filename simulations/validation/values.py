"""The numbers and words of single steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sdlab.errors import InvalidInput
from simulations.steps import (
    FAILURES,
    STARTS_PARTS,
    Attempt,
    Backoff,
    Balance,
    Branch,
    Delay,
    Enqueue,
    Fail,
    Fork,
    Hedge,
    Hold,
    Place,
    Retry,
    Serve,
    Step,
    Switch,
    Timeout,
    place_text,
)

if TYPE_CHECKING:
    from simulations.model import Model

PROBABILITY_TOLERANCE = 1e-9
PRIORITY_MOST = 15


def check_values(model: Model) -> None:
    """Each step by itself, and against the resource it names."""
    shared = {station.name for station in model.stations if station.shares}
    in_batches = {queue.flow for queue in model.queues}
    for place, step in model.walk():
        where = place_text(place, step)
        _times(where, step)
        _words(where, step)
        match step:
            case Serve():
                _priority(where, step.priority)
                if step.priority and step.station in shared:
                    raise InvalidInput(f"{where}, priority", step.priority, "must be 0: the station serves all at once")
                if step.per_item is not None and place[0] not in in_batches:
                    bound = "counts the items of a batch, and no queue runs this flow"
                    raise InvalidInput(f"{where}, per_item", step.per_item, bound)
            case Hold():
                _priority(where, step.priority)
            case Branch():
                _probabilities(where, step)
            case Switch():
                _cases(model, where, step)
            case Balance():
                _targets(model, where, step)
            case _ if isinstance(step, STARTS_PARTS):
                _parts(where, step)
    _not_balanced_twice(model)


def _times(where: str, step: Step) -> None:
    named: dict[str, Any] = {}
    match step:
        case Delay() | Serve():
            named["time"] = step.time
            if isinstance(step, Serve) and step.per_item is not None:
                named["per_item"] = step.per_item
        case Timeout() | Hedge():
            named["after"] = step.after
    for name, time in named.items():
        if not hasattr(time, "mean_s"):
            raise InvalidInput(f"{where}, {name}", time, f"must be a distribution, such as Constant({time!r})")


def _words(where: str, step: Step) -> None:
    match step:
        case Fail():
            _one_of(f"{where}, outcome", step.outcome, FAILURES)
        case Fork():
            _one_of(f"{where}, rest", step.rest, ("cancel", "continue"))
        case Timeout():
            _one_of(f"{where}, abandoned", step.abandoned, ("cancel", "continue"))
        case Enqueue():
            if not isinstance(step.wait, bool):
                raise InvalidInput(f"{where}, wait", step.wait, "must be True or False")
        case Retry() | Attempt():
            if not step.on:
                raise InvalidInput(f"{where}, on", step.on, "must hold at least one outcome")
            for outcome in step.on:
                _one_of(f"{where}, on", outcome, FAILURES)


def _parts(where: str, step: Step) -> None:
    """Steps that start parts: they have some, and as many and as often as can be."""
    match step:
        case Fork():
            if not step.parts:
                raise InvalidInput(f"{where}, parts", (), "must hold at least one part")
            if step.wait_for is not None:
                _count(f"{where}, wait_for", step.wait_for, least=1, most=len(step.parts))
            return
        case Retry():
            _count(f"{where}, attempts", step.attempts, least=1)
            _backoff(f"{where}, backoff", step.backoff)
        case Hedge():
            _count(f"{where}, extra", step.extra, least=1)
    if not getattr(step, "steps", ()):
        raise InvalidInput(f"{where}, steps", (), "must hold at least one step")


def _backoff(where: str, backoff: Backoff) -> None:
    if not (math.isfinite(backoff.first_s) and backoff.first_s >= 0):
        raise InvalidInput(f"{where}, first_s", backoff.first_s, "must be a number of seconds of at least 0")
    if not (math.isfinite(backoff.factor) and backoff.factor >= 1):
        raise InvalidInput(f"{where}, factor", backoff.factor, "must be a number of at least 1: it backs off")
    if not backoff.most_s >= 0:
        raise InvalidInput(f"{where}, most_s", backoff.most_s, "must be a number of seconds of at least 0")
    _one_of(f"{where}, jitter", backoff.jitter, ("none", "full", "equal"))


def _probabilities(where: str, step: Branch) -> None:
    if not step.ways:
        raise InvalidInput(f"{where}, ways", (), "must hold at least one way")
    for probability, _ in step.ways:
        if not 0 <= probability <= 1:
            raise InvalidInput(where, probability, "must be a probability from 0 to 1")
    total = math.fsum(probability for probability, _ in step.ways)
    if abs(total - 1) > PROBABILITY_TOLERANCE:
        raise InvalidInput(where, round(total, 12), "the probabilities of the ways must add up to 1")


def _cases(model: Model, where: str, step: Switch) -> None:
    if step.on not in ("region", "operation", "key"):
        raise InvalidInput(where, step.on, 'must switch on "region", "operation" or "key"')
    known = {"region": list(model.regions), "operation": [flow.name for flow in model.flows]}.get(step.on)
    for value in step.cases:
        if known is None:
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InvalidInput(where, value, "a key must be an integer of at least 0")
        elif value not in known:
            raise InvalidInput(where, value, f"is no {step.on} of the model; there are: {', '.join(known) or 'none'}")


def _targets(model: Model, where: str, step: Balance) -> None:
    targets = next(balancer.targets for balancer in model.balancers if balancer.name == step.balancer)
    for target in step.ways:
        if target not in targets:
            bound = f"is no target of the balancer; there are: {', '.join(targets)}"
            raise InvalidInput(where, target, bound)
    for target in targets:
        if target not in step.ways:
            raise InvalidInput(where, target, "is a target of the balancer without a way here")


def _not_balanced_twice(model: Model) -> None:
    """A task has one place at a balancer; its parts have their own."""
    at: dict[Place, Balance] = {}
    starting: set[Place] = set()
    for place, step in model.walk():
        for length in range(len(place) - 2, 1, -2):
            around = place[:length]
            if around in starting and place[length] != "otherwise":
                break
            if isinstance(step, Balance) and around in at and at[around].balancer == step.balancer:
                since = place_text(around, at[around])
                raise InvalidInput(place_text(place, step), step.balancer, f"balances already, since {since}")
        if isinstance(step, Balance):
            at[place] = step
        elif isinstance(step, STARTS_PARTS):
            starting.add(place)


def _priority(where: str, priority: int) -> None:
    _count(f"{where}, priority", priority, least=0, most=PRIORITY_MOST)


def _count(where: str, value: int, *, least: int, most: int | None = None) -> None:
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or value < least or (most is not None and value > most):
        bound = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InvalidInput(where, value, f"must be an integer {bound}")


def _one_of(where: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise InvalidInput(where, value, f"must be one of {', '.join(words)}")
