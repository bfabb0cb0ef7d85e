"""Requests and runs of the cases with a known answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sdlab.workload import Requests
from simulations.engines import simulate
from simulations.model import Model
from simulations.proof.evidence import Case, Sample
from simulations.sample_path import COMPLETED, SamplePath

Measure = Callable[[SamplePath, NDArray[np.bool_]], float]
Floats = NDArray[np.float64]

REQUESTS = 200_000
WARM_UP = 4_000
ENGINE = "compiled"


def table(arrival_s: Floats, operation: NDArray[np.int16], operations: tuple[str, ...], key: int = 0) -> Requests:
    """Requests without regions that all ask for one key."""
    count = arrival_s.size
    return Requests(
        arrival_s, operation, np.full(count, key, dtype=np.int64), np.zeros(count, dtype=np.int16), operations, ("",)
    )


def poisson(count: int, rates_rps: Sequence[float], seed: int, operations: tuple[str, ...] = ("get",)) -> Requests:
    """Independent Poisson streams, one an operation."""
    rng = np.random.default_rng([seed, count])
    total = sum(rates_rps)
    arrival_s = np.cumsum(rng.exponential(1 / total, count))
    bounds = np.cumsum(rates_rps)[:-1] / total
    operation = np.searchsorted(bounds, rng.random(count), side="right").astype(np.int16)
    return table(arrival_s, operation, operations)


def nobody() -> Requests:
    """No open arrivals."""
    return table(np.zeros(0), np.zeros(0, dtype=np.int16), ("get",))


def mean_response_s(path: SamplePath, chosen: NDArray[np.bool_]) -> float:
    """Of those of the chosen requests that completed."""
    return float(path.response_time_s[chosen & (path.outcome == COMPLETED)].mean())


def share_not_completed(path: SamplePath, chosen: NDArray[np.bool_]) -> float:
    """Of the chosen requests."""
    return float((path.outcome[chosen] != COMPLETED).mean())


def open_case(
    name: str,
    source: str,
    expected: float,
    model: Model,
    rates_rps: Sequence[float],
    services_s: Mapping[str, float],
    *,
    measure: Measure = mean_response_s,
    operation: int | None = None,
    count: int = REQUESTS,
    replications: int = 40,
) -> Case:
    """Poisson arrivals at a model, of which all requests, or those of one operation, are measured after a warm-up.

    Controls are the mean gap between arrivals and the mean services at stations.
    """
    operations = tuple(flow.name for flow in model.flows)[: len(rates_rps)]

    def run(seed: int) -> Sample:
        requests = poisson(count, rates_rps, seed, operations)
        path = simulate(model, requests, seed, ENGINE)
        gap_s = float(requests.arrival_s[-1]) / count - 1 / sum(rates_rps)
        chosen = np.ones(count, dtype=bool) if operation is None else requests.operation == operation
        chosen[:WARM_UP] = False
        return Sample(measure(path, chosen), (gap_s, *_services(path, services_s)))

    return Case(name, source, expected, run, replications)


def closed_case(
    name: str,
    source: str,
    expected: float,
    model: Model,
    services_s: Mapping[str, float],
    *,
    replications: int = 40,
) -> Case:
    """Closed populations alone; their model says until when."""

    def run(seed: int) -> Sample:
        path = simulate(model, nobody(), seed, ENGINE)
        chosen = np.arange(len(path.arrival_s)) >= WARM_UP
        return Sample(mean_response_s(path, chosen), _services(path, services_s))

    return Case(name, source, expected, run, replications)


def _services(path: SamplePath, services_s: Mapping[str, float]) -> tuple[float, ...]:
    found = []
    for name, mean_s in services_s.items():
        column = path.resources.index(name)
        visits = int(path.accounts.visits[:, column].sum())
        found.append(float(path.accounts.service_s[:, column].sum()) / visits - mean_s)
    return tuple(found)
