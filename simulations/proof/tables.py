"""The equality, theory and other-programs tables, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from simulations.proof.ciw_cases import Comparison
from simulations.proof.equality import Tally
from simulations.proof.evidence import PRECISION, Finding

WIDE = 110
"""Terminals of so many columns have room for the sources of the formulas."""


def show_equality(console: Console, tally: Tally) -> None:
    """How many models and requests, how many differed, and what was in the models."""
    console.print(
        f"[bold]Both engines[/]: {tally.models:,} models, {tally.requests:,} open requests and "
        f"{tally.closed:,} of closed populations, {tally.spawned:,} spawned; "
        f"{tally.differing:,} differed, {len(tally.wrong) - tally.differing:,} else wrong."
    )
    console.print(
        f"Compared with the reference as well: {tally.streamed:,} models in pieces (histograms), "
        f"{tally.swept:,} that the sweep took."
    )
    outcomes = ", ".join(f"{count:,} {name}" for name, count in tally.outcomes.most_common())
    console.print(f"Requests ended: {outcomes}. Models that contained each:")
    cells = [f"{name} {count:,}" for name, count in sorted(tally.containing.items())]
    console.print(Columns(cells, padding=(0, 2)))


def show_feed_forward(console: Console, tally: Tally) -> None:
    """How many plain models the sweep took, and how many differed from the reference, swept or not."""
    console.print(
        f"[bold]Feed-forward[/]: {tally.models:,} models, {tally.requests:,} requests; {tally.swept:,} swept, the "
        f"other {tally.models - tally.swept:,} left to the event loop for a tie; "
        f"{tally.differing:,} differed, {len(tally.wrong) - tally.differing:,} else wrong."
    )


def show_theory(console: Console, findings: Sequence[Finding]) -> None:
    """Each formula's value beside the interval of what was simulated."""
    wide = console.width >= WIDE
    rows = (
        (
            f.name,
            *([f.source] if wide else []),
            f"{f.expected:.5g}",
            f"{f.found.mean:.5g}",
            f"{f.relative_half_width:.2%}",
            f.verdict,
        )
        for f in findings
    )
    show(console, "Theory", ("what", *(["source"] if wide else []), "exact", "found", "± 99 %", ""), rows)
    inside = sum(finding.inside for finding in findings)
    console.print(
        f"{inside} of {len(findings)} inside their 99 % interval (by chance one in a hundred is not), "
        f"{sum(finding.sharp for finding in findings)} sharper than {PRECISION:.1%}."
    )


def show_peers(console: Console, comparisons: Sequence[Comparison]) -> None:
    """Our interval beside the other program's."""
    rows = (
        (
            c.name,
            f"{c.ours.mean:.4g} ± {c.ours.half_width:.2g}",
            f"{c.theirs.mean:.4g} ± {c.theirs.half_width:.2g}",
            str(c.as_dict()["verdict"]),
        )
        for c in comparisons
    )
    show(console, "Ciw 3.2", ("what", "ours", "theirs", ""), rows)


def show(console: Console, title: str, columns: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """A table whose last column says whether something is wrong."""
    table = Table(*columns, box=None, pad_edge=False, title=title, title_justify="left")
    for row in rows:
        style = "red" if row[-1] in ("OUTSIDE", "APART") else None
        table.add_row(*row, style=style)
    console.print(table)
