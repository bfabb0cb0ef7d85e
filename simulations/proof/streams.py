"""The other two ways to run a model, in pieces and in a sweep: the same counts and accounts, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sdlab.workload import Requests
from simulations.engines.compiled import memory
from simulations.engines.compiled.path import sample_path
from simulations.engines.compiled.sweep import order_of_stations, sweep
from simulations.engines.prepare import prepare
from simulations.model import Model
from simulations.program import compile_model
from simulations.records import reduced
from simulations.sample_path import SamplePath

ROUNDING = 1e-9
"""Relative: response times are added up in another order, by their ends in place of by their rows."""


def differences_of_streamed(requests: Requests, whole: SamplePath, streamed: SamplePath) -> list[str]:
    """Names of the fields in which they differ; ``requests`` has a row for each of ``whole``'s.

    Everything is compared without tolerance but the sums of response times, which differ by rounding.
    """
    expected = reduced(requests, replace(whole, spawned=None))
    ours, theirs = expected.histograms, streamed.histograms
    if ours is None or theirs is None:
        return ["histograms"]
    found = expected.differences(replace(streamed, histograms=replace(theirs, total_s=ours.total_s)))
    if not np.allclose(ours.total_s, theirs.total_s, rtol=ROUNDING, atol=0.0):
        found.append("histograms.total_s")
    return found


def pieces(requests: Requests, count: int = 3) -> list[Requests]:
    """The requests in about so many pieces; one, if there are no more."""
    size = max(1, -(-len(requests) // count))
    return [requests.take(slice(start, start + size)) for start in range(0, max(1, len(requests)), size)]


def swept(model: Model, requests: Requests, seed: int) -> SamplePath | None:
    """The run as the sweep makes it, with every record; None if it leaves the model to the event loop."""
    program = compile_model(model)
    order = order_of_stations(program)
    if order is None:
        return None
    world = memory.make_world(
        program,
        requests,
        prepare(program, requests, seed, None),
        seed,
        record_spans=True,
        record_spawned=True,
        bin_s=None,
    )
    return sample_path(program, requests, world, True, True) if sweep(program, world, order) else None
