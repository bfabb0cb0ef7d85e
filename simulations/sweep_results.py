"""The runs of a sweep as its results: one row a variant, with intervals over its replications. Pure.

The rows follow from the runs alone, in the order of variants and seeds: neither how many workers there were nor the
order in which they finished can be told from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from simulations import scenario
from simulations.journal import Key
from simulations.results import tier_of
from simulations.study import interval
from simulations.sweep import Plan

Rows = list[dict[str, Any]]
Verdict = Literal["met", "missed", "unsure"]

MEASURES = ("mean", "p50", "p95", "p99")
SATURATED = 0.98
"""Utilisation from which a steady run does not settle: its percentiles grow with its length."""


def content(plan: Plan, done: Mapping[Key, dict[str, Any]]) -> dict[str, Any]:
    """All that a sweep says. ``done`` holds at least the plan's runs.

    One swept number also gives its results as columns, which the report reads.
    """
    rows = variants(plan, done)
    found: dict[str, Any] = {
        "axes": [{"path": axis.path, "values": axis.values, "logarithmic": axis.logarithmic} for axis in plan.axes],
        "requests": plan.requests,
        "replications": plan.replications,
        "seeds": list(plan.seeds),
        "load": "steady Poisson arrivals at each variant's peak rate",
        "calibration": scenario.source_of(plan.calibration),
        "variants": rows,
    }
    return {**found, **_columns(rows)} if len(plan.axes) == 1 else found


def _columns(rows: Rows) -> dict[str, Any]:
    path = next(iter(rows[0]["values"]))
    operations = [name for name in rows[0]["response_time_s"] if all(name in row["response_time_s"] for row in rows)]
    columns: dict[str, Any] = {
        "parameter": path,
        "values": [row["values"][path] for row in rows],
        "hit_ratio": [row["hit_ratio"]["mean"] for row in rows],
        "busiest": [row["busiest"] for row in rows],
        "utilisation": [row["utilisation"]["mean"] for row in rows],
    }
    for measure in ("p99", "mean"):
        columns[f"response_time_s_{measure}_by_operation"] = {
            name: [row["response_time_s"][name][measure]["mean"] for row in rows] for name in operations
        }
    return columns


def variants(plan: Plan, done: Mapping[Key, dict[str, Any]]) -> Rows:
    """One row a variant. ``difference_from_first`` is of the SLO ratio, pair by pair over the common seeds."""
    rows = []
    first = [done[0, seed]["slo_ratio"] for seed in plan.seeds]
    for index, variant in enumerate(plan.variants):
        replications = [done[index, seed] for seed in plan.seeds]
        ratios = [one["slo_ratio"] for one in replications]
        ratio = estimate(ratios)
        rows.append(
            {
                "values": dict(zip((axis.path for axis in plan.axes), variant.values, strict=True)),
                "rate_rps": replications[0]["rate_rps"],
                "slos": verdict(ratio, [one["availability_met"] for one in replications]),
                "slo_ratio": ratio,
                "slo_operation": _most_common(one["slo_operation"] for one in replications),
                "difference_from_first": estimate(np.subtract(ratios, first).tolist()),
                "busiest": _most_common(one["busiest"] for one in replications),
                "utilisation": estimate([one["utilisation"] for one in replications]),
                "hit_ratio": estimate([one["hit_ratio"] for one in replications]),
                "response_time_s": _response_times(replications),
            }
        )
    return rows


def _response_times(replications: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """By operation and measure; an operation that is missing from a replication is left out."""
    tables = [one["response_time_s"] for one in replications]
    return {
        name: {measure: estimate([table[name][measure] for table in tables]) for measure in MEASURES}
        for name in tables[0]
        if all(name in table for table in tables)
    }


def estimate(values: Sequence[float]) -> dict[str, float | None]:
    """The mean and the 95 % half-width (Student's t), which one value alone does not have; NaN for missing values."""
    if not np.all(np.isfinite(values)):
        return {"mean": float("nan"), "half_width": None}
    if len(values) == 1:
        return {"mean": float(values[0]), "half_width": None}
    found = interval(values)
    return {"mean": found.mean, "half_width": found.half_width}


def verdict(ratio: Mapping[str, float | None], available: Sequence[bool]) -> Verdict:
    """Whether the SLOs are met: "unsure" if the interval of p99 over its bound reaches across 1."""
    mean, half_width = ratio["mean"], ratio["half_width"] or 0.0
    if mean is None or not np.isfinite(mean):
        return "unsure"
    if mean - half_width > 1 or not any(available):
        return "missed"
    return "met" if mean + half_width <= 1 and all(available) else "unsure"


def _most_common(names: Any) -> Any:
    counts = Counter(names)
    return min(counts, key=lambda name: (-counts[name], str(name)))


def by_replication(plan: Plan, done: Mapping[Key, dict[str, Any]]) -> pd.DataFrame:
    """One row a run: the values varied, the seed, and everything measured, flat."""
    rows = []
    for index, variant in enumerate(plan.variants):
        for seed in plan.seeds:
            one = done[index, seed]
            values = dict(zip((axis.path for axis in plan.axes), variant.values, strict=True))
            times = {
                f"{name}_response_time_s_{measure}": one["response_time_s"][name][measure]
                for name in one["response_time_s"]
                for measure in MEASURES
            }
            plain = {name: value for name, value in one.items() if name != "response_time_s"}
            rows.append({"variant": index, "seed": seed, **values, **plain, **times})
    return pd.DataFrame(rows)


def by_variant(rows: Rows) -> pd.DataFrame:
    """One row a variant, flat: means, and half-widths beside them."""
    flat = []
    for row in rows:
        line = {**row["values"], **{name: row[name] for name in ("rate_rps", "slos", "slo_operation", "busiest")}}
        line["busiest_tier"] = tier_of(row["busiest"])
        measured = {name: row[name] for name in ("slo_ratio", "difference_from_first", "utilisation", "hit_ratio")}
        for name, table in row["response_time_s"].items():
            measured |= {f"{name}_response_time_s_{measure}": table[measure] for measure in MEASURES}
        for name, found in measured.items():
            line[name] = found["mean"]
            line[f"{name}_half_width"] = found["half_width"]
        flat.append(line)
    return pd.DataFrame(flat)


def saturated(rows: Rows) -> int:
    """How many variants have a station that is busy all the time."""
    return sum(row["utilisation"]["mean"] >= SATURATED for row in rows)
