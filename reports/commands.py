"""``lab report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from reports import render
from reports.build import build, measured_loads
from reports.collect import NO_STUDY, choose_study, read_study
from reports.document import Report
from reports.verdict import Verdict
from sdlab.catalog import ROOT, slugs
from sdlab.errors import InvalidInput
from sdlab.invocation import shown_path
from sdlab.runs import RUNS, find_runs

PUBLISHED = ROOT / "reports" / "published"

app = typer.Typer(add_completion=False)


def make_report(slug: str, study: str | None = None, runs: Path | None = None) -> tuple[Report, Verdict]:
    """The report of one design and its verdict as data. Raises `InvalidInput` if there is nothing to report."""
    chosen = choose_study(slug, study, runs)
    return build(read_study(chosen), measured_loads(chosen))


@app.command()
def report(
    design: Annotated[list[str] | None, typer.Argument(help="Designs; all that have runs if none is named.")] = None,
    study: Annotated[
        str | None,
        typer.Option(help=f"A study other than the newest; '{NO_STUDY}' for runs made outside of any.", metavar="ID"),
    ] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder of run folders.", show_default="reports/runs")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pages.", show_default="RUNS/site")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Write to reports/published, to be committed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as data.")] = False,
) -> None:
    """Render run folders to pages: HTML, Markdown and figures, with an index.

    Reads run folders only. Rendering again gives the same files.
    """
    if publish and out:
        raise InvalidInput("--out", str(out), "cannot be given with --publish, which writes to reports/published")
    if runs is not None and not runs.is_dir():
        raise InvalidInput("--runs", str(runs), "is no folder")
    wanted = list(dict.fromkeys(design or [])) or _with_runs(runs)
    folder = PUBLISHED if publish else out or (runs or RUNS) / "site"
    with Console(stderr=True).status("Reading runs") as status:
        made = []
        for slug in wanted:
            status.update(f"Reading the runs of {slug}")
            made.append(make_report(slug, study, runs))
        status.update("Writing pages")
        _write(made, folder)
    if as_json:
        print(
            json.dumps(
                {
                    one.slug: {**verdict.as_dict(), "page": shown_path(folder / f"{one.slug}.html")}
                    for one, verdict in made
                },
                indent=1,
            )
        )
        return
    console = Console(soft_wrap=True, highlight=False)
    for one, _ in made:
        console.print(f"{one.title}: {one.verdict}", markup=False)
        console.print(f"Report: {shown_path(folder / f'{one.slug}.html')}", markup=False)


def _with_runs(runs: Path | None) -> list[str]:
    found = {run.manifest.design for run in find_runs(runs=runs)}
    known = [slug for slug in slugs() if slug in found]
    if not known:
        raise InvalidInput("--runs", str(runs or "reports/runs"), "holds no runs to report; `./lab run` makes some")
    return known


def _write(made: list[tuple[Report, Verdict]], folder: Path) -> None:
    try:
        render.write(made, folder)
    except OSError as error:
        raise InvalidInput("--out", str(folder), f"cannot be written: {error.strerror}") from None
