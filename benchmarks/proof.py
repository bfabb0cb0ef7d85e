"""``lab prove``: both engines against each other, against theory and against other people's programs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from benchmarks import cache_policies
from benchmarks.cache_policies import Compared
from sdlab.progress import progress_bar
from sdlab.runs import to_json
from simulations.proof import ciw_cases, network_cases, station_cases, tables
from simulations.proof.ciw_cases import Comparison
from simulations.proof.equality import Example, Tally, example, feed_forward, long_feed_forward, shrunk, tally
from simulations.proof.evidence import Finding

T = TypeVar("T")

app = typer.Typer(add_completion=False)

SPACING = 1_000_000
"""How many examples lie between those of two seeds of the command."""
EXAMPLES_A_LONG_ONE = 100
"""For so many models with few requests, one whose requests the sweep takes in slices."""


@app.command()
def prove(
    examples: Annotated[
        int, typer.Option(min=0, help="Generated models to run on both engines; as many plain feed-forward ones.")
    ] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds make other models.")] = 1,
    theory: Annotated[bool, typer.Option(help="Closed forms.")] = True,
    peers: Annotated[bool, typer.Option(help="Other people's programs, those that are installed.")] = True,
    traces: Annotated[
        list[Path] | None, typer.Option("--trace", help="Keys for the caches, 4 bytes each, big-endian, xz-compressed.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all of it to this file.")] = None,
    save: Annotated[Path, typer.Option(help="Where a model goes with which something is wrong, made small.")] = Path(
        "wrong-model.txt"
    ),
) -> None:
    """Prove the engines: generated models, theory, other programs. Exit code 1 if the engines differ or break a law."""
    console = Console(highlight=False)
    equality = _equality(examples, seed, "models", example)
    tables.show_equality(console, equality)
    plain = _equality(examples, seed, "feed-forward models", feed_forward)
    tables.show_feed_forward(console, plain)
    sliced = _equality(-(-examples // EXAMPLES_A_LONG_ONE), seed, "long feed-forward models", long_feed_forward)
    tables.show_feed_forward(console, sliced)
    findings = _theory(console) if theory else []
    comparisons = _ciw(console) if peers else []
    caches = _libcachesim(console, traces or []) if peers else []
    if json is not None:
        json.write_text(
            to_json(_content(equality, plain, sliced, findings, comparisons, caches)) + "\n", encoding="utf-8"
        )
    if wrong := [*equality.wrong, *plain.wrong, *sliced.wrong]:
        one, found = wrong[0]
        console.print(f"[red]Wrong[/]: {'; '.join(found)}. Making the first such model small ...")
        save.write_text(f"# {'; '.join(found)}\n{shrunk(one)}\n", encoding="utf-8")
        console.print(f"It is in {save}.")
        raise typer.Exit(1)


def _equality(examples: int, seed: int, words: str, make: Callable[[int], Example]) -> Tally:
    so_far = Tally()
    with progress_bar(words, examples, quiet=False) as advance:
        for so_far in tally(range(seed * SPACING, seed * SPACING + examples), make):
            advance(so_far.models)
    return so_far


def _each(words: str, work: Sequence[Callable[[], T]]) -> list[T]:
    """Do one after another, and show how far it is."""
    found = []
    with progress_bar(words, len(work), quiet=False) as advance:
        for one in work:
            found.append(one())
            advance(len(found))
    return found


def _theory(console: Console) -> list[Finding]:
    cases = [*station_cases.cases(), *network_cases.cases()]
    findings = _each("closed forms", [case.find for case in cases])
    tables.show_theory(console, findings)
    return findings


def _ciw(console: Console) -> list[Comparison]:
    if importlib.util.find_spec("ciw") is None:
        console.print("Ciw is not installed: nothing to compare with.", style="yellow")
        return []
    comparisons = _each("Ciw", [case.compare for case in ciw_cases.cases()])
    tables.show_peers(console, comparisons)
    return comparisons


def _libcachesim(console: Console, files: list[Path]) -> list[Compared]:
    if importlib.util.find_spec("libcachesim") is None:
        console.print("libCacheSim is not installed: nothing to compare caches with.", style="yellow")
        return []
    traces = [*cache_policies.generated(), *(cache_policies.from_file(file) for file in files)]
    compared: list[Compared] = []
    with progress_bar("libCacheSim", len(traces) * len(cache_policies.PEERS), quiet=False) as advance:
        for row in cache_policies.compared(traces):
            compared.append(row)
            advance(len(compared))
    rows = [
        (c.trace, c.policy, f"{c.ours.mean():.2%}", f"{c.theirs.mean():.2%}", f"{c.differ:,} of {len(c.ours):,}")
        for c in compared
    ]
    tables.show(console, "libCacheSim 0.3", ("trace", "policy", "ours", "theirs", "requests that differ"), rows)
    return compared


def _content(
    equality: Tally,
    plain: Tally,
    sliced: Tally,
    findings: list[Finding],
    comparisons: list[Comparison],
    caches: list[Compared],
) -> dict[str, Any]:
    return {
        "equality": equality.as_dict(),
        "feed_forward": plain.as_dict(),
        "long_feed_forward": sliced.as_dict(),
        "theory": [finding.as_dict() for finding in findings],
        "ciw": [comparison.as_dict() for comparison in comparisons],
        "libcachesim": [
            {
                "trace": one.trace,
                "policy": one.policy,
                "requests": len(one.ours),
                "hit_ratio": float(one.ours.mean()),
                "their_hit_ratio": float(one.theirs.mean()),
                "requests_that_differ": one.differ,
            }
            for one in caches
        ],
    }
