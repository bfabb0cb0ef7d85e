"""Which of a study's calibrations stands for it: the one that found the service neither fastest nor slowest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sdlab import catalog
from sdlab.calibration import Calibration
from sdlab.runs import Run, find_runs

API = "api"


def typical_calibration(slug: str, study: str, runs_folder: Path | None = None) -> Run | None:
    """The study's calibration whose API demand a request is the median, at one speed of the core; None without any.

    A block knows the demand to 3 to 5 %; the median of several is nearer. Of an even number the higher of the two in
    the middle, which errs on the safe side.
    """
    runs = [run for run in find_runs(slug, "calibration", runs_folder) if run.manifest.study == study]
    if not runs:
        return None
    found = [Calibration.load(run.folder / "calibration.toml") for run in runs]
    shares = {name: operation.share for name, operation in catalog.load_design(slug).workload.operations.items()}
    spins_s = [one.pace.spin_s for one in found if one.pace is not None]
    spin_s = sum(spins_s) / len(spins_s) if len(spins_s) == len(found) else None
    demands_s = [_api_s(one, shares, spin_s) for one in found]
    order = sorted(range(len(runs)), key=lambda index: demands_s[index])
    return runs[order[len(order) // 2]]


def _api_s(calibration: Calibration, shares: Mapping[str, float], spin_s: float | None) -> float:
    """CPU seconds that a request of the mix asks of a busy API process, when the probe takes ``spin_s``."""
    demands = calibration.demands
    mean_s = sum(share * demands[name][API].mean_s for name, share in shares.items() if API in demands.get(name, {}))
    pace = calibration.pace
    return mean_s if pace is None or spin_s is None else mean_s * (1 + pace.elasticity * (spin_s / pace.spin_s - 1))
