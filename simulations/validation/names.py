"""Names: each is given once; what a step refers to is there; what is there is referred to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from sdlab.errors import InvalidInput
from simulations.steps import (
    Balance,
    Break,
    Delay,
    Enqueue,
    Flow,
    Hold,
    Invalidate,
    Limit,
    Lookup,
    Release,
    Retry,
    Serve,
    Spawn,
    Step,
    Store,
    Travel,
    place_text,
)

if TYPE_CHECKING:
    from simulations.model import Model

TRAVEL = "network"

UNUSED = {
    "station": "no step serves at it",
    "pool": "no step holds it",
    "cache": "no step looks anything up in it",
    "queue": "no step leaves anything in it",
    "balancer": "no step balances with it",
    "token bucket": "no step is limited by it",
    "breaker": "no step is behind it",
    "retry budget": "no retry takes from it",
}


def check_names(model: Model) -> None:
    """Every name is a text, and the name of one thing only within what it could be confused with."""
    if not model.flows:
        raise InvalidInput(f"model {model.name}, flows", (), "must hold at least one flow")
    known = _known(model)
    delays = dict.fromkeys(step.name for _, step in model.walk() if isinstance(step, Delay))
    accounts = [*known.pop("station"), *known.pop("pool"), *known.pop("queue"), *delays]
    known["population"] = [population.name for population in model.populations]
    for kind, given in {"station, pool, queue or delay": accounts, **known}.items():
        for name, times in Counter(given).items():
            if not isinstance(name, str) or not name:
                raise InvalidInput(f"model {model.name}, {kind}", name, "must have a name, as text")
            if times > 1:
                raise InvalidInput(f"model {model.name}, {kind}", name, "is the name of more than one of them")
    if TRAVEL in accounts and any(isinstance(step, Travel) for _, step in model.walk()):
        bound = "is what the time of a Travel is reported as: choose another name"
        raise InvalidInput(f"model {model.name}, station, pool, queue or delay", TRAVEL, bound)
    for flow in model.flows:
        _steps_are_steps(flow)


def _steps_are_steps(flow: Flow) -> None:
    if not flow.steps:
        raise InvalidInput(f"flow {flow.name}, steps", (), "must hold at least one step")
    for place, step in flow.walk():
        if not isinstance(step, get_args(Step)):
            raise InvalidInput(place_text(place, step), step, "is no step")


def check_references(model: Model) -> None:
    """What steps, queues and populations refer to is there."""
    known = _known(model)
    for place, step in model.walk():
        for kind, name in referred(step):
            _is_known(place_text(place, step), kind, name, known[kind])
    for queue in model.queues:
        _is_known(f"queue {queue.name}, flow", "flow", queue.flow, known["flow"])
    for population in model.populations:
        _is_known(f"population {population.name}, flow", "flow", population.flow, known["flow"])


def check_use(model: Model) -> None:
    """Everything that is declared is used by some step."""
    used = {
        (kind, name)
        for _, step in model.walk()
        if not isinstance(step, Release | Store | Invalidate)
        for kind, name in referred(step)
    }
    known = _known(model)
    for kind, verb in UNUSED.items():
        for name in known[kind]:
            if (kind, name) not in used:
                raise InvalidInput(f"model {model.name}, {kind}", name, verb)


def referred(step: Step) -> list[tuple[str, str]]:  # noqa: PLR0911  one a kind of step
    """What a step refers to, as pairs of kind and name."""
    match step:
        case Serve(name):
            return [("station", name)]
        case Hold(name) | Release(name):
            return [("pool", name)]
        case Lookup(name) | Store(name) | Invalidate(name):
            return [("cache", name)]
        case Spawn(name):
            return [("flow", name)]
        case Enqueue(name):
            return [("queue", name)]
        case Balance(name):
            return [("balancer", name)]
        case Limit(name):
            return [("token bucket", name)]
        case Break(name):
            return [("breaker", name)]
        case Retry() if step.budget is not None:
            return [("retry budget", step.budget)]
        case Travel(region) if region is not None:
            return [("region", region)]
    return []


def _known(model: Model) -> dict[str, list[str]]:
    named: dict[str, Sequence[Any]] = {
        "flow": model.flows,
        "station": model.stations,
        "pool": model.pools,
        "cache": model.caches,
        "queue": model.queues,
        "balancer": model.balancers,
        "token bucket": model.buckets,
        "breaker": model.breakers,
        "retry budget": model.budgets,
    }
    return {**{kind: [one.name for one in some] for kind, some in named.items()}, "region": list(model.regions)}


def _is_known(where: str, kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise InvalidInput(where, name, f"is no {kind} of the model; there are: {', '.join(known) or 'none'}")
