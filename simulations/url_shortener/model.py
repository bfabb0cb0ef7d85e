"""The capacity model of the URL shortener.

In each region: API workers, each one server of segments that takes turns (an asyncio process runs all that are ready,
one piece of Python at a time, and what they wrote leaves when the last is done), with a pool of database connections of
its own; one single-threaded cache node; one database (the primary in the first region, read replicas elsewhere). Writes
cross to the primary. A redirect asks the cache, reads the database on a miss, puts the click on a stream and answers;
the click itself is counted in the background, on the primary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdlab.calibration import Calibration
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from simulations.demands import Demands
from simulations.model import (
    Branch,
    Cache,
    Constant,
    Delay,
    Flow,
    Hold,
    Lookup,
    Model,
    Pool,
    Release,
    Serve,
    Spawn,
    Station,
    Step,
    Switch,
)

Deployment = Literal["design", "reference"]

REDIRECT_HIT, REDIRECT_MISS = "redirect", "redirect_miss"
WRITES = ("create",)
ROUND_TRIPS = {"create": 2, "statistics": 2}  # to the database, where there is not just one
LOCAL = "local"  # where the reference deployment runs


@dataclass(frozen=True)
class _Site:
    """What one region runs on; ``primary`` is the region whose database takes the writes."""

    region: str
    workers: int
    pool_slots: int
    primary: str
    rtt_to_primary_s: float

    def named(self, kind: str) -> str:
        return f"{kind}-{self.region}"

    def worker(self, index: int) -> str:
        return f"api-{self.region}-{index + 1}"

    def pool(self, index: int) -> str:
        return f"pool-{self.region}-{index + 1}"


def build(
    design: Design,
    calibration: Calibration | None = None,
    *,
    deployment: Deployment = "design",
    cached_keys: NDArray[np.int64] | None = None,
    paces: Sequence[float] = (1.0,),
    mean_pace: float = 1.0,
) -> Model:
    """The model of the design's topology, or of the reference deployment on one machine.

    Demands are the calibration's, or the design's assumed ones without it. ``cached_keys`` are in each region's
    cache at the start, coldest first; by default the design starts with its caches full of the most popular keys,
    the reference deployment with an empty cache. ``paces``: each operation once at each of them, how
    many times as long as while it was calibrated the API's work takes; named so (`demands.suffix`). What a worker needs
    for itself takes ``mean_pace`` times as long.
    """
    demands = Demands(design, calibration)
    worker = replace(demands, pace=mean_pace)
    sites = _sites(design, deployment)
    capacity = design.topology["cache"].capacity_entries
    policy = design.topology["cache"].eviction
    if capacity is None or policy is None:
        raise InvalidInput("topology.cache.capacity_entries", capacity, "the cache needs a size and an eviction policy")
    if cached_keys is None:
        warm = min(capacity, design.workload.popularity.keys) if deployment == "design" else 0
        cached_keys = np.arange(warm, dtype=np.int64)[::-1]
    paced = [replace(demands, pace=pace) for pace in paces]
    flows = [
        Flow(name + one.suffix, _everywhere(sites, partial(_operation, name, one)))
        for one in paced
        for name in design.operations
    ]
    flows.append(Flow("click", _everywhere(sites, partial(_click, demands))))
    return Model(
        name=f"{design.slug} ({deployment})",
        flows=flows,
        stations=[
            station
            for site in sites
            for station in (
                *(
                    Station(site.worker(index), start_up=worker.start_up(), turns=True, turn_s=worker.turn_s)
                    for index in range(site.workers)
                ),
                Station(site.named("cache"), design.topology["cache"].workers),
                Station(site.named("database"), design.topology["database"].workers),
            )
        ],
        pools=[Pool(site.pool(index), site.pool_slots) for site in sites for index in range(site.workers)],
        caches=[Cache(site.named("links"), capacity, policy, cached_keys) for site in sites],
        regions=tuple(design.regions),
    )


def _sites(design: Design, deployment: Deployment) -> list[_Site]:
    regions = list(design.regions)
    if deployment == "reference":
        local = design.reference_deployment
        return [_Site(LOCAL, local.workers, local.pool_slots, LOCAL, 0.0)]
    api = design.topology["api"]
    return [
        _Site(name, api.workers, api.pool_slots or 1, regions[0], region.rtt_to_primary_s)
        for name, region in design.regions.items()
    ]


def _everywhere(sites: list[_Site], steps: Callable[[_Site], list[Step]]) -> list[Step]:
    """The steps of each region, and the way a request takes to its own."""
    if len(sites) == 1:
        return steps(sites[0])
    return [Switch("region", {site.region: steps(site) for site in sites})]


def _operation(name: str, demands: Demands, site: _Site) -> list[Step]:
    """A request is answered by one worker, chosen at random as a balancer without state does."""
    steps = _redirect if name == REDIRECT_HIT else partial(_with_database, name)
    return [Branch([(1 / site.workers, steps(demands, site, index)) for index in range(site.workers)])]


def _with_database(name: str, demands: Demands, site: _Site, index: int) -> list[Step]:
    """Round trips to the database over one connection, then one to the cache if the operation needs it."""
    trips = ROUND_TRIPS.get(name, 1)
    trip = _trip(name, demands, site, 1 / trips)
    cached = _await(demands, name, "cache", site.named("cache"))
    gaps = trips - 1 + bool(cached)
    middle = _api(demands, site, index, name, ("middle",), 0.0, 1 / gaps) if gaps else []
    last = ("last", "finish") if gaps else ("middle", "last", "finish")
    return [
        *_api(demands, site, index, name, ("parse", "first"), 1 / 2),
        Hold(site.pool(index)),
        *([*trip, *middle] * (trips - 1)),
        *trip,
        Release(site.pool(index)),
        *([*middle, *cached] if cached else []),
        *_api(demands, site, index, name, last, 1 / 2),
        *_delay(demands, name, "client"),
    ]


def _trip(name: str, demands: Demands, site: _Site, part: float) -> list[Step]:
    """One of an operation's round trips to its database: writes cross to the primary."""
    rtt_s = site.rtt_to_primary_s if name in WRITES else 0.0
    crossing: list[Step] = [Delay("to primary", Constant(rtt_s))] if rtt_s > 0 else []
    database = site.primary if name in WRITES else site.region
    return [*crossing, *_await(demands, name, "database", f"database-{database}", part)]


def _redirect(demands: Demands, site: _Site, index: int) -> list[Step]:
    """The process's CPU falls into segments: before, between and after what a request awaits."""
    hit, miss = REDIRECT_HIT, REDIRECT_MISS
    return [
        *_api(demands, site, index, hit, ("parse", "first"), 1 / 3),
        *_await(demands, hit, "cache", site.named("cache")),
        Lookup(
            site.named("links"),
            hit=[
                *_api(demands, site, index, hit, ("middle",), 1 / 3),
                *_await(demands, hit, "stream", site.named("cache")),
                Spawn("click"),
                *_api(demands, site, index, hit, ("last", "finish"), 1 / 3),
            ],
            miss=[
                *_api(demands, site, index, miss, ("middle",), 1 / 2, 1 / 3),
                *_query(demands, site, index, miss, site.region),
                *_api(demands, site, index, miss, ("middle",), 1 / 2, 1 / 3),
                *_await(demands, miss, "cache", site.named("cache"), 1 / 2),  # filling it
                *_api(demands, site, index, miss, ("middle",), 1 / 2, 1 / 3),
                *_await(demands, miss, "stream", site.named("cache")),
                Spawn("click"),
                *_api(demands, site, index, miss, ("last", "finish"), 1 / 4),
            ],
        ),
        *_delay(demands, hit, "client"),
    ]


def _click(demands: Demands, site: _Site) -> list[Step]:
    """The click worker's share of one batch, written on the primary."""
    there: list[Step] = [Delay("to primary", Constant(site.rtt_to_primary_s))] if site.rtt_to_primary_s > 0 else []
    return there + _serve(demands, "click", "database", f"database-{site.primary}")


def _api(
    demands: Demands, site: _Site, index: int, operation: str, names: tuple[str, ...], equal: float, part: float = 1.0
) -> list[Step]:
    """Segments of a request, or a ``part`` of them, that its worker does in one go."""
    time = demands.segment(operation, names, equal, part)
    return [Serve(site.worker(index), time)] if time is not None else []


def _query(demands: Demands, site: _Site, index: int, operation: str, database: str) -> list[Step]:
    """One of the worker's connections is held for the query."""
    awaited = _await(demands, operation, "database", f"database-{database}")
    return [Hold(site.pool(index)), *awaited, Release(site.pool(index))]


def _await(demands: Demands, operation: str, part: str, station: str, fraction: float = 1.0) -> list[Step]:
    return [
        *_serve(demands, operation, part, station, fraction),
        *_delay(demands, operation, f"{part}_wait", fraction),
    ]


def _serve(demands: Demands, operation: str, part: str, station: str, fraction: float = 1.0) -> list[Step]:
    time = demands.time(operation, part, fraction)
    return [Serve(station, time)] if time is not None else []


def _delay(demands: Demands, operation: str, part: str, fraction: float = 1.0) -> list[Step]:
    time = demands.time(operation, part, fraction)
    return [Delay(part.replace("_", " "), time)] if time is not None else []
