"""The tables of a run that kept histograms instead of every request's record."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdlab.summary import OperationSummary, of_buckets
from simulations import layout
from simulations.histograms import Floats, Histograms, bounds_s

Table = list[dict[str, Any]]


def summary(found: Histograms, flows: tuple[str, ...], duration_s: float) -> list[OperationSummary]:
    """As `simulations.results.summary`: percentiles and the maximum are the middle of their bucket, at most 0.1 % off.

    An operation's name is its flow's. Retries are not kept.
    """
    value_s, span_s = middles_s(), duration_s or float("nan")
    rows = []
    for name, members in _groups(found, flows):
        ended = dict(zip(layout.OUTCOMES, found.ended[members].sum(axis=0).tolist(), strict=True))
        counts, total_s = found.counts[members].sum(axis=0), float(found.total_s[members].sum())
        rows.append(of_buckets(name, counts, value_s, ended, total_s, span_s))
    return rows


def outcomes(found: Histograms, flows: tuple[str, ...]) -> Table:
    """As `simulations.results.outcomes`; only the times of completed requests are known, the others are NaN."""
    completed = {row.operation: row for row in summary(found, flows, float("nan"))}
    rows: Table = []
    for name, members in _groups(found, flows):
        ended = found.ended[members].sum(axis=0)
        for code in np.flatnonzero(ended).tolist():
            times = {f"response_time_s_{measure}": float("nan") for measure in ("mean", "p50", "p99", "max")}
            if code == layout.COMPLETED:
                times = {measure: getattr(completed[name], measure) for measure in times}
            counts = {"requests": int(ended[code]), "share": float(ended[code] / ended.sum())}
            rows.append({"operation": name, "outcome": layout.OUTCOMES[code], **counts, **times})
    return rows


def middles_s() -> Floats:
    """What stands for each bucket: its middle, at most 0.1 % from any time in it."""
    bounds = bounds_s()
    return (bounds[:-1] + bounds[1:]) / 2


def _groups(found: Histograms, flows: tuple[str, ...]) -> list[tuple[str, list[int]]]:
    """``all`` and each flow that had a request, with their rows."""
    had = np.flatnonzero(found.ended.sum(axis=1)).tolist()
    return [("all", had or [0]), *((flows[flow], [flow]) for flow in had)]
