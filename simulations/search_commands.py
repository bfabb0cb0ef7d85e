"""The commands that run a model many times: capacity and sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sdlab import catalog, runs
from sdlab.invocation import command_line, shown_path
from sdlab.progress import progress_bar
from simulations import present, rates, scenario
from simulations import sweep as sweeping
from simulations.options import (
    CalibrationChoice,
    DeploymentChoice,
    Json,
    RunsFolder,
    Seed,
    Set,
    Slug,
    Study,
    deployment_named,
)

app = typer.Typer(add_completion=False)


@app.command()
def capacity(
    slug: Slug,
    overrides: Set = None,
    seed: Seed = 1,
    precision: Annotated[float, typer.Option(min=0.001, max=0.2, help="Relative width of the last bracket.")] = 0.01,
    requests: Annotated[int, typer.Option(min=10_000, help="Requests a probe.")] = 300_000,
    deployment: DeploymentChoice = "design",
    calibration: CalibrationChoice = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Search the highest rate at which the model meets every SLO, and name the first station to saturate."""
    design = catalog.load_design(slug, overrides or [])
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    kind = deployment_named(deployment)
    with progress_bar("probing", None, quiet=as_json) as advance:
        found = rates.design_capacity(design, measured, seed, kind, precision, requests, advance)
        curve = rates.latency_curve(design, measured, seed, kind, found["rate_rps"], requests, advance)

    def save(mode: str, file: str, content: dict[str, Any]) -> Path:
        parameters = {"mode": mode, "deployment": kind, "requests": requests, "calibration": found["calibration"]}
        return _save(slug, seed, study, overrides, runs_folder, parameters, file, content)

    save("latency_curve", "curve", curve)
    folder = save("capacity", "capacity", found)
    if as_json:
        print(runs.to_json({"run": shown_path(folder), **found}))
        return
    console = Console(highlight=False)
    present.show_capacity(console, design, found)
    console.print(f"run folder: {shown_path(folder)}", style="dim", soft_wrap=True)


@app.command()
def sweep(
    slug: Slug,
    over: Annotated[str, typer.Option(help="PATH=LOW:HIGH[:log][:POINTS], e.g. topology.api.workers=1:8.")],
    overrides: Set = None,
    seed: Seed = 1,
    requests: Annotated[int, typer.Option(min=10_000, help="Requests a point, at the design's peak rate.")] = 500_000,
    calibration: CalibrationChoice = None,
    study: Study = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Run the model at the design's peak for several values of one number, with common random numbers."""
    place, values = sweeping.parse_over(catalog.load_design(slug, overrides or []), over)
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    with progress_bar("sweeping", len(values), quiet=as_json) as advance:
        content = sweeping.sweep(slug, overrides or [], place, values, measured, seed, requests, advance)
    mode = "cache_sweep" if place.endswith(".capacity_entries") else "sweep"
    parameters = {"mode": mode, "over": over, "requests": requests, "calibration": content["calibration"]}
    folder = _save(slug, seed, study, overrides, runs_folder, parameters, "sweep", content)
    if as_json:
        print(runs.to_json({"run": shown_path(folder), **content}))
        return
    console = Console(highlight=False)
    present.show_sweep(console, place, content)
    console.print(f"run folder: {shown_path(folder)}", style="dim", soft_wrap=True)


def _save(
    slug: str,
    seed: int,
    study: str | None,
    overrides: list[str] | None,
    runs_folder: Path | None,
    parameters: dict[str, Any],
    file: str,
    content: dict[str, Any],
) -> Path:
    with runs.new_run(
        "simulation",
        slug,
        seed=seed,
        command=command_line(),
        study=study,
        overrides=overrides,
        parameters=parameters,
        runs=runs_folder,
    ) as run:
        run.write_json(file, content)
    return run.folder
