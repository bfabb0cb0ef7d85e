"""A report as a tree of plain text, tables and figures, before it is HTML or Markdown: both show the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from reports.style import Figure

Tone = Literal["", "good", "bad", "muted"]


@dataclass(frozen=True)
class Cell:
    """One cell; ``code`` sets it in a fixed width (a path, a command)."""

    text: str
    tone: Tone = ""
    code: bool = False


Line = list[str | Cell]


@dataclass(frozen=True)
class Column:
    heading: str
    numeric: bool = False


@dataclass(frozen=True)
class Rows:
    """Rows that belong together, under a heading of their own if they have one; the first cell names its row."""

    rows: tuple[tuple[Cell, ...], ...]
    heading: str = ""


@dataclass(frozen=True)
class Table:
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Rows, ...]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report. ``gap`` says what is missing and which command fills it."""

    id: str
    title: str
    text: tuple[str, ...] = ()
    figure: Figure | None = None
    tables: tuple[Table, ...] = ()
    gap: str = ""
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeyNumber:
    """A number of the first screen: what it is, the number, and what to hold it against."""

    label: str
    value: str
    beside: str
    tone: Tone = ""


@dataclass(frozen=True)
class Report:
    """A whole report. The first section's figure carries the verdict."""

    slug: str
    title: str
    summary: str
    verdict: str
    verdict_tone: Tone
    key_numbers: tuple[KeyNumber, ...]
    sections: tuple[Section, ...] = field(default_factory=tuple)

    @property
    def figures(self) -> list[Figure]:
        return [section.figure for section in self.sections if section.figure]


def cell(value: str | Cell) -> Cell:
    return value if isinstance(value, Cell) else Cell(value)


def rows(lines: Iterable[Iterable[str | Cell]], heading: str = "") -> Rows:
    return Rows(tuple(tuple(cell(value) for value in line) for line in lines), heading)


def columns(*headings: str) -> tuple[Column, ...]:
    """Columns by heading; one that ends in ``#`` holds numbers, set to the right."""
    return tuple(Column(heading.removesuffix("#"), heading.endswith("#")) for heading in headings)
