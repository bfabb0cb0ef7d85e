"""How figures look, and how a drawn figure becomes SVG that follows the page or stands alone.

Figures are drawn in stand-in colours. In a page these become CSS variables, so that one drawing serves light and
dark; in files, which a code host shows as images, they become the colours of one theme on an opaque ground. Text
stays text. The same data give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

from sdlab import palette

Theme = Literal["light", "dark"]

INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES = ("#0a0a01", "#0a0a02", "#0a0a03", "#0a0a04", "#0a0a05", "#0a0a06")
BLUE, ORANGE, GREEN, PURPLE, AMBER, GREY = SERIES

VARIABLES = {
    INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper",
    BLUE: "blue", ORANGE: "orange", GREEN: "green", PURPLE: "purple", AMBER: "amber", GREY: "grey",
}  # fmt: skip
THEMES: dict[Theme, dict[str, str]] = {
    "light": {stand_in: palette.LIGHT[name] for stand_in, name in VARIABLES.items()},
    "dark": {stand_in: palette.DARK[name] for stand_in, name in VARIABLES.items()},
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "system-design-lab",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.9,
    "figure.constrained_layout.use": True,
}
WIDE_IN, NARROW_IN = 8.4, 3.75


@dataclass(frozen=True)
class Figure:
    """A figure drawn twice: for a desktop or paper, and for a phone. ``alt`` says in words what it shows."""

    name: str
    alt: str
    caption: str
    wide: str
    narrow: str

    def inline(self, narrow: bool = False) -> str:
        """An SVG element for a page that defines the theme as CSS variables."""
        svg = self.narrow if narrow else self.wide
        for stand_in, name in VARIABLES.items():
            svg = svg.replace(stand_in, f"var(--{name})")
        return self._labelled(_own_ids(svg, f"{self.name}-{'n' if narrow else 'w'}"))

    def file(self, theme: Theme) -> str:
        """A stand-alone SVG file in one theme."""
        svg = self.wide
        ground = f'<rect width="100%" height="100%" fill="{THEMES[theme][PAPER]}"/>'
        svg = re.sub(r"(<svg[^>]*>)", lambda opening: opening.group(1) + ground, svg, count=1)
        for stand_in, colour in THEMES[theme].items():
            svg = svg.replace(stand_in, colour)
        namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return self._labelled(svg).replace("<svg", f"<svg {namespaces}", 1) + "\n"

    def _labelled(self, svg: str) -> str:
        return svg.replace("<svg", f'<svg role="img" aria-label="{escape(self.alt)}"', 1)


def draw(
    name: str, alt: str, caption: str, paint: Callable[[Canvas, bool], None], heights: tuple[float, float]
) -> Figure:
    """Draw a figure in both widths; ``heights`` are inches, wide and narrow."""

    def one(narrow: bool) -> str:
        with mpl.rc_context(_STYLE):
            canvas = Canvas(figsize=(NARROW_IN, heights[1]) if narrow else (WIDE_IN, heights[0]))
            FigureCanvasSVG(canvas)
            paint(canvas, narrow)
            written = io.StringIO()
            canvas.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
            return _clean(written.getvalue())

    return Figure(name, alt, caption, wide=one(narrow=False), narrow=one(narrow=True))


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]], room: float) -> None:
    """Name lines at the right edge, (value, text, colour) each, moved apart where they would overlap.

    ``room`` is the height of a line of text as a share of the axes' height.
    """
    left, _ = axes.get_xlim()
    to_axes = axes.transData + axes.transAxes.inverted()
    finite = [label for label in labels if math.isfinite(label[0]) and label[1]]
    placed = sorted((float(to_axes.transform((left, y))[1]), text, colour) for y, text, colour in finite)
    heights = [min(max(height, 0.0), 1.0) for height, _, _ in placed]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + room)
    ceiling = 1.0
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], ceiling)
        ceiling = heights[i] - room
    for height, (_, text, colour) in zip(heights, placed, strict=True):
        axes.text(1.015, height, text, color=colour, transform=axes.transAxes, va="center", fontsize=8.5)


def _clean(svg: str) -> str:
    """Only what is drawn: no prolog, no metadata, no namespaces, no physical size, the page's fonts."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    opening, _, rest = svg.partition(">")
    opening = re.sub(r'\s(xmlns(:\w+)?|width|height|version)="[^"]*"', "", opening)
    svg = f"{opening}>{rest}"
    svg = re.sub(r"(font: [^;\"]*?px) [^;\"]*", rf"\1 {FONT}", svg)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    referenced = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg))
    kept = {name for pair in referenced for name in pair if name}
    svg = re.sub(r'\sid="([^"]*)"', lambda found: found.group(0) if found.group(1) in kept else "", svg)
    return re.sub(r"\n\s*", "\n", svg).strip()


def _own_ids(svg: str, prefix: str) -> str:
    """Several figures in one page must not share ids."""
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    return svg.replace('xlink:href="#', f'href="#{prefix}-')
