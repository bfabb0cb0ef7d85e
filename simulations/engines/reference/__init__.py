"""The reference engine: a model's flows as SimPy processes. It is the definition; the compiled engine must equal it.

It walks the model's own steps, with lines, caches and accounts of its own; from the program it takes only the keys and
distributions of what is drawn. The rules are in docs/what-happens-when.md; in SimPy's words:

- A task is a process. Where it waits, it waits for an event of its own.
- An event's place among those of the same time is when it was scheduled: SimPy's own order.
- Who is *ready* is woken by an urgent event at this instant, which SimPy handles before any other event and in the
  order in which they were made.
- A task that is cancelled, or that a timer ends, is closed from outside, and its event cancelled.
"""

from __future__ import annotations

from collections.abc import Callable

from sdlab.workload import Requests
from simulations.engines.prepare import prepare
from simulations.engines.reference.engine import ReferenceEngine
from simulations.engines.reference.report import sample_path
from simulations.program import Program
from simulations.sample_path import SamplePath


def run(
    program: Program,
    requests: Requests,
    seed: int,
    *,
    record_spans: bool = False,
    record_spawned: bool = False,
    bin_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SamplePath:
    """Run every request to its completion; arguments and result as in `simulations.engines.compiled.run`."""
    prepare(program, requests, seed, bin_s)
    engine = ReferenceEngine(program, requests, seed, record_spans=record_spans, bin_s=bin_s, progress=progress)
    engine.run()
    return sample_path(engine, record_spawned)
