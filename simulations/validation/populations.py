"""Closed populations: what their requests need is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdlab.errors import InvalidInput
from simulations.steps import Balance, Invalidate, Lookup, Place, Step, Store, Switch, place_text
from simulations.validation.ending import reached_from

if TYPE_CHECKING:
    from simulations.model import Model


def check_populations(model: Model) -> None:
    """Each is somewhere if the model has regions, and has keys if a key is asked for."""
    for population in model.populations:
        where = f"population {population.name}"
        if not hasattr(population.think, "mean_s"):
            raise InvalidInput(f"{where}, think", population.think, "must be a distribution, such as Constant(1.0)")
        if population.region is None and model.regions:
            raise InvalidInput(f"{where}, region", None, f"must be one of {', '.join(model.regions)}")
        if population.region is not None and population.region not in model.regions:
            bound = f"is no region of the model; there are: {', '.join(model.regions) or 'none'}"
            raise InvalidInput(f"{where}, region", population.region, bound)
        asked = asks_for_key(model, population.flow)
        if asked and not len(population.keys):
            raise InvalidInput(f"{where}, keys", (), f"must hold at least one: {place_text(*asked)} needs a key")


def asks_for_key(model: Model, flow: str) -> tuple[Place, Step] | None:
    """The first step, of the flow or of what it starts, that needs the request to have a key."""
    hashing = {balancer.name for balancer in model.balancers if balancer.policy == "consistent_hash"}
    names = reached_from(model, flow)
    for name in names:
        for place, step in next(one for one in model.flows if one.name == name).walk():
            by_key = isinstance(step, Lookup | Store | Invalidate) or (isinstance(step, Switch) and step.on == "key")
            if by_key or (isinstance(step, Balance) and step.balancer in hashing):
                return place, step
    return None
