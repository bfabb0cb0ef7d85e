"""What a request asks of each part, from those that were alone: their own CPU time, what they awaited, and their
client's share. Pure.

None other was under way while they were, so their stages hold no queueing. What an API process needs for itself, the
turns of its loop and waking up, is known by now (`loadtests.waking`, `loadtests.turn_cost`) and left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from loadtests import turn_cost, waking
from loadtests.coldness import Coldness
from loadtests.waking import NORMAL_95, Fitted
from sdlab.arrivals import FloatArray
from sdlab.calibration import Demand, Wait

QUANTILES = 401

# The model's part for each stage of a response's Server-Timing, and the process that serves it.
STAGE_PARTS = {"cache": ("cache", "valkey"), "stream": ("stream", "valkey"), "db": ("database", "postgres")}


def outside_s(table: pd.DataFrame, fitted: Fitted, label: str) -> float:
    """CPU outside of the application: all of the request's, less what its own thread clock saw inside."""
    inside_s = float(
        ((table["span_cpu_s"] / fitted.pace(table) - fitted.waking_s(table)) / table[waking.COLDNESS]).mean()
    )
    return max(fitted.demands[label].seconds - inside_s, float(table["span_send_s"].mean()))


def without_turns(table: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Requests that were alone, less what the loop needed for itself while they awaited something."""
    own_s = table["span_own_s"]
    return table.assign(span_cpu_s=np.maximum(table["span_cpu_s"] - turn_cost.between_s(table, fitted), own_s))


def segments(table: pd.DataFrame, outside_s: float) -> dict[str, float]:
    """Shares of the API's CPU by segment. What a stage uses is taken half before its await and half after it; what is
    before the application is taken to be the parsing, but for the answer's way out."""
    mean = {name: float(table[f"span_{name}_s"].mean()) for name in ("cpu", "first", "own", "last", "send", "finish")}
    stages = max(1, sum(bool(table[f"span_{stage}_s"].notna().any()) for stage in STAGE_PARTS))
    in_stage = max(0.0, mean["cpu"] - mean["own"]) / stages
    finish = min(mean["finish"], outside_s - mean["send"])
    parse = max(0.0, outside_s - mean["send"] - finish)
    first = mean["first"] + in_stage / 2
    last = mean["last"] + mean["send"] + in_stage / 2
    total = outside_s + mean["cpu"]
    shares = {"parse": parse / total, "first": first / total, "last": last / total, "finish": finish / total}
    return {**shares, "middle": max(0.0, 1 - sum(shares.values()))}


def demands(
    table: pd.DataFrame,
    label: str,
    outside_s: float,
    servers: Mapping[str, Mapping[str, float]],
    fitted: Fitted,
    colder: Coldness,
) -> dict[str, Demand]:
    """Of requests that were alone: as in the design's mix, so a rare operation is as cold as there."""
    busy = fitted.demands[label]
    outside_each_s = outside_s * fitted.pace(table) * table[waking.COLDNESS].to_numpy()
    cpu_s = table["span_cpu_s"].to_numpy(dtype=np.float64)
    app_s = table["span_app_s"].to_numpy(dtype=np.float64)
    response_s = (table["completed_s"] - table["sent_s"]).to_numpy(dtype=np.float64)
    found = {
        # As varied as those that were alone, and of the size that a busy process needs.
        "api": _measured(cpu_s * colder.cpu * busy.seconds / cpu_s.mean(), colder.cpu * busy.half_width_s),
        # All of a request's CPU outside of the application delays its answer: also its count and log line, which are
        # done before it leaves, at the turn's end.
        "client": _measured(_not_below_zero(response_s - app_s - outside_each_s)),
    }
    present = {stage: table[f"span_{stage}_s"].fillna(0.0).to_numpy() for stage in STAGE_PARTS}
    present = {stage: times for stage, times in present.items() if times.any()}
    awaited = np.maximum(app_s - cpu_s, 0.0) * np.where(table[waking.COLDNESS] > 1, 1.0, colder.awaited)
    total = np.maximum(sum(present.values(), np.zeros_like(app_s)), 1e-9)
    for stage, times in present.items():
        part, process = STAGE_PARTS[stage]
        sharing = sum(STAGE_PARTS[other][1] == process for other in present)
        stage_s = awaited * times / total
        # What a server does beyond the time it is waited for (writing its log, going to sleep) delays no answer.
        server_s = min(servers[process][label] / sharing, float(stage_s.mean()))
        found[part] = fixed(server_s, times.size)
        found[f"{part}_wait"] = _measured(np.maximum(stage_s - server_s, 0.0))
    return found


def _not_below_zero(values: FloatArray) -> FloatArray:
    """The same, but for a negative one, and of the same mean, unless that is negative."""
    positive = np.maximum(values, 0.0)
    scaled: FloatArray = positive * max(0.0, values.mean()) / max(positive.mean(), 1e-12)
    return scaled


def pool_waits(tables: Mapping[str, pd.DataFrame]) -> dict[str, Wait]:
    """How long the requests of each label that took a database connection waited for it."""
    waits_s = {
        label: table["span_pool_s"].dropna().to_numpy(dtype=np.float64)
        for label, table in tables.items()
        if "span_pool_s" in table
    }
    return {
        label: Wait(mean_s=float(times.mean()), half_width_s=mean_half_width_s(times), samples=times.size)
        for label, times in waits_s.items()
        if times.size
    }


def mean_half_width_s(values: FloatArray) -> float:
    """Half the width of the mean's 95 % interval."""
    return float(NORMAL_95 * values.std() / np.sqrt(values.size))


def _measured(values: FloatArray, half_width_s: float | None = None) -> Demand:
    points = min(QUANTILES, values.size)
    return Demand(
        mean_s=float(values.mean()),
        half_width_s=mean_half_width_s(values) if half_width_s is None else half_width_s,
        quantiles_s=tuple(np.quantile(values, np.linspace(0, 1, points)).tolist()),
        samples=values.size,
    )


def fixed(value_s: float, samples: int) -> Demand:
    """A demand of which only the mean can be measured: the CPU of another process."""
    return Demand(mean_s=value_s, quantiles_s=(value_s, value_s), samples=samples)
