"""What a compiled run has left in its memory, as a sample path."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdlab.workload import Requests
from simulations.engines.compiled.world import World
from simulations.program import Program
from simulations.sample_path import Accounts, Background, Bins, Caches, Closed, Guards, Queues, SamplePath, Spawned


def sample_path(program: Program, requests: Requests, world: World, with_spans: bool, with_spawned: bool) -> SamplePath:
    """The records and accounts, without what memory was made for in advance."""
    rows, count, spawned = int(world.number("rows")), len(requests), int(world.number("spawned"))
    closed = rows - count
    end_s, bin_s = float(world.number("now_s")), float(world.number("bin_s"))
    retries = world["retries"][:rows] if world.full else np.zeros(rows, dtype=np.int32)
    return SamplePath(
        flows=program.flows,
        resources=program.resources,
        queues=program.queues,
        capacity=program.capacity,
        cache_names=tuple(cache.name for cache in program.model.caches),
        arrival_s=np.concatenate([requests.arrival_s, world["began_s"][:closed]]) if closed else requests.arrival_s,
        completed_s=world["completed_s"][:rows],
        outcome=world["outcome"][:rows],
        cache_hit=world["cache_hit"][:rows],
        retries=retries,
        spans=world["spans"][:rows] if with_spans else None,
        accounts=Accounts(world["wait_s"], world["service_s"], world["visits"]),
        queue=_queues(program, world, end_s),
        cache=_columns(Caches, world["caches"]),
        background=_columns(Background, world["background"]),
        spawned=Spawned(
            world["spawned_flow"][:spawned],
            world["spawned_s"][:spawned],
            world["spawned_completed_s"][:spawned],
            world["spawned_outcome"][:spawned],
        )
        if with_spawned
        else None,
        closed=Closed(world["population_of_row"][:closed], world["user_of_row"][:closed]),
        guards=_guards(world),
        bins=_bins(program, world, bin_s, int(world.number("bin")) + 1) if bin_s > 0 else None,
        end_s=end_s,
        max_in_flight=int(world.number("max_in_flight")),
    )


def _columns(kind: Any, records: Any) -> Any:
    """A dataclass of arrays from the equally named fields of records."""
    return kind(**{name: records[name].copy() for name in kind.__dataclass_fields__})


def _queues(program: Program, world: World, end_s: float) -> Queues:
    found: Queues = _columns(Queues, world["queues"])
    found.capacity_s[program.fixed] = program.capacity[program.fixed] * end_s
    return found


def _bins(program: Program, world: World, bin_s: float, bins: int) -> Bins:
    capacity_s = world["bin_capacity_s"][:bins]
    edges_s = np.minimum(np.arange(1, bins + 1) * bin_s, float(world.number("now_s")))
    lengths_s = edges_s - np.arange(bins) * bin_s
    capacity_s[:, program.fixed] = lengths_s[:, None] * program.capacity[program.fixed]
    return Bins(
        bin_s,
        world["bin_arrivals"][:bins],
        world["bin_busy_s"][:bins],
        world["bin_queue_s"][:bins],
        capacity_s,
        world["bin_in_flight_s"][:bins],
        world["bin_lookups"][:bins],
        world["bin_hits"][:bins],
    )


def _guards(world: World) -> Guards:
    if not world.full:
        return Guards(*(np.zeros(0, dtype=np.int64) for _ in Guards.__dataclass_fields__))
    return Guards(
        world["tokens"]["taken"].copy(),
        world["tokens"]["refused"].copy(),
        world["breakers"]["opened"].copy(),
        world["breakers"]["rejected"].copy(),
        world["budgets"]["taken"].copy(),
        world["budgets"]["refused"].copy(),
        world["sent"],
    )
