"""The memory of a compiled run: made for a program, and enlarged when some of it is full."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdlab.workload import Requests
from simulations import layout
from simulations.caches.allocation import allocate
from simulations.engines.compiled.resources import put_code, put_queues, put_rarer
from simulations.engines.compiled.world import ARRAYS, TABLES, World
from simulations.engines.prepare import Translation
from simulations.histograms import BUCKETS
from simulations.layout import NONE
from simulations.model import Model
from simulations.program import Program
from simulations.sample_path import NO_LOOKUP
from simulations.steps import Fork

FIRST_SLOTS = 1024
FIRST_SPAWNED = 1024
FIRST_ROWS = 1024

SLOTS = ("heap", "slots", "held_since_s")
RARER_SLOTS = ("tasks", "target_of", "leads")
JOBS = ("jobs_target_s", "jobs_order", "jobs_slot")
SPAWNED = ("spawned_flow", "spawned_s", "spawned_completed_s", "spawned_outcome")
BINS = tuple(name for name in (*ARRAYS, *TABLES) if name.startswith("bin_"))
CLOSED = ("population_of_row", "user_of_row", "began_s")


def make_world(
    program: Program,
    requests: Requests,
    translation: Translation,
    seed: int,
    *,
    record_spans: bool,
    record_spawned: bool,
    bin_s: float | None,
    rows_kept: bool = True,
) -> World:
    """Everything as it is before anything has happened."""
    model, full = program.model, program.full
    world = World(full)
    controls = _controls(model) if full else []
    slots = FIRST_SLOTS
    while slots < 2 * (len(controls) + sum(p.users for p in model.populations) + _reserve(model)):
        slots *= 2
    numbers = {
        "seed": seed,
        "bin_s": bin_s or 0.0,
        "requests": len(requests),
        "rows": len(requests),
        "station_count": len(model.stations),
        "pools": len(model.pools),
        "lined": len(program.queues),
        "resources": len(program.resources),
        "regions": len(model.regions),
        "places": len(model.regions) + 1,
        "caches_asked": len(model.caches),
        "balancers_asked": len(model.balancers),
        "flown": len(model.caches) if any(cache.single_flight for cache in model.caches) else 0,
        "population_count": len(model.populations),
        "controls": len(controls),
        "spans_kept": int(record_spans),
        "rows_kept": int(rows_kept),
        "buckets": BUCKETS,
        "outcomes": len(layout.OUTCOMES),
        "reserve": _reserve(model),
        "ready_head": NONE,
        "ready_tail": NONE,
        "current": NONE,
        "aside": NONE,
        "aside_s": np.inf,
        "aside_order": layout.LATEST,
        "scheduled": 1,  # the first arrival
    }
    for name, value in numbers.items():
        world.record[name] = value
    put_code(world, program, requests)
    put_queues(world, program)
    if full:
        put_rarer(world, program)
    _put_arrivals(world, requests, translation)
    _put_records(world, program, requests, record_spawned)
    _put_slots(world, program, slots)
    if full:
        _take_controls(world, controls)
    return world


def _reserve(model: Model) -> int:
    """More slots than one step, event or end can take at once: parts, and batches of every worker."""
    parts = [len(step.parts) for _, step in model.walk() if isinstance(step, Fork)]
    return max(parts, default=1) + sum(queue.workers for queue in model.queues) + 4


def next_arrivals(world: World, requests: Requests, translation: Translation) -> None:
    """The next piece of the requests, after all of the one before have arrived."""
    world.record["before"] += world.number("requests")
    world.record["requests"] = len(requests)
    world.record["next_arrival"] = 0
    _put_arrivals(world, requests, translation)


def last_arrival(world: World, model: Model, at_s: float) -> None:
    """Until when the users begin requests whose population does not say: the last open arrival, inf before it came."""
    for row, population in zip(world["populations"], model.populations, strict=True):
        if population.until_s is None:
            row["until_s"] = at_s


def _put_arrivals(world: World, requests: Requests, translation: Translation) -> None:
    for name in ("arrival_s", "operation", "key", "region"):
        kind = ARRAYS[name]
        world[name] = np.ascontiguousarray(getattr(requests, name), dtype=kind)
    world["flow_of_operation"], world["region_of_region"] = translation


def _put_records(world: World, program: Program, requests: Requests, record_spawned: bool) -> None:
    model, flows, lined = program.model, len(program.flows), len(program.queues)
    kept = bool(world.number("rows_kept"))
    closed = FIRST_ROWS if model.populations and kept else 0
    rows = len(requests) + closed if kept else 0
    world["histogram"] = np.zeros((0 if kept else flows, BUCKETS), dtype=np.int64)
    world["ended"] = np.zeros((0 if kept else flows, len(layout.OUTCOMES)), dtype=np.int64)
    world["total_s"] = np.zeros(0 if kept else flows)
    world.record["closed_made"] = closed
    for name in ("wait_s", "service_s", "visits"):
        world[name] = np.zeros((flows, len(program.resources)), dtype=TABLES[name][0])
    world["completed_s"] = np.full(rows, np.nan)
    world["outcome"] = np.zeros(rows, dtype=np.int8)
    world["cache_hit"] = np.full(rows, NO_LOOKUP, dtype=np.int8)
    world["retries"] = np.zeros(rows if world.full else 0, dtype=np.int32)
    world["spans"] = np.zeros((rows if world.number("spans_kept") else 0, len(program.resources)))
    world["background"] = np.zeros(flows, dtype=layout.BACKGROUND)
    for name in CLOSED:
        world[name] = np.zeros(closed, dtype=ARRAYS[name])
    world.record["spawned_made"] = spawned = FIRST_SPAWNED if record_spawned else 0
    for name in SPAWNED:
        world[name] = np.zeros(spawned, dtype=ARRAYS[name])
    bin_s = world.number("bin_s")
    world.record["bins_made"] = bins = int(requests.duration_s / bin_s) + 2 if bin_s > 0 else 0
    columns = {"lined": lined, "caches_asked": len(model.caches)}
    for name in BINS:
        shape = (bins,) if name in ARRAYS else (bins, columns[TABLES[name][1]])
        world[name] = np.zeros(shape, dtype=ARRAYS[name] if name in ARRAYS else TABLES[name][0])
    stores = len(requests) if kept and not model.populations else 1 << 62
    world["caches"], memory = allocate(tuple(model.caches), stores)
    for name, array in memory._asdict().items():
        world[f"cache_{name}"] = array


def _put_slots(world: World, program: Program, slots: int) -> None:
    world["heap"] = np.zeros(slots, dtype=layout.EVENT)
    world["heap"][0] = (np.inf, layout.LATEST, NONE)
    world["slots"] = np.zeros(slots, dtype=layout.SLOT)
    world["held_since_s"] = np.full((slots, len(program.model.pools)), -1.0)
    if world.full:
        shared = sum(station.shares for station in program.model.stations)
        leads = world.number("flown")
        world["tasks"] = np.zeros(slots, dtype=layout.TASK)
        world["target_of"] = np.full((slots, len(program.model.balancers)), NONE, dtype=np.int64)
        world["leads"] = np.full((slots, leads), NONE, dtype=np.int64)
        for name in JOBS:
            world[name] = np.zeros((shared, slots), dtype=TABLES[name][0])
        flights = np.zeros(slots * leads, dtype=layout.FLIGHT)
        flights["next"] = np.arange(1, len(flights) + 1)
        world["flights"] = flights
        world["chains"] = np.full(layout.FLIGHT_CHAINS * leads, NONE, dtype=np.int64)
        world["work"] = np.zeros(2 * slots + 16, dtype=layout.WORK)
    _free(world, 0)


def _controls(model: Model) -> list[tuple[int, int]]:
    """What has an event of its own, (kind, which), in the order in which the first ones are scheduled."""
    controls, outages, scalers = [], 0, 0
    for index, station in enumerate(model.stations):
        controls += [(layout.OUTAGE, outages + number) for number in range(len(station.outages))]
        outages += len(station.outages)
        if station.autoscaler is not None:
            controls.append((layout.SCALER, scalers))
            scalers += 1
        if station.shares:
            controls.append((layout.SHARING, index))
        if station.turns:
            controls.append((layout.TURNING, index))
    return controls + [(layout.TIMER, index) for index in range(len(model.queues))]


def _take_controls(world: World, controls: list[tuple[int, int]]) -> None:
    tasks = world["tasks"]
    for slot, (kind, which) in enumerate(controls):
        tasks[slot]["kind"], tasks[slot]["resource"], tasks[slot]["event_at"] = kind, which, NONE
        if kind in (layout.SHARING, layout.TURNING):
            world["stations"][which]["control"] = slot
        elif kind == layout.TIMER:
            world["batchers"][which]["control"] = slot
    world.record["free_head"] = len(controls)
    world.record["free"] -= len(controls)


def _free(world: World, first: int) -> None:
    """Put the slots from ``first`` on before those that are free."""
    slots = world["slots"]
    slots["next"][first:] = np.arange(first + 1, len(slots) + 1)
    slots["next"][-1] = world.number("free_head") if first else NONE
    world.record["free_head"] = first
    world.record["free"] += len(slots) - first
    world.record["slots_made"] = len(slots)


def _double(world: World, names: Sequence[str], axis: int = 0) -> None:
    """Make arrays twice as long, the new rows zero."""
    for name in names:
        world[name] = np.concatenate([world[name], np.zeros_like(world[name])], axis=axis)


def more_spawned(world: World) -> None:
    """Room for twice as many records of spawned flows."""
    _double(world, SPAWNED)
    world.record["spawned_made"] *= 2


def more_bins(world: World) -> None:
    """Room for twice as many bins."""
    _double(world, BINS)
    world.record["bins_made"] *= 2


def more_rows(world: World) -> None:
    """Room for twice as many requests of populations."""
    extra = int(world.number("closed_made"))
    fill = {"completed_s": np.nan, "outcome": 0, "cache_hit": NO_LOOKUP, "retries": 0}
    if world.number("spans_kept"):
        fill["spans"] = 0.0
    for name, value in fill.items():
        old = world[name]
        world[name] = np.concatenate([old, np.full((extra, *old.shape[1:]), value, dtype=old.dtype)])
    _double(world, CLOSED)
    world.record["closed_made"] *= 2


def more_slots(world: World) -> None:
    """Twice as many slots."""
    before = len(world["slots"])
    _double(world, SLOTS)
    if world.full:
        _double(world, RARER_SLOTS)
        _double(world, JOBS, axis=1)
        first = len(world["flights"])
        _double(world, ["flights"])
        flights = world["flights"]  # the last of the free ones aims at the first new one already
        flights["next"][first:] = np.arange(first + 1, len(flights) + 1)
        world["work"] = np.concatenate([world["work"], np.zeros(2 * before, dtype=layout.WORK)])
    _free(world, before)
