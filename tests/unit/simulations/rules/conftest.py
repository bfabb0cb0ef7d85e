"""Runs the small models of these tests on each engine, and checks what must hold of every run."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.engines import simulate
from simulations.model import Model
from simulations.sample_path import SamplePath
from tests.unit.simulations.builders import requests
from tests.unit.simulations.rules.running import ENGINES, Run


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a model on one of the engines, for requests that arrive at these times."""

    def running(
        model: Model,
        arrival_s: list[float],
        *,
        operation: list[int] | int = 0,
        key: list[int] | int = 0,
        region: list[int] | int = 0,
        bin_s: float | None = None,
    ) -> SamplePath:
        table = requests(
            arrival_s,
            operation=operation,
            key=key,
            region=region,
            operations=tuple(flow.name for flow in model.flows),
            regions=tuple(model.regions) or ("eu",),
        )
        path = simulate(model, table, 1, request.param, record_spans=True, record_spawned=True, bin_s=bin_s)
        assert_laws_hold(path)
        return path

    return running


def assert_laws_hold(path: SamplePath) -> None:
    """Who came has gone, time waited is time in lines, and service is time busy, at every station, pool and queue."""
    queue, lined = path.queue, len(path.queues)
    gone = queue.completions + queue.rejected + queue.abandoned + queue.interrupted
    assert gone.tolist() == queue.arrivals.tolist()
    np.testing.assert_allclose(path.accounts.wait_s.sum(axis=0)[:lined], queue.queue_s, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(path.accounts.service_s.sum(axis=0)[:lined], queue.busy_s, rtol=1e-12, atol=1e-12)
