"""Regions: their round-trip times, and that every travel has one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdlab.errors import InvalidInput
from simulations.steps import (
    STARTS_PARTS,
    Enqueue,
    Place,
    Spawn,
    Step,
    Switch,
    Travel,
    place_text,
    ways_of,
)

if TYPE_CHECKING:
    from simulations.model import Model

_Whereabouts = frozenset[tuple[str, str]]
"""Where a request can be: pairs of the region it came from and the one where it is now."""


def check_round_trips(model: Model) -> None:
    """They are between two regions of the model, and the same there and back."""
    for pair, round_trip_s in model.round_trip_s.items():
        where = f"model {model.name}, round_trip_s"
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InvalidInput(where, pair, "must be between a pair of regions")
        for region in pair:
            if region not in model.regions:
                bound = f"is no region of the model; there are: {', '.join(model.regions) or 'none'}"
                raise InvalidInput(where, region, bound)
        at = f"{where}[{pair[0]}, {pair[1]}]"
        if not (isinstance(round_trip_s, int | float) and math.isfinite(round_trip_s) and round_trip_s >= 0):
            raise InvalidInput(at, round_trip_s, "must be a number of seconds of at least 0")
        if pair[0] == pair[1]:
            raise InvalidInput(at, round_trip_s, "must be between two regions: within one no time passes")
        back = model.round_trip_s.get((pair[1], pair[0]), round_trip_s)
        if back != round_trip_s:
            raise InvalidInput(at, round_trip_s, f"must be the same as the other way round, {back}")


def check_travelling(model: Model) -> None:
    """Every travel that can happen is between regions whose round-trip time is known."""
    travels = [(place, step) for place, step in model.walk() if isinstance(step, Travel)]
    if not travels:
        return
    if not model.regions:
        raise InvalidInput(place_text(*travels[0]), travels[0][1].region, "goes nowhere: the model has no regions")
    travelling = _Travelling(model)
    for flow in model.flows:
        travelling.start(flow.name, frozenset((region, region) for region in model.regions))
    while travelling.waiting:
        travelling.follow(travelling.waiting.pop())


class _Travelling:
    """Follows where requests can be, through all that they start, until nothing new comes up."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.flows = {flow.name: flow for flow in model.flows}
        self.run_by = {queue.name: queue.flow for queue in model.queues}
        self.begins: dict[str, _Whereabouts] = {}
        self.waiting: list[str] = []

    def start(self, flow: str, at: _Whereabouts) -> None:
        known = self.begins.get(flow, frozenset())
        if not at <= known:
            self.begins[flow] = known | at
            self.waiting.append(flow)

    def follow(self, flow: str) -> None:
        self.steps((flow,), self.flows[flow].steps, self.begins[flow])

    def steps(self, prefix: Place, steps: Sequence[Step], at: _Whereabouts) -> _Whereabouts:
        for index, step in enumerate(steps):
            at = self.step((*prefix, index), step, at)
        return at

    def step(self, place: Place, step: Step, at: _Whereabouts) -> _Whereabouts:
        match step:
            case Travel():
                return self.travel(place, step, at)
            case Spawn(flow):
                self.start(flow, at)
            case Enqueue(queue):
                self.start(self.run_by[queue], at)
        ways = ways_of(step)
        if not ways:
            return at
        # A part may be cancelled anywhere, so after it the request can also be where it was before.
        after: set[tuple[str, str]] = set(at) if isinstance(step, STARTS_PARTS) else set()
        for number, (way, inner) in enumerate(ways):
            there = at
            if isinstance(step, Switch) and step.on == "region":
                cases = list(step.cases)
                otherwise = number == len(cases)
                there = frozenset(
                    pair for pair in at if (pair[0] not in cases if otherwise else pair[0] == cases[number])
                )
            after |= self.steps((*place, way), inner, there)
        return frozenset(after)

    def travel(self, place: Place, step: Travel, at: _Whereabouts) -> _Whereabouts:
        after = set()
        for origin, now in sorted(at):
            to = origin if step.region is None else step.region
            known = self.model.round_trip_s
            if now != to and (now, to) not in known and (to, now) not in known:
                raise InvalidInput(
                    place_text(place, step), to, f"has no round-trip time from {now}: add it to round_trip_s"
                )
            after.add((origin, to))
        return frozenset(after)
