"""Predicted against measured, load by load, with signed errors. Pure: tables in, numbers out.

The model is fed the times at which the load generator really sent (Validate, in the method), so both sides count a
response time from the *send*: the generator's lateness is no error of the model. What a user would have seen, from
the intended start, stands beside it as ``response_time_s_p99_intended``.

A relative error is signed: (predicted - measured) / measured, positive where the model is too pessimistic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from reports import parts_of_a_request as parts
from reports.files import Comparison, Generator, Resources, StationRow
from sdlab import quantiles, spoilt
from sdlab.agreement import STATISTICS, Agreement, agreement, median, noise_floor
from sdlab.arrivals import FloatArray
from sdlab.runs import RunManifest
from sdlab.summary import percentile, response_times

ALL = "all"
HELD_OUT = "held_out"
UTILISATION = "utilisation"
P99 = "response_time_s_p99"
CONFIDENCE = 0.95
BASELINES = ("mm1", "mg1")
_PERCENTS = tuple(int(name[1:]) for name in STATISTICS if name.startswith("p"))
_BATCHES = 20


@dataclass(frozen=True)
class Compared:
    """One quantity, measured (with an interval) and predicted. SI units; NaN for what is not known.

    ``errors`` are those of the windows if this is their median.
    """

    quantity: str
    measured: float
    low: float
    high: float
    predicted: float
    errors: tuple[float, ...] = ()

    @property
    def relative_error(self) -> float:
        """(predicted - measured) / measured, of several windows their median; NaN if nothing is known."""
        if self.errors:
            return median(self.errors)
        return (self.predicted - self.measured) / self.measured if self.measured else float("nan")


@dataclass(frozen=True)
class Records:
    """One load-test window as recorded, and the model's replay of it if there is one."""

    manifest: RunManifest
    requests: pd.DataFrame
    resources: Resources | None = None
    generator: Generator | None = None
    replayed: pd.DataFrame | None = None
    replayed_stations: Sequence[StationRow] = ()
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Window:
    """One load-test window, compared. ``operations`` maps ``all`` and each operation to its quantities.

    ``share`` is of saturation. ``baselines`` are the naive predictions in seconds by name and statistic. ``measured_s``
    and ``predicted_s`` are the response times, from the send; ``parts`` the mean seconds of a request by part,
    measured and modelled. ``probe_ratio`` is how much longer the spin probe took than while calibrating.
    """

    run_id: str
    held_out: bool
    rate_rps: float
    achieved_rate_rps: float
    duration_s: float
    requests: int
    availability: float
    valid: bool
    reasons: tuple[str, ...]
    operations: dict[str, tuple[Compared, ...]]
    response_time_s_p99_intended: float
    lateness_s_p50: float
    lateness_s_p99: float
    steal_share: float
    share: float | None = None
    block: int | None = None
    frozen: str | None = None
    probe_ratio: float = float("nan")
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)
    measured_s: FloatArray = field(default_factory=lambda: np.empty(0), compare=False, repr=False)
    predicted_s: FloatArray = field(default_factory=lambda: np.empty(0), compare=False, repr=False)
    parts: tuple[dict[str, float], dict[str, float]] = ({}, {})

    @property
    def predicted(self) -> bool:
        """Whether a replay of this window was simulated."""
        return any(math.isfinite(one.predicted) for one in self.operations[ALL])


@dataclass(frozen=True)
class Load:
    """The windows at one nominal rate. ``operations`` holds medians over the *valid* windows only.

    ``cells`` judge the statistics of all operations together, if the load is held out and was predicted;
    ``baselines`` are the naive predictions' median errors by name and statistic.
    """

    rate_rps: float
    held_out: bool
    valid: tuple[Window, ...]
    invalid: tuple[Window, ...]
    operations: dict[str, tuple[Compared, ...]]
    noise_floor: dict[str, float]
    share: float | None = None
    cells: tuple[Agreement, ...] = ()
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)

    def cell(self, statistic: str) -> Agreement | None:
        return next((one for one in self.cells if one.statistic == statistic), None)

    def quantity(self, name: str, operation: str = ALL) -> Compared | None:
        return next((one for one in self.operations.get(operation, ()) if one.quantity == name), None)


@dataclass(frozen=True)
class ModelError:
    """How far the model's p99 was off at the held-out loads, over valid windows only."""

    loads: int
    median_absolute: float
    worst: float
    worst_rate_rps: float
    invalid_windows: int


def compare_window(records: Records) -> Window:
    """Compare one window. Response times are seconds from send to completion of completed requests."""
    said = records.manifest.parameters
    validity = records.manifest.validity
    reasons = list(validity.reasons) if validity else []
    if records.manifest.interrupted:
        reasons.append("interrupted")
    table = records.requests
    machine = records.resources.model_dump() if records.resources else {}
    calibrated_s = said.get("calibrated_probe_s")
    if spoiled := spoilt.by_the_machine(machine, calibrated_s):
        reasons.append(spoiled)
    duration_s = float(said.get("duration_s") or table["intended_s"].max())
    resources, generator = records.resources or Resources(), records.generator or Generator()
    return Window(
        run_id=records.manifest.run_id,
        held_out=said.get("role") == HELD_OUT,
        rate_rps=float(said.get("rate_rps") or len(table) / duration_s),
        achieved_rate_rps=len(table) / duration_s,
        duration_s=duration_s,
        requests=len(table),
        availability=float((table["outcome"] == "completed").mean()) if len(table) else float("nan"),
        valid=not records.manifest.interrupted and (validity is None or validity.valid) and not spoiled,
        reasons=tuple(reasons),
        operations=_operations(records),
        response_time_s_p99_intended=percentile(np.sort(response_times(table)), 99).value_s,
        lateness_s_p50=generator.lateness_s_p50,
        lateness_s_p99=generator.lateness_s_p99,
        steal_share=resources.machine.steal_share,
        share=said.get("share"),
        block=said.get("block"),
        frozen=said.get("digest"),
        probe_ratio=spoilt.probe_s(machine) / (calibrated_s or math.nan),
        baselines=_baselines(records.comparison),
        measured_s=np.sort(_from_send(table)),
        predicted_s=np.sort(_from_send(records.replayed)) if records.replayed is not None else np.empty(0),
        parts=(parts.measured(table), parts.modelled(records.replayed) if records.replayed is not None else {}),
    )


def group(windows: Iterable[Window]) -> list[Load]:
    """The windows by nominal rate, lowest first; held-out windows never mix with others."""
    groups: dict[tuple[float, bool], list[Window]] = {}
    for window in windows:
        groups.setdefault((window.rate_rps, window.held_out), []).append(window)
    return [_load(rate, held_out, groups[rate, held_out]) for rate, held_out in sorted(groups)]


def model_error(loads: Iterable[Load]) -> ModelError | None:
    """Median and worst error of p99 over the held-out loads; `None` if no valid one was predicted."""
    held_out = [load for load in loads if load.held_out]
    errors = [(load.rate_rps, load.quantity(P99)) for load in held_out]
    known = [(rate, one.relative_error) for rate, one in errors if one and math.isfinite(one.relative_error)]
    if not known:
        return None
    worst_rate, worst = max(known, key=lambda item: abs(item[1]))
    return ModelError(
        loads=len(known),
        median_absolute=float(np.median([abs(error) for _, error in known])),
        worst=worst,
        worst_rate_rps=worst_rate,
        invalid_windows=sum(len(load.invalid) for load in held_out),
    )


def mean_interval(values: FloatArray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """An interval of the mean of values in time order, by the method of batch means (Law 2015, 9.5.3).

    Neighbouring response times resemble each other; means of `_BATCHES` stretches hardly do.
    """
    if values.size < 2 * _BATCHES:
        return float("nan"), float("nan")
    means = np.array([batch.mean() for batch in np.array_split(values, _BATCHES)])
    half = quantiles.student_t((1 + confidence) / 2, _BATCHES - 1) * float(means.std(ddof=1)) / math.sqrt(_BATCHES)
    return float(values.mean()) - half, float(values.mean()) + half


def _operations(records: Records) -> dict[str, tuple[Compared, ...]]:
    measured, predicted = records.requests, records.replayed
    times = _as_judged(_times(measured, predicted), records.comparison)
    compared = {ALL: (*times, _utilisation(records))}
    for name in sorted(measured["operation"].astype(str).unique()):
        other = predicted[predicted["operation"] == name] if predicted is not None else None
        compared[name] = _times(measured[measured["operation"] == name], other)
    return compared


def _times(measured: pd.DataFrame, predicted: pd.DataFrame | None) -> tuple[Compared, ...]:
    seen = _from_send(measured)
    model = _from_send(predicted) if predicted is not None else np.empty(0)
    seen_sorted, model_sorted = np.sort(seen), np.sort(model)
    compared = []
    for p in _PERCENTS:
        one = percentile(seen_sorted, p, CONFIDENCE)
        value = percentile(model_sorted, p).value_s
        compared.append(Compared(f"response_time_s_p{p}", one.value_s, one.low_s, one.high_s, value))
    mean, model_mean = (float(values.mean()) if values.size else float("nan") for values in (seen, model))
    return (*compared, Compared("response_time_s_mean", mean, *mean_interval(seen), model_mean))


def _as_judged(times: tuple[Compared, ...], comparison: Comparison | None) -> tuple[Compared, ...]:
    """With what `lab predict` judged as predicted, which is of all its replays and not of the one that was kept."""
    judged: dict[str, dict[str, float]] = comparison.model_dump() if comparison else {}
    return tuple(
        replace(one, predicted=judged.get(one.quantity.rpartition("_")[2], {}).get("predicted_s", one.predicted))
        for one in times
    )


def _from_send(table: pd.DataFrame) -> FloatArray:
    """Seconds from send to completion of the completed requests, in order of the send."""
    completed = table[table["outcome"] == "completed"].sort_values("sent_s", kind="stable")
    return (completed["completed_s"] - completed["sent_s"]).to_numpy(dtype=np.float64)


def _utilisation(records: Records) -> Compared:
    """Of the API's processes: CPU seconds a second and process, against the model's stations of the same tier."""
    processes = records.resources.processes if records.resources else {}
    seen = [process.utilisation for name, process in processes.items() if name.startswith("api")]
    model = [row for row in records.replayed_stations if row.tier == "api"]
    servers = sum(row.servers for row in model)
    measured = float(np.mean(seen)) if seen else float("nan")
    predicted = sum(row.utilisation * row.servers for row in model) / servers if servers else float("nan")
    return Compared(UTILISATION, measured, float("nan"), float("nan"), predicted)


def _load(rate_rps: float, held_out: bool, windows: list[Window]) -> Load:
    valid = tuple(window for window in windows if window.valid)
    operations: dict[str, tuple[Compared, ...]] = {}
    for name in dict.fromkeys(name for window in valid for name in window.operations):
        samples = [window.operations[name] for window in valid if name in window.operations]
        operations[name] = tuple(_median(same) for same in zip(*samples, strict=True))
    floors = {
        one.quantity: noise_floor([w.operations[ALL][row].measured for w in valid])
        for row, one in enumerate(operations.get(ALL, ()))
    }
    invalid = tuple(window for window in windows if not window.valid)
    share = windows[0].share
    cells = _cells(valid, share) if held_out and any(window.predicted for window in valid) else ()
    return Load(rate_rps, held_out, valid, invalid, operations, floors, share, cells, _baseline_errors(valid))


def _cells(valid: Sequence[Window], share: float | None) -> tuple[Agreement, ...]:
    def column(statistic: str) -> list[Compared]:
        rows = [one for window in valid for one in window.operations[ALL]]
        return [one for one in rows if one.quantity == f"response_time_s_{statistic}"]

    return tuple(
        agreement(name, [one.measured for one in column(name)], [one.predicted for one in column(name)], share)
        for name in STATISTICS
    )


def _baselines(comparison: Comparison | None) -> dict[str, dict[str, float]]:
    """By baseline and statistic, in seconds; a queue without a steady state (null in the file) waits for ever."""
    if comparison is None:
        return {}
    cells = {name: getattr(comparison, name) for name in STATISTICS}
    return {
        baseline: {name: math.inf if math.isnan(cell[f"{baseline}_s"]) else cell[f"{baseline}_s"]
                   for name, cell in cells.items() if f"{baseline}_s" in cell}
        for baseline in BASELINES
    }  # fmt: skip


def _baseline_errors(valid: Sequence[Window]) -> dict[str, dict[str, float]]:
    errors: dict[str, dict[str, float]] = {}
    for baseline in BASELINES:
        for name in STATISTICS:
            pairs = [
                (window.baselines[baseline][name], one.measured)
                for window in valid
                for one in window.operations[ALL]
                if one.quantity == f"response_time_s_{name}" and name in window.baselines.get(baseline, {})
            ]
            errors.setdefault(baseline, {})[name] = median(naive / seen - 1 for naive, seen in pairs if seen > 0)
    return errors


def _median(same: Sequence[Compared]) -> Compared:
    """One window: as it is. Several: medians, with the range of the measured values in place of the interval."""
    if len(same) == 1:
        return same[0]
    measured = np.array([one.measured for one in same])
    predicted = [one.predicted for one in same if math.isfinite(one.predicted)]
    known: Any = measured[np.isfinite(measured)]
    if not known.size:
        return same[0]
    return Compared(
        same[0].quantity,
        float(np.median(known)),
        float(known.min()),
        float(known.max()),
        float(np.median(predicted)) if predicted else float("nan"),
        tuple(error for one in same if math.isfinite(error := one.relative_error)),
    )
