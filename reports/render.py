"""Reports to files: one HTML page and one Markdown page a design, their figures, and an index of both.

The same runs give the same bytes: nothing of the time or place of rendering goes in. Files are made in a folder
beside and moved to their places when all are whole, the index last.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.document import Cell, Report
from reports.style import FONT, THEMES, VARIABLES, Figure, Theme
from reports.verdict import Verdict

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")
_UNIT = re.compile(r"(?<=\d) (?=(?:%|µs|ms|s|k|M|G|T|requests/s)(?!\w))")
_THEME_SUFFIX: dict[Theme, str] = {"light": "", "dark": ".dark"}


@dataclass(frozen=True)
class Entry:
    """One design in the index."""

    slug: str
    title: str
    verdict: str
    verdict_tone: str


def html(report: Report) -> str:
    """One self-contained page: styles and figures inline, no script, nothing fetched."""
    return _environment(autoescape=True).get_template("report.html").render(report=report)


def markdown(report: Report) -> str:
    """The same content, with figures as files that follow the reader's theme on a code host."""
    text = _environment(autoescape=False).get_template("report.md").render(report=report)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" +\n", "\n", text))


def write(reports: Sequence[tuple[Report, Verdict]], out: Path) -> None:
    """Write ``<slug>.html``, ``<slug>.md``, ``<slug>.json`` (the verdict) and figures of each report, and the index.

    The index lists every design whose verdict lies in ``out``, not only those written now.
    """
    out.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".partial-", dir=out))
    try:
        for report, verdict in reports:
            _write_one(report, verdict, building)
        _move(building, out)
        entries = _entries(out)
        _write_index(entries, building)
        _move(building, out)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def figure_path(report: Report, figure: Figure, theme: Theme = "light") -> str:
    """Where a figure's file lies, relative to the pages."""
    return f"figures/{report.slug}-{figure.name}{_THEME_SUFFIX[theme]}.svg"


def _write_one(report: Report, verdict: Verdict, folder: Path) -> None:
    (folder / "figures").mkdir(exist_ok=True)
    for figure in report.figures:
        for theme in THEMES:
            (folder / figure_path(report, figure, theme)).write_text(figure.file(theme), encoding="utf-8")
    (folder / f"{report.slug}.html").write_text(html(report), encoding="utf-8")
    (folder / f"{report.slug}.md").write_text(markdown(report), encoding="utf-8")
    content = {"title": report.title, "verdict_tone": report.verdict_tone, **verdict.as_dict()}
    (folder / f"{report.slug}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _write_index(entries: list[Entry], folder: Path) -> None:
    for name, autoescape in (("index.html", True), ("index.md", False)):
        page = _environment(autoescape).get_template(name).render(entries=entries)
        (folder / name).write_text(page, encoding="utf-8")


def _entries(out: Path) -> list[Entry]:
    found = []
    for path in sorted(out.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        sentence = content["sentence"]
        found.append(Entry(path.stem, content["title"], sentence, content["verdict_tone"]))
    return found


def _move(source: Path, target: Path) -> None:
    """Each file to its place, replacing what is there; a reader never sees half a file."""
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)  # noqa: PTH105 - Path.replace is the same; os.replace says that it overwrites


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["inline"] = lambda figure, narrow=False: Markup(figure.inline(narrow))
    environment.filters["units"] = _keep_units
    environment.filters["md"] = markdown_text
    environment.filters["commands"] = _commands_html
    environment.filters["md_commands"] = _commands_markdown
    environment.filters["md_cell"] = _markdown_cell
    environment.globals.update(figure_path=figure_path, css=_css)
    return environment


def _keep_units(text: str) -> str:
    """No line break between a number and its unit."""
    return _UNIT.sub("\u00a0", text)


def _commands_html(text: str) -> Markup:
    """Text in which `commands` stand between backticks."""
    parts = re.split(r"`([^`]*)`", _keep_units(text))
    return Markup("").join(Markup("<code>{}</code>").format(one) if i % 2 else one for i, one in enumerate(parts))


def _commands_markdown(text: str) -> str:
    parts = re.split(r"`([^`]*)`", text)
    return "".join(f"`{one}`" if i % 2 else _escaped(one) for i, one in enumerate(parts))


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it stands: no markup, no HTML."""
    return " ".join(_escaped(text).split())


def _escaped(text: str) -> str:
    escaped = _MARKDOWN.sub(r"\\\1", text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _markdown_cell(cell: Cell) -> str:
    if cell.code and cell.text and not set("`|<>&\n") & set(cell.text):
        return f"`{cell.text}`"
    return f"**{markdown_text(cell.text)}**" if cell.tone == "bad" and cell.text else markdown_text(cell.text)


def _css() -> Markup:
    """The themes' colours as CSS variables, and the page's styles."""

    def variables(theme: Theme) -> str:
        return "".join(f"--{VARIABLES[stand_in]}:{colour};" for stand_in, colour in THEMES[theme].items())

    styles: Any = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    return Markup(
        f":root{{color-scheme:light dark;--font:{FONT};{variables('light')}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{variables('dark')}}}}}\n"
        f"@media print{{:root{{color-scheme:light;{variables('light')}}}}}\n{styles}"
    )
