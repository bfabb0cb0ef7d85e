"""From measurements to rows: the fastest of the repeats, ratios, whether an engine computes what SimPy does. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.engines.networks import NETWORKS
from benchmarks.engines.table import CIMBA, ENGINES, SIMPY
from simulations.study import Interval, interval

CONFIDENCE = 0.999

Measurement = Mapping[str, Any]
Row = dict[str, Any]


def row(engine: str, network: str, repeats: Sequence[Measurement], cold_start_s: float | None) -> Row:
    """One engine on one network, without ratios.

    ``requests_per_s`` is of first runs in fresh processes, ``requests_per_s_steady`` of any run, which is a later one
    where memory that is at hand makes it faster. The fastest repeat counts, for every engine: what disturbs a run only
    adds to its time. Memory and latency are medians.
    """
    rates = [one["requests"] / one["cpu_s"] for one in repeats]
    steady = [one["requests"] / cpu_s for one in repeats for cpu_s in (one["cpu_s"], *one["further_cpu_s"])]
    mean, tail = _intervals(repeats)
    given = [one["requests"] / (one["cpu_s"] - one["arrivals_cpu_s"]) for one in repeats if one["arrivals_cpu_s"]]
    peak_bytes = statistics.median(one["peak_memory_bytes"] for one in repeats)
    baseline_bytes = statistics.median(one["baseline_memory_bytes"] for one in repeats)
    requests = statistics.median_low(one["requests"] for one in repeats)
    return {
        "engine": engine,
        "title": ENGINES[engine].title,
        "network": network,
        "requests": requests,
        "repeats": len(repeats),
        "requests_per_s": max(rates),
        "requests_per_s_min": min(rates),
        "requests_per_s_max": max(rates),
        "requests_per_s_arrivals_given": max(given) if given else None,
        "requests_per_s_steady": max(steady),
        "ratio_to_simpy": None,
        "ratio_to_cimba": None,
        "ratio_to_simpy_steady": None,
        "ratio_to_cimba_steady": None,
        "agrees_with_simpy": None,
        "latency_s_mean": mean.mean,
        "latency_s_mean_half_width": mean.half_width,
        "latency_s_p99": statistics.median(one["latency_s_p99"] for one in repeats),
        "tail_s": NETWORKS[network].tail_s,
        "tail_share": tail.mean,
        "tail_share_half_width": tail.half_width,
        "peak_memory_bytes": int(peak_bytes),
        "baseline_memory_bytes": int(baseline_bytes),
        "memory_bytes_per_request": (peak_bytes - baseline_bytes) / requests,
        "cold_compile_s": cold_start_s,
        "warm_start_s": statistics.median(one["start_up_s"] for one in repeats),
        "versions": ENGINES[engine].versions,
    }


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The rows with their ratios to SimPy and Cimba on the same network, like to like: first runs, and steady ones.

    There is none for an engine whose mean or tail does not agree with SimPy's, none to a Cimba that does not agree,
    and none where the other was not measured.
    """
    found = {(one["engine"], one["network"]): one for one in rows}
    judged = [{**one, "agrees_with_simpy": _agree(one, found.get((SIMPY, one["network"])))} for one in rows]
    agreeing = {(one["engine"], one["network"]): one for one in judged if one["agrees_with_simpy"]}

    def ratio(one: Row, to: str, rate: str) -> float | None:
        other = agreeing.get((to, one["network"]))
        return one[rate] / other[rate] if other and one["agrees_with_simpy"] else None

    def ratios(one: Row) -> Row:
        return {
            f"ratio_to_{name}{which}": ratio(one, to, f"requests_per_s{which}")
            for name, to in (("simpy", SIMPY), ("cimba", CIMBA))
            for which in ("", "_steady")
        }

    return [{**one, **ratios(one)} for one in judged]


def disagreements(rows: Sequence[Row]) -> list[str]:
    """One sentence for each engine that computes something else than SimPy."""
    return [
        f"{one['title']} does not agree with SimPy on {one['network']}: mean {_with(one, 'latency_s_mean')} s, "
        f"share above {one['tail_s']:g} s {_with(one, 'tail_share')}"
        for one in rows
        if one["agrees_with_simpy"] is False
    ]


def _with(one: Row, name: str) -> str:
    return f"{one[name]:.4g} ± {one[f'{name}_half_width']:.2g}"


def _intervals(repeats: Sequence[Measurement]) -> tuple[Interval, Interval]:
    """Of the mean, and of the share of requests in the tail, from the batches of all repeats (their seeds differ)."""
    means = [value for one in repeats for value in one["batch_means_s"]]
    shares = [value for one in repeats for value in one["batch_tail_shares"]]
    return interval(means, CONFIDENCE), interval(shares, CONFIDENCE)


def _agree(one: Row, simpy: Row | None) -> bool | None:
    """Whether the intervals of both measures overlap; None if SimPy was not measured."""
    if simpy is None:
        return None
    return all(
        abs(one[name] - simpy[name]) <= one[f"{name}_half_width"] + simpy[f"{name}_half_width"]
        for name in ("latency_s_mean", "tail_share")
    )
