"""The command that searches: capacity."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sdlab import catalog, runs
from sdlab.invocation import command_line, shown_path
from sdlab.progress import progress_bar
from simulations import present, rates, scenario
from simulations.executor import bytes_of_a_run, open_pool
from simulations.options import (
    CalibrationChoice,
    DeploymentChoice,
    Json,
    On,
    RunsFolder,
    Seed,
    Set,
    Slug,
    Study,
    Workers,
    deployment_named,
)
from simulations.searched import find

app = typer.Typer(add_completion=False)


@app.command()
def capacity(
    slug: Slug,
    overrides: Set = None,
    seed: Seed = 1,
    precision: Annotated[float, typer.Option(min=0.001, max=0.2, help="Relative width of the last bracket.")] = 0.01,
    requests: Annotated[int, typer.Option(min=10_000, help="Requests a probe.")] = 300_000,
    deployment: DeploymentChoice = "design",
    workers: Workers = None,
    on: On = None,
    calibration: CalibrationChoice = None,
    study: Study = None,
    search: Annotated[
        int | None, typer.Option(help="The study's `lab saturate` to be asked as, from 1 on; else the newest.")
    ] = None,
    runs_folder: RunsFolder = None,
    as_json: Json = False,
) -> None:
    """Search the highest rate at which the model meets every SLO, and name the first station to saturate.

    The reference deployment is asked what the study's `lab saturate` asked of the running service, if there was one:
    for the same keys, with the cache warm, at the speed that the API's core had then.
    """
    design = catalog.load_design(slug, overrides or [])
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    kind = deployment_named(deployment)
    asked = find(slug, study, runs_folder, search) if kind == "reference" else None
    observe = partial(rates.observe, design, measured, seed, kind, requests, searched=asked)
    with (
        open_pool(observe, on=on, workers=workers, bytes_each=bytes_of_a_run(requests)) as pool,
        progress_bar("probing", None, quiet=as_json) as advance,
    ):
        found = rates.design_capacity(design, measured, seed, kind, precision, requests, advance, pool, asked)
        curve = rates.latency_curve(design, measured, seed, kind, found["rate_rps"], requests, advance, pool, asked)

    def save(mode: str, file: str, content: dict[str, Any]) -> Path:
        parameters = {
            "mode": mode,
            "deployment": kind,
            "requests": requests,
            "calibration": found["calibration"],
            "search": asked.run_id if asked else None,
        }
        return _save(slug, seed, study, overrides, runs_folder, parameters, file, content)

    save("latency_curve", "curve", curve)
    folder = save("capacity", "capacity", found)
    if as_json:
        print(runs.to_json({"run": shown_path(folder), **found}))
        return
    console = Console(highlight=False)
    present.show_capacity(console, design, found)
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
