"""The command ``lab bench``: speed, as ratios from one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import cross_check
from benchmarks import generator as load_generator
from benchmarks.engines import compare, figures, present
from benchmarks.engines.suite import PARTS, Plan
from benchmarks.load.figures import draw_cross_check, draw_generator
from sdlab.errors import InvalidInput
from sdlab.invocation import shown_path
from sdlab.progress import progress_bar
from sdlab.runs import to_json

app = typer.Typer(add_completion=False)
Draw = Callable[[dict[str, Any], Path, str], list[Path]]

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all of it to this file, figures beside it.")]
Quick = Annotated[bool, typer.Option(help="Little of everything, in seconds: to see that it works.")]
Repeats = Annotated[int, typer.Option(min=1, max=99, help="Measurements of each.")]
Seconds = Annotated[float, typer.Option(min=0.5, max=60, help="Length of each measurement.")]
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


@app.command()
def generator(json_file: JsonFile = None, quick: Quick = False, repeats: Repeats = 3, seconds: Seconds = 4.0) -> None:
    """Our load generator against stock Locust: rate on one core, lateness below it, CPU at fixed rates."""
    _check(json_file)
    plan = load_generator.Plan(rounds=repeats, seconds=seconds, quick=quick)
    with progress_bar("measuring", plan.measurements) as advance:
        document = plan.run(advance)
    console = Console(highlight=False)
    load_generator.show(console, document)
    _write(console, document, json_file, draw_generator)


@app.command()
def crosscheck(
    json_file: JsonFile = None,
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(cross_check.CHECKS)}; may be repeated.")
    ] = None,
    repeats: Repeats = 5,
    seconds: Annotated[int, typer.Option(min=1, max=60, help="Length of each measurement.")] = 4,
) -> None:
    """Our load generator against wrk, autocannon and h2load on the same services: do they measure the same?

    The three are not part of the lab; what is missing is named with how to get it (exit code 3). Exit code 1 if a
    figure differs by more than its bound and twice the noise floor.
    """
    _check(json_file)
    plan = cross_check.Plan(only or [], repeats=repeats, seconds=seconds)
    with progress_bar("measuring", plan.measurements) as advance:
        document = plan.run(advance)
    console = Console(highlight=False)
    cross_check.show(console, document)
    _write(console, document, json_file, draw_cross_check)
    _tell(cross_check.disagreements(document))


def _tell(wrong: list[str]) -> None:
    """Each sentence on stderr, and exit code 1 if there is one."""
    for sentence in wrong:
        Console(stderr=True, soft_wrap=True).print(f"lab bench: {sentence}", style="red", markup=False)
    if wrong:
        raise typer.Exit(1)


def _check(json_file: Path | None) -> None:
    if json_file is not None and not json_file.resolve().parent.is_dir():
        raise InvalidInput("--json", str(json_file), "must be a file in a folder that exists")


def _write(console: Console, document: dict[str, Any], json_file: Path | None, draw: Draw) -> None:
    if json_file is None:
        return
    json_file.write_text(to_json(document) + "\n")
    files = [json_file, *draw(document, json_file.parent, json_file.stem)]
    console.print(f"\nwritten: {', '.join(shown_path(file) for file in files)}", style="dim", soft_wrap=True)


def _run(plan: Plan, json_file: Path | None) -> None:
    _check(json_file)
    with progress_bar("measuring", plan.measurements) as advance:
        document: dict[str, Any] = plan.run(advance)
    console = Console(highlight=False)
    present.show(console, document)
    _write(console, document, json_file, figures.draw)
    _tell(compare.disagreements(document.get("engines", [])))
