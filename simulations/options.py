"""The options that several commands of the simulation share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdlab.errors import InvalidInput
from simulations.scenario import Deployment

Slug = Annotated[str, typer.Argument(help="The design, as `lab list` names it.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Change a number: workload.requests_per_day=1e9.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
CalibrationChoice = Annotated[
    str | None,
    typer.Option("--calibration", help="A calibration.toml, study:ID or assumed; default: the design's own."),
]
Study = Annotated[str | None, typer.Option(help="Name of the study the run belongs to.")]
RunsFolder = Annotated[Path | None, typer.Option("--runs", help="Folder for run folders; default reports/runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DeploymentChoice = Annotated[
    str, typer.Option("--deployment", help="design: its topology; reference: what runs on one machine.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processes at once; default: one a core, if memory allows.")
]
On = Annotated[str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:PORT, to run on its workers.")]


def deployment_named(name: str) -> Deployment:
    """Raises `InvalidInput` for a name that is neither."""
    if name == "design":
        return "design"
    if name == "reference":
        return "reference"
    raise InvalidInput("--deployment", name, "must be design or reference")
