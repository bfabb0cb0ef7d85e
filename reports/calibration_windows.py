"""The windows that a study was calibrated by, each judged by the rule that rejects held-out ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reports import files
from reports.collect import Study
from reports.files import Resources
from sdlab import spoilt
from sdlab.runs import Run

PARAMETERS, RATE, NOTHING = "the parameters", "the rate", "nothing"
PILOT = "pilot"
_ROLES = (PILOT, "calibration")


@dataclass(frozen=True)
class CalibrationWindow:
    """One window at a low rate. ``block`` is None outside of a validation; ``reason`` says how it was disturbed, if so.

    ``used_for`` is what it decided: the parameters, the rate to calibrate at, or nothing.
    """

    run_id: str
    block: int | None
    focus: str
    used_for: str
    rate_rps: float
    probe_ratio: float
    reason: str | None


def calibration_windows(study: Study, used_run_ids: Iterable[str]) -> list[CalibrationWindow]:
    """All of a study, oldest first; ``used_run_ids`` are those that its calibrations name."""
    measured = [(run, machine) for run in study.runs if _calibrates(run) and (machine := _machine(run))]
    sessions: dict[str, list[dict[str, Any]]] = {}
    for run, machine in measured:
        sessions.setdefault(_session(run), []).append(machine)
    used = set(used_run_ids)
    found = []
    for run, machine in measured:
        said = run.manifest.parameters
        usual_s = spoilt.reference_s(sessions[_session(run)])
        counted = PARAMETERS if run.manifest.run_id in used else NOTHING
        found.append(
            CalibrationWindow(
                run_id=run.manifest.run_id,
                block=said.get("block"),
                focus=str(said.get("focus", "")),
                used_for=RATE if said["role"] == PILOT else counted,
                rate_rps=float(said.get("rate_rps") or math.nan),
                probe_ratio=spoilt.probe_s(machine) / usual_s,
                reason=spoilt.by_the_machine(machine, usual_s),
            )
        )
    return found


def _calibrates(run: Run) -> bool:
    return run.manifest.kind == "load_test" and run.manifest.parameters.get("role") in _ROLES


def _machine(run: Run) -> dict[str, Any] | None:
    resources = files.read(run, "resources", Resources)
    return resources.model_dump() if resources else None


def _session(run: Run) -> str:
    """The first window of the service that was calibrated: what its windows are held against is their own median."""
    before = run.manifest.parameters.get("preceding_run_ids") or [run.manifest.run_id]
    return str(before[0])
