"""The calibration that stands for a study."""

from __future__ import annotations

from pathlib import Path

from sdlab import runs
from sdlab.calibration import Calibration, Demand, Pace
from sdlab.runs import Machine
from sdlab.typical import typical_calibration

SLUG = "url_shortener"


def _calibrate(folder: Path, study: str, api_s: float, spin_s: float = 2e-5) -> str:
    demand = Demand(mean_s=api_s, quantiles_s=(api_s, api_s), samples=100)
    found = Calibration(
        design=SLUG,
        run_ids=["x"],
        commit="c",
        created_at="2026-01-01T00:00:00+00:00",
        machine=Machine.this(),
        rate_rps=100.0,
        utilisation=0.3,
        demands={"redirect": {"api": demand}},
        pace=Pace(spin_s=spin_s, elasticity=1.0, half_width=0.1, step_s=0.01, residuals=(1.0,)),
    )
    with runs.new_run("calibration", SLUG, seed=1, command="lab calibrate", study=study, runs=folder) as run:
        found.save(run.folder / "calibration.toml")
    return run.manifest.run_id


def test_it_is_the_one_of_the_median_demand_and_of_its_own_study(tmp_path: Path) -> None:
    _calibrate(tmp_path, "one", 0.001)
    middle = _calibrate(tmp_path, "one", 0.002)
    _calibrate(tmp_path, "one", 0.009)
    other = _calibrate(tmp_path, "other", 0.009)
    found = {study: typical_calibration(SLUG, study, tmp_path) for study in ("one", "other")}
    assert {study: run.manifest.run_id for study, run in found.items() if run} == {"one": middle, "other": other}
    assert typical_calibration(SLUG, "none", tmp_path) is None


def test_demands_are_compared_at_one_speed_of_the_core(tmp_path: Path) -> None:
    """On a core half as fast everything takes twice as long: 3 ms there are 1.5 ms here."""
    low = _calibrate(tmp_path, "one", 0.001)
    slowed = _calibrate(tmp_path, "one", 0.003, spin_s=4e-5)
    _calibrate(tmp_path, "one", 0.002)
    found = typical_calibration(SLUG, "one", tmp_path)
    assert found is not None
    assert found.manifest.run_id == slowed != low
