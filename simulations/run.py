"""One simulated run: the scenario through an engine, its results as plain data, and its run folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdlab import runs
from sdlab.invocation import command_line
from sdlab.progress import progress_bar
from simulations import results
from simulations.checks import check
from simulations.engines import simulate
from simulations.sample_path import SamplePath
from simulations.scenario import Scenario


@dataclass(frozen=True)
class Simulated:
    """A scenario that has been run. ``content`` is what it says: each entry is one JSON file of the run folder."""

    scenario: Scenario
    path: SamplePath
    content: dict[str, Any]
    seed: int
    engine: str
    took_s: float


def run(scenario: Scenario, seed: int, engine: str, *, quiet: bool) -> Simulated:
    """Run a scenario with a progress bar (none if ``quiet``). Spans are kept for a replay, hours for a day."""
    mode = scenario.parameters["mode"]
    began_s = time.perf_counter()
    with progress_bar("simulating", len(scenario.requests), quiet=quiet) as advance:
        path = simulate(
            scenario.model,
            scenario.requests,
            seed,
            engine=engine,
            record_spans=mode == "replay",
            bin_s=scenario.hour_s,
            progress=lambda done, _: advance(done),
        )
    took_s = time.perf_counter() - began_s
    return Simulated(scenario, path, _content(scenario, path), seed, engine, took_s)


def _content(scenario: Scenario, path: SamplePath) -> dict[str, Any]:
    requests = scenario.requests
    content: dict[str, Any] = {
        "summary": [row.as_dict() for row in results.summary(requests, path, scenario.duration_s)],
        "stations": results.stations(path),
        "caches": results.caches(path, scenario.model.caches),
        "breakdown": results.breakdown(requests, path),
        "checks": [row.as_dict() for row in check(path)],
    }
    if scenario.hour_s is not None:
        content["hours"] = results.hours(requests, path, scenario.hour_s)
    content["slo"] = results.slo_rows(scenario.design, content["summary"], content.get("hours"))
    return content


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
        parameters={**scenario.parameters, "engine": simulated.engine, "requests": len(scenario.requests)},
        runs=runs_folder,
    ) as writer:
        for name, part in simulated.content.items():
            writer.write_json(name, part)
        if scenario.parameters["mode"] != "day":  # ten million rows help nobody; the hours do
            writer.write_requests(results.records(scenario.requests, simulated.path))
    return runs.Run(writer.folder, writer.manifest)
