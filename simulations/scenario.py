"""What to simulate: a design (or what runs on one machine), under a day, a steady rate, a log or a recorded run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sdlab import catalog, trace, workload
from sdlab.arrivals import FloatArray
from sdlab.calibration import Calibration
from sdlab.errors import InvalidInput
from sdlab.runs import Run, find_runs, replayed
from sdlab.spec import SECONDS_PER_DAY, Design
from sdlab.speed import Speeds
from sdlab.workload import Requests
from simulations.demands import suffix
from simulations.model import Model
from simulations.searched import Searched
from simulations.warm import keys_after_yesterday, last_distinct

Deployment = Literal["design", "reference"]

ASSUMED = "assumed"
OF_STUDY = "study:"

# Requests and their records take some 60 bytes each, in memory.
DAY_REQUESTS_MAX = 20_000_000

PACE_STEP = 0.05
"""Requests at paces within half of this are taken to be at the same."""

STREAM_REQUESTS = 10_000_000
"""A steady run of more than so many requests makes them as it goes, if it keeps histograms only."""


class Build(Protocol):
    """What ``simulations/<slug>/model.py`` offers."""

    def __call__(
        self,
        design: Design,
        calibration: Calibration | None,
        *,
        deployment: Deployment,
        cached_keys: NDArray[np.int64],
        paces: Sequence[float] = (1.0,),
        mean_pace: float = 1.0,
    ) -> Model: ...


@dataclass(frozen=True)
class Paces:
    """The paces that the API's work goes at, and their mean over the requests."""

    each: tuple[float, ...] = (1.0,)
    mean: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """A model and the requests it gets. ``parameters`` go into the run's manifest.

    ``hour_s`` is how long an hour of the simulated day lasts; None if it is not about a day. If there are too many
    requests to hold, ``chunks`` makes them as the run goes, about ``expected`` in all, and ``requests`` are the first.
    ``as_run`` are the same requests by the names that the model knows them by, where those differ.
    """

    design: Design
    model: Model
    requests: Requests
    duration_s: float
    hour_s: float | None = field(default=None, kw_only=True)
    chunks: Callable[[], Iterator[Requests]] | None = field(default=None, kw_only=True)
    expected: int = field(default=0, kw_only=True)
    as_run: Requests | None = field(default=None, kw_only=True)
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def to_run(self) -> Requests:
        """The requests by the names that the model knows them by."""
        return self.requests if self.as_run is None else self.as_run


def first_requests(scenario: Scenario, count: int | None) -> Scenario:
    """Only the first ``count`` requests of it (all of them if None, or if they are made in chunks)."""
    if scenario.chunks is not None or count is None or count >= len(scenario.requests):
        return scenario
    cut = scenario.requests.take(slice(0, count))
    return replace(scenario, requests=cut, duration_s=cut.duration_s)


def with_model(scenario: Scenario, name: str, model: Model) -> Scenario:
    """Another model under the same requests; ``name`` is what the manifest calls it."""
    return replace(scenario, model=model, parameters={**scenario.parameters, "model": name})


def load_calibration(slug: str, choice: str | None, runs_folder: Path | None = None) -> Calibration | None:
    """The calibration in a file, of a study ("study:ID"), the design's own if it has one (None), none ("assumed").

    Of a study its last, which has the windows of all its blocks.
    """
    if choice == ASSUMED:
        return None
    own = catalog.design_folder(slug) / "calibration.toml"
    if choice is None:
        return Calibration.load(own) if own.is_file() else None
    if choice.startswith(OF_STUDY):
        study = choice.removeprefix(OF_STUDY)
        found = [run for run in find_runs(slug, "calibration", runs_folder) if run.manifest.study == study]
        if not found:
            raise InvalidInput("--calibration", choice, "that study has no calibration; `lab validate` makes one")
        return Calibration.load(found[-1].folder / "calibration.toml")
    calibration = Calibration.load(Path(choice))
    if calibration.design != slug:
        raise InvalidInput("--calibration", choice, f"is of the design {calibration.design}, not of {slug}")
    return calibration


def frozen_for(run: Run, choice: str | None, study: str | None, runs_folder: Path | None = None) -> Calibration | None:
    """The parameters to predict a load test with: those of ``choice`` if there is one, else those frozen before it.

    A load test that belongs to no block gets those of its study, else the design's own.
    """
    slug = run.manifest.design
    frozen = run.manifest.parameters.get("calibration_run_id")
    if choice is None and frozen is not None:
        return Calibration.load(run.folder.parent / str(frozen) / "calibration.toml")
    return load_calibration(slug, choice or (f"{OF_STUDY}{study}" if study else None), runs_folder)


def held_out(slug: str, study: str | None, runs_folder: Path | None = None) -> list[Run]:
    """The load tests of a study at rates that nothing was fitted to."""
    found = [
        run
        for run in find_runs(slug, "load_test", runs_folder)
        if run.manifest.study == study and run.manifest.parameters.get("role") == "held_out"
    ]
    if not found:
        raise InvalidInput("--study", study, "has no held-out load tests; `lab validate` makes some")
    return found


def build_model(
    design: Design,
    calibration: Calibration | None,
    deployment: Deployment,
    cached_keys: NDArray[np.int64],
    paces: Paces | None = None,
) -> Model:
    """The design's own model, found by its folder, with flows for each of the ``paces`` of the machine."""
    build: Build = catalog.load_part("simulations", design.slug, "model").build
    at = paces or Paces()
    return build(design, calibration, deployment=deployment, cached_keys=cached_keys, paces=at.each, mean_pace=at.mean)


def source_of(calibration: Calibration | None) -> str:
    """The digest of the calibration, or "assumed"."""
    return calibration.digest if calibration else ASSUMED


def warm_cache(design: Design, deployment: Deployment, seed: int) -> NDArray[np.int64]:
    """What the caches hold at the start: yesterday's keys in the design, nothing on a fresh reference deployment."""
    sizes = [tier.capacity_entries for tier in design.topology.values() if tier.capacity_entries]
    if deployment == "reference" or not sizes:
        return np.empty(0, dtype=np.int64)
    return keys_after_yesterday(design.workload.popularity, max(sizes), seed)


def a_day(design: Design, calibration: Calibration | None, seed: int, deployment: Deployment = "design") -> Scenario:
    """The whole day along its curve, request by request.

    A day of more than `DAY_REQUESTS_MAX` requests is shortened to about so many: every rate of the day occurs for a
    time that is shorter in proportion.
    """
    model = build_model(design, calibration, deployment, warm_cache(design, deployment, seed))
    day_s = SECONDS_PER_DAY * min(1.0, DAY_REQUESTS_MAX / design.workload.requests_per_day)
    parameters = {"mode": "day", "deployment": deployment, "calibration": source_of(calibration), "day_s": day_s}
    return Scenario(design, model, workload.one_day(design, seed, day_s), day_s, parameters, hour_s=day_s / 24)


def steady(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    *,
    process: str,
    rate_rps: float,
    duration_s: float,
    deployment: Deployment = "design",
    searched: Searched | None = None,
) -> Scenario:
    """The design's mix at one rate; ``searched``: under the conditions of a search on the running service."""
    keys = design.test_data.links if deployment == "reference" else None
    warm = warm_cache(design, deployment, seed)
    if searched is not None:
        keys, warm = searched.keys, np.arange(searched.keys, dtype=np.int64)[::-1]
    requests = workload.steady(design, process, rate_rps, duration_s, seed, keys)
    speeds = searched.speeds if searched is not None else None
    recorded_s = requests.arrival_s % searched.probed_s if searched is not None and speeds else requests.arrival_s
    paces, as_run = _at_paces(requests, recorded_s, speeds, calibration, seed)
    model = build_model(design, calibration, deployment, warm, paces)
    parameters = {
        "mode": "steady",
        "deployment": deployment,
        "calibration": source_of(calibration),
        "arrival": process,
        "rate_rps": rate_rps,
        "duration_s": duration_s,
    }
    return Scenario(design, model, requests, duration_s, parameters, as_run=as_run)


def steady_stream(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    *,
    rate_rps: float,
    duration_s: float,
    most: int | None = None,
    deployment: Deployment = "design",
) -> Scenario:
    """The design's mix at one Poisson rate, at most ``most`` requests of it, made as the run goes."""
    keys = design.test_data.links if deployment == "reference" else None
    chunks = partial(workload.steady_chunks, design, rate_rps, duration_s, seed, keys, most=most)
    first = next(chunks(), None)
    if first is None:
        raise InvalidInput("duration", duration_s, f"too short for one arrival at {rate_rps:g} requests/s")
    expected = int(rate_rps * duration_s)
    if most is not None and most < expected:
        expected, duration_s = most, most / rate_rps
    model = build_model(design, calibration, deployment, warm_cache(design, deployment, seed))
    parameters = {
        "mode": "steady",
        "deployment": deployment,
        "calibration": source_of(calibration),
        "arrival": "poisson",
        "rate_rps": rate_rps,
        "duration_s": duration_s,
    }
    return Scenario(design, model, first, duration_s, parameters, chunks=chunks, expected=expected)


def a_trace(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    *,
    file: Path,
    speed: float,
    deployment: Deployment = "design",
) -> Scenario:
    """A real access log's arrival times and popularity of paths; ``parameters["account"]`` accounts for its lines."""
    read = trace.read(file, design, speed=speed, seed=seed)
    model = build_model(design, calibration, deployment, np.empty(0, dtype=np.int64))
    parameters = {
        "mode": "trace",
        "deployment": deployment,
        "calibration": source_of(calibration),
        "trace": file.name,
        "speed": speed,
        "account": read.describe(),
    }
    return Scenario(design, model, read.requests, read.log_s / speed, parameters)


def a_replay(design: Design, calibration: Calibration | None, run: Run, seed: int = 0) -> Scenario:
    """What a load test really sent, when it sent it, against the model of what it was sent to.

    The cache starts with the keys that earlier runs on the same service had already asked for. ``seed`` draws what the
    speed of the API's work did that was not recorded.
    """
    if run.manifest.kind != "load_test":
        raise InvalidInput("runs", run.manifest.run_id, f"is a {run.manifest.kind}, not a load test")
    earlier = [
        Run.load(run.folder.parent / run_id).requests()
        for run_id in run.manifest.parameters.get("preceding_run_ids", [])
    ]
    asked = np.concatenate([np.empty(0, dtype=np.int64), *(replayed(table).key for table in earlier)])
    requests = replayed(run.requests())
    speeds = Speeds.of(run.json("resources")) if run.has("resources") else None
    seed += run.manifest.seed
    paces, as_run = _at_paces(requests, requests.arrival_s, speeds, calibration, seed)
    warm = last_distinct(asked[asked >= 0], asked.size)
    model = build_model(design, calibration, "reference", warm, paces)
    parameters = {
        "mode": "replay",
        "deployment": "reference",
        "calibration": source_of(calibration),
        "replay_of": run.manifest.run_id,
        "rate_rps": run.manifest.parameters.get("rate_rps"),
        "role": run.manifest.parameters.get("role"),
    }
    return Scenario(design, model, requests, requests.duration_s, parameters=parameters, as_run=as_run)


def _at_paces(
    requests: Requests, recorded_s: FloatArray, speeds: Speeds | None, calibration: Calibration | None, seed: int
) -> tuple[Paces, Requests | None]:
    """The paces that the API's work went at, in steps of `PACE_STEP`, and the requests as flows at the pace of their
    moments, which are ``recorded_s`` on the clock of ``speeds``; pace 1 and None if that is not known."""
    if speeds is None or calibration is None or calibration.pace is None:
        return Paces(), None
    pace = calibration.pace
    steps = np.round(pace.when(speeds.around(recorded_s)) * pace.unexplained(requests.arrival_s, seed) / PACE_STEP)
    each, index = np.unique(np.maximum(steps, 1), return_inverse=True)
    paces = tuple((each * PACE_STEP).round(2).tolist())
    names = requests.operations
    return Paces(paces, float(steps.mean() * PACE_STEP)), replace(
        requests,
        operation=(requests.operation + len(names) * index).astype(np.int16),
        operations=tuple(name + suffix(one) for one in paces for name in names),
    )
