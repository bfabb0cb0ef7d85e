"""Freezing what was calibrated: the run folder that holds the parameters, and the digest that names them."""

from __future__ import annotations

from loadtests.calibrate import Calibrated
from loadtests.estimate import evidence
from loadtests.session import Session
from sdlab import runs
from sdlab.runs import Run


def freeze(session: Session, done: Calibrated, window_s: float) -> Run:
    """Write a run folder of kind calibration; what is predicted from now on is predicted with this file."""
    calibration = done.calibration
    with runs.new_run(
        "calibration",
        session.design.slug,
        seed=session.seed,
        command=session.command,
        study=session.study,
        parameters={
            **session.common,
            "digest": calibration.digest,
            "rate_rps": calibration.rate_rps,
            "window_s": window_s,
        },
        runs=session.runs_folder,
    ) as run:
        calibration.save(run.folder / "calibration.toml")
        run.write_json("evidence", evidence(done.estimate))
    return Run(run.folder, run.manifest)
