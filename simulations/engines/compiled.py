"""The compiled engine: the program of a model in one numba event loop, driven from Python in chunks.

Between two chunks Python can be interrupted, shows progress, and enlarges arrays that have filled up; memory grows
with the requests in flight and with what is recorded, not with time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdlab.workload import Requests
from simulations.caches.allocation import allocate, size_table
from simulations.engines import kernel
from simulations.engines.prepare import prepare
from simulations.engines.state import Arrivals, Code, State
from simulations.layout import BACKGROUND, LOOP, NONE, QUEUE, SLOT
from simulations.program import Program
from simulations.sample_path import (
    COMPLETED,
    NO_LOOKUP,
    Accounts,
    Background,
    Bins,
    Caches,
    Queues,
    SamplePath,
    Spawned,
)

Progress = Callable[[int, int], None]

EVENTS_PER_CHUNK = 500_000
FIRST_SLOTS = 1024
FIRST_SPAWNED = 1024


def run(
    program: Program,
    requests: Requests,
    seed: int,
    *,
    record_spans: bool = False,
    record_spawned: bool = False,
    bin_s: float | None = None,
    progress: Progress | None = None,
) -> SamplePath:
    """Run every request to its completion.

    ``record_spans`` keeps each request's seconds at each resource, ``record_spawned`` each spawned flow's times,
    ``bin_s`` adds accounts by time. ``progress`` is called with the requests arrived so far and their number. Raises
    `InvalidInput` if the requests do not fit the model.
    """
    translation = prepare(program, requests, seed, bin_s)
    code = Code(
        program.instructions,
        program.ways,
        program.first_instruction,
        program.distributions,
        len(program.model.stations),
        seed,
        size_table(tuple(program.model.caches)),
    )
    arrivals = Arrivals(
        np.ascontiguousarray(requests.arrival_s, dtype=np.float64),
        np.ascontiguousarray(requests.operation, dtype=np.int16),
        np.ascontiguousarray(requests.key, dtype=np.int64),
        np.ascontiguousarray(requests.region, dtype=np.int16),
        *translation,
    )
    state = _fresh_state(program, requests, record_spans, record_spawned, bin_s)
    while True:
        status = kernel.run_chunk(code, arrivals, state, bin_s or 0.0, EVENTS_PER_CHUNK)
        if progress is not None:
            progress(int(state.loop["next_arrival"][0]), len(requests))
        if status == kernel.DONE:
            return _sample_path(program, requests, state, record_spans, record_spawned, bin_s)
        if status == kernel.SLOTS_FULL:
            state = _with_more_slots(state)
        elif status == kernel.SPAWNED_FULL:
            state = _doubled(state, "spawned_flow", "spawned_s", "spawned_completed_s")
        elif status == kernel.BINS_FULL:
            state = _doubled(state, "bin_arrivals", "bin_busy_s", "bin_queue_s", "bin_lookups", "bin_hits")


def _fresh_state(
    program: Program, requests: Requests, record_spans: bool, record_spawned: bool, bin_s: float | None
) -> State:
    model, count = program.model, len(requests)
    flows, resources = len(program.flows), len(program.resources)
    loop = np.zeros(1, dtype=LOOP)
    for name in ("ready_head", "ready_tail", "current"):
        loop[name] = NONE
    loop["scheduled"] = 1  # the first arrival
    queues = np.zeros(len(program.queues), dtype=QUEUE)
    queues["capacity"] = _capacities(program)
    bins = 0 if bin_s is None else int(requests.duration_s / bin_s) + 2
    spawned = FIRST_SPAWNED if record_spawned else 0
    cache_records, memory = allocate(tuple(model.caches), count)
    return State(
        loop=loop,
        heap_s=np.zeros(FIRST_SLOTS),
        heap_order=np.zeros(FIRST_SLOTS, dtype=np.int64),
        heap_slot=np.zeros(FIRST_SLOTS, dtype=np.int64),
        slots=_linked(np.zeros(FIRST_SLOTS, dtype=SLOT), 0),
        held_since_s=np.zeros((FIRST_SLOTS, len(model.pools))),
        queues=queues,
        wait_s=np.zeros((flows, resources)),
        service_s=np.zeros((flows, resources)),
        visits=np.zeros((flows, resources), dtype=np.int64),
        completed_s=np.full(count, np.nan),
        cache_hit=np.full(count, NO_LOOKUP, dtype=np.int8),
        spans=np.zeros((count if record_spans else 0, resources)),
        background=np.zeros(flows, dtype=BACKGROUND),
        spawned_flow=np.zeros(spawned, dtype=np.int64),
        spawned_s=np.zeros(spawned),
        spawned_completed_s=np.zeros(spawned),
        bin_arrivals=np.zeros((bins, len(queues)), dtype=np.int64),
        bin_busy_s=np.zeros((bins, len(queues))),
        bin_queue_s=np.zeros((bins, len(queues))),
        bin_lookups=np.zeros((bins, len(model.caches)), dtype=np.int64),
        bin_hits=np.zeros((bins, len(model.caches)), dtype=np.int64),
        caches=cache_records,
        memory=memory,
    )


def _capacities(program: Program) -> Any:
    model = program.model
    counts = [*(station.servers for station in model.stations), *(pool.slots for pool in model.pools)]
    return np.array(counts, dtype=np.int64)


def _linked(slots: Any, first: int) -> Any:
    """Chain the slots from ``first`` on as a list of free ones."""
    slots["next"][first:] = np.arange(first + 1, len(slots) + 1)
    slots["next"][-1] = NONE
    return slots


def _doubled(state: State, *names: str) -> State:
    """The state with these arrays twice as long, the new rows zero."""
    old: dict[str, Any] = {name: getattr(state, name) for name in names}
    new: dict[str, Any] = {name: np.concatenate([array, np.zeros_like(array)]) for name, array in old.items()}
    return state._replace(**new)


def _with_more_slots(state: State) -> State:
    """Twice as many slots: only called when none is free."""
    before = len(state.slots)
    state = _doubled(state, "heap_s", "heap_order", "heap_slot", "slots", "held_since_s")
    _linked(state.slots, before)
    state.loop["free_head"] = before
    return state


def _sample_path(
    program: Program, requests: Requests, state: State, with_spans: bool, with_spawned: bool, bin_s: float | None
) -> SamplePath:
    loop, queues, cache, background = state.loop[0], state.queues, state.caches, state.background
    spawned, bins = int(loop["spawned"]), int(loop["bin"]) + 1
    return SamplePath(
        flows=program.flows,
        resources=program.resources,
        queues=program.queues,
        capacity=_capacities(program),
        cache_names=tuple(cache.name for cache in program.model.caches),
        arrival_s=requests.arrival_s,
        completed_s=state.completed_s,
        outcome=np.full(len(requests), COMPLETED, dtype=np.int8),
        cache_hit=state.cache_hit,
        spans=state.spans if with_spans else None,
        accounts=Accounts(state.wait_s, state.service_s, state.visits),
        queue=Queues(**{name: queues[name].copy() for name in Queues.__dataclass_fields__}),
        cache=Caches(**{name: cache[name].copy() for name in Caches.__dataclass_fields__}),
        background=Background(**{name: background[name].copy() for name in Background.__dataclass_fields__}),
        spawned=Spawned(state.spawned_flow[:spawned], state.spawned_s[:spawned], state.spawned_completed_s[:spawned])
        if with_spawned
        else None,
        bins=None
        if bin_s is None
        else Bins(
            bin_s,
            state.bin_arrivals[:bins],
            state.bin_busy_s[:bins],
            state.bin_queue_s[:bins],
            state.bin_lookups[:bins],
            state.bin_hits[:bins],
        ),
        end_s=float(loop["now_s"]),
        max_in_flight=int(loop["max_in_flight"]),
    )
