"""Whatever starts ends: no flow starts itself again, by spawning or through queues, directly or through others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdlab.errors import InvalidInput
from simulations.steps import Enqueue, Place, Spawn, Step, place_text

if TYPE_CHECKING:
    from simulations.model import Model


def check_ending(model: Model) -> None:
    """Raise `InvalidInput` at the step that closes a circle of flows; that it is taken by chance does not excuse it."""
    started = {flow.name: list(started_by(model, flow.name)) for flow in model.flows}
    ending: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        for place, step, flow in started[name]:
            if flow in (*path, name):
                circle = " -> ".join((*path, name, flow))
                what = step.flow if isinstance(step, Spawn) else getattr(step, "queue", "")
                raise InvalidInput(place_text(place, step), what, f"spawns without end: {circle}")
            if flow not in ending:
                visit(flow, (*path, name))
        ending.add(name)

    for flow in model.flows:
        visit(flow.name, ())


def started_by(model: Model, name: str) -> list[tuple[Place, Step, str]]:
    """The steps of a flow that start other flows, with what they start."""
    run_by = {queue.name: queue.flow for queue in model.queues}
    flow = next(flow for flow in model.flows if flow.name == name)
    found: list[tuple[Place, Step, str]] = []
    for place, step in flow.walk():
        if isinstance(step, Spawn):
            found.append((place, step, step.flow))
        elif isinstance(step, Enqueue):
            found.append((place, step, run_by[step.queue]))
    return found


def reached_from(model: Model, name: str) -> list[str]:
    """The flow, and all that it starts directly or through others, each once."""
    found = [name]
    for flow in found:
        found += [other for _, _, other in started_by(model, flow) if other not in found]
    return list(dict.fromkeys(found))
