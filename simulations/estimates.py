"""Back-of-envelope estimates: what a design document's table says, computed from the design's numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdlab import catalog
from sdlab.errors import InvalidInput
from sdlab.spec import Design

BEGIN = "<!-- estimates: written by `./lab estimate`, from design.toml -->"
END = "<!-- end of estimates -->"


@dataclass(frozen=True)
class Estimate:
    """One line: what, how much (with its unit), and how it follows."""

    what: str
    value: str
    how: str


def of(design: Design) -> list[Estimate]:
    """The design's own estimates (``simulations/<slug>/estimates.py``)."""
    compute: Callable[[Design], list[Estimate]] = catalog.load_part("simulations", design.slug, "estimates").estimates
    return compute(design)


def as_markdown(rows: Sequence[Estimate]) -> str:
    """The table between the marks of a design document."""
    lines = ["| what | how much | how it follows |", "|---|---|---|"]
    lines += [f"| {row.what} | {row.value} | {row.how} |" for row in rows]
    return "\n".join(lines)


def in_document(document: Path, rows: Sequence[Estimate]) -> str:
    """The document with its estimates replaced by these. Raises `InvalidInput` if it has no place marked for them."""
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidInput("document", document.name, f"has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{as_markdown(rows)}\n{END}{after}"


def count_text(value: float) -> str:
    """A count as a person says it: 97,000; 50 million."""
    return f"{value / 1e6:,.3g} million" if value >= 1e6 else f"{value:,.0f}"


def bytes_text(value: float) -> str:
    """Decimal units, three digits: 25 GB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.3g} {unit}"
        value /= 1000
    raise AssertionError
