"""The small symbols along a flow's line, each centred at a point of it."""

from __future__ import annotations

from typing import Any

from simulations.drawing import symbols, track
from simulations.drawing.svg import Canvas, Style

HALF = 28.0
"""Half the width of a station."""


def station(station: Any) -> track.Paint:
    """Queue and server, with the number of servers; a circle where they are shared."""

    def paint(canvas: Canvas, x: float, y: float) -> None:
        if station.shares:
            canvas.line([(x - HALF, y), (x + HALF, y)])
            canvas.circle(x, y, 13, Style("ink", "paper", 1.4))
            canvas.text(x, y + 4, "PS", size=10.5, bold=True)
            return
        canvas.line([(x - 28, y - 9), (x + 2, y - 9), (x + 2, y + 9), (x - 28, y + 9)], Style("ink", "paper", 1.4))
        for place in (0, 7, 14):
            canvas.line([(x - 5 - place, y - 9), (x - 5 - place, y + 9)], Style("muted", None, 0.8))
        canvas.circle(x + 15, y, 13, Style("ink", "paper", 1.4))
        canvas.text(x + 15, y + 4, str(station.servers), size=10.5)

    return paint


def arc(canvas: Canvas, x: float, y: float) -> None:
    """Time that passes without contention."""
    canvas.curve((x - 20, y), [((x - 14, y - 16), (x + 14, y - 16), (x + 20, y))], Style("ink", None, 1.6, dashed=True))


def slots(canvas: Canvas, x: float, y: float) -> None:
    """Some of a pool."""
    for number in range(3):
        canvas.rect(x - 13.5 + 9 * number, y - 10, 9, 20, Style("ink", "paper", 1.1))


def cylinder(sign: str) -> track.Paint:
    """A store, with a sign in it."""

    def paint(canvas: Canvas, x: float, y: float) -> None:
        symbols.cylinder(canvas, x, y, 30, 20)
        canvas.text(x, y + 7, sign, size=12, bold=True)

    return paint


def diamond(canvas: Canvas, x: float, y: float) -> None:
    """Where ways part."""
    symbols.diamond(canvas, x, y, 13)


def bar(canvas: Canvas, x: float, y: float) -> None:
    """Where parts begin, or come together."""
    canvas.line([(x, y - 14), (x, y + 14)], Style("ink", None, 5.0))


def bucket(canvas: Canvas, x: float, y: float) -> None:
    """Tokens in a bucket."""
    points = [(x - 13, y - 11), (x - 9, y + 11), (x + 9, y + 11), (x + 13, y - 11)]
    canvas.line(points, Style("ink", "paper", 1.4))
    canvas.circle(x - 3, y + 4, 3, Style("ink", None, 1.1))
    canvas.circle(x + 4, y + 5, 3, Style("ink", None, 1.1))


def cross(canvas: Canvas, x: float, y: float) -> None:
    """The end of a failure."""
    canvas.circle(x, y, 9, Style("red", "paper", 1.6))
    canvas.line([(x - 4, y - 4), (x + 4, y + 4)], Style("red", None, 1.6))
    canvas.line([(x - 4, y + 4), (x + 4, y - 4)], Style("red", None, 1.6))
