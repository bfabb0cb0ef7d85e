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

from loadtests import alone, coldness, turn_cost, waking
from loadtests.coldness import Coldness
from loadtests.labelled import MISS_SUFFIX, labelled, with_spin
from loadtests.waking import Fitted
from sdlab.arrivals import FloatArray
from sdlab.calibration import Demand, IdleLevel, Measured, Pace, Turn, Wait
from sdlab.errors import LabError
from sdlab.speed import Speeds

BACKGROUND = "click"
SAMPLES_MIN = 30

DISAGREEMENT_MAX = 0.1
"""The two methods' CPU time of all windows together may differ by so much of it."""


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
    seen = pd.concat([table.loc[table["alone"], "label"] for table in tables]).value_counts()
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
    by_themselves = {label: alone.without_turns(everything[everything["label"] == label], fitted) for label in labels}
    outside = {label: alone.outside_s(table, fitted, label) for label, table in by_themselves.items()}
    demands = {
        label: alone.demands(table, label, outside[label], servers, fitted, colder.get(label, Coldness()))
        for label, table in by_themselves.items()
    }
    # What the database does for a redirect that hits the cache is the counting of its click, later.
    hits = [label for label in labels if label + MISS_SUFFIX in labels]
    if hits:
        demands[BACKGROUND] = {"database": alone.fixed(servers["postgres"][hits[0]], int(seen[hits[0]]))}
    return Estimate(
        demands=demands,
        api_cpu_s_by_regression=dict(zip(labels, by_process.tolist(), strict=True)),
        api_cpu_s_outside_app=float(np.mean(list(outside.values()))),
        api_idle_utilisation=float(background),
        segments={label: alone.segments(table, outside[label]) for label, table in by_themselves.items()},
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
        pool_wait=alone.pool_waits(by_themselves),
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


def _by_label(counts: NDArray[np.float64], durations: FloatArray, cpu_s: FloatArray) -> FloatArray:
    """Non-negative CPU seconds a request of each label, next to what runs when idle."""
    solution: FloatArray = nnls(np.column_stack([counts, durations]), cpu_s)[0]
    return solution[:-1]


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
