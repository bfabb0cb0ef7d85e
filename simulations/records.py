"""Every request of a run: what came in from outside, and after it what closed populations sent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from sdlab import runs
from sdlab.errors import InvalidInput
from sdlab.workload import NO_KEY, Requests
from simulations.histograms import BUCKETS, Histograms, buckets_of
from simulations.layout import COMPLETED, OUTCOMES
from simulations.model import Model
from simulations.sample_path import Closed, SamplePath


def requests_of(requests: Requests, path: SamplePath, model: Model | None = None) -> Requests:
    """The requests with those of closed populations behind them, row by row as in the path.

    A run without populations, or without records, gives ``requests`` as they are. The rows of populations are in the
    order in which they began, not sorted in with the others; their operation is their flow, and which keys they asked
    for is not kept.
    Raises `InvalidInput` if there are such rows and no ``model`` to say whose flow they took.
    """
    population = path.closed.population
    if not population.size or path.histograms is not None:
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


def reduced(requests: Requests, path: SamplePath) -> SamplePath:
    """The path with histograms in the place of its records; ``requests`` has a row for each of its rows."""
    check_rows(requests, path)
    flows = np.array([path.flows.index(name) if name in path.flows else -1 for name in requests.operations])
    flow, outcome, times_s = flows[requests.operation], path.outcome, path.response_time_s
    counts = np.zeros((len(path.flows), BUCKETS), dtype=np.int64)
    ended = np.zeros((len(path.flows), len(OUTCOMES)), dtype=np.int64)
    done = outcome == COMPLETED
    np.add.at(counts, (flow[done], buckets_of(times_s[done])), 1)
    np.add.at(ended, (flow, outcome), 1)
    total_s = np.bincount(flow[done], times_s[done], minlength=len(path.flows)).astype(np.float64)
    none = slice(0, 0)
    return replace(
        path,
        arrival_s=path.arrival_s[none],
        completed_s=path.completed_s[none],
        outcome=path.outcome[none],
        cache_hit=path.cache_hit[none],
        retries=path.retries[none],
        spans=None,
        closed=Closed(path.closed.population[none], path.closed.user[none]),
        histograms=Histograms(counts, ended, total_s),
    )


def check_rows(requests: Requests, path: SamplePath) -> None:
    """Raises `InvalidInput` unless there is one row of the path for each request."""
    if path.histograms is not None:
        raise InvalidInput("records", "histograms", "hold no request's record: run with records='all'")
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
