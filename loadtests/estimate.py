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

from loadtests import coldness, turn_cost, waking
from loadtests.coldness import Coldness
from loadtests.labelled import MISS_SUFFIX, labelled, with_spin
from loadtests.waking import NORMAL_95, Fitted
from sdlab.arrivals import FloatArray
from sdlab.calibration import Demand, IdleLevel, Measured, Pace, Turn, Wait
from sdlab.errors import LabError
from sdlab.speed import Speeds

BACKGROUND = "click"
QUANTILES = 401
SAMPLES_MIN = 30

DISAGREEMENT_MAX = 0.1
"""The two methods' CPU time of all windows together may differ by so much of it."""

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
    speeds: Speeds | None = None


@dataclass(frozen=True)
class Estimate:
    """Demands by operation and part, and the evidence: by the other method, and what the API process does when idle."""

    demands: dict[str, dict[str, Demand]]
    api_cpu_s_by_regression: dict[str, float]
    api_cpu_s_outside_app: float
    api_idle_utilisation: float
    segments: dict[str, dict[str, float]]
    turn: Turn
    coldness: dict[str, float]
    idle: tuple[IdleLevel, ...]
    cpu: dict[str, Measured]
    pool_wait: dict[str, Wait]
    disagreement: float
    pace: Pace | None


def estimate(windows: Sequence[Window], idle: Busy) -> Estimate:
    """Estimate each operation's demands from loaded windows and an idle one.

    Raises `LabError` if an operation was seen alone too few times, or two clocks disagree on the API's CPU.
    """
    spins_s = [window.speeds.mean_s for window in windows if window.speeds is not None]
    spin_s = float(np.mean(spins_s)) if len(spins_s) == len(windows) else None
    tables = [with_spin(labelled(window.table), window.speeds, spin_s) for window in windows]
    everything = pd.concat([table[table["alone"]] for table in tables], ignore_index=True)
    seen = everything["label"].value_counts()
    labels = sorted({label for table in tables for label in table["label"]})
    for label in labels:
        if seen.get(label, 0) < SAMPLES_MIN:
            raise LabError(
                f"calibration saw {label} alone {seen.get(label, 0)} times, it needs {SAMPLES_MIN}: "
                "load it longer or at a lower rate"
            )
    colder = coldness.measure(tables, labels)
    tables = [coldness.with_coldness(table, colder) for table in tables]
    everything = pd.concat([table[table["alone"]] for table in tables], ignore_index=True)
    busy = [window.busy for window in windows] + [idle]
    counts = np.array(
        [
            *(
                [float(table.loc[table["label"] == label, waking.COLDNESS].sum()) for label in labels]
                for table in tables
            ),
            np.zeros(len(labels)),
        ]
    )
    durations = np.array([one.duration_s for one in busy])
    api_cpu = np.array([one.of("api-") for one in busy])
    background = idle.of("api-") / idle.duration_s
    most = str(seen.index[0])
    stretches = waking.stretches(tables, labels, background)
    turn = turn_cost.measure(tables, most, waking.fit(stretches, intervals=False), background)
    fitted = waking.fit(stretches, turn.seconds)
    used_s = api_cpu - background * durations
    disagreement = _checked(sum(fitted.total_s(table) for table in tables), float(used_s[:-1].sum()))
    # What turns and waking up cost is known from the thread's clock; the rest of the CPU is split over operations.
    paces = np.array([*(fitted.pace(table).mean() for table in tables), 1.0])
    by_themselves_s = np.array([*(float(fitted.by_itself_s(table).sum()) for table in tables), 0.0])
    rest = used_s / paces - by_themselves_s
    by_process = nnls(counts, np.maximum(rest, 0))[0]
    servers = {
        process: dict(
            zip(labels, _by_label(counts, durations, np.array([one.of(process) for one in busy])), strict=True)
        )
        for process in ("valkey", "postgres")
    }
    by_themselves = {label: _without_turns(everything[everything["label"] == label], fitted) for label in labels}
    outside = {label: _outside_s(table, fitted, label) for label, table in by_themselves.items()}
    demands = {
        label: _demands(table, label, outside[label], servers, fitted, colder.get(label, Coldness()))
        for label, table in by_themselves.items()
    }
    # What the database does for a redirect that hits the cache is the counting of its click, later.
    hits = [label for label in labels if label + MISS_SUFFIX in labels]
    if hits:
        demands[BACKGROUND] = {"database": _fixed(servers["postgres"][hits[0]], int(seen[hits[0]]))}
    return Estimate(
        demands=demands,
        api_cpu_s_by_regression=dict(zip(labels, by_process.tolist(), strict=True)),
        api_cpu_s_outside_app=float(np.mean(list(outside.values()))),
        api_idle_utilisation=float(background),
        segments={label: _segments(table, outside[label]) for label, table in by_themselves.items()},
        turn=Turn(extra_s=turn.seconds, half_width_s=turn.half_width_s),
        coldness={label: one.cpu for label, one in colder.items()},
        idle=_idle_levels(fitted),
        cpu={
            label: Measured(
                by_thread_clock_s=max(0.0, fitted.demands[label].seconds),
                by_thread_clock_half_width_s=fitted.demands[label].half_width_s,
                by_process_cpu_s=float(process_s),
            )
            for label, process_s in zip(labels, by_process, strict=True)
        },
        pool_wait=_pool_waits(by_themselves),
        disagreement=disagreement,
        pace=_pace(tables, fitted, background, spin_s) if spin_s is not None else None,
    )


def _pace(tables: Sequence[pd.DataFrame], fitted: Fitted, background: float, spin_s: float) -> Pace:
    step_s, residuals = waking.residuals(tables, fitted, background)
    return Pace(
        spin_s=spin_s,
        elasticity=fitted.elasticity,
        half_width=fitted.elasticity_half_width,
        step_s=step_s,
        residuals=residuals,
    )


def _idle_levels(fitted: Fitted) -> tuple[IdleLevel, ...]:
    return tuple(
        IdleLevel(
            after_s=level.after_s,
            extra_s=max(0.0, level.extra.seconds),
            half_width_s=level.extra.half_width_s,
            samples=level.samples,
        )
        for level in fitted.levels
    )


def _checked(by_thread_s: float, by_process_s: float) -> float:
    """The share by which two measurements of the API's CPU differ. Raises `LabError` if it is too large."""
    disagreement = by_thread_s / by_process_s - 1
    if abs(disagreement) > DISAGREEMENT_MAX:
        raise LabError(
            f"two measurements of the API's CPU time disagree by {disagreement:+.0%}, at most {DISAGREEMENT_MAX:.0%} "
            "is allowed: its thread's clock between requests, and the clock of the process"
        )
    return disagreement


def _outside_s(table: pd.DataFrame, fitted: Fitted, label: str) -> float:
    """CPU outside of the application: all of the request's, less what its own thread clock saw inside."""
    inside_s = float(
        ((table["span_cpu_s"] / fitted.pace(table) - fitted.waking_s(table)) / table[waking.COLDNESS]).mean()
    )
    return max(fitted.demands[label].seconds - inside_s, float(table["span_send_s"].mean()))


def _without_turns(table: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Requests that were alone, less what the loop needed for itself while they awaited something."""
    own_s = table["span_own_s"]
    return table.assign(span_cpu_s=np.maximum(table["span_cpu_s"] - turn_cost.between_s(table, fitted), own_s))


def _segments(table: pd.DataFrame, outside_s: float) -> dict[str, float]:
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


def _by_label(counts: NDArray[np.float64], durations: FloatArray, cpu_s: FloatArray) -> FloatArray:
    """Non-negative CPU seconds a request of each label, next to what runs when idle."""
    solution: FloatArray = nnls(np.column_stack([counts, durations]), cpu_s)[0]
    return solution[:-1]


def _demands(
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
    demands = {
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
        demands[part] = _fixed(server_s, times.size)
        demands[f"{part}_wait"] = _measured(np.maximum(stage_s - server_s, 0.0))
    return demands


def _not_below_zero(values: FloatArray) -> FloatArray:
    """The same, but for a negative one, and of the same mean, unless that is negative."""
    positive = np.maximum(values, 0.0)
    scaled: FloatArray = positive * max(0.0, values.mean()) / max(positive.mean(), 1e-12)
    return scaled


def _pool_waits(tables: Mapping[str, pd.DataFrame]) -> dict[str, Wait]:
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


def _fixed(value_s: float, samples: int) -> Demand:
    """A demand of which only the mean can be measured: the CPU of another process."""
    return Demand(mean_s=value_s, quantiles_s=(value_s, value_s), samples=samples)


def evidence(found: Estimate) -> dict[str, Any]:
    """The two methods side by side, for the run folder: mean API CPU seconds a request."""
    return {
        "api_cpu_s": {
            label: {"by_thread_clock": one.by_thread_clock_s, "by_regression": one.by_process_cpu_s}
            for label, one in found.cpu.items()
        },
        "coldness": found.coldness,
        "disagreement": found.disagreement,
        "api_cpu_s_outside_app": found.api_cpu_s_outside_app,
        "api_idle_utilisation": found.api_idle_utilisation,
    }
