"""Which resource saturated: each one's utilisation, and where a request's time went, at a low probe and a failing one.

The event loop's lag stands beside them as evidence: utilisation names, the lag confirms.

Pure. Utilisation counts up to 1, whatever the resource: of one core for a process with one thread, of all cores for the
database's processes and the machine, of its slots for the pool (Little's law: rate times mean time a slot is held, over
the slots), of what a generator may use before its own queue shows in what it measures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from loadtests.validity import GENERATOR_UTILISATION_MAX

# Utilisation from which a queue's wait is more than four times its service (M/D/1 at 0.9: 4.5).
AT_LIMIT = 0.9
NEAR_LIMIT = 0.75
# Two resources this close are not told apart by one-second samples.
TIED = 0.05
STAGES = ("cache", "wait", "pool", "db", "stream")
TIMES = {
    "outside": "before and after the application (the socket's queue, the event loop, the client)",
    "loop": "the handler's CPU and its waits for the event loop",
    "cache": "awaiting the cache",
    "wait": "awaiting another request's fill of the cache",
    "pool": "waiting for a database connection",
    "db": "holding a database connection",
    "stream": "awaiting the click stream",
}
LAGS = {
    "mean_s": "event loop's lag, mean",
    "p90_s": "event loop's lag, p90",
    "p99_s": "event loop's lag, p99",
}
_SEVERAL_PROCESSES = "postgres"
_API = "api-"
# Of an SLO's p99: a loop that is late by more than its bound for a larger share of the time breaks it alone.
_LATE_SHARE_MAX = 0.01


@dataclass(frozen=True)
class Bottleneck:
    """``resource`` is None if nothing was near its limit. ``also`` are as near as it; ``words`` tells it all."""

    resource: str | None
    utilisation: float
    at_limit: bool
    also: tuple[str, ...]
    words: str


def utilisations(resources: Mapping[str, Any], table: pd.DataFrame, rate_rps: float, slots: int) -> dict[str, float]:
    """Utilisation (0 to 1) by resource, of a window's resources and its records; ``slots`` of all its pools."""
    machine = resources.get("machine", {})
    cores = int(machine.get("cores") or 1)
    found = {name: _of_process(name, one, cores) for name, one in resources.get("processes", {}).items()}
    if "utilisation" in machine:
        found["machine"] = float(machine["utilisation"])
    if "span_db_s" in table and slots:
        found["pool"] = rate_rps * float(table["span_db_s"].fillna(0).mean()) / slots
    return found


def busiest_second(resources: Mapping[str, Any]) -> dict[str, float]:
    """The utilisation of each process in its busiest second: what a mean over a window hides."""
    cores = int(resources.get("machine", {}).get("cores") or 1)
    series = {name: one.get("series", []) for name, one in resources.get("processes", {}).items()}
    return {name: _of_process(name, {"utilisation": max(values)}, cores) for name, values in series.items() if values}


def times_s(table: pd.DataFrame) -> dict[str, float]:
    """Mean seconds of a completed request's time from its send in each part of `TIMES`; what has no spans is empty."""
    done = table[table["outcome"] == "completed"]
    if "span_app_s" not in done or not len(done):
        return {}
    stages = {name: done[f"span_{name}_s"].fillna(0) for name in STAGES if f"span_{name}_s" in done}
    inside = sum(stages.values(), start=0.0 * done["span_app_s"])
    parts = {
        "outside": done["completed_s"] - done["sent_s"] - done["span_app_s"],
        "loop": done["span_app_s"] - inside,
        **stages,
    }
    return {name: float(values.mean()) for name, values in parts.items()}


def name_bottleneck(low: Mapping[str, Any], failing: Mapping[str, Any]) -> Bottleneck:
    """Name the resource by two probes' evidence: a low and a failing one.

    It is ``rate_rps``, ``utilisation``, ``times_s`` and, if measured, ``event_loop_lag`` (`lag.as_evidence`). The most
    utilised of the failing probe is the resource. The machine as a whole stands behind a part of it that is as busy:
    that part is the narrower place, and the machine is then told beside it.
    """
    busy = {name: value for name, value in failing["utilisation"].items() if math.isfinite(value)}
    if not busy:
        return Bottleneck(None, math.nan, False, (), "no resource was measured")
    top = max(busy.values())
    tied = sorted(
        (name for name in busy if busy[name] >= top - TIED), key=lambda name: (name == "machine", -busy[name])
    )
    name, also = tied[0], tuple(tied[1:])
    if busy[name] < NEAR_LIMIT:
        words = f"no resource was near its limit; the busiest was {name}, {_change(low, failing, name)}"
        told = [words, _late(failing), _lag(low, failing, None), _growth(low, failing)]
        return Bottleneck(None, busy[name], False, also, "; ".join(filter(None, told)))
    how = "saturated" if busy[name] >= AT_LIMIT else "came nearest to its limit"
    words = f"{name} {how}: {_change(low, failing, name)}"
    if also:
        words += "; as busy: " + ", ".join(f"{one} ({busy[one]:.0%})" for one in also)
    if name.startswith("generator"):
        words += " (the load generator, not the service: its limit is what one may be trusted with)"
    elif busy.get("machine", 0.0) >= AT_LIMIT and "machine" not in also and name != "machine":
        words += f"; the machine's cores were used up as well ({busy['machine']:.0%})"
    told = [words, _lag(low, failing, name), _growth(low, failing)]
    return Bottleneck(name, busy[name], busy[name] >= AT_LIMIT, also, "; ".join(filter(None, told)))


def shares_of_time(times: Mapping[str, float]) -> dict[str, float]:
    total = sum(times.values())
    return {name: value / total for name, value in times.items()} if total > 0 else {}


def table_rows(low: Mapping[str, Any], failing: Mapping[str, Any]) -> Sequence[tuple[str, float, float]]:
    """Each resource with its utilisation at the low and at the failing probe, the busiest first."""
    before, after = low["utilisation"], failing["utilisation"]
    return sorted(((name, before.get(name, math.nan), value) for name, value in after.items()), key=lambda row: -row[2])


def lag_rows(low: Mapping[str, Any], failing: Mapping[str, Any]) -> Sequence[tuple[str, float, float]]:
    """The event loop's lag at the low and at the failing probe, in seconds; NaN where it is not known."""
    before, after = ((probe.get("event_loop_lag") or {}) for probe in (low, failing))
    rows = [(words, _seconds(before.get(name)), _seconds(after.get(name))) for name, words in LAGS.items()]
    return [row for row in rows if not (math.isnan(row[1]) and math.isnan(row[2]))]


def _of_process(name: str, process: Mapping[str, Any], cores: int) -> float:
    used = float(process["utilisation"])
    if name.startswith("generator"):
        return used / GENERATOR_UTILISATION_MAX
    return used / cores if name == _SEVERAL_PROCESSES else used


def _change(low: Mapping[str, Any], failing: Mapping[str, Any], name: str) -> str:
    before = low["utilisation"].get(name, math.nan)
    from_low = f" ({before:.0%} at {low['rate_rps']:.0f}/s)" if math.isfinite(before) else ""
    peak = failing.get("utilisation_peak", {}).get(name)
    in_peak = f", {peak:.0%} in its busiest second" if peak is not None else ""
    return f"{failing['utilisation'][name]:.0%} of its limit at {failing['rate_rps']:.0f}/s{from_low}{in_peak}"


def _lag(low: Mapping[str, Any], failing: Mapping[str, Any], named: str | None) -> str:
    """The event loop's mean lag in words, empty if it was not measured; ``named`` is the resource that saturated."""
    before, after = low.get("event_loop_lag"), failing.get("event_loop_lag")
    if not after:
        return ""
    whose = "its event loop's" if named and named.startswith(_API) and _loops(failing) == 1 else _whose(failing)
    if not before:
        return f"{whose} mean lag {1e3 * after['mean_s']:.2f} ms at {failing['rate_rps']:.0f}/s"
    return (
        f"{whose} mean lag {1e3 * before['mean_s']:.2f} ms at {low['rate_rps']:.0f}/s, "
        f"then {1e3 * after['mean_s']:.2f} ms"
    )


def _late(failing: Mapping[str, Any]) -> str:
    """What to say of an event loop that breaks an SLO by its lag, empty if it does not."""
    lag = failing.get("event_loop_lag")
    if not lag or lag["over_bound"] <= _LATE_SHARE_MAX * lag["count"]:
        return ""
    return (
        f"but {_whose(failing)} lag was more than {1e3 * lag['bound_s']:g} ms, the tightest SLO, "
        f"at {lag['over_bound']:,} of {lag['count']:,} random instants"
    )


def _whose(probe: Mapping[str, Any]) -> str:
    return "the API's event loop's" if _loops(probe) == 1 else "the API's event loops'"


def _loops(probe: Mapping[str, Any]) -> int:
    return sum(name.startswith(_API) for name in probe["utilisation"])


def _seconds(value: float | None) -> float:
    return math.nan if value is None else value


def _growth(low: Mapping[str, Any], failing: Mapping[str, Any]) -> str:
    """Where the time that a request takes longer goes to."""
    before, after = low.get("times_s", {}), failing.get("times_s", {})
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    if not grown:
        return "requests carry no spans"
    most = max(grown, key=grown.__getitem__)
    return (
        f"most of the longer time is {TIMES[most]}: mean {1e3 * before.get(most, 0.0):.2f} ms, "
        f"then {1e3 * after[most]:.2f} ms"
    )
