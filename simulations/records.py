"""Every request of a run: what came in from outside, and after it what closed populations sent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sdlab import runs
from sdlab.errors import InvalidInput
from sdlab.workload import NO_KEY, Requests
from simulations.model import Model
from simulations.sample_path import SamplePath


def requests_of(requests: Requests, path: SamplePath, model: Model | None = None) -> Requests:
    """The requests with those of closed populations behind them, row by row as in the path.

    A run without populations gives ``requests`` as they are. The rows of populations are in the order in which they
    began, not sorted in with the others; their operation is their flow, and which keys they asked for is not kept.
    Raises `InvalidInput` if there are such rows and no ``model`` to say whose flow they took.
    """
    population = path.closed.population
    if not population.size:
        return requests
    if model is None:
        raise InvalidInput("model", None, f"is needed: {population.size:,} requests are of closed populations")
    operations = _extended(requests.operations, [one.flow for one in model.populations])
    regions = _extended(requests.regions, [one.region for one in model.populations if one.region is not None])
    flow = np.array([operations.index(one.flow) for one in model.populations], dtype=np.int16)
    region = np.array(
        [-1 if one.region is None else regions.index(one.region) for one in model.populations], dtype=np.int16
    )
    return Requests(
        path.arrival_s,
        np.concatenate([requests.operation, flow[population]]),
        np.concatenate([requests.key, np.full(population.size, NO_KEY, dtype=np.int64)]),
        np.concatenate([requests.region, region[population]]),
        operations,
        regions,
    )


def _extended(names: tuple[str, ...], more: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*names, *more]))


def check_rows(requests: Requests, path: SamplePath) -> None:
    """Raises `InvalidInput` unless there is one row of the path for each request."""
    if len(requests) != path.completed_s.size:
        bound = f"must be the {path.completed_s.size:,} of the path: `requests_of` adds those of closed populations"
        raise InvalidInput("requests", len(requests), bound)


def records(requests: Requests, path: SamplePath) -> pd.DataFrame:
    """One row a request, sorted by the intended start, which is when a model sends.

    Spans are there if the engine recorded them.
    """
    check_rows(requests, path)
    spans = {} if path.spans is None else {name: path.spans[:, i] for i, name in enumerate(path.resources)}
    table = runs.records(
        requests,
        sent_s=requests.arrival_s,
        completed_s=path.completed_s,
        outcome=path.outcome,
        spans=spans,
        cache_hit=path.cache_hit,
        retries=path.retries,
    )
    return table.sort_values("intended_s", kind="stable", ignore_index=True) if path.closed.population.size else table
