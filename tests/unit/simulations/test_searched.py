"""The model is asked what the running service was asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdlab import catalog, runs
from sdlab.calibration import Pace
from sdlab.errors import InvalidInput
from sdlab.speed import Speeds
from simulations import rates, scenario, searched
from simulations.searched import Searched
from tests.unit.simulations.test_calibrated_model import CALIBRATION

DESIGN = catalog.load_design("url_shortener")
KEYS = 2000


def _write_search(folder: Path, study: str) -> str:
    names = []
    for spin_s in (1e-5, 2e-5, 9e-5):
        with runs.new_run(
            "load_test", DESIGN.slug, seed=1, command="x", study=study, parameters={"duration_s": 2.0}, runs=folder
        ) as probe:
            # One probe before the window and one behind it: what they say belongs to no request of it.
            at_s = [-0.5, *np.arange(0.0, 2.0, 0.005).tolist(), 2.5]
            probe.write_json("resources", {"speed": {"at_s": at_s, "spin_s": [spin_s] * len(at_s)}})
        names.append(probe.manifest.run_id)
    with runs.new_run("saturation", DESIGN.slug, seed=1, command="x", study=study, parameters={}, runs=folder) as run:
        # The last was far below the answer: what the core did then decided nothing.
        probes = [{"run_id": name, "rate_rps": rate} for name, rate in zip(names, (980.0, 1050.0, 500.0), strict=True)]
        run.write_json("saturation", {"keys": KEYS, "rate_rps": 1000.0, "probes": probes})
    return run.manifest.run_id


def test_a_search_is_found_by_its_study_with_the_speeds_of_the_probes_that_decided_it(tmp_path: Path) -> None:
    run_id = _write_search(tmp_path, "mine")
    found = searched.find(DESIGN.slug, "mine", tmp_path)
    assert found is not None
    assert (found.run_id, found.keys, found.probed_s, found.probe_s) == (run_id, KEYS, 4.0, 2.0)
    assert found.speeds is not None
    assert found.speeds.at_s.size == 800
    assert found.speeds.mean_s == pytest.approx(1.5e-5)
    assert searched.find(DESIGN.slug, "another", tmp_path) is None


def test_each_of_a_studys_searches_is_found_by_its_number(tmp_path: Path) -> None:
    run_ids = sorted(_write_search(tmp_path, "mine") for _ in range(2))
    found = [searched.find(DESIGN.slug, "mine", tmp_path, number) for number in (1, 2, None)]
    assert [one.run_id for one in found if one] == [*run_ids, run_ids[1]]
    with pytest.raises(InvalidInput, match=r"--search = 3: must be one of the study's 2 searches"):
        searched.find(DESIGN.slug, "mine", tmp_path, 3)


def test_a_model_asked_as_the_search_was_finds_its_keys_in_the_cache() -> None:
    asked = Searched("search", KEYS, None, 0.0, 5.0)
    for given, hit_ratio in ((asked, 1.0), (None, 0.0)):
        chosen, path = rates.at_rate(DESIGN, CALIBRATION, 1, "reference", 100.0, 10_000, given)
        assert (chosen.requests.key < KEYS).all() == (given is not None)
        first = slice(0, 50)
        hits = path.cache_hit[first][chosen.requests.operation[first] == DESIGN.operations.index("redirect")]
        assert hits.mean() == pytest.approx(hit_ratio, abs=0.2)


def test_a_model_asked_as_the_search_was_goes_at_the_speed_of_its_core() -> None:
    pace = Pace(spin_s=1e-5, elasticity=1.0, half_width=0.1, step_s=0.01, residuals=(1.0,))
    calibration = CALIBRATION.model_copy(update={"pace": pace})
    at_s = np.arange(0.0, 4.0, 0.005)
    speeds = Speeds(at_s, np.where(at_s < 2, 1e-5, 2e-5))
    alone = {"process": "poisson", "rate_rps": 50.0, "duration_s": 40.0, "deployment": "reference"}
    chosen = scenario.steady(DESIGN, calibration, 1, **alone, searched=Searched("search", KEYS, speeds, 4.0, 2.0))  # type: ignore[arg-type]
    names = np.array(chosen.to_run.operations)[chosen.to_run.operation]
    doubled = np.char.endswith(names.astype(str), " x2.00")
    inside = np.abs(chosen.requests.arrival_s % 2 - 1) < 0.9
    assert (doubled == (chosen.requests.arrival_s % 4 >= 2))[inside].all()
