"""From the records of low-load windows to service demands. Pure.

Only requests that were *alone* in the service are used for times: none other was under way while they were, so their
stages hold no queueing, which the model adds itself. The CPU of a process is split over operations by the utilisation
law: busy time = sum over operations of count x demand, plus what the process does when idle (Menascé, Almeida and
Dowdy 2004, Performance by Design, chapter 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from sdlab.arrivals import FloatArray
from sdlab.calibration import Demand
from sdlab.errors import LabError

MISS_SUFFIX = "_miss"
BACKGROUND = "click"
QUANTILES = 401
SAMPLES_MIN = 30

# The model's part for each stage of a response's Server-Timing, and the process that serves it.
STAGE_PARTS = {"cache": ("cache", "valkey"), "stream": ("stream", "valkey"), "db": ("database", "postgres")}


@dataclass(frozen=True)
class Busy:
    """CPU seconds by process over ``duration_s``."""

    cpu_s: Mapping[str, float]
    duration_s: float

    def of(self, prefix: str) -> float:
        """Of all processes whose names begin so ("api-": every worker)."""
        return sum(seconds for name, seconds in self.cpu_s.items() if name.startswith(prefix))


@dataclass(frozen=True)
class Window:
    """One measured window: its requests, and what the processes did meanwhile."""

    table: pd.DataFrame
    busy: Busy


@dataclass(frozen=True)
class Estimate:
    """Demands by operation and part, and the evidence: by the other method, and what the API process does when idle."""

    demands: dict[str, dict[str, Demand]]
    api_cpu_s_by_regression: dict[str, float]
    api_cpu_s_outside_app: float
    api_idle_utilisation: float


def estimate(windows: Sequence[Window], idle: Busy) -> Estimate:
    """Estimate each operation's demands from loaded windows and an idle one.

    Raises `LabError` if an operation was seen alone too few times.
    """
    tables = [labelled(window.table) for window in windows]
    everything = pd.concat([table[table["alone"]] for table in tables], ignore_index=True)
    seen = everything["label"].value_counts()
    labels = sorted({label for table in tables for label in table["label"]})
    for label in labels:
        if seen.get(label, 0) < SAMPLES_MIN:
            raise LabError(
                f"calibration saw {label} alone {seen.get(label, 0)} times, it needs {SAMPLES_MIN}: "
                "load it longer or at a lower rate"
            )
    busy = [window.busy for window in windows] + [idle]
    counts = np.array(
        [[(table["label"] == label).sum() for label in labels] for table in tables] + [[0] * len(labels)],
        dtype=np.float64,
    )
    durations = np.array([one.duration_s for one in busy])
    in_app = np.array([everything.loc[everything["label"] == label, "span_cpu_s"].mean() for label in labels])
    api_cpu = np.array([one.of("api-") for one in busy])
    outside, idle_utilisation = nnls(
        np.column_stack([counts.sum(axis=1), durations]), np.maximum(api_cpu - counts @ in_app, 0)
    )[0]
    servers = {
        process: dict(
            zip(labels, _by_label(counts, durations, np.array([one.of(process) for one in busy])), strict=True)
        )
        for process in ("valkey", "postgres")
    }
    demands = {
        label: _demands(everything[everything["label"] == label], label, float(outside), servers) for label in labels
    }
    # What the database does for a redirect that hits the cache is the counting of its click, later.
    hits = [label for label in labels if label + MISS_SUFFIX in labels]
    if hits:
        demands[BACKGROUND] = {"database": _fixed(servers["postgres"][hits[0]], int(seen[hits[0]]))}
    return Estimate(
        demands,
        dict(zip(labels, _by_label(counts, durations, api_cpu).tolist(), strict=True)),
        float(outside),
        float(idle_utilisation),
    )


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """The completed requests with their ``label`` (operation, "_miss" added for a cache miss) and if ``alone``."""
    done = table[table["outcome"] == "completed"].sort_values("sent_s", kind="stable").reset_index(drop=True)
    names = done["operation"].astype(str)
    labels = names.where(done["cache_hit"] != 0, names + MISS_SUFFIX)
    return done.assign(label=labels, alone=alone(done["sent_s"].to_numpy(), done["completed_s"].to_numpy()))


def alone(sent_s: FloatArray, completed_s: FloatArray) -> NDArray[np.bool_]:
    """Which requests overlapped no other one; times in seconds, sorted by ``sent_s``."""
    if sent_s.size == 0:
        return np.zeros(0, dtype=np.bool_)
    latest_before = np.concatenate([[-np.inf], np.maximum.accumulate(completed_s)[:-1]])
    next_sent = np.concatenate([sent_s[1:], [np.inf]])
    return (latest_before <= sent_s) & (completed_s <= next_sent)


def _by_label(counts: NDArray[np.float64], durations: FloatArray, cpu_s: FloatArray) -> FloatArray:
    """Non-negative CPU seconds a request of each label, next to what runs when idle."""
    solution: FloatArray = nnls(np.column_stack([counts, durations]), cpu_s)[0]
    return solution[:-1]


def _demands(
    table: pd.DataFrame, label: str, outside_s: float, servers: Mapping[str, Mapping[str, float]]
) -> dict[str, Demand]:
    cpu_s = table["span_cpu_s"].to_numpy(dtype=np.float64)
    app_s = table["span_app_s"].to_numpy(dtype=np.float64)
    response_s = (table["completed_s"] - table["sent_s"]).to_numpy(dtype=np.float64)
    demands = {
        "api": _measured(cpu_s * (cpu_s.mean() + outside_s) / cpu_s.mean()),
        "client": _measured(np.maximum(response_s - app_s - outside_s, 0.0)),
    }
    present = {stage: table[f"span_{stage}_s"].fillna(0.0).to_numpy() for stage in STAGE_PARTS}
    present = {stage: times for stage, times in present.items() if times.any()}
    awaited = np.maximum(app_s - cpu_s, 0.0)
    total = np.maximum(sum(present.values(), np.zeros_like(app_s)), 1e-9)
    for stage, times in present.items():
        part, process = STAGE_PARTS[stage]
        sharing = sum(STAGE_PARTS[other][1] == process for other in present)
        stage_s = awaited * times / total
        # What a server does beyond the time it is waited for (writing its log, going to sleep) delays no answer.
        server_s = min(servers[process][label] / sharing, float(stage_s.mean()))
        demands[part] = _fixed(server_s, times.size)
        demands[f"{part}_wait"] = _measured(np.maximum(stage_s - server_s, 0.0))
    return demands


def _measured(values: FloatArray) -> Demand:
    points = min(QUANTILES, values.size)
    return Demand(
        mean_s=float(values.mean()),
        quantiles_s=tuple(np.quantile(values, np.linspace(0, 1, points)).tolist()),
        samples=values.size,
    )


def _fixed(value_s: float, samples: int) -> Demand:
    """A demand of which only the mean can be measured: the CPU of another process."""
    return Demand(mean_s=value_s, quantiles_s=(value_s, value_s), samples=samples)


def evidence(found: Estimate) -> dict[str, Any]:
    """The two methods side by side, for the run folder: mean API CPU seconds a request."""
    return {
        "api_cpu_s": {
            label: {"by_thread_clock": parts["api"].mean_s, "by_regression": found.api_cpu_s_by_regression[label]}
            for label, parts in found.demands.items()
            if "api" in parts
        },
        "api_cpu_s_outside_app": found.api_cpu_s_outside_app,
        "api_idle_utilisation": found.api_idle_utilisation,
    }
