"""Runs side by side: a prediction with what it predicts, and replications with each other."""

from __future__ import annotations

from typing import Any

from sdlab.runs import Run
from sdlab.summary import PERCENTILES, percentiles
from simulations.run import Simulated
from simulations.study import interval

MEASURES = ("mean", "p50", "p95", "p99")


def with_measured(predicted: Simulated, measured: Run) -> dict[str, Any]:
    """Response times of all operations together, predicted and measured, with the signed relative error.

    Both count from the recorded send, which is what the model was fed: only the service is judged here.
    """
    table = measured.requests()
    completed = table[table["outcome"] == "completed"]
    times_s = (completed["completed_s"] - completed["sent_s"]).to_numpy()
    found = {f"p{p}": one.value_s for p, one in zip(PERCENTILES, percentiles(times_s, PERCENTILES), strict=True)}
    found["mean"] = float(times_s.mean()) if times_s.size else float("nan")
    total = predicted.content["summary"][0]
    validity = measured.manifest.validity
    row: dict[str, Any] = {
        "run_id": measured.manifest.run_id,
        "rate_rps": measured.manifest.parameters.get("rate_rps"),
        "validity": validity.word if validity else None,
    }
    for name in MEASURES:
        predicted_s = total[f"response_time_s_{name}"]
        row[name] = {"predicted_s": predicted_s, "measured_s": found[name], "error": predicted_s / found[name] - 1}
    return row


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
