"""Records to numbers: throughput, percentiles with intervals, the share of each outcome. Pure; one definition each.

Response time counts from the *intended* start, so that a stall of the service or of the generator is not hidden
(coordinated omission), and is that of completed requests: a quick refusal must not make a service look fast. How long
the others took stands apart (`outcomes`). A percentile is an order statistic of the records (no bins, no
interpolation): the smallest value that at least a share p of the records do not exceed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sdlab import quantiles
from sdlab.arrivals import FloatArray
from sdlab.outcomes import OUTCOMES

IntArray: TypeAlias = NDArray[np.int64]
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Percentile:
    """A percentile with its distribution-free confidence interval; an end is infinite when the sample is too small."""

    value_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True)
class OperationSummary:
    """One operation (or ``all``). Rates are requests a second of the intended starts' span; times are seconds.

    ``retried`` counts requests with at least one retry, ``retries`` all of them; None where that was not kept.
    ``goodput_rps`` is the rate of completed requests, and the response times are theirs.
    """

    operation: str
    requests: int
    completed: int
    rejected: int
    timed_out: int
    failed: int
    dropped: int
    retried: int | None
    retries: int | None
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
    return quantiles.binomial(tail, count, share) - 1, at, quantiles.binomial(1 - tail, count, share)


def _rank(count: int, percent: float) -> int:
    """Position, from 0, of the percentile in ``count`` sorted values."""
    return min(count - 1, max(0, int(np.ceil(percent / 100 * count)) - 1))


@dataclass(frozen=True)
class _Part:
    """The requests of one operation, or all: a row each. ``outcome`` indexes `OUTCOMES`, ``taken_s`` is NaN for what
    never ended, ``retries`` is None where they were not kept.
    """

    name: str
    outcome: NDArray[np.int8]
    taken_s: FloatArray
    retries: NDArray[np.int32] | None

    def times_s(self, outcome: str) -> FloatArray:
        """How long the requests with one outcome took."""
        times: FloatArray = self.taken_s[self.outcome == OUTCOMES.index(outcome)]
        return times


def _parts(table: pd.DataFrame) -> Iterator[_Part]:
    """All requests, then each operation that occurs: plain arrays, since groups of a table are copies of all of it."""
    operations = table["operation"].astype("category").cat
    every = _Part(
        "all",
        np.asarray(pd.Categorical(table["outcome"], categories=list(OUTCOMES)).codes, dtype=np.int8),
        table["completed_s"].to_numpy() - table["intended_s"].to_numpy(),
        table["retries"].to_numpy() if "retries" in table else None,
    )
    yield every
    codes = operations.codes.to_numpy()
    for code, name in enumerate(operations.categories):
        of = np.flatnonzero(codes == code)
        if of.size:
            retries = None if every.retries is None else every.retries[of]
            yield _Part(str(name), every.outcome[of], every.taken_s[of], retries)


def summarise(table: pd.DataFrame, duration_s: float | None = None) -> list[OperationSummary]:
    """One summary an operation that occurs, ``all`` first. ``duration_s`` defaults to the last intended start."""
    span = duration_s or float(table["intended_s"].max() if len(table) else 0.0) or float("nan")
    return [_one(part, span) for part in _parts(table)]


def _one(part: _Part, span_s: float) -> OperationSummary:
    times, requests = part.times_s("completed"), part.outcome.size
    p50, p95, p99 = percentiles(times, PERCENTILES)
    ended = np.bincount(part.outcome[part.outcome >= 0], minlength=len(OUTCOMES))
    return OperationSummary(
        operation=part.name,
        requests=requests,
        **_counts(dict(zip(OUTCOMES, ended.tolist(), strict=True))),
        retried=0 if part.retries is None else int(np.count_nonzero(part.retries)),
        retries=0 if part.retries is None else int(part.retries.sum()),
        rate_rps=requests / span_s,
        goodput_rps=times.size / span_s,
        availability=times.size / requests if requests else float("nan"),
        response_time_s_mean=float(times.mean()) if times.size else float("nan"),
        response_time_s_p50=p50.value_s,
        response_time_s_p95=p95.value_s,
        response_time_s_p99=p99.value_s,
        response_time_s_p99_low=p99.low_s,
        response_time_s_p99_high=p99.high_s,
        response_time_s_max=float(times.max()) if times.size else float("nan"),
    )


def of_buckets(
    name: str, counts: IntArray, value_s: FloatArray, ended: Mapping[str, int], total_s: float, span_s: float
) -> OperationSummary:
    """The summary of one operation from a histogram of the response times of its completed requests.

    ``counts`` are the requests in each bucket, in rising order, and ``value_s`` what stands for the bucket: as exact
    are percentiles and the maximum. ``ended`` are requests by outcome; ``total_s``, of the completed ones, is exact.
    """
    requests, completed = sum(ended.values()), int(counts.sum())
    p50, p95, p99 = (percentile_of_buckets(counts, value_s, percent) for percent in PERCENTILES)
    return OperationSummary(
        operation=name,
        requests=requests,
        **_counts(ended),
        retried=None,
        retries=None,
        rate_rps=requests / span_s,
        goodput_rps=completed / span_s,
        availability=completed / requests if requests else float("nan"),
        response_time_s_mean=total_s / completed if completed else float("nan"),
        response_time_s_p50=p50.value_s,
        response_time_s_p95=p95.value_s,
        response_time_s_p99=p99.value_s,
        response_time_s_p99_low=p99.low_s,
        response_time_s_p99_high=p99.high_s,
        response_time_s_max=float(value_s[np.flatnonzero(counts)[-1]]) if completed else float("nan"),
    )


def percentile_of_buckets(
    counts: IntArray, value_s: FloatArray, percent: float, confidence: float = 0.95
) -> Percentile:
    """The percentile of values that were only counted in buckets: `percentile` up to the width of a bucket."""
    upto = np.cumsum(counts)
    count = int(upto[-1]) if upto.size else 0
    if count == 0:
        return Percentile(float("nan"), float("nan"), float("nan"))
    low, at, high = _ranks(count, percent, confidence)

    def at_rank(rank: int) -> float:
        return float(value_s[np.searchsorted(upto, rank, side="right")])

    return Percentile(at_rank(at), at_rank(low) if low >= 0 else 0.0, at_rank(high) if high < count else float("inf"))


def _counts(ended: Mapping[str, int]) -> dict[str, int]:
    return {outcome: int(ended.get(outcome, 0)) for outcome in OUTCOMES}


def outcomes(table: pd.DataFrame) -> list[dict[str, Any]]:
    """How long requests took to end in each way: one row an operation (``all`` first) and an outcome that occurs.

    ``share`` is of the operation's requests, times are seconds from the intended start; NaN for what never ended.
    """
    rows = []
    for part in _parts(table):
        for outcome in OUTCOMES:
            times = part.times_s(outcome)
            if times.size:
                rows.append({"operation": part.name, "outcome": outcome, **_times_of(times, part.outcome.size)})
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
