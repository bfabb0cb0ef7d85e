"""Requests and models for the tests of the simulator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdlab.workload import Requests
from simulations.distributions import Distribution
from simulations.engines import simulate
from simulations.model import Flow, Model, Serve, Station
from simulations.sample_path import SamplePath


def requests(
    arrival_s: Sequence[float] | np.ndarray,
    *,
    operation: Sequence[int] | int = 0,
    key: Sequence[int] | int = 0,
    region: Sequence[int] | int = 0,
    operations: tuple[str, ...] = ("get",),
    regions: tuple[str, ...] = ("eu",),
) -> Requests:
    """A table of requests; a single number stands for that number in every row."""
    times = np.asarray(arrival_s, dtype=np.float64)
    return Requests(
        times,
        np.broadcast_to(np.asarray(operation, dtype=np.int16), times.shape).copy(),
        np.broadcast_to(np.asarray(key, dtype=np.int64), times.shape).copy(),
        np.broadcast_to(np.asarray(region, dtype=np.int16), times.shape).copy(),
        operations,
        regions,
    )


def poisson(count: int, rate_rps: float, seed: int = 1) -> Requests:
    """So many requests of one operation in a Poisson stream."""
    gaps = np.random.default_rng(seed).exponential(1 / rate_rps, count)
    return requests(np.cumsum(gaps))


def one_station(service: Distribution, servers: int = 1) -> Model:
    """A model of a single station."""
    return Model("one station", [Flow("get", [Serve("server", service)])], [Station("server", servers)])


def both_engines(model: Model, table: Requests, seed: int = 1, bin_s: float | None = None) -> SamplePath:
    """Run on both engines, everything recorded, assert that nothing differs, and give the result."""
    compiled, reference = (
        simulate(model, table, seed, engine, record_spans=True, record_spawned=True, bin_s=bin_s)
        for engine in ("compiled", "simpy")
    )
    assert compiled.differences(reference) == []
    return compiled
