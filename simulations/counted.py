"""The tables of a run that kept histograms instead of every request's record."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdlab.summary import OUTCOMES, OperationSummary, of_buckets, percentile_of_buckets
from simulations import layout
from simulations.histograms import Histograms, middles_s

Table = list[dict[str, Any]]


def summary(found: Histograms, flows: tuple[str, ...], duration_s: float) -> list[OperationSummary]:
    """As `simulations.results.summary`: percentiles are the middle of their bucket, at most 0.1 % off.

    An operation's name is its flow's. Retries are not kept.
    """
    value_s, span_s = middles_s(), duration_s or float("nan")
    rows = []
    for name, members in _groups(found, flows):
        ended = dict(zip(layout.OUTCOMES, found.ended[members].sum(axis=0).tolist(), strict=True))
        completed_s = found.sum_s[members, layout.COMPLETED].sum(), found.max_s[members, layout.COMPLETED].max()
        counts = found.counts[members].sum(axis=0)
        rows.append(of_buckets(name, counts, value_s, ended, float(completed_s[0]), float(completed_s[1]), span_s))
    return rows


def outcomes(found: Histograms, flows: tuple[str, ...]) -> Table:
    """As `simulations.results.outcomes`; only completed requests have percentiles."""
    value_s = middles_s()
    rows: Table = []
    for name, members in _groups(found, flows):
        ended = found.ended[members].sum(axis=0)
        for code, outcome in enumerate(layout.OUTCOMES):
            if not ended[code]:
                continue
            p50 = p99 = float("nan")
            if code == layout.COMPLETED:
                counts = found.counts[members].sum(axis=0)
                p50, p99 = (percentile_of_buckets(counts, value_s, percent).value_s for percent in (50, 99))
            rows.append(
                {
                    "operation": name,
                    "outcome": outcome,
                    "requests": int(ended[code]),
                    "share": float(ended[code] / ended.sum()),
                    "response_time_s_mean": float(found.sum_s[members, code].sum() / ended[code]),
                    "response_time_s_p50": p50,
                    "response_time_s_p99": p99,
                    "response_time_s_max": float(found.max_s[members, code].max()),
                }
            )
    return rows


def _groups(found: Histograms, flows: tuple[str, ...]) -> list[tuple[str, list[int]]]:
    """``all`` and each flow that had a request, with their rows."""
    had = np.flatnonzero(found.ended.sum(axis=1)).tolist()
    return [("all", had or [0]), *((flows[flow], [flow]) for flow in had)]


assert set(layout.OUTCOMES) <= set(OUTCOMES)
