"""A capacity model: stations, pools and caches, and the flows that requests take through them.

What happens when
-----------------
Both engines obey this rule; it is what makes their results equal to the last bit, ties included.

1. Events are handled in the order of (time, order in which they were scheduled). Only three kinds are ever scheduled:
   the next arrival (at its absolute time), the end of a delay and the end of a service (at now + the drawn time).
2. At an arrival the next arrival is scheduled first; then the request runs its flow.
3. A request runs, without time passing, until it waits: for the end of a delay or a service, or for a slot.
4. `Serve` at a station with a free server schedules the end of service at once. Otherwise the request joins the
   station's queue (first come, first served).
5. At the end of a service the server goes first to the head of the queue, whose end of service is scheduled now; then
   the request that finished runs on.
6. `Release` hands the slot to the head of the pool's queue. That request is *ready*: it runs on after the releasing
   one has come to its next wait. `Spawn` starts its flow as ready too. Ready requests run in the order in which they
   became ready, all of them before the next event.
7. Zero-length delays and services are scheduled like any other.

Random values are pure functions of seed, request and step (`simulations.draws`). What a spawned flow draws depends on
its parent and the spawning step, not on when it starts. A step's key comes from its flow, kind, resource and
how many such steps stand before it, so other steps can come and go without changing its values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sdlab.errors import InvalidInput
from simulations.caches.cache import Cache
from simulations.distributions import (
    Constant,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    LogNormal,
)
from simulations.steps import (
    Branch,
    Delay,
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
)
from simulations.validation import validate

__all__ = [
    "Branch",
    "Cache",
    "Constant",
    "Delay",
    "Distribution",
    "Empirical",
    "Erlang",
    "Exponential",
    "Flow",
    "Hold",
    "Hyperexponential",
    "Invalidate",
    "LogNormal",
    "Lookup",
    "Model",
    "Pool",
    "Release",
    "Serve",
    "Spawn",
    "Station",
    "Step",
    "Store",
    "Switch",
]


@dataclass(frozen=True)
class Station:
    """``servers`` identical servers and one queue before them, first come, first served."""

    name: str
    servers: int = 1

    def __post_init__(self) -> None:
        _count(f"station {self.name}, servers", self.servers, least=1)


@dataclass(frozen=True)
class Pool:
    """``slots`` of something a request keeps across several steps, such as database connections."""

    name: str
    slots: int

    def __post_init__(self) -> None:
        _count(f"pool {self.name}, slots", self.slots, least=1)


@dataclass(frozen=True)
class Model:
    """The whole: construction checks it and raises `InvalidInput` naming the step that is wrong by its place.

    ``flows`` are named as the operations of the requests they serve; those that are only spawned run in the
    background. ``regions`` name what `Switch` on "region" can tell apart.
    """

    name: str
    flows: Sequence[Flow]
    stations: Sequence[Station] = ()
    pools: Sequence[Pool] = ()
    caches: Sequence[Cache] = ()
    regions: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("flows", "stations", "pools", "caches", "regions"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        validate(self)

    def walk(self) -> Iterator[tuple[Place, Step]]:
        """Every step of every flow with its place."""
        for flow in self.flows:
            yield from flow.walk()

    @property
    def delays(self) -> tuple[str, ...]:
        """The names of the delays, in the order in which they first occur."""
        return tuple(dict.fromkeys(step.name for _, step in self.walk() if isinstance(step, Delay)))

    @property
    def background(self) -> tuple[str, ...]:
        """The names of the flows that some flow spawns."""
        spawned = {step.flow for _, step in self.walk() if isinstance(step, Spawn)}
        return tuple(flow.name for flow in self.flows if flow.name in spawned)


def _count(field_name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidInput(field_name, value, f"must be an integer of at least {least}")
