"""A circuit breaker that does not hear of the calls a time-out around it gives up: slow answers never open it."""

from __future__ import annotations

from simulations.advice.advice import Advice
from simulations.model import Model
from simulations.steps import Break, Place, Step, Timeout, place_text


def unheard(model: Model) -> list[Advice]:
    """Every `Break` inside a `Timeout` with no shorter one inside itself, which is the usual order.

    A call that is cancelled is not counted, for a hedge that lost says nothing of what it called; one that is left to
    go on is counted when it ends, and as it ends.
    """
    steps = dict(model.walk())
    found = []
    for place, step in steps.items():
        if not isinstance(step, Break):
            continue
        around = [(at, outer) for at in _enclosing(place) if isinstance(outer := steps.get(at), Timeout)]
        if not around:
            continue
        where, first = min(around, key=lambda one: one[1].after.mean_s)
        if any(inner.after.mean_s < first.after.mean_s for inner in _timeouts_inside(place, steps)):
            continue
        what = "what is cancelled is not counted"
        if first.abandoned == "continue":
            what = "what goes on is counted when it ends, and not as timed out"
        text = (
            f"does not hear of the calls that {place_text(where, first)} gives up ({what}), so slow answers never open "
            "it: put the time-out inside"
        )
        found.append(Advice(place_text(place, step), text))
    return found


def _enclosing(place: Place) -> list[Place]:
    """The places of the steps around a place, the innermost first."""
    return [place[:end] for end in range(len(place) - 2, 1, -2)]


def _timeouts_inside(place: Place, steps: dict[Place, Step]) -> list[Timeout]:
    inside = (step for at, step in steps.items() if len(at) > len(place) and at[: len(place)] == place)
    return [step for step in inside if isinstance(step, Timeout)]
