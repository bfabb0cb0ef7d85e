"""The command ``lab bench``: speed, as ratios from one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.engines import compare, figures, present
from benchmarks.engines.suite import PARTS, Plan
from sdlab.errors import InvalidInput
from sdlab.invocation import shown_path
from sdlab.progress import progress_bar
from sdlab.runs import to_json

app = typer.Typer(add_completion=False)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all of it to this file, figures beside it.")]
Quick = Annotated[bool, typer.Option(help="Little of everything, in seconds: to see that it works.")]
Repeats = Annotated[int, typer.Option(min=1, max=99, help="Measurements of each; the fastest counts.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the first repeat; the next ones follow.")]


@app.callback()
def bench() -> None:
    """Measure the lab's own speed. Seconds belong to the machine: compare the ratios."""


@app.command()
def engines(
    json_file: JsonFile = None,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(PARTS)}; may be repeated.")] = None,
    quick: Quick = False,
    repeats: Repeats = 5,
    seed: Seed = 1,
) -> None:
    """Our simulation engines against SimPy, Ciw and Cimba, how their time grows, and where it goes.

    Exit code 1 if an engine does not compute what SimPy computes.
    """
    _run(Plan(only or [], quick=quick, repeats=repeats, seed=seed), json_file)


@app.command()
def profile(json_file: JsonFile = None, quick: Quick = False, repeats: Repeats = 5, seed: Seed = 1) -> None:
    """Where a request's nanoseconds go in the compiled engine: one ingredient added at a time."""
    _run(Plan(["profile"], quick=quick, repeats=repeats, seed=seed), json_file)


def _run(plan: Plan, json_file: Path | None) -> None:
    if json_file is not None and not json_file.resolve().parent.is_dir():
        raise InvalidInput("--json", str(json_file), "must be a file in a folder that exists")
    with progress_bar("measuring", plan.measurements) as advance:
        document: dict[str, Any] = plan.run(advance)
    console = Console(highlight=False)
    present.show(console, document)
    if json_file is not None:
        json_file.write_text(to_json(document) + "\n")
        files = [json_file, *figures.draw(document, json_file.parent, json_file.stem)]
        console.print(f"\nwritten: {', '.join(shown_path(file) for file in files)}", style="dim", soft_wrap=True)
    if wrong := compare.disagreements(document.get("engines", [])):
        for sentence in wrong:
            Console(stderr=True, soft_wrap=True).print(f"lab bench: {sentence}", style="red", markup=False)
        raise typer.Exit(1)
