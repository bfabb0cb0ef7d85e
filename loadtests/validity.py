"""Whether a measurement can be stood behind. Pure: records and resources in, a judgement with its reasons out.

The rules are about the measurement, not about the service: errors do not make a run invalid, and a slow service does
not either, as long as it keeps up. What does: a generator that was late or overloaded, requests that were not sent,
answers that never had a server behind them, a machine that was taken away, too few samples, no steady state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from sdlab.arrivals import FloatArray
from sdlab.runs import Validity

# Lateness adds to every response time. A tenth of the tightest SLO in the catalogue (redirect p99, 50 ms).
LATENESS_S_P99_MAX = 0.005
# Above this share of its core a generator's own queue shows in what it measures (M/D/1 at 0.7: a wait of more than
# one service time).
GENERATOR_UTILISATION_MAX = 0.7
# As in METHOD: a run whose answers fall behind its offers measures a queue that grows, not a service.
ACHIEVED_SHARE_MIN = 0.99
# Answers to the last arrivals need some time: this share of the run, and at least so long.
ACHIEVED_GRACE_SHARE = 0.01
ACHIEVED_GRACE_S_MIN = 0.25
# A refused or broken connection is answered by the kernel, not by the service: its time says nothing.
CONNECTION_FAILURE_SHARE_MAX = 0.001
# Time the host gave to others is in every measured time, and the model knows nothing of it.
STEAL_SHARE_MAX = 0.02
# With fewer than 10 answers above a percentile its 95 % interval spans a factor of two and more.
SAMPLES_ABOVE_MIN = 10
SAMPLES_MIN = 1000  # what that makes for a p99
# In flight, mean over the last third of the run against the first. Queues fluctuate, so it takes a clear multiple.
# Where the load itself grows, as much more in flight is due to it (Little's law at a constant response time).
IN_FLIGHT_GROWTH_MAX = 3.0
IN_FLIGHT_GROWTH_SLACK = 10.0


def judge(
    table: pd.DataFrame,
    resources: Mapping[str, Any],
    *,
    incidents: Sequence[str] = (),
    samples_min: int = SAMPLES_MIN,
    asked: Sequence[tuple[str, float]] = (),
    stopped: str | None = None,
) -> Validity:
    """Judge one run by its records (`sdlab.runs.records` with columns ``started_s`` and ``error``) and its resources.

    ``incidents`` are reasons found while it ran (interrupted, the service died); each makes it invalid.
    ``samples_min`` is how many answers the percentiles that are always shown need: a p99 needs 1,000, a p50 some 50.
    ``asked``: operations (or ``all``) and the percentile that someone wants of each, as thresholds do.
    ``stopped`` tells why a load was ended on purpose: its figures are those of a part, so it is invalid, and the rules
    about whole runs (enough answers, none behind, a steady state) are not asked.
    """
    findings = [
        _late(table),
        _generator_busy(resources),
        _dropped(table),
        _connections_failed(table),
        _stolen(resources),
    ]
    if stopped is None:
        findings += [
            None if incidents else _went_silent(table),
            _fell_behind(table),
            _in_flight_grew(table),
            _too_few(table, samples_min),
        ]
        findings += [_too_few_for(table, operation, percent) for operation, percent in asked]
    reasons = [*incidents, *([stopped] if stopped else []), *(finding for finding in findings if finding)]
    return Validity(valid=not reasons, reasons=reasons)


def generator_faults(table: pd.DataFrame, resources: Mapping[str, Any]) -> list[str]:
    """What of a window is the load generator's or the machine's host's fault, whatever the service did."""
    findings = (_late(table), _generator_busy(resources), _stolen(resources))
    return [finding for finding in findings if finding]


def generator_overloaded(resources: Mapping[str, Any]) -> bool:
    """Whether the generator used so much CPU that its own queue is in all that it measured."""
    return _generator_busy(resources) is not None


def service_faults(table: pd.DataFrame) -> list[str]:
    """What says that a service did not carry the load, beside errors and slowness: drops, too few answers, a queue."""
    findings = (_dropped(table), _fell_behind(table), _in_flight_grew(table))
    return [finding for finding in findings if finding]


def lateness_s(table: pd.DataFrame) -> FloatArray:
    """Seconds from the intended start to the start of the task, of what was not dropped.

    Not to ``sent_s``: a service that takes no connections must not make the generator look late.
    """
    started = table[table["started_s"].notna()]
    return (started["started_s"] - started["intended_s"]).to_numpy(dtype=np.float64)


def achieved_share(table: pd.DataFrame) -> float:
    """Answers (of any kind) within the load and a short grace, over the requests offered."""
    if not len(table):
        return 0.0
    end_s = float(table["intended_s"].max())
    end_s += max(ACHIEVED_GRACE_S_MIN, ACHIEVED_GRACE_SHARE * (end_s - float(table["intended_s"].min())))
    return float((table["completed_s"] <= end_s).mean())


def in_flight_by_thirds(table: pd.DataFrame) -> tuple[float, float, float]:
    """Mean number of requests in flight in each third of the load: the time that requests spend in it, summed."""
    if not len(table):
        return (0.0, 0.0, 0.0)
    begin_s, end_s = float(table["intended_s"].min()), float(table["intended_s"].max())
    width_s = (end_s - begin_s) / 3
    if width_s == 0:
        return (0.0, 0.0, 0.0)
    start = table["intended_s"].to_numpy(dtype=np.float64)
    # What never came back was in flight to the end; what was dropped never was.
    end = table["completed_s"].fillna(np.inf).to_numpy(dtype=np.float64)
    end = np.where((table["outcome"] == "timed_out").to_numpy() | np.isfinite(end), end, start)
    edges = begin_s + width_s * np.arange(4)
    low, high, last = (
        float(np.clip(np.minimum(end, b) - np.maximum(start, a), 0, None).sum() / width_s) for a, b in pairwise(edges)
    )
    return low, high, last


def _late(table: pd.DataFrame) -> str | None:
    late = lateness_s(table)
    p99 = float(np.quantile(late, 0.99)) if late.size else 0.0
    if p99 <= LATENESS_S_P99_MAX:
        return None
    return f"the generator was late: p99 {p99 * 1000:.1f} ms, at most {LATENESS_S_P99_MAX * 1000:g} ms"


def _generator_busy(resources: Mapping[str, Any]) -> str | None:
    generators = [v["utilisation"] for k, v in resources.get("processes", {}).items() if k.startswith("generator")]
    if not generators:
        return "the generator's CPU was not measured"
    busiest = max(generators)
    if busiest <= GENERATOR_UTILISATION_MAX:
        return None
    return f"the generator used {busiest:.0%} of a core, at most {GENERATOR_UTILISATION_MAX:.0%}"


def _dropped(table: pd.DataFrame) -> str | None:
    count = int((table["outcome"] == "dropped").sum())
    return f"{count:,} arrivals were dropped: the bound on requests in flight was reached" if count else None


def _connections_failed(table: pd.DataFrame) -> str | None:
    count = int(table["error"].isin(["connect", "connection_lost"]).sum())
    if count <= CONNECTION_FAILURE_SHARE_MAX * len(table):
        return None
    share = count / len(table)
    return f"{count:,} connections failed ({share:.1%} of requests, at most {CONNECTION_FAILURE_SHARE_MAX:.1%})"


def _fell_behind(table: pd.DataFrame) -> str | None:
    share = achieved_share(table)
    if share >= ACHIEVED_SHARE_MIN:
        return None
    return f"achieved {share:.1%} of the offered rate, at least {ACHIEVED_SHARE_MIN:.0%}"


def _went_silent(table: pd.DataFrame) -> str | None:
    """A service that hangs: it takes requests and answers none of them any more."""
    answered = table["completed_s"].notna()
    last_s = float(table["completed_s"].max()) if answered.any() else 0.0
    after = table["intended_s"] > last_s
    silent = (after & (table["outcome"] == "timed_out")).sum()
    if silent <= (1 - ACHIEVED_SHARE_MIN) * len(table) or silent < after.sum():
        return None
    return f"the service went silent: nothing was answered from {last_s:.1f} s on, {silent:,} requests timed out"


def _in_flight_grew(table: pd.DataFrame) -> str | None:
    first, _, last = in_flight_by_thirds(table)
    if last <= IN_FLIGHT_GROWTH_MAX * max(1.0, _load_growth(table)) * first + IN_FLIGHT_GROWTH_SLACK:
        return None
    return f"no steady state: {first:.1f} requests in flight in the first third, {last:.1f} in the last"


def _load_growth(table: pd.DataFrame) -> float:
    """How many times as many requests the last third of the load offers as the first."""
    counts, _ = np.histogram(table["intended_s"].to_numpy(dtype=np.float64), bins=3)
    return float(counts[2]) / max(1.0, float(counts[0]))


def _stolen(resources: Mapping[str, Any]) -> str | None:
    share = float(resources.get("machine", {}).get("steal_share", 0.0))
    if share <= STEAL_SHARE_MAX:
        return None
    return f"the host took {share:.1%} of the CPU time, at most {STEAL_SHARE_MAX:.0%}"


def _too_few(table: pd.DataFrame, samples_min: int) -> str | None:
    count = int((table["outcome"] == "completed").sum())
    if count >= samples_min:
        return None
    return f"too few samples: {count:,} completed, at least {samples_min:,} for a p99"


def _too_few_for(table: pd.DataFrame, operation: str, percent: float) -> str | None:
    needed = samples_for(percent)
    part = table if operation == "all" else table[table["operation"] == operation]
    count = int((part["outcome"] == "completed").sum())
    if count >= needed:
        return None
    what = "requests" if operation == "all" else operation
    return f"too few samples: {count:,} {what} completed, at least {needed:,} for a p{percent:g}"


def samples_for(percent: float) -> int:
    """How many answers a percentile needs for `SAMPLES_ABOVE_MIN` of them to lie above it."""
    return math.ceil(round(SAMPLES_ABOVE_MIN / (1 - percent / 100), 6))
