"""A sample path as the plain tables that a run folder keeps and a terminal or a report shows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from sdlab import runs
from sdlab.spec import Design
from sdlab.summary import PERCENTILES, OperationSummary, percentiles, summarise
from sdlab.workload import Requests
from simulations.sample_path import SamplePath

Table = list[dict[str, Any]]


def tier_of(resource: str) -> str:
    """The tier of a station or pool by its name: "api-eu-2" belongs to "api"; delays are their own tier."""
    return resource.partition("-")[0]


def _region_of(resource: str) -> str:
    return resource.split("-")[1] if "-" in resource else ""


def records(requests: Requests, path: SamplePath) -> pd.DataFrame:
    """One row a request; a model sends at the intended start. Spans are there if the engine recorded them."""
    spans = {} if path.spans is None else {name: path.spans[:, i] for i, name in enumerate(path.resources)}
    return runs.records(
        requests,
        sent_s=requests.arrival_s,
        completed_s=path.completed_s,
        outcome=path.outcome,
        spans=spans,
        cache_hit=path.cache_hit,
    )


def summary(requests: Requests, path: SamplePath, duration_s: float) -> list[OperationSummary]:
    """Percentiles per operation, ``all`` first."""
    return summarise(
        runs.records(requests, sent_s=requests.arrival_s, completed_s=path.completed_s, outcome=path.outcome),
        duration_s,
    )


def stations(path: SamplePath) -> Table:
    """Each station and pool: utilisation (0 to 1), queue, and mean wait and service time of a visit."""
    wait_s, service_s = path.accounts.wait_s.sum(axis=0), path.accounts.service_s.sum(axis=0)
    rows = []
    for index, name in enumerate(path.queues):
        resource = path.resources.index(name)
        completions = max(1, int(path.queue.completions[index]))
        rows.append(
            {
                "name": name,
                "tier": tier_of(name),
                "region": _region_of(name),
                "servers": int(path.capacity[index]),
                "utilisation": float(path.utilisation[index]),
                "queue_length_mean": float(path.mean_waiting[index]),
                "queue_length_max": int(path.queue.max_waiting[index]),
                "arrivals": int(path.queue.arrivals[index]),
                "wait_s_mean": float(wait_s[resource] / completions),
                "service_s_mean": float(service_s[resource] / completions),
            }
        )
    return rows


def busiest(path: SamplePath) -> tuple[str, float]:
    """The station or pool with the highest utilisation: the first to saturate as the load grows."""
    index = int(np.argmax(path.utilisation))
    return path.queues[index], float(path.utilisation[index])


def caches(path: SamplePath, model_caches: Any) -> Table:
    """Each cache: its size, what it was asked and how often it had it."""
    return [
        {
            "name": cache.name,
            "capacity_entries": cache.capacity_entries,
            "capacity_bytes": cache.capacity_bytes,
            "policy": cache.policy,
            "lookups": int(path.cache.lookups[i]),
            "hits": int(path.cache.hits[i]),
            "hit_ratio": float(path.cache.hit_ratio[i]),
        }
        for i, cache in enumerate(model_caches)
    ]


def hit_ratio(path: SamplePath) -> float:
    """Over all caches; NaN if none was asked."""
    lookups = int(path.cache.lookups.sum())
    return float(path.cache.hits.sum() / lookups) if lookups else float("nan")


def breakdown(requests: Requests, path: SamplePath) -> dict[str, Any]:
    """Where the time of one request goes: mean seconds waiting and in service, by operation and tier.

    A pool's service is left out: what is done while holding a connection is counted where it is done.
    """
    tiers = list(dict.fromkeys(tier_of(name) for name in path.resources))
    pools = set(path.queues) & {name for name in path.queues if tier_of(name) == "pool"}
    counts = np.bincount(requests.operation, minlength=len(requests.operations))
    operations = [name for name, count in zip(requests.operations, counts, strict=True) if count]
    wait_s = np.zeros((len(operations), len(tiers)))
    service_s = np.zeros_like(wait_s)
    for row, operation in enumerate(operations):
        flow, count = path.flows.index(operation), counts[requests.operations.index(operation)]
        for resource, name in enumerate(path.resources):
            tier = tiers.index(tier_of(name))
            wait_s[row, tier] += path.accounts.wait_s[flow, resource] / count
            if name not in pools:
                service_s[row, tier] += path.accounts.service_s[flow, resource] / count
    return {"operations": operations, "resources": tiers, "wait_s": wait_s.tolist(), "service_s": service_s.tolist()}


def hours(requests: Requests, path: SamplePath, hour_s: float = 3600.0) -> dict[str, Any]:
    """The run in hours (bins of ``hour_s``): rate, percentiles per operation, utilisation and queue per tier.

    Requests count in the hour of their arrival. Hours after the last arrival are left out.
    """
    if path.bins is None:
        raise ValueError("hours need a sample path with bins")
    count = int(np.ceil(requests.duration_s / hour_s))
    edges = np.searchsorted(requests.arrival_s, np.arange(count + 1) * hour_s)
    response_s = path.completed_s - requests.arrival_s
    by_percentile: dict[str, dict[str, list[float]]] = {f"response_time_s_p{p}": {} for p in PERCENTILES}
    for code, operation in enumerate(requests.operations):
        series: dict[int, list[float]] = {p: [] for p in PERCENTILES}
        for start, end in pairwise(edges):
            times = response_s[start:end][requests.operation[start:end] == code]
            for p, found in zip(PERCENTILES, percentiles(times, PERCENTILES), strict=True):
                series[p].append(found.value_s)
        for p in PERCENTILES:
            by_percentile[f"response_time_s_p{p}"][operation] = series[p]
    return {
        "hour": list(range(count)),
        "arrival_rate_rps": (np.diff(edges) / hour_s).tolist(),
        **by_percentile,
        **_tiers_by_hour(path, count, hour_s),
        "hit_ratio": _ratio(path.bins.hits[:count].sum(axis=1), path.bins.lookups[:count].sum(axis=1)),
    }


def _tiers_by_hour(path: SamplePath, count: int, hour_s: float) -> dict[str, Any]:
    assert path.bins is not None
    tiers = list(dict.fromkeys(tier_of(name) for name in path.queues))
    utilisation, queue = {}, {}
    for tier in tiers:
        members = [i for i, name in enumerate(path.queues) if tier_of(name) == tier]
        capacity = path.capacity[members].sum()
        utilisation[tier] = (path.bins.busy_s[:count, members].sum(axis=1) / (capacity * hour_s)).tolist()
        queue[tier] = (path.bins.queue_s[:count, members].sum(axis=1) / hour_s).tolist()
    return {"utilisation": utilisation, "queue_length_mean": queue}


def _ratio(part: Any, whole: Any) -> list[float]:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan).tolist()  # type: ignore[no-any-return]


def slo_rows(design: Design, summary_rows: Table, hours_table: dict[str, Any] | None) -> Table:
    """Each SLO against what came out: the worst hour's p99 where there are hours, and the run's availability."""
    rows = []
    by_operation = {row["operation"]: row for row in summary_rows}
    for operation, slo in design.slo.items():
        row = by_operation.get(operation)
        if row is None:
            continue
        p99_s = row["response_time_s_p99"]
        if hours_table is not None:
            p99_s = float(np.nanmax(hours_table["response_time_s_p99"][operation]))
        rows.append(
            {
                "operation": operation,
                "response_time_s_p99": p99_s,
                "response_time_s_p99_bound": slo.response_time_s_p99,
                "worst_hour": hours_table is not None,
                "availability": row["availability"],
                "availability_bound": slo.availability,
                "met": bool(p99_s <= slo.response_time_s_p99 and row["availability"] >= slo.availability),
            }
        )
    return rows
