"""``lab prove``: both engines against each other, against theory and against other people's programs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sdlab.progress import progress_bar
from sdlab.runs import to_json
from simulations.proof import ciw_cases, network_cases, station_cases, tables
from simulations.proof.ciw_cases import Comparison
from simulations.proof.equality import Tally, shrunk, tally
from simulations.proof.evidence import Finding

app = typer.Typer(add_completion=False)

NOT_SPACED = 1_000_000
"""How many examples lie between those of two seeds of the command."""


@app.command()
def prove(
    examples: Annotated[int, typer.Option(min=0, help="Generated models to run on both engines.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds make other models.")] = 1,
    theory: Annotated[bool, typer.Option(help="Closed forms.")] = True,
    peers: Annotated[bool, typer.Option(help="Other people's programs, those that are installed.")] = True,
    json: Annotated[Path | None, typer.Option(help="Write all of it to this file.")] = None,
    save: Annotated[Path, typer.Option(help="Where a model goes in which the engines differ, made small.")] = Path(
        "differing-model.txt"
    ),
) -> None:
    """Prove the engines: generated models, theory, other programs. Exit code 1 if the engines differ in anything."""
    console = Console(highlight=False)
    equality = _equality(console, examples, seed)
    findings = _theory(console) if theory else []
    comparisons = _peers(console) if peers else []
    if json is not None:
        json.write_text(to_json(_content(equality, findings, comparisons)) + "\n", encoding="utf-8")
    if equality.differing:
        one, found = equality.differing[0]
        console.print(f"[red]The engines differ[/]: {'; '.join(found)}. Making the first such model small ...")
        small = shrunk(one)
        save.write_text(f"# {'; '.join(found)}\n{small}\n", encoding="utf-8")
        console.print(f"It is in {save}.")
        raise typer.Exit(1)


def _equality(console: Console, examples: int, seed: int) -> Tally:
    so_far = Tally()
    with progress_bar("models", examples, quiet=False) as advance:
        for so_far in tally(range(seed * NOT_SPACED, seed * NOT_SPACED + examples)):
            advance(so_far.models)
    tables.show_equality(console, so_far)
    return so_far


def _theory(console: Console) -> list[Finding]:
    cases = [*station_cases.cases(), *network_cases.cases()]
    findings = []
    with progress_bar("closed forms", len(cases), quiet=False) as advance:
        for case in cases:
            findings.append(case.find())
            advance(len(findings))
    tables.show_theory(console, findings)
    return findings


def _peers(console: Console) -> list[Comparison]:
    if importlib.util.find_spec("ciw") is None:
        console.print("Ciw is not installed: nothing to compare with.", style="yellow")
        return []
    comparisons = []
    cases = ciw_cases.cases()
    with progress_bar("Ciw", len(cases), quiet=False) as advance:
        for case in cases:
            comparisons.append(case.compare())
            advance(len(comparisons))
    tables.show_peers(console, comparisons)
    return comparisons


def _content(equality: Tally, findings: list[Finding], comparisons: list[Comparison]) -> dict[str, Any]:
    return {
        "equality": equality.as_dict(),
        "theory": [finding.as_dict() for finding in findings],
        "other_programs": [comparison.as_dict() for comparison in comparisons],
    }
