"""Runs side by side: a prediction with what it predicts, and replications with each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sdlab import agreement, spoilt
from sdlab.agreement import Agreement
from sdlab.calibration import Calibration
from sdlab.runs import Run
from sdlab.summary import percentiles
from simulations import baselines, results
from simulations.run import Simulated
from simulations.study import interval

REPLAYS = 5
MEASURES = ("mean", "p50", "p95", "p99")
BASELINES = ("mm1", "mg1")
_PERCENTS = tuple(int(name[1:]) for name in agreement.STATISTICS if name.startswith("p"))


def with_measured(replays: Sequence[Simulated], measured: Run, calibration: Calibration | None) -> dict[str, Any]:
    """Response times of all operations together: measured, predicted, by the naive baselines, with signed errors.

    All count from the recorded send, which is what the model was fed: only the service is judged here. Predicted is the
    mean over ``replays``, each with other draws: one alone is 3 to 6 % off their mean. The baselines are None where
    they have no steady state. ``rejected`` says why the machine spoilt the window, if it did.
    """
    predicted = replays[0]
    found = _statistics(measured.requests())
    each = pd.DataFrame([_statistics(results.records(one.requests, one.path)) for one in replays])
    foretold = each.mean().to_dict()
    validity = measured.manifest.validity
    said = measured.manifest.parameters
    row: dict[str, Any] = {
        "run_id": measured.manifest.run_id,
        "replays": len(replays),
        "rate_rps": said.get("rate_rps"),
        "share": said.get("share"),
        "block": said.get("block"),
        "calibration": predicted.scenario.parameters.get("calibration"),
        "validity": validity.word if validity else None,
        "reasons": validity.reasons if validity else [],
        "rejected": spoilt.by_the_machine(measured.json("resources"), said.get("calibrated_probe_s"))
        if measured.has("resources")
        else None,
    }
    naive = _baselines(predicted, calibration)
    for name in agreement.STATISTICS:
        seen_s = found[name]
        row[name] = {"measured_s": seen_s, "predicted_s": foretold[name], "error": foretold[name] / seen_s - 1}
        for baseline, values in naive.items():
            row[name][f"{baseline}_s"] = values[name]
    return row


def by_load(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], list[Agreement]]]:
    """The windows that count, by rate: what they share, and each statistic with its interval and its verdict.

    ``windows`` and ``left_out`` are how many windows counted and how many were INVALID or rejected; a load without a
    window that counts has no statistics. Each baseline's error is that of the medians.
    """
    loads = []
    for rate_rps in sorted({float(row["rate_rps"] or 0) for row in rows}):
        every = [row for row in rows if float(row["rate_rps"] or 0) == rate_rps]
        counted = [row for row in every if row["validity"] != "INVALID" and not row["rejected"]]
        about: dict[str, Any] = {
            "rate_rps": rate_rps,
            "share": every[0]["share"],
            "windows": len(counted),
            "left_out": len(every) - len(counted),
        }
        cells = [
            agreement.agreement(
                name,
                [row[name]["measured_s"] for row in counted],
                [row[name]["predicted_s"] for row in counted],
                every[0]["share"],
            )
            for name in agreement.STATISTICS
            if counted
        ]
        for baseline in BASELINES:
            about[baseline] = {
                name: agreement.median(row[name][f"{baseline}_s"] / row[name]["measured_s"] - 1 for row in counted)
                for name in agreement.STATISTICS
            }
        loads.append((about, cells))
    return loads


def _statistics(table: pd.DataFrame) -> dict[str, float]:
    """Mean and percentiles, in seconds from the send, of what completed."""
    completed = table[table["outcome"] == "completed"]
    times_s = (completed["completed_s"] - completed["sent_s"]).to_numpy(dtype=np.float64)
    values = [one.value_s for one in percentiles(times_s, _PERCENTS)]
    mean_s = float(times_s.mean()) if times_s.size else float("nan")
    return {"mean": mean_s, **{f"p{percent}": value for percent, value in zip(_PERCENTS, values, strict=True)}}


def _baselines(predicted: Simulated, calibration: Calibration | None) -> dict[str, dict[str, float]]:
    """Both naive predictions of the same requests."""
    scenario = predicted.scenario
    demand = baselines.naive_demand(scenario.design, calibration, scenario.requests)
    workers = scenario.design.reference_deployment.workers
    rate_rps = len(scenario.requests) / scenario.duration_s / workers
    return {
        "mm1": baselines.of_mm1(demand, rate_rps, _PERCENTS),
        "mg1": baselines.of_mg1(demand, rate_rps, _PERCENTS),
    }


def across_replications(summaries: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Mean and 95 % half-width (Student's t) of each measure over replications, per operation.

    An operation that is missing from a replication (too rare for so short a run) is left out.
    """
    by_operation = [{row["operation"]: row for row in summary} for summary in summaries]
    rows = []
    for operation in by_operation[0]:
        if not all(operation in summary for summary in by_operation):
            continue
        row: dict[str, Any] = {"operation": operation, "replications": len(summaries)}
        for name in MEASURES:
            found = interval([summary[operation][f"response_time_s_{name}"] for summary in by_operation])
            row[f"response_time_s_{name}"] = found.mean
            row[f"response_time_s_{name}_half_width"] = found.half_width
        rows.append(row)
    return rows
