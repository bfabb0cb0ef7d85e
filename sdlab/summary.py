"""Records to numbers: throughput, percentiles with intervals, the share of each outcome. Pure; one definition each.

Response time counts from the *intended* start, so that a stall of the service or of the generator is not hidden
(coordinated omission), and is that of completed requests: a quick refusal must not make a service look fast. How long
the others took stands apart (`outcomes`). A percentile is an order statistic of the records (no bins, no
interpolation): the smallest value that at least a share p of the records do not exceed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sdlab.arrivals import FloatArray

PERCENTILES = (50, 95, 99)
OUTCOMES = ("completed", "rejected", "timed_out", "failed", "dropped")
"""How a request can end; only a load generator drops requests."""


@dataclass(frozen=True)
class Percentile:
    """A percentile with its distribution-free confidence interval; an end is infinite when the sample is too small."""

    value_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True)
class OperationSummary:
    """One operation (or ``all``). Rates are requests a second of the intended starts' span; times are seconds.

    ``retried`` counts requests with at least one retry, ``retries`` all of them. ``goodput_rps`` is the rate of
    completed requests, and the response times are theirs.
    """

    operation: str
    requests: int
    completed: int
    rejected: int
    timed_out: int
    failed: int
    dropped: int
    retried: int
    retries: int
    rate_rps: float
    goodput_rps: float
    availability: float
    response_time_s_mean: float
    response_time_s_p50: float
    response_time_s_p95: float
    response_time_s_p99: float
    response_time_s_p99_low: float
    response_time_s_p99_high: float
    response_time_s_max: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def response_times(table: pd.DataFrame) -> FloatArray:
    """Seconds from intended start to completion of the completed requests."""
    completed = (table["outcome"] == "completed").to_numpy()
    times: FloatArray = (table["completed_s"].to_numpy() - table["intended_s"].to_numpy())[completed]
    return times


def percentile(sorted_values: FloatArray, percent: float, confidence: float = 0.95) -> Percentile:
    """The percentile of sorted values with an exact binomial interval on order statistics (Conover 1999, 3.2).

    Values are seconds; NaN for no values at all.
    """
    count = sorted_values.size
    if count == 0:
        return Percentile(float("nan"), float("nan"), float("nan"))
    low, at, high = _ranks(count, percent, confidence)
    return Percentile(
        float(sorted_values[at]),
        float(sorted_values[low]) if low >= 0 else 0.0,
        float(sorted_values[high]) if high < count else float("inf"),
    )


def order_statistics(values: FloatArray, percents: Sequence[float]) -> list[float]:
    """Several percentiles of values in any order, without intervals; NaN for no values at all."""
    if values.size == 0:
        return [float("nan")] * len(percents)
    ranks = [_rank(values.size, percent) for percent in percents]
    in_place = np.partition(values, sorted(set(ranks)))
    return [float(in_place[rank]) for rank in ranks]


def percentiles(values: FloatArray, percents: Sequence[float], confidence: float = 0.95) -> list[Percentile]:
    """Several percentiles of values in any order, in time linear in their number: only the ranks asked for are put
    in their places.
    """
    if values.size == 0:
        return [percentile(values, percent) for percent in percents]
    ranks = {rank for percent in percents for rank in _ranks(values.size, percent, confidence)}
    in_place = np.partition(values, sorted(rank for rank in ranks if 0 <= rank < values.size))
    return [percentile(in_place, percent, confidence) for percent in percents]


def _ranks(count: int, percent: float, confidence: float) -> tuple[int, int, int]:
    """Positions, from 0, of the interval's lower end, the percentile and the upper end in ``count`` sorted values."""
    share, tail = percent / 100, (1 - confidence) / 2
    at = _rank(count, percent)
    return int(stats.binom.ppf(tail, count, share)) - 1, at, int(stats.binom.ppf(1 - tail, count, share))


def _rank(count: int, percent: float) -> int:
    """Position, from 0, of the percentile in ``count`` sorted values."""
    return min(count - 1, max(0, int(np.ceil(percent / 100 * count)) - 1))


def summarise(table: pd.DataFrame, duration_s: float | None = None) -> list[OperationSummary]:
    """One summary an operation that occurs, ``all`` first. ``duration_s`` defaults to the last intended start."""
    span = duration_s or float(table["intended_s"].max() if len(table) else 0.0) or float("nan")
    rows = [_one("all", table, span)]
    rows += [_one(str(name), part, span) for name, part in table.groupby("operation", observed=True)]
    return rows


def _one(name: str, table: pd.DataFrame, span_s: float) -> OperationSummary:
    times = response_times(table)
    p50, p95, p99 = percentiles(times, PERCENTILES)
    ended = table["outcome"].value_counts().to_dict()
    retries = table["retries"].to_numpy() if "retries" in table else np.zeros(0, dtype=np.int32)
    return OperationSummary(
        operation=name,
        requests=len(table),
        **{outcome: int(ended.get(outcome, 0)) for outcome in OUTCOMES},
        retried=int(np.count_nonzero(retries)),
        retries=int(retries.sum()),
        rate_rps=len(table) / span_s,
        goodput_rps=times.size / span_s,
        availability=times.size / len(table) if len(table) else float("nan"),
        response_time_s_mean=float(times.mean()) if times.size else float("nan"),
        response_time_s_p50=p50.value_s,
        response_time_s_p95=p95.value_s,
        response_time_s_p99=p99.value_s,
        response_time_s_p99_low=p99.low_s,
        response_time_s_p99_high=p99.high_s,
        response_time_s_max=float(times.max()) if times.size else float("nan"),
    )


def outcomes(table: pd.DataFrame) -> list[dict[str, Any]]:
    """How long requests took to end in each way: one row an operation (``all`` first) and an outcome that occurs.

    ``share`` is of the operation's requests, times are seconds from the intended start; NaN for what never ended.
    """
    parts = [("all", table), *((str(name), part) for name, part in table.groupby("operation", observed=True))]
    rows = []
    for name, part in parts:
        taken_s = part["completed_s"].to_numpy() - part["intended_s"].to_numpy()
        for outcome in OUTCOMES:
            times = taken_s[(part["outcome"] == outcome).to_numpy()]
            if times.size:
                rows.append({"operation": name, "outcome": outcome, **_times_of(times, len(part))})
    return rows


def _times_of(times: FloatArray, requests: int) -> dict[str, Any]:
    p50, p99 = order_statistics(times, (50, 99))
    return {
        "requests": int(times.size),
        "share": times.size / requests,
        "response_time_s_mean": float(times.mean()),
        "response_time_s_p50": p50,
        "response_time_s_p99": p99,
        "response_time_s_max": float(times.max()),
    }
