"""What every place and resource of a model draws: the keys of its random numbers, and the rows of its distributions.

A step's key comes from its flow, what it is, and how many such steps stand before it, so other steps can come and go
without changing its values.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import NamedTuple

from simulations.distributions import Distribution
from simulations.layout import NONE
from simulations.model import Model
from simulations.resources import Breakdowns
from simulations.steps import Delay, Hedge, Place, Serve, Step, Timeout, describe


class Drawn(NamedTuple):
    """What a step draws: the key of its random numbers, and its distribution's row in the table (or NONE).

    ``second`` and ``second_key`` are those of the time per item of a `Serve` in a batch.
    """

    draw_key: int
    distribution: int
    second_key: int = 0
    second: int = NONE


NOTHING = Drawn(0, NONE)


def draw_key(flow: str, step: str, occurrence: int) -> int:
    """A 32-bit key for the random numbers of the occurrence-th such step of a flow, stable as other steps change."""
    name = f"{flow}\0{step}\0{occurrence}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=4).digest(), "little")


class Drawing:
    """Gives every place and resource that draws its keys, and every distribution a row."""

    def __init__(self, model: Model) -> None:
        self.rows: dict[Distribution, int] = {}
        self.drawn: dict[Place, Drawn] = {}
        self.keys: dict[tuple[str | int, ...], int] = {}
        self.taken: set[int] = set()
        for flow in model.flows:
            occurrences: Counter[str] = Counter()
            for place, step in flow.walk():
                name = describe(step)
                self.drawn[place] = self.of(flow.name, name, occurrences[name], step)
                occurrences[name] += 1
        self.resources(model)

    def of(self, flow: str, name: str, occurrence: int, step: Step) -> Drawn:
        key = self.key(flow, name, occurrence)
        match step:
            case Delay(_, time) | Serve(_, time, _, None) | Timeout(time) | Hedge(time):
                return Drawn(key, self.row(time))
            case Serve(_, time, _, per_item) if per_item is not None:
                second = self.key(flow, f"{name} per item", occurrence)
                return Drawn(key, self.row(time), second, self.row(per_item))
        return Drawn(key, NONE)

    def resources(self, model: Model) -> None:
        for queue in model.queues:
            self.keys["queue", queue.name] = self.key("queue", queue.name, 0)
        for population in model.populations:
            self.keys["population", population.name] = self.key("population", population.name, 0)
            self.keys["keys", population.name] = self.key("keys", population.name, 0)
            self.row(population.think)
        for balancer in model.balancers:
            self.keys["balancer", balancer.name] = self.key("balancer", balancer.name, 0)
        for station in model.stations:
            for number, outage in enumerate(station.outages):
                if isinstance(outage, Breakdowns):
                    for kind, time in (("up", outage.up), ("down", outage.down)):
                        self.keys[kind, station.name, number] = self.key(kind, station.name, number)
                        self.row(time)
            for _, extra in station.start_up.levels if station.start_up else ():
                self.row(extra)
            if station.start_up:
                self.keys["start_up", station.name] = self.key("start_up", station.name, 0)

    def key(self, flow: str, name: str, occurrence: int) -> int:
        key = draw_key(flow, name, occurrence)
        while key in self.taken:  # two of a model's keys collide once in tens of millions of models
            key = (key + 1) % 2**32
        self.taken.add(key)
        return key

    def row(self, distribution: Distribution) -> int:
        return self.rows.setdefault(distribution, len(self.rows))


def ring_of(model: Model, balancer: str) -> tuple[list[int], list[int]]:
    """The points of a consistent-hash ring in order, and the index of the target that each belongs to."""
    found = next(b for b in model.balancers if b.name == balancer)
    points = sorted(
        (_hash63(f"{target}\0{point}"), index)
        for index, target in enumerate(found.targets)
        for point in range(found.points)
    )
    return [point for point, _ in points], [index for _, index in points]


def _hash63(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") >> 1
