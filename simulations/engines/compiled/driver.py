"""The compiled engine: the program of a model in one numba event loop, driven from Python in chunks.

Between two chunks Python can be interrupted, shows progress, and enlarges arrays that have filled up; memory grows
with the tasks under way and with what is recorded, not with time.
"""

from __future__ import annotations

from collections.abc import Callable

from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations.engines.compiled import kernel, memory
from simulations.engines.compiled.path import sample_path
from simulations.engines.prepare import prepare
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
) -> SamplePath:
    """Run every request to its completion.

    ``record_spans`` keeps each request's seconds at each resource, ``record_spawned`` each spawned flow's times,
    ``bin_s`` adds accounts by time. ``progress`` is called with the requests arrived so far and their number. Raises
    `InvalidInput` if the requests do not fit the model, or if tasks wait for each other for ever.
    """
    translation = prepare(program, requests, seed, bin_s)
    world = memory.make_world(
        program,
        requests,
        translation,
        seed,
        record_spans=record_spans,
        record_spawned=record_spawned,
        bin_s=bin_s,
    )
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


GROW = {
    kernel.SLOTS_FULL: memory.more_slots,
    kernel.SPAWNED_FULL: memory.more_spawned,
    kernel.BINS_FULL: memory.more_bins,
    kernel.ROWS_FULL: memory.more_rows,
}
