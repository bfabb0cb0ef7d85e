"""The command that draws a design's model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from sdlab import catalog
from sdlab.calibration import Calibration
from sdlab.errors import InvalidInput
from sdlab.invocation import shown_path
from sdlab.spec import Design
from simulations import rates, scenario
from simulations.drawing.picture import draw as draw_model
from simulations.drawing.usage import Usage
from simulations.model import Model
from simulations.options import CalibrationChoice, DeploymentChoice, RunsFolder, Seed, Set, Slug, deployment_named
from simulations.scenario import Deployment

app = typer.Typer(add_completion=False)

REQUESTS = 50_000
"""How many requests the short run has: a second or less, and utilisations good to some percent."""
SUFFIXES = (".svg", ".png")


@app.command()
def draw(
    slug: Slug,
    overrides: Set = None,
    out: Annotated[Path | None, typer.Option(help="FILE.svg or FILE.png; default: SLUG.svg here.")] = None,
    flow: Annotated[str | None, typer.Option(help="Only this flow, and what it starts.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests/s of the short run; default: the design's peak.")] = None,
    folder: Annotated[Path | None, typer.Option("--run", help="A run folder that says how busy each part was.")] = None,
    no_run: Annotated[bool, typer.Option("--no-run", help="Only the topology: run nothing.")] = False,
    seed: Seed = 1,
    deployment: DeploymentChoice = "design",
    calibration: CalibrationChoice = None,
    runs_folder: RunsFolder = None,
) -> None:
    """Draw a design's model: stations, pools, caches and flows, how busy each part is, and the busiest."""
    target = out or Path(f"{slug}.svg")
    if target.suffix not in SUFFIXES:
        raise InvalidInput("--out", str(target), f"must end in {' or '.join(SUFFIXES)}")
    if folder is not None and (rate is not None or no_run):
        raise InvalidInput("--run", str(folder), "goes with neither --rate nor --no-run")
    if rate is not None and no_run:
        raise InvalidInput("--rate", rate, "does not go with --no-run")
    design = catalog.load_design(slug, overrides or [])
    measured = scenario.load_calibration(slug, calibration, runs_folder)
    kind = deployment_named(deployment)
    if folder is not None or no_run:
        model = scenario.build_model(design, measured, kind, np.empty(0, dtype=np.int64))
        usage = Usage.of_folder(folder) if folder is not None else None
    else:
        model, usage = _short_run(design, measured, seed, kind, rate or design.workload.peak_rate_rps)
    picture = draw_model(model, usage, flow)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(picture.png() if target.suffix == ".png" else picture.svg().encode())
    except OSError as error:
        raise InvalidInput("--out", str(target), f"cannot be written: {error.strerror}") from None
    console = Console(highlight=False)
    console.print(picture.answer, soft_wrap=True)
    console.print(f"drawn: {shown_path(target)}", style="dim", soft_wrap=True)


def _short_run(
    design: Design, calibration: Calibration | None, seed: int, deployment: Deployment, rate_rps: float
) -> tuple[Model, Usage]:
    if not rate_rps > 0:
        raise InvalidInput("--rate", rate_rps, "must be above 0")
    chosen, path = rates.at_rate(design, calibration, seed, deployment, rate_rps, REQUESTS)
    return chosen.model, Usage.of_path(path, f"at {rate_rps:,.4g} requests/s")
