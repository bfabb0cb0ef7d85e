"""One simulated run: the scenario through an engine, its results as plain data, and its run folder."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sdlab import runs
from sdlab.errors import InvalidInput
from sdlab.invocation import command_line
from sdlab.progress import progress_bar
from sdlab.workload import Requests
from simulations import results
from simulations.checks import Check, check, everything_in_flight
from simulations.engines import simulate, simulate_stream
from simulations.records import reduced
from simulations.sample_path import SamplePath
from simulations.scenario import Scenario
from simulations.series import STEPS_MAX, as_json, flat
from simulations.steady_state import steady_state

RECORDS = ("all", "histograms")

STATIONARY = ("constant", "poisson", "mmpp")
"""The arrival processes whose law does not change during a run."""


@dataclass(frozen=True)
class Recording:
    """What a run keeps: every request's record or histograms; a time series at a step; each request's spans."""

    step_s: float | None = None
    spans: bool = False
    records: str = "all"

    def __post_init__(self) -> None:
        if self.records not in RECORDS:
            raise InvalidInput("--records", self.records, f"must be one of {', '.join(RECORDS)}")
        if self.spans and self.records == "histograms":
            raise InvalidInput("--spans", True, "goes with --records all only: a histogram has no spans")

    def bin_s(self, scenario: Scenario) -> float | None:
        """The length of the bins to record: the step, fitted into the hours of a day; None for no bins.

        Raises `InvalidInput` for a step that is not a time, or so short that there would be too many.
        """
        if self.step_s is None:
            return scenario.hour_s
        if not (math.isfinite(self.step_s) and self.step_s > 0):
            raise InvalidInput("--step", self.step_s, "must be a finite number of seconds above 0")
        least_s = scenario.duration_s / STEPS_MAX
        if self.step_s < least_s:
            raise InvalidInput("--step", self.step_s, f"must be at least {least_s:.3g} s: {STEPS_MAX:,} steps a run")
        if scenario.hour_s is None:
            return self.step_s
        return scenario.hour_s / max(1, round(scenario.hour_s / self.step_s))


@dataclass(frozen=True)
class Simulated:
    """A scenario that has been run. ``content`` is what it says: each entry is one JSON file of the run folder.

    ``requests`` has a row for each of the path's, ``series`` is there if a step was asked for.
    """

    scenario: Scenario
    requests: Requests
    path: SamplePath
    content: dict[str, Any]
    series: pd.DataFrame | None
    seed: int
    engine: str
    took_s: float

    def as_json(self) -> dict[str, Any]:
        """The content and the series."""
        return {**self.content, **({} if self.series is None else {"series": as_json(self.series)})}


DEFAULT = Recording()


def run(scenario: Scenario, seed: int, engine: str, *, quiet: bool, recording: Recording = DEFAULT) -> Simulated:
    """Run a scenario with a progress bar (none if ``quiet``). Spans are kept for a replay too, hours for a day."""
    bin_s = recording.bin_s(scenario)
    stream = _streamed(scenario, engine, recording)
    began_s = time.perf_counter()
    with progress_bar("simulating", scenario.expected or len(scenario.requests), quiet=quiet) as advance:
        if stream is not None:
            path = simulate_stream(scenario.model, stream, seed, lambda done, _: advance(done), bin_s=bin_s)
        else:
            path = simulate(
                scenario.model,
                scenario.to_run,
                seed,
                engine=engine,
                record_spans=recording.spans or scenario.parameters["mode"] == "replay",
                bin_s=bin_s,
                progress=lambda done, _: advance(done),
            )
    took_s = time.perf_counter() - began_s
    requests = results.requests_of(scenario.requests, path, scenario.model)
    checks = check(path)
    if path.bins is not None and path.histograms is None:
        checks.append(everything_in_flight(path, len(scenario.model.queues)))
    if recording.records == "histograms" and stream is None:
        path = reduced(requests, path)
    series = None if recording.step_s is None else results.series(requests, path)
    content = _content(scenario, requests, path, checks)
    return Simulated(scenario, requests, path, content, series, seed, engine, took_s)


def _streamed(scenario: Scenario, engine: str, recording: Recording) -> Iterable[Requests] | None:
    """The requests in pieces, if they are to be run so, as only the compiled engine does."""
    fits = engine == "compiled" and recording.records == "histograms"
    if scenario.chunks is not None:
        if not fits:
            raise InvalidInput("chunks", "requests in chunks", "go with --records histograms and --engine compiled")
        return scenario.chunks()
    return [scenario.requests] if fits else None


def _content(scenario: Scenario, requests: Requests, path: SamplePath, checks: list[Check]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "summary": [row.as_dict() for row in results.summary(requests, path, scenario.duration_s)],
        "outcomes": results.outcomes(requests, path),
        "stations": results.stations(path),
        "caches": results.caches(path, scenario.model.caches),
        "guards": results.guards(path, scenario.model),
        "breakdown": results.breakdown(requests, path, {pool.name for pool in scenario.model.pools}),
        "checks": [row.as_dict() for row in checks],
    }
    if scenario.hour_s is not None:
        content["hours"] = results.hours(requests, path, scenario.hour_s)
    if path.histograms is None and is_stationary(scenario):
        content["steady_state"] = steady_state(requests, path)
    content["slo"] = results.slo_rows(scenario.design, content["summary"], content.get("hours"))
    return content


def is_stationary(scenario: Scenario) -> bool:
    """Whether a steady state can be asked for: one rate throughout, not a day, a log or a crowd."""
    process = str(scenario.parameters.get("arrival", "")).partition(":")[0]
    return scenario.parameters["mode"] == "steady" and process in STATIONARY


def save(simulated: Simulated, *, overrides: list[str] | None, study: str | None, runs_folder: Path | None) -> runs.Run:
    """Write the run folder."""
    scenario = simulated.scenario
    with runs.new_run(
        "simulation",
        scenario.design.slug,
        seed=simulated.seed,
        command=command_line(),
        study=study,
        overrides=overrides,
        parameters={
            **scenario.parameters,
            "engine": simulated.engine,
            "requests": simulated.content["summary"][0]["requests"],
        },
        runs=runs_folder,
    ) as writer:
        for name, part in simulated.content.items():
            writer.write_json(name, part)
        # Ten million rows of a day help nobody; the hours do.
        if scenario.parameters["mode"] != "day" and simulated.path.histograms is None:
            writer.write_requests(results.records(simulated.requests, simulated.path))
        if simulated.series is not None:
            flat(simulated.series).to_parquet(writer.folder / "series.parquet", compression="zstd", index=False)
    return runs.Run(writer.folder, writer.manifest)
