"""A run over time, in the bins that it was recorded with: each station, each operation, and the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from sdlab.summary import order_statistics
from sdlab.workload import Requests
from simulations.layout import COMPLETED, OUTCOMES
from simulations.records import check_rows
from simulations.sample_path import Bins, Floats, SamplePath

STEPS_MAX = 100_000
PERCENTILES = (50, 99)
Ints = NDArray[np.int64]
Columns = dict[tuple[str, str, str], Any]


def series(requests: Requests, path: SamplePath) -> pd.DataFrame:
    """One row a bin, indexed by ``time_s``, when it begins; columns by part, name and metric.

    ("stations", a station, pool or queue): ``utilisation`` (busy_s / capacity_s; NaN while there is no server),
    ``queue_length_mean`` and ``in_flight_mean`` (waiting or in service). ("caches", a cache): ``hit_ratio``.
    ("requests", an operation or "all"): ``arrivals``, one count an outcome, in the bin in which they ended, and
    ``response_time_s_p50`` and ``_p99`` of the completed ones that arrived in the bin (NaN if none did). ("requests",
    "all") also has ``in_flight_mean``, of everything under way: spawned flows and batches too.

    So ``series(requests, path)["stations"]["api"]["utilisation"]`` is one line of a figure. Raises `InvalidInput` for
    a path without bins, or requests that are not the path's (see `simulations.records.requests_of`).
    """
    if path.bins is None:
        raise InvalidInput("bin_s", None, "must have been given to `simulate`: there is no series without bins")
    check_rows(requests, path)
    count = path.bins.in_flight_s.size
    columns: Columns = {("requests", "all", "in_flight_mean"): path.bins.in_flight_s / lengths_s(path)}
    columns |= _requests("all", np.arange(len(requests)), path, count)
    for code, operation in enumerate(requests.operations):
        rows = np.flatnonzero(requests.operation == code)
        if rows.size:
            columns |= _requests(operation, rows, path, count)
    columns |= _stations(path, path.bins) | _caches(path, path.bins)
    times_s = pd.Index(np.arange(count) * path.bins.bin_s, name="time_s")
    table = pd.DataFrame(columns, index=times_s)
    table.columns = pd.MultiIndex.from_tuples(list(columns), names=["part", "name", "metric"])
    return table.sort_index(axis=1)


def lengths_s(path: SamplePath) -> Floats:
    """How long each bin lasts: the last ends with the run."""
    assert path.bins is not None
    edges_s = np.arange(path.bins.in_flight_s.size + 1) * path.bins.bin_s
    edges_s[-1] = max(path.end_s, np.nextafter(edges_s[-2], np.inf))
    lengths: Floats = np.diff(edges_s)
    return lengths


def merged(bins: Bins, each: int) -> Bins:
    """Bins ``each`` times as long; the last may hold fewer of the old ones."""
    if each == 1:
        return bins
    starts = np.arange(0, bins.in_flight_s.size, each)
    sums = {
        name: np.add.reduceat(getattr(bins, name), starts, axis=0)
        for name in Bins.__dataclass_fields__
        if name != "bin_s"
    }
    return Bins(bin_s=bins.bin_s * each, **sums)


def bin_of(times_s: Floats, bin_s: float, count: int) -> Ints:
    """The bin that each time falls in, [b · bin_s, (b + 1) · bin_s); what is later falls in the last one."""
    bins: Ints = np.searchsorted(np.arange(1, count) * bin_s, times_s, side="right")
    return bins


def percentiles_by_bin(
    arrived_in: Ints, response_time_s: Floats, count: int, percents: tuple[int, ...]
) -> list[list[float]]:
    """For each percentile, its value in each bin of arrival; NaN where nothing arrived."""
    order = np.argsort(arrived_in, kind="stable")
    parts = np.split(response_time_s[order], np.searchsorted(arrived_in[order], np.arange(1, count)))
    return [list(values) for values in zip(*(order_statistics(part, percents) for part in parts), strict=True)]


def as_json(table: pd.DataFrame) -> dict[str, Any]:
    """The series as nested lists: ``{"time_s": [...], part: {name: {metric: [...]}}}``."""
    nested: dict[str, Any] = {"time_s": table.index.to_list()}
    for column in table.columns:
        part, name, metric = tuple(column)
        nested.setdefault(part, {}).setdefault(name, {})[metric] = table[column].to_list()
    return nested


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """The series as a file of columns ``part.name.metric`` beside ``time_s``."""
    named = table.set_axis([".".join(column) for column in table.columns], axis=1)
    return named.reset_index()


def _requests(name: str, rows: Ints, path: SamplePath, count: int) -> Columns:
    assert path.bins is not None
    bin_s = path.bins.bin_s
    arrived_in = bin_of(path.arrival_s[rows], bin_s, count)
    outcome, ended_in = path.outcome[rows], bin_of(path.completed_s[rows], bin_s, count)
    columns: Columns = {("requests", name, "arrivals"): np.bincount(arrived_in, minlength=count)}
    for code, word in enumerate(OUTCOMES):
        columns["requests", name, word] = np.bincount(ended_in[outcome == code], minlength=count)
    done = outcome == COMPLETED
    found = percentiles_by_bin(arrived_in[done], path.response_time_s[rows[done]], count, PERCENTILES)
    for percent, values in zip(PERCENTILES, found, strict=True):
        columns["requests", name, f"response_time_s_p{percent}"] = values
    return columns


def _stations(path: SamplePath, bins: Bins) -> Columns:
    columns: Columns = {}
    there_s = lengths_s(path)
    for index, name in enumerate(path.queues):
        busy_s, queue_s, capacity_s = bins.busy_s[:, index], bins.queue_s[:, index], bins.capacity_s[:, index]
        there_was = capacity_s > 0
        columns["stations", name, "utilisation"] = np.where(
            there_was, busy_s / np.where(there_was, capacity_s, 1.0), np.nan
        )
        columns["stations", name, "queue_length_mean"] = queue_s / there_s
        columns["stations", name, "in_flight_mean"] = (busy_s + queue_s) / there_s
    return columns


def _caches(path: SamplePath, bins: Bins) -> Columns:
    asked = np.maximum(bins.lookups, 1)
    ratio = np.where(bins.lookups > 0, bins.hits / asked, np.nan)
    return {("caches", name, "hit_ratio"): ratio[:, index] for index, name in enumerate(path.cache_names)}
