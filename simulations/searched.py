"""What `lab saturate` asked of the running service, so that the model is asked the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdlab.errors import InvalidInput
from sdlab.runs import Run, searches
from sdlab.speed import Speeds

NEAR = 0.1


@dataclass(frozen=True)
class Searched:
    """A search on the running service: it asked for the first ``keys`` only, and all were in its cache beforehand.

    ``speeds`` are those of the API's core in the probes that decided it, at rates within `NEAR` of its answer, one
    after another; None if nobody probed them. ``probe_s`` is how long one of these lasted, ``probed_s`` all of them.
    """

    run_id: str
    keys: int
    speeds: Speeds | None
    probed_s: float
    probe_s: float

    def describe(self) -> dict[str, Any]:
        """What a run folder says of it."""
        mean_s = self.speeds.mean_s if self.speeds else None
        return {"search": self.run_id, "keys": self.keys, "spin_s_mean": mean_s, "probe_s": self.probe_s}


def find(slug: str, study: str | None, runs_folder: Path | None = None, number: int | None = None) -> Searched | None:
    """A study's (None: of no study) search of this ``number``, from 1 on, or its newest; None without one, or if it
    does not say what it asked for. Raises `InvalidInput` for a number that there is not."""
    found = searches(slug, study, runs_folder)
    if number is not None and not 1 <= number <= len(found):
        raise InvalidInput("--search", number, f"must be one of the study's {len(found)} searches, from 1 on")
    run = found[(number or 0) - 1] if found else None
    if run is None or not (keys := run.json("saturation").get("keys")):
        return None
    windows = [Run.load(run.folder.parent / name) for name in _probes(run.json("saturation"), run.folder.parent)]
    speeds, probed_s = _together(windows)
    return Searched(run.manifest.run_id, int(keys), speeds, probed_s, probed_s / max(1, len(windows)))


def _probes(found: dict[str, Any], folder: Path) -> list[str]:
    near = [probe for probe in found["probes"] if abs(probe["rate_rps"] / found["rate_rps"] - 1) <= NEAR]
    names = [str(probe["run_id"]) for probe in near if probe.get("run_id")]
    return [name for name in names if (folder / name).is_dir()]


def _together(windows: Sequence[Run]) -> tuple[Speeds | None, float]:
    """Their speeds on one clock, each window's after those before it; and how long they lasted."""
    durations_s = [float(window.manifest.parameters["duration_s"]) for window in windows]
    at_s, spin_s = [np.empty(0)], [np.empty(0)]
    for window, duration_s, begin_s in zip(windows, durations_s, np.cumsum([0.0, *durations_s]), strict=False):
        speeds = Speeds.of(window.json("resources")) if window.has("resources") else None
        if speeds is None:
            return None, sum(durations_s)
        inside = (speeds.at_s >= 0) & (speeds.at_s < duration_s)
        at_s.append(begin_s + speeds.at_s[inside])
        spin_s.append(speeds.spin_s[inside])
    together = Speeds(np.concatenate(at_s), np.concatenate(spin_s))
    return (together if together.at_s.size else None), sum(durations_s)
