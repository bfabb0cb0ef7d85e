"""What `lab saturate` asked of the running service, so that the model is asked the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdlab.runs import Run, find_runs
from sdlab.speed import Speeds


@dataclass(frozen=True)
class Searched:
    """A search on the running service: only the first ``keys`` were asked for, and all were in its cache beforehand.

    ``speeds`` are those of the API's core in all its probes, one after another, and ``probed_s`` how long they lasted;
    None if nobody probed them.
    """

    run_id: str
    keys: int
    speeds: Speeds | None
    probed_s: float

    def describe(self) -> dict[str, Any]:
        """What a run folder says of it."""
        mean_s = self.speeds.mean_s if self.speeds else None
        return {"search": self.run_id, "keys": self.keys, "spin_s_mean": mean_s, "probed_s": self.probed_s}


def newest(slug: str, study: str | None, runs_folder: Path | None = None) -> Searched | None:
    """The newest finished search of a study (None: of no study); None without one."""
    for run in reversed(find_runs(slug, "saturation", runs_folder)):
        if run.manifest.study == study and not run.manifest.interrupted and run.has("saturation"):
            found = run.json("saturation")
            if keys := found.get("keys"):
                windows = [Run.load(run.folder.parent / name) for name in _probes(found, run.folder.parent)]
                return Searched(run.manifest.run_id, int(keys), *_together(windows))
    return None


def _probes(found: dict[str, Any], folder: Path) -> list[str]:
    names = [str(probe["run_id"]) for probe in found["probes"] if probe.get("run_id")]
    return [name for name in names if (folder / name).is_dir()]


def _together(windows: Sequence[Run]) -> tuple[Speeds | None, float]:
    """Their speeds on one clock, each window's after those before it."""
    at_s, spin_s, end_s = [], [], 0.0
    for window in windows:
        duration_s = float(window.manifest.parameters["duration_s"])
        speeds = Speeds.of(window.json("resources")) if window.has("resources") else None
        if speeds is None:
            return None, 0.0
        inside = (speeds.at_s >= 0) & (speeds.at_s < duration_s)
        at_s.append(end_s + speeds.at_s[inside])
        spin_s.append(speeds.spin_s[inside])
        end_s += duration_s
    if not any(times.size for times in at_s):
        return None, 0.0
    return Speeds(np.concatenate(at_s), np.concatenate(spin_s)), end_s
