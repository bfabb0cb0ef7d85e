"""What one long run at a steady rate says, and how surely: warm-up cut, intervals, and where it was too short to tell.

The warm-up is cut by MSER-5 from the response times of all completed requests in order of arrival; from where it ends,
every operation counts. Intervals come from consecutive batches of an operation's requests (see
`simulations.study.sectioning`). Nothing here needs a second run; replications need no such assumptions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sdlab.summary import order_statistics
from sdlab.workload import Requests
from simulations.records import check_rows
from simulations.sample_path import COMPLETED, SamplePath
from simulations.study import BATCH, Floats, lag1, means_of_batches, mser5, sectioning

BATCHES = 20
"""Few and long: 10 to 30 are enough, and more make an interval no shorter (Schmeiser 1982)."""

BEYOND = 100
"""Requests that must lie beyond a percentile, 5 a batch, for an interval of it."""

LAG1_MAX = 2.326 / math.sqrt(BATCHES)
"""What the lag-1 correlation of independent batches exceeds once in a hundred runs."""

LEAST_REQUESTS = 4 * BATCH
"""What MSER-5 needs."""

PERCENTILES = (50, 95, 99)


def steady_state(requests: Requests, path: SamplePath) -> dict[str, Any]:
    """The steady state of a run whose rate does not change.

    ``warm_up_requests`` arrived before ``warm_up_s`` and are left out; ``settled`` is false if MSER-5 found no end of
    the warm-up in the first half. ``rows`` has, for ``all`` and each operation, mean and percentiles in seconds with
    their 95 % half-widths (NaN for too few requests) and ``lag1`` of the batch means; ``warnings`` are for a person.
    """
    check_rows(requests, path)
    order = np.argsort(path.arrival_s, kind="stable")
    order = order[path.outcome[order] == COMPLETED]
    times_s, operation = path.response_time_s[order], requests.operation[order]
    found: dict[str, Any] = {"method": "MSER-5, sectioning", "batches": BATCHES, "confidence": 0.95}
    if times_s.size < LEAST_REQUESTS:
        few = f"only {times_s.size:,} requests completed: too few for a steady state"
        return {**found, "warm_up_requests": 0, "warm_up_s": 0.0, "settled": False, "rows": [], "warnings": [few]}
    cut = mser5(times_s)
    warm = slice(cut.observations, None)
    warm_up_s = float(path.arrival_s[order[cut.observations]]) if cut.observations else 0.0
    rows = [_row("all", times_s[warm])]
    for code, name in enumerate(requests.operations):
        of_it = times_s[warm][operation[warm] == code]
        if of_it.size:
            rows.append(_row(name, of_it))
    return {
        **found,
        "warm_up_requests": cut.observations,
        "warm_up_s": warm_up_s,
        "settled": cut.settled,
        "rows": rows,
        "warnings": _warnings(cut.settled, rows),
    }


def _row(name: str, times_s: Floats) -> dict[str, Any]:
    row: dict[str, Any] = {"operation": name, "requests": int(times_s.size)}
    enough = times_s.size >= BATCHES * BATCH
    row |= _with_interval("mean", _mean, times_s, enough)
    for percent in PERCENTILES:
        beyond = times_s.size * (1 - percent / 100)
        row |= _with_interval(f"p{percent}", partial(_percentile, percent=percent), times_s, beyond >= BEYOND)
    row["lag1"] = lag1(means_of_batches(times_s, BATCHES)) if enough else math.nan
    return row


def _with_interval(name: str, statistic: Callable[[Floats], float], times_s: Floats, enough: bool) -> dict[str, float]:
    half_width = sectioning(times_s, statistic, batches=BATCHES).half_width if enough else math.nan
    return {f"response_time_s_{name}": statistic(times_s), f"response_time_s_{name}_half_width": half_width}


def _mean(values: Floats) -> float:
    return float(values.mean())


def _percentile(values: Floats, percent: int) -> float:
    return order_statistics(values, [percent])[0]


def _warnings(settled: bool, rows: list[dict[str, Any]]) -> list[str]:
    said = []
    if not settled:
        said.append("too short to tell: response times had not settled in the first half of the run")
    depend = [row["operation"] for row in rows if row["lag1"] > LAG1_MAX]
    if depend:
        said.append(
            f"too short for its intervals: batches depend on each other (lag-1 correlation above {LAG1_MAX:.2f}: "
            f"{', '.join(depend)}), so the half-widths are too small"
        )
    few = [row["operation"] for row in rows if math.isnan(row["response_time_s_p99_half_width"])]
    if few:
        said.append(f"too short for the p99 of {', '.join(few)}: fewer than {BEYOND} requests lie beyond it")
    return said
