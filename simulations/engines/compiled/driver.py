"""The compiled engine: the program of a model in one numba event loop, driven from Python in chunks.

Between two chunks Python can be interrupted, shows progress, and enlarges arrays that have filled up; memory grows
with the tasks under way and with what is recorded, not with time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations.engines.compiled import kernel, memory
from simulations.engines.compiled.path import sample_path
from simulations.engines.compiled.sweep import order_of_stations, sweep
from simulations.engines.compiled.world import World
from simulations.engines.prepare import prepare
from simulations.histograms import Histograms
from simulations.program import Program
from simulations.sample_path import SamplePath

Progress = Callable[[int, int], None]

EVENTS_PER_CHUNK = 500_000


def run(
    program: Program,
    requests: Requests,
    seed: int,
    *,
    record_spans: bool = False,
    record_spawned: bool = False,
    bin_s: float | None = None,
    progress: Progress | None = None,
    sweeps: bool = True,
) -> SamplePath:
    """Run every request to its completion: in a sweep where the model is feed-forward (and ``sweeps``), else by events.

    ``record_spans`` keeps each request's seconds at each resource, ``record_spawned`` each spawned flow's times,
    ``bin_s`` adds accounts by time. ``progress`` is called with the requests arrived so far and their number. Raises
    `InvalidInput` if the requests do not fit the model, or if tasks wait for each other for ever.
    """
    translation = prepare(program, requests, seed, bin_s)

    def fresh() -> World:
        return memory.make_world(
            program,
            requests,
            translation,
            seed,
            record_spans=record_spans,
            record_spawned=record_spawned,
            bin_s=bin_s,
        )

    world = fresh()
    if sweeps and bin_s is None and (order := order_of_stations(program)) is not None:
        if sweep(program, world, order):
            if progress is not None:
                progress(len(requests), len(requests))
            return sample_path(program, requests, world, record_spans, record_spawned)
        world = fresh()
    if world.full:
        kernel.begin(world.record)
    while True:
        status = kernel.run_chunk(world.record, EVENTS_PER_CHUNK)
        if progress is not None:
            progress(int(world.number("next_arrival")), len(requests))
        if status == kernel.DONE:
            return sample_path(program, requests, world, record_spans, record_spawned)
        if status == kernel.STUCK:
            left = int(world.number("alive"))
            raise InvalidInput(f"model {program.model.name}, tasks", left, "wait for each other for ever")
        if status in GROW:
            GROW[status](world)


def stream(
    program: Program,
    pieces: Iterable[Requests],
    seed: int,
    *,
    bin_s: float | None = None,
    progress: Progress | None = None,
) -> SamplePath:
    """Run requests that come in pieces, in memory that does not grow with their number.

    Each piece goes on where the one before ended; the same requests in other pieces are the same run. In place of
    records there are ``histograms``. ``bin_s`` adds accounts by time, whose memory grows with the simulated time over
    ``bin_s``, not with requests. Raises `InvalidInput` as `run`.
    """
    coming = _with_arrivals(pieces)
    requests = next(coming, None)
    if requests is None:
        raise InvalidInput("pieces", 0, "must be at least one")
    translation = prepare(program, requests, seed, bin_s)
    world = memory.make_world(
        program, requests, translation, seed, record_spans=False, record_spawned=False, bin_s=bin_s, rows_kept=False
    )
    world.record["arrivals_left"] = 1
    if program.model.populations:
        memory.last_arrival(world, program.model, math.inf)
    if world.full:
        kernel.begin(world.record)
    while True:
        status = kernel.run_chunk(world.record, EVENTS_PER_CHUNK)
        if progress is not None:
            progress(int(world.number("before") + world.number("next_arrival")), 0)
        if status == kernel.ARRIVALS_NEEDED:
            following = next(coming, None)
            if following is None:
                world.record["arrivals_left"] = 0
                if program.model.populations:
                    memory.last_arrival(world, program.model, requests.duration_s)
            else:
                _check_order(requests, following)
                requests = following
                memory.next_arrivals(world, requests, prepare(program, requests, seed, bin_s))
        elif status == kernel.DONE:
            world.record["rows"] = 0
            nothing = requests.take(slice(0, 0))
            path = sample_path(program, nothing, world, False, False)
            return replace(path, histograms=Histograms(world["histogram"], world["ended"], world["total_s"]))
        elif status == kernel.STUCK:
            raise InvalidInput(f"model {program.model.name}, tasks", int(world.number("alive")), "wait for ever")
        elif status in GROW:
            GROW[status](world)


def _check_order(before: Requests, following: Requests) -> None:
    if following.arrival_s[0] < before.duration_s:
        bound = f"must not be before the piece above it, which ends at {before.duration_s}"
        raise InvalidInput("pieces, arrival_s[0]", float(following.arrival_s[0]), bound)


def _with_arrivals(pieces: Iterable[Requests]) -> Iterator[Requests]:
    """The pieces that hold a request; an empty one if all are empty."""
    empty, any_there = None, False
    for piece in pieces:
        if len(piece):
            any_there = True
            yield piece
        else:
            empty = piece
    if empty is not None and not any_there:
        yield empty


GROW = {
    kernel.SLOTS_FULL: memory.more_slots,
    kernel.SPAWNED_FULL: memory.more_spawned,
    kernel.BINS_FULL: memory.more_bins,
    kernel.ROWS_FULL: memory.more_rows,
}
