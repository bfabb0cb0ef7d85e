"""A model's resources as the records that the compiled loop works on, as they are at the start."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdlab.workload import Requests
from simulations import layout
from simulations.caches.allocation import size_table
from simulations.draw_keys import ring_of
from simulations.engines.compiled.shortcuts import find_shortcuts
from simulations.engines.compiled.world import World
from simulations.layout import NONE
from simulations.model import Model
from simulations.program import Program
from simulations.resources import BALANCING, Breakdowns, Outage


def put_code(world: World, program: Program, requests: Requests) -> None:
    """What is executed."""
    model = program.model
    shortcuts = find_shortcuts(program)
    world["instructions"] = shortcuts.instructions
    world["ways"] = shortcuts.ways
    lanes = np.zeros(shortcuts.lanes, dtype=layout.LINE)
    lanes["head"] = lanes["tail"] = NONE
    world["lanes"] = lanes
    world["entry"] = shortcuts.entry.reshape(-1)
    world["caches_ahead"] = shortcuts.caches_ahead.reshape(-1)
    world["policies"] = program.policies
    world["first_instruction"] = program.first_instruction
    for name, column in program.distributions._asdict().items():
        world[name] = np.ascontiguousarray(column)
    for name, column in size_table(tuple(model.caches))._asdict().items():
        world[f"entry_{name}"] = np.ascontiguousarray(column)
    start_ups = [
        (after_s, program.rows[extra])
        for station in model.stations
        if station.start_up
        for after_s, extra in station.start_up.levels
    ]
    world["start_ups"] = np.array(start_ups, dtype=layout.START_UP)
    if world.full:
        _put_rarer_code(world, program, requests)


def _put_rarer_code(world: World, program: Program, requests: Requests) -> None:
    model = program.model
    rings = [ring_of(model, b.name) if b.policy == "consistent_hash" else ([], []) for b in model.balancers]
    world["ring_hash"] = np.array([point for points, _ in rings for point in points], dtype=np.int64)
    world["ring_target"] = np.array([target for _, targets in rings for target in targets], dtype=np.int64)
    one_way_s = [model.one_way_s(start, end) for start in model.regions for end in model.regions]
    world["one_way_s"] = np.array(one_way_s, dtype=np.float64)
    populations = np.zeros(len(model.populations), dtype=layout.POPULATION)
    keys: list[np.ndarray] = [np.zeros(0, dtype=np.int64)]
    for row, population in zip(populations, model.populations, strict=True):
        row["flow"] = program.flows.index(population.flow)
        row["users"] = population.users
        row["think"] = program.rows[population.think]
        row["until_s"] = requests.duration_s if population.until_s is None else population.until_s
        row["key"] = program.keys["population", population.name]
        row["key_of_keys"] = program.keys["keys", population.name]
        row["first_key"] = sum(len(array) for array in keys)
        row["keys"] = len(population.keys)
        row["region"] = NONE if population.region is None else model.regions.index(population.region)
        keys.append(np.asarray(population.keys, dtype=np.int64))
    world["populations"] = populations
    world["population_keys"] = np.concatenate(keys)


def put_queues(world: World, program: Program) -> None:
    """Stations, pools and queues, and their lines; after those, a line of those in service for each station."""
    stations = program.model.stations
    world["queues"], world["lines"] = queues_of(program)
    world["stations"] = _stations(program)
    most = max((s.autoscaler.most if s.autoscaler else s.servers for s in stations), default=0)
    world.record["most_servers"] = most
    world["idle_since_s"] = np.zeros((len(stations), most))


def put_rarer(world: World, program: Program) -> None:
    """What only the whole vocabulary has."""
    model = program.model
    targets = sum(len(balancer.targets) for balancer in model.balancers)
    world["outages"] = _outages(program)
    world["scalers"] = _scalers(model)
    world["batchers"] = _batchers(program)
    world["tokens"] = np.array([(b.rate_rps, b.burst, b.burst, 0.0, 0, 0) for b in model.buckets], layout.TOKENS)
    world["breakers"] = _breakers(model)
    world["window"] = np.zeros(sum(b.window for b in model.breakers), dtype=np.int8)
    world["budgets"] = np.array([(b.ratio, b.most, b.most, 0.0, 0, 0) for b in model.budgets], layout.TOKENS)
    world["balancers"] = _balancers(program)
    world["in_flight_at"] = np.zeros(targets, dtype=np.int64)
    world["sent"] = np.zeros(targets, dtype=np.int64)


def queues_of(program: Program) -> tuple[Any, Any]:
    """The records of stations, pools and queues, and the lines before them."""
    model = program.model
    lined = [
        *((station.servers, station.queue) for station in model.stations),
        *((pool.slots, pool.queue) for pool in model.pools),
        *((queue.workers, queue.limit) for queue in model.queues),
    ]
    priorities = np.zeros(len(lined), dtype=np.int64)
    asking = program.instructions[np.isin(program.instructions["code"], (layout.SERVE, layout.TURN, layout.HOLD))]
    np.maximum.at(priorities, asking["resource"], asking["option"])
    queues = np.zeros(len(lined), dtype=layout.QUEUE)
    queues["capacity"] = [capacity for capacity, _ in lined]
    queues["limit"] = [NONE if limit is None else limit for _, limit in lined]
    queues["lines"] = priorities + 1
    queues["first_line"] = np.cumsum(queues["lines"]) - queues["lines"]
    lines = np.zeros(int(queues["lines"].sum()) + len(model.stations), dtype=layout.LINE)
    lines["head"] = lines["tail"] = NONE
    return queues, lines


def _stations(program: Program) -> Any:
    model = program.model
    records = np.zeros(len(model.stations), dtype=layout.STATION)
    queues, _ = queues_of(program)
    first_serving = int(queues["lines"].sum())
    shared = levels = 0
    for index, (record, station) in enumerate(zip(records, model.stations, strict=True)):
        record["shares"] = record["start_up"] = record["control"] = NONE
        if station.shares:
            record["shares"] = shared
            shared += 1
        record["changes"] = bool(station.outages) or station.autoscaler is not None
        fails = any(outage.work == "fail" for outage in station.outages)
        record["serving"] = first_serving + index if station.turns or (fails and not station.shares) else NONE
        record["number"] = station.servers
        record["turn_s"] = station.turn_s
        if station.start_up:
            record["start_up"], record["levels"] = levels, len(station.start_up.levels)
            record["start_up_key"] = program.keys["start_up", station.name]
            record["idle"] = station.servers
            levels += len(station.start_up.levels)
    return records


def _outages(program: Program) -> Any:
    rows = []
    for index, station in enumerate(program.model.stations):
        for number, outage in enumerate(station.outages):
            record = np.zeros(1, dtype=layout.OUTAGES)
            record["station"] = index
            record["servers"] = NONE if outage.servers is None else outage.servers
            record["fails"], record["refuses"] = outage.work == "fail", outage.refuses
            record["up"] = record["down"] = NONE
            if isinstance(outage, Breakdowns):
                record["up"], record["down"] = program.rows[outage.up], program.rows[outage.down]
                record["up_key"] = program.keys["up", station.name, number]
                record["down_key"] = program.keys["down", station.name, number]
            elif isinstance(outage, Outage):
                record["start_s"], record["duration_s"] = outage.start_s, outage.duration_s
            rows.append(record)
    return np.concatenate(rows) if rows else np.zeros(0, dtype=layout.OUTAGES)


def _scalers(model: Model) -> Any:
    rows = [
        (index, s.target_utilisation, s.least, s.most, s.interval_s, s.delay_s, 0.0, 0.0, 0)
        for index, station in enumerate(model.stations)
        if (s := station.autoscaler) is not None
    ]
    return np.array(rows, dtype=layout.SCALERS)


def _batchers(program: Program) -> Any:
    first = len(program.model.stations) + len(program.model.pools)
    rows = [
        (
            program.flows.index(queue.flow),
            first + index,
            queue.batch,
            queue.wait_s,
            program.keys["queue", queue.name],
            0,
            NONE,
            math.nan,
        )
        for index, queue in enumerate(program.model.queues)
    ]
    return np.array(rows, dtype=layout.BATCHER)


def _breakers(model: Model) -> Any:
    records = np.zeros(len(model.breakers), dtype=layout.BREAKER)
    for record, breaker in zip(records, model.breakers, strict=True):
        record["window"], record["ratio"], record["least_calls"] = (
            breaker.window,
            breaker.failure_ratio,
            breaker.least_calls,
        )
        record["open_s"], record["probes"] = breaker.open_s, breaker.probes
    records["first"] = np.cumsum(records["window"]) - records["window"]
    return records


def _balancers(program: Program) -> Any:
    records = np.zeros(len(program.model.balancers), dtype=layout.BALANCER)
    for record, balancer in zip(records, program.model.balancers, strict=True):
        record["policy"], record["targets"] = BALANCING.index(balancer.policy), len(balancer.targets)
        record["last"], record["key"] = NONE, program.keys["balancer", balancer.name]
        record["points"] = len(balancer.targets) * balancer.points if balancer.policy == "consistent_hash" else 0
    records["first"] = np.cumsum(records["targets"]) - records["targets"]
    records["first_point"] = np.cumsum(records["points"]) - records["points"]
    return records
