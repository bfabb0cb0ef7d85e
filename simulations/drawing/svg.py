"""Shapes in pixels, written as SVG (text stays text, light and dark by the reader's own setting) or as PNG.

Colours are roles ("ink", "blue"), which a theme turns into colours. The same shapes give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

from sdlab.palette import DARK, LIGHT

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]

SERIES = ("blue", "green", "purple", "amber", "grey", "red", "teal")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
SCOPE = "sdlab-drawing"
DASH = (5, 3)

_NARROW, _WIDE = frozenset("iljtfrI.,:;|!'()[] -/1"), frozenset("mwMW%@×")


def text_width(text: str, size: float, bold: bool = False) -> float:
    """About how many pixels a text takes, on the large side: readers have different fonts."""
    units = sum(0.4 if c in _NARROW else 0.95 if c in _WIDE else 0.72 if c.isupper() else 0.61 for c in text)
    return units * size * (1.08 if bold else 1.0)


@dataclass(frozen=True)
class Style:
    """How a shape is painted: roles of its stroke and fill (None: none), width in pixels."""

    stroke: str | None = "ink"
    fill: str | None = None
    width: float = 1.3
    dashed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True)
class Curve:
    """A path: the first point, then per piece one point (a line) or three (a cubic Bézier curve)."""

    start: Point
    pieces: tuple[tuple[Point, ...], ...]
    style: Style
    closed: bool = False


@dataclass(frozen=True)
class Circle:
    """A circle around a point."""

    centre: Point
    radius: float
    style: Style


@dataclass(frozen=True)
class Text:
    """One line of text; ``at`` is on its baseline. ``halo`` clears the ground behind it."""

    at: Point
    words: str
    size: float
    anchor: Anchor
    bold: bool
    role: str
    halo: bool


@dataclass
class Canvas:
    """Shapes in the order of painting. Coordinates are pixels, y downwards."""

    shapes: list[Curve | Circle | Text] = field(default_factory=list)

    def line(self, points: Sequence[Point], style: Style = Style(), *, closed: bool = False) -> None:
        """Straight from point to point."""
        self.shapes.append(Curve(points[0], tuple((point,) for point in points[1:]), style, closed))

    def curve(self, start: Point, pieces: Sequence[tuple[Point, ...]], style: Style = Style()) -> None:
        """Lines and Bézier curves in one stroke."""
        self.shapes.append(Curve(start, tuple(pieces), style))

    def rect(self, x: float, y: float, width: float, height: float, style: Style = Style()) -> None:
        """A rectangle by its upper left corner."""
        self.line([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], style, closed=True)

    def circle(self, x: float, y: float, radius: float, style: Style = Style()) -> None:
        """A circle around (x, y)."""
        self.shapes.append(Circle((x, y), radius, style))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        anchor: Anchor = "middle",
        bold: bool = False,
        role: str = "ink",
        halo: bool = False,
    ) -> None:
        """A line of text with its baseline at y."""
        self.shapes.append(Text((x, y), words, size, anchor, bold, role, halo))

    def arrow(self, tip: Point, role: str, *, left: bool = False, size: float = 5.0) -> None:
        """The head of an arrow that points right (or left)."""
        back = size if left else -size
        x, y = tip
        points = [tip, (x + back * 1.5, y - size * 0.7), (x + back * 1.5, y + size * 0.7)]
        self.line(points, Style(None, role), closed=True)


def to_svg(canvas: Canvas, width: float, height: float, alt: str) -> str:
    """A stand-alone SVG document that also works inside a page; ``alt`` says in words what it shows."""
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{SCOPE}" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'width="{_n(width)}" height="{_n(height)}" style="max-width:100%;height:auto" role="img" '
        f"aria-label={quoteattr(alt)} font-family={quoteattr(FONT)}>"
    )
    lines = [
        opening,
        f"<title>{escape(alt)}</title>",
        f"<style>{_css(LIGHT)}@media (prefers-color-scheme:dark){{{_css(DARK)}}}</style>",
        '<rect class="f-paper" width="100%" height="100%"/>',
    ]
    lines += [_element(shape) for shape in canvas.shapes]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _css(theme: dict[str, str]) -> str:
    rules = [f".{SCOPE} .s-{r}{{stroke:{c}}}.{SCOPE} .f-{r}{{fill:{c}}}" for r, c in theme.items()]
    return "".join(rules) + f".{SCOPE} .halo{{stroke:{theme['paper']};stroke-width:3;paint-order:stroke}}"


def _element(shape: Curve | Circle | Text) -> str:
    match shape:
        case Text((x, y), words, size, anchor, bold, role, halo):
            kind = f'class="f-{role}{" halo" if halo else ""}"'
            weight = ' font-weight="600"' if bold else ""
            place = f'x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" text-anchor="{anchor}"'
            return f"<text {kind} {place}{weight}>{escape(words)}</text>"
        case Circle((x, y), radius, style):
            return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" {_paint(style)}/>'
        case Curve(start, pieces, style, closed):
            drawn = "".join(
                ("L" if len(piece) == 1 else "C") + " ".join(f"{_n(x)} {_n(y)}" for x, y in piece) for piece in pieces
            )
            return f'<path d="M{_n(start[0])} {_n(start[1])}{drawn}{"Z" if closed else ""}" {_paint(style)}/>'


def _paint(style: Style) -> str:
    classes = [f"s-{style.stroke}"] if style.stroke else []
    classes += [f"f-{style.fill}"] if style.fill else []
    rest = "" if style.fill else ' fill="none"'
    if style.stroke:
        rest += f' stroke-width="{_n(style.width)}"'
    if style.dashed:
        rest += f' stroke-dasharray="{DASH[0]} {DASH[1]}"'
    if style.opacity < 1:
        rest += f' opacity="{_n(style.opacity)}"'
    return f'class="{" ".join(classes)}"{rest}'


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def to_png(canvas: Canvas, width: float, height: float, scale: float = 2.0) -> bytes:
    """The same picture as pixels, in the light theme, ``scale`` times as fine."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  slow to load, and only PNG needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=LIGHT["paper"])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    for order, shape in enumerate(canvas.shapes):
        _on_axes(axes, shape, order)
    FigureCanvasAgg(figure)
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=100 * scale, metadata={"Software": None})
    return written.getvalue()


def _on_axes(axes: Any, shape: Curve | Circle | Text, order: int) -> None:
    from matplotlib import patches, patheffects  # noqa: PLC0415
    from matplotlib.path import Path  # noqa: PLC0415

    if isinstance(shape, Text):
        halo = [patheffects.withStroke(linewidth=2.2, foreground=LIGHT["paper"])] if shape.halo else []
        axes.text(
            *shape.at,
            shape.words,
            fontsize=shape.size * 0.66,  # its fallback font is wider than those of browsers
            color=LIGHT[shape.role],
            ha={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
            va="baseline",
            weight="bold" if shape.bold else "normal",
            path_effects=halo,
            zorder=order,
            parse_math=False,
        )
        return
    style = shape.style
    paint: dict[str, Any] = {
        "facecolor": LIGHT[style.fill] if style.fill else "none",
        "edgecolor": LIGHT[style.stroke] if style.stroke else "none",
        "linewidth": style.width * 0.72,
        "linestyle": (0, DASH) if style.dashed else "solid",
        "alpha": style.opacity,
        "zorder": order,
    }
    if isinstance(shape, Circle):
        axes.add_patch(patches.Circle(shape.centre, shape.radius, **paint))
        return
    points, codes = [shape.start], [Path.MOVETO]
    for piece in shape.pieces:
        points += piece
        codes += [Path.LINETO] if len(piece) == 1 else [Path.CURVE4] * 3
    if shape.closed:
        points.append(shape.start)
        codes.append(Path.CLOSEPOLY)
    axes.add_patch(patches.PathPatch(Path(points, codes), **paint))
