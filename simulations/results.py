"""A sample path as the plain tables that a run folder keeps and a terminal or a report shows.

Where a model has closed populations, ``requests`` are those of `requests_of`: one row for each of the path. Of a run
that kept histograms they only say what arrived, and nothing but `hours` looks at them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from sdlab import summary as of_records
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from sdlab.summary import PERCENTILES, OperationSummary, summarise
from sdlab.workload import Requests
from simulations import counted
from simulations.guards import guards
from simulations.records import records, requests_of
from simulations.sample_path import COMPLETED, Bins, SamplePath
from simulations.series import bin_of, merged, percentiles_by_bin, series

__all__ = [
    "breakdown",
    "busiest",
    "caches",
    "guards",
    "hit_ratio",
    "hours",
    "outcomes",
    "place_of",
    "records",
    "requests_of",
    "series",
    "slo_rows",
    "stations",
    "summary",
    "tier_of",
]

Table = list[dict[str, Any]]


def tier_of(resource: str) -> str:
    """The tier of a station or pool by its name: "api-eu-2" belongs to "api"; delays are their own tier."""
    return resource.partition("-")[0]


def place_of(resource: str) -> str:
    """The tier and region of a station or pool: "api-eu" for "api-eu-2", one of several equal workers."""
    return "-".join(resource.split("-")[:2])


def _region_of(resource: str) -> str:
    return resource.split("-")[1] if "-" in resource else ""


def summary(requests: Requests, path: SamplePath, duration_s: float) -> list[OperationSummary]:
    """Counts by outcome, rates, and response times of completed requests per operation, ``all`` first."""
    if path.histograms is not None:
        return counted.summary(path.histograms, path.flows, duration_s)
    return summarise(records(requests, path), duration_s)


def outcomes(requests: Requests, path: SamplePath) -> Table:
    """How long requests took to end in each way: a row an operation and outcome, ``all`` first."""
    if path.histograms is not None:
        return counted.outcomes(path.histograms, path.flows)
    return of_records.outcomes(records(requests, path))


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
                "rejected": int(path.queue.rejected[index]),
                "abandoned": int(path.queue.abandoned[index]),
                "interrupted": int(path.queue.interrupted[index]),
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


def breakdown(requests: Requests, path: SamplePath, pools: Collection[str] | None = None) -> dict[str, Any]:
    """Where the time of one request goes: mean seconds waiting and in service, by operation and tier.

    The service of ``pools`` (by default of those of the tier "pool") is left out: what is done while holding a
    connection is counted where it is done.
    """
    tiers = list(dict.fromkeys(tier_of(name) for name in path.resources))
    if pools is None:
        pools = {name for name in path.queues if tier_of(name) == "pool"}
    counts = _counts(requests, path)
    operations = list(counts)
    wait_s = np.zeros((len(operations), len(tiers)))
    service_s = np.zeros_like(wait_s)
    for row, operation in enumerate(operations):
        flow, count = path.flows.index(operation), counts[operation]
        for resource, name in enumerate(path.resources):
            tier = tiers.index(tier_of(name))
            wait_s[row, tier] += path.accounts.wait_s[flow, resource] / count
            if name not in pools:
                service_s[row, tier] += path.accounts.service_s[flow, resource] / count
    return {"operations": operations, "resources": tiers, "wait_s": wait_s.tolist(), "service_s": service_s.tolist()}


def _counts(requests: Requests, path: SamplePath) -> dict[str, int]:
    """Requests by operation, without those that did not occur."""
    if path.histograms is not None:
        names, counts = path.flows, path.histograms.ended.sum(axis=1)
    else:
        names, counts = requests.operations, np.bincount(requests.operation, minlength=len(requests.operations))
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


def hours(requests: Requests, path: SamplePath, hour_s: float = 3600.0) -> dict[str, Any]:
    """The run in hours of ``hour_s``: rate, percentiles per operation, utilisation and queue per tier.

    Requests count in the hour of their arrival, and response times are those of the completed ones. Hours after the
    last arrival are left out, and so are response times that were not kept. Raises `InvalidInput` for a path whose
    bins do not make up hours.
    """
    if path.bins is None or not np.isclose(each := hour_s / path.bins.bin_s, round(each), rtol=1e-9, atol=0):
        raise InvalidInput("bin_s", path.bins and path.bins.bin_s, f"must have been a part of {hour_s:g} s, the hour")
    count = max(1, int(np.ceil(requests.arrival_s.max(initial=0.0) / hour_s)))
    bins = merged(path.bins, round(each))
    arrived_in = bin_of(requests.arrival_s, hour_s, count)
    by_percentile: dict[str, dict[str, list[float]]] = {f"response_time_s_p{p}": {} for p in PERCENTILES}
    for code, operation in enumerate(requests.operations if path.histograms is None else ()):
        rows = np.flatnonzero((requests.operation == code) & (path.outcome == COMPLETED))
        found = percentiles_by_bin(arrived_in[rows], path.response_time_s[rows], count, PERCENTILES)
        for p, values in zip(PERCENTILES, found, strict=True):
            by_percentile[f"response_time_s_p{p}"][operation] = values
    return {
        "hour": list(range(count)),
        "arrival_rate_rps": (np.bincount(arrived_in, minlength=count) / hour_s).tolist(),
        **by_percentile,
        **_tiers_by_hour(path, bins, count, hour_s),
        "hit_ratio": _ratio(bins.hits[:count].sum(axis=1), bins.lookups[:count].sum(axis=1)),
    }


def _tiers_by_hour(path: SamplePath, bins: Bins, count: int, hour_s: float) -> dict[str, Any]:
    tiers = list(dict.fromkeys(tier_of(name) for name in path.queues))
    utilisation, queue = {}, {}
    for tier in tiers:
        members = [i for i, name in enumerate(path.queues) if tier_of(name) == tier]
        busy_s, capacity_s = (part[:count, members].sum(axis=1) for part in (bins.busy_s, bins.capacity_s))
        utilisation[tier] = _ratio(busy_s, capacity_s)
        queue[tier] = (bins.queue_s[:count, members].sum(axis=1) / hour_s).tolist()
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
        by_hour = hours_table and hours_table["response_time_s_p99"].get(operation)
        if by_hour:
            p99_s = float(np.nanmax(by_hour))
        rows.append(
            {
                "operation": operation,
                "response_time_s_p99": p99_s,
                "response_time_s_p99_bound": slo.response_time_s_p99,
                "worst_hour": bool(by_hour),
                "availability": row["availability"],
                "availability_bound": slo.availability,
                "met": bool(p99_s <= slo.response_time_s_p99 and row["availability"] >= slo.availability),
            }
        )
    return rows
