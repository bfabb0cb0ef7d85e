"""From what the generator recorded to a run folder: records, summary, histograms, the generator's own account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from loadtests import validity
from loadtests.recorder import ERRORS, PENDING, TIMED_OUT, TIMEOUT
from loadtests.thresholds import ABORT, Threshold, evaluate
from sdlab.arrivals import FloatArray
from sdlab.runs import Run, new_run, records
from sdlab.spec import Design
from sdlab.summary import summarise
from sdlab.workload import Requests

_HISTOGRAM_MAX_US = 3_600_000_000
_HISTOGRAM_DIGITS = 3
_LATENESS_PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Lost:
    """The threshold that ended a load early, ``after_s`` seconds of the ``of_s`` that were planned."""

    threshold: Threshold
    after_s: float
    of_s: float

    @property
    def reason(self) -> str:
        return (
            f"stopped after {self.after_s:.1f} of {self.of_s:.1f} s: "
            f"{self.threshold.text.removeprefix(ABORT).strip()!r} can no longer be met"
        )


@dataclass(frozen=True)
class Recorded:
    """What a window left: ``rows`` of ``requests`` were dealt with; ``columns`` has a value for every request."""

    requests: Requests
    rows: NDArray[np.intp]
    columns: Mapping[str, NDArray[Any]]
    resources: Mapping[str, Any]
    reports: Sequence[Mapping[str, Any]]
    incidents: Sequence[str]

    def table(self) -> pd.DataFrame:
        """One row a request that was dealt with. What was in flight when its generator ended has timed out."""
        column = {name: values[self.rows] for name, values in self.columns.items()}
        lost = column["outcome"] == PENDING
        column["outcome"][lost] = TIMED_OUT
        column["error"][lost] = TIMEOUT
        spans: Sequence[str] = next((report["spans"] for report in self.reports if report), ())
        return records(
            self.requests.take(self.rows),
            sent_s=column["sent_s"],
            completed_s=column["completed_s"],
            outcome=column["outcome"],
            spans={name: column[f"span_{slot}"] for slot, name in enumerate(spans)},
            started_s=column["started_s"],
            status=column["status"],
            cache_hit=column["cache_hit"],
            error=pd.Categorical.from_codes(column["error"], categories=pd.Index(ERRORS)),  # type: ignore[arg-type]
        )


def write(
    recorded: Recorded,
    *,
    design: Design,
    seed: int,
    command: str,
    parameters: Mapping[str, Any],
    overrides: list[str],
    study: str | None,
    runs: Path | None,
    samples_min: int | None,
    interrupted: bool,
    thresholds: Sequence[Threshold] = (),
    lost: Lost | None = None,
) -> Run:
    """Judge a window and write its run folder. ``lost``: the threshold that ended it early, if one did."""
    table = recorded.table()
    judgement = validity.judge(
        table,
        recorded.resources,
        incidents=recorded.incidents,
        samples_min=validity.SAMPLES_MIN if samples_min is None else samples_min,
        asked=[(threshold.operation, threshold.percent) for threshold in thresholds if threshold.percent is not None],
        stopped=lost.reason if lost else None,
    )
    with new_run(
        "load_test",
        design.slug,
        seed=seed,
        command=command,
        study=study,
        overrides=overrides,
        parameters=parameters,
        runs=runs,
    ) as writer:
        writer.write_requests(table)
        writer.write_json("summary", [row.as_dict() for row in summarise(table)])
        writer.write_json("resources", recorded.resources)
        writer.write_json("generator", generator_account(table, recorded))
        writer.write_json("histograms", histograms(table))
        if thresholds:
            writer.write_json("thresholds", threshold_account(table, thresholds, lost))
        writer.update(validity=judgement, interrupted=interrupted)
    return Run(writer.folder, writer.manifest)


def threshold_account(table: pd.DataFrame, thresholds: Sequence[Threshold], lost: Lost | None) -> dict[str, Any]:
    """Each threshold with its value; that which ended the load is missed, whatever its value was by then."""
    findings = [finding.as_dict() for finding in evaluate(thresholds, table)]
    for threshold, finding in zip(thresholds, findings, strict=True):
        finding["met"] = finding["met"] and not (lost is not None and lost.threshold == threshold)
    return {
        "met": all(finding["met"] for finding in findings),
        "stopped": None if lost is None else {"reason": lost.reason, "after_s": lost.after_s},
        "thresholds": findings,
    }


def generator_account(table: pd.DataFrame, recorded: Recorded) -> dict[str, Any]:
    """How the generator itself did. ``cpu_s_per_request`` is its CPU time while it sent, over what it sent."""
    late = validity.lateness_s(table)
    processes = recorded.resources.get("processes", {})
    cpu_s = sum(value["cpu_s"] for name, value in processes.items() if name.startswith("generator"))
    errors: Counter[str] = Counter()
    for report in recorded.reports:
        errors.update(report.get("errors", {}))
    return {
        **{f"lateness_s_p{p}": float(np.quantile(late, p / 100)) if late.size else None for p in _LATENESS_PERCENTILES},
        "lateness_s_max": float(late.max()) if late.size else None,
        "offered": len(recorded.requests),
        "dealt_with": len(table),
        "sent": int(table["sent_s"].notna().sum()),
        "outcomes": _counts(table["outcome"]),
        "errors": {name: count for name, count in _counts(table["error"]).items() if name != "none"},
        "exceptions_in_tasks": dict(errors),
        "achieved_share": validity.achieved_share(table),
        "in_flight_by_thirds": validity.in_flight_by_thirds(table),
        "users": sum(report.get("users", 0) for report in recorded.reports),
        "drain_s": max((report.get("drain_s", 0.0) for report in recorded.reports), default=0.0),
        "request_timeout_s": max((report.get("request_timeout_s", 0.0) for report in recorded.reports), default=0.0),
        "cpu_s_per_request": cpu_s / len(late) if late.size else None,
    }


def _counts(column: pd.Series[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().items() if count > 0}


def histograms(table: pd.DataFrame) -> dict[str, Any]:
    """HDR histograms (Tene) of three digits for each operation, in microseconds, in HdrHistogram's own encoding.

    ``response_time`` counts from the intended start, ``service_time`` from the send; both of completed requests.
    ``lateness`` is that of all requests whose task began. Only operations that occur are there.
    """
    answers: dict[str, Any] = {}
    for name, part in table.groupby("operation", observed=True):
        completed = part[part["outcome"] == "completed"]
        end = completed["completed_s"].to_numpy(dtype=np.float64)
        answers[str(name)] = {
            "response_time": encode(end - completed["intended_s"].to_numpy(dtype=np.float64)),
            "service_time": encode(end - completed["sent_s"].to_numpy(dtype=np.float64)),
            "lateness": encode(validity.lateness_s(part)),
        }
    return {"unit": "microseconds", "digits": _HISTOGRAM_DIGITS, "operations": answers}


def encode(seconds: FloatArray) -> str:
    """Seconds as an encoded HDR histogram of microseconds; what is outside of 1 us to an hour counts as the bound."""
    histogram = HdrHistogram(1, _HISTOGRAM_MAX_US, _HISTOGRAM_DIGITS)
    microseconds = np.clip(np.rint(seconds * 1e6), 1, _HISTOGRAM_MAX_US).astype(np.int64)
    for value, count in zip(*np.unique(microseconds, return_counts=True), strict=True):
        histogram.record_value(int(value), int(count))
    return bytes(histogram.encode()).decode("ascii")
