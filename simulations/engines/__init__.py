"""Run a model: two engines with one meaning, "compiled" for speed and "simpy" as the definition.

"event_loop" is the compiled engine without its sweep of feed-forward models: the same results, for comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations.model import Model
from simulations.program import Program, compile_model
from simulations.sample_path import SamplePath

ENGINES = ("compiled", "event_loop", "simpy")


def simulate(
    model: Model | Program,
    requests: Requests,
    seed: int,
    engine: str = "compiled",
    *,
    record_spans: bool = False,
    record_spawned: bool = False,
    bin_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SamplePath:
    """Run every request through the model to its completion; the same result from either engine.

    ``record_spans`` keeps each request's seconds at each resource (8 bytes a request and resource) and
    ``record_spawned`` the times of each spawned flow; ``bin_s`` adds accounts in bins of so many seconds.
    ``progress`` is called now and then with the requests arrived so far and their number. Raises `InvalidInput` for
    an unknown engine, a seed out of range, or requests that the model has no flow or no key for.
    """
    program = model if isinstance(model, Program) else compile_model(model)
    if engine not in ENGINES:
        raise InvalidInput("engine", engine, f"must be one of {', '.join(ENGINES)}")
    if engine == "simpy":
        from simulations.engines.reference import run  # noqa: PLC0415  numba's loop need not be loaded for it
    else:
        from simulations.engines import compiled  # noqa: PLC0415

        run = partial(compiled.run, sweeps=engine == "compiled")
    return run(
        program,
        requests,
        seed,
        record_spans=record_spans,
        record_spawned=record_spawned,
        bin_s=bin_s,
        progress=progress,
    )


def simulate_stream(
    model: Model | Program,
    pieces: Iterable[Requests],
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    bin_s: float | None = None,
) -> SamplePath:
    """Run requests that come in pieces through a model, on the compiled engine, in constant memory.

    The sample path has accounts and ``histograms`` in place of each request's record; it does not depend on where the
    pieces are cut. ``bin_s`` adds accounts in bins of so many seconds, the only memory that grows with the simulated
    time (not with requests). Raises `InvalidInput` as `simulate` does.
    """
    from simulations.engines import compiled  # noqa: PLC0415

    program = model if isinstance(model, Program) else compile_model(model)
    return compiled.stream(program, pieces, seed, bin_s=bin_s, progress=progress)
