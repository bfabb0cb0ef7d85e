"""Finds the run folders a report is made from: the runs of one study of one design."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reports import files
from reports.files import (
    Breakdown,
    CacheRow,
    CacheSweep,
    Capacity,
    Check,
    Curve,
    Hours,
    OperationRow,
    Searched,
    StationRow,
)
from sdlab.calibration import Calibration
from sdlab.catalog import load_design, slugs
from sdlab.errors import InvalidInput
from sdlab.runs import Run, find_runs
from sdlab.spec import Design

NO_STUDY = "none"
Deployment = Literal["design", "reference"]
_TELLING = ("mode", "deployment", "scope", "role", "rate_rps", "replay_of", "search")


@dataclass(frozen=True)
class Answers:
    """The highest rate within the SLOs (requests/s): as one search found it, and by the model (None: not asked)."""

    measured_rps: float
    model_rps: float | None


@dataclass(frozen=True)
class Study:
    """The runs a report is made from, oldest first.

    ``name`` is `None` for runs made one by one, outside of a study: then the newest of each kind, mode, scope and
    rate stands for itself.
    """

    slug: str
    name: str | None
    runs: tuple[Run, ...]

    def simulations(self, mode: str) -> list[Run]:
        """Finished simulations of one mode; an interrupted one predicts nothing."""
        return [
            run
            for run in self.runs
            if run.manifest.kind == "simulation"
            and run.manifest.parameters.get("mode") == mode
            and not run.manifest.interrupted
        ]

    def newest(self, mode: str, deployment: Deployment | None = None) -> Run | None:
        """The newest simulation of one mode, of the whole design or of the reference deployment if that matters."""
        found = [run for run in self.simulations(mode) if deployment in (None, deployment_of(run))]
        return found[-1] if found else None

    def searches(self) -> list[Run]:
        """The searches for the highest rate of the running service that were not interrupted."""
        return [run for run in self.runs if run.manifest.kind == "saturation" and not run.manifest.interrupted]

    def windows(self) -> list[Run]:
        """Open-loop load tests that say something about the service: held-out ones and those without a role."""
        return [
            run
            for run in self.runs
            if run.manifest.kind == "load_test"
            and run.manifest.parameters.get("mode", "open_loop") == "open_loop"
            and run.manifest.parameters.get("role") in (None, "held_out")
            and (run.folder / "requests.parquet").is_file()
        ]

    def replay_of(self, run: Run) -> Run | None:
        """The newest simulation that was fed what the load test sent."""
        replays = self.simulations("replay")
        return next(
            (r for r in reversed(replays) if r.manifest.parameters.get("replay_of") == run.manifest.run_id), None
        )


@dataclass(frozen=True)
class Day:
    """The model's whole day."""

    run: Run
    summary: list[OperationRow]
    stations: list[StationRow]
    caches: list[CacheRow]
    breakdown: Breakdown | None
    hours: Hours | None
    checks: list[Check]


@dataclass(frozen=True)
class Material:
    """Everything a report shows, read and validated; what the study lacks is `None` or empty.

    ``calibrated_by`` names the windows that the parameters of any of the study's calibrations are from.
    """

    design: Design
    study: Study
    day: Day | None
    capacity: Capacity | None
    capacity_reference: Capacity | None
    curve: Curve | None
    sweep: CacheSweep | None
    calibration: Calibration | None
    searched: tuple[Answers, ...] = ()
    calibrated_by: tuple[str, ...] = ()


def deployment_of(run: Run) -> Deployment:
    """What a simulation modelled: the whole design, or the one machine that is load-tested."""
    said = run.manifest.parameters
    return "reference" if str(said.get("deployment", said.get("scope", ""))).startswith("reference") else "design"


def choose_study(slug: str, study: str | None = None, runs: Path | None = None) -> Study:
    """The study asked for, else the newest study of the design, else its runs outside of any study.

    ``study`` = `NO_STUDY` asks for the runs outside of any. Raises `InvalidInput` for an unknown design or study, and
    for a design without a run.
    """
    found = find_runs(design=slug, runs=runs)
    if not found:
        if slug not in slugs():
            raise InvalidInput("design", slug, f"no such design; there are {', '.join(slugs()) or 'none'}")
        raise InvalidInput("design", slug, "has no runs to report; `./lab run` or `./lab simulate` makes some")
    named = [run for run in found if run.manifest.study]
    loose = tuple(_newest_of_each(run for run in found if not run.manifest.study))
    if study == NO_STUDY or (study is None and not named):
        if not loose:
            raise InvalidInput("--study", study, f"{slug} has no run outside of a study")
        return Study(slug, None, loose)
    wanted = study or named[-1].manifest.study
    chosen = tuple(run for run in named if run.manifest.study == wanted)
    if not chosen:
        known = sorted({str(run.manifest.study) for run in named})
        raise InvalidInput("--study", study, f"{slug} has no such study; it has {', '.join(known) or 'none'}")
    return Study(slug, wanted, chosen)


def read_study(study: Study) -> Material:
    """Read every file of a study that a report shows. Raises `InvalidInput` for one that breaks its type."""
    calibrations = _calibrations(study)
    return Material(
        design=_design(study),
        study=study,
        day=_day(study.newest("day", "design")),
        capacity=_read(study.newest("capacity", "design"), "capacity", Capacity),
        capacity_reference=_read(study.newest("capacity", "reference"), "capacity", Capacity),
        curve=_read(_curve(study), "curve", Curve),
        sweep=_read(study.newest("cache_sweep"), "sweep", CacheSweep),
        calibration=calibrations[-1] if calibrations else None,
        searched=_searches(study),
        calibrated_by=tuple(run_id for calibration in calibrations for run_id in calibration.run_ids),
    )


def _newest_of_each(runs: Iterable[Run]) -> list[Run]:
    newest: dict[tuple[Any, ...], Run] = {}
    for run in runs:
        said = run.manifest.parameters
        key = (run.manifest.kind, *(str(said.get(k)) for k in _TELLING))
        newest.pop(key, None)
        newest[key] = run
    return list(newest.values())


def _design(study: Study) -> Design:
    """The design as the runs had it: with the day's overrides, else those of the newest run.

    A run folder may hold the design.toml it was made from; else the repository's is read.
    """
    leading = study.newest("day", "design") or study.runs[-1]
    kept = leading.folder / "design.toml"
    return load_design(study.slug, leading.manifest.overrides, kept if kept.is_file() else None)


def _day(run: Run | None) -> Day | None:
    if run is None:
        return None
    return Day(
        run=run,
        summary=files.read(run, "summary", list[OperationRow]) or [],
        stations=files.read(run, "stations", list[StationRow]) or [],
        caches=files.read(run, "caches", list[CacheRow]) or [],
        breakdown=files.read(run, "breakdown", Breakdown),
        hours=files.read(run, "hours", Hours),
        checks=files.read(run, "checks", list[Check]) or [],
    )


def _calibrations(study: Study) -> list[Calibration]:
    folders = [run.folder / "calibration.toml" for run in study.runs if run.manifest.kind == "calibration"]
    return [Calibration.load(path) for path in folders if path.is_file()]


def _curve(study: Study) -> Run | None:
    """The model's latency curve on the reference deployment; of several that of the first search, which was before the
    loads that stand beside it."""
    found = [run for run in study.simulations("latency_curve") if deployment_of(run) == "reference"]
    return min(reversed(found), key=lambda run: str(run.manifest.parameters.get("search")), default=None)


def _searches(study: Study) -> tuple[Answers, ...]:
    """Each search on the running service with what the model said, asked the same; or asked as none of them was."""
    asked = {
        found.as_searched.search if found.as_searched else None: found.rate_rps
        for run in study.simulations("capacity")
        if deployment_of(run) == "reference" and (found := _read(run, "capacity", Capacity))
    }
    return tuple(
        Answers(search.rate_rps, asked.get(run.manifest.run_id, asked.get(None)))
        for run in study.searches()
        if (search := _read(run, "saturation", Searched))
    )


def _read(run: Run | None, name: str, shape: type[files.T]) -> files.T | None:
    return files.read(run, name, shape) if run else None
