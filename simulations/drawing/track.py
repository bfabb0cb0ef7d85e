"""Blocks of a flow's line, and how they stand one after the other, one above the other, or in a frame.

A block knows how far it reaches above and below the line that enters it, and where its line leaves. Nothing overlaps,
because every block keeps to what it said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from simulations.drawing.svg import Canvas, Style, text_width

TEXT, GAP, WAY_GAP = 11.5, 14.0, 10.0
Paint = Callable[[Canvas, float, float], None]


@dataclass(frozen=True)
class Block:
    """A piece of a flow: ``paint(canvas, x, y)`` draws it with its line entering at (x, y).

    The line leaves at (x + width, y + leave), unless the flow ``ends`` within.
    """

    width: float
    above: float
    below: float
    paint: Paint
    leave: float = 0.0
    ends: bool = False


def leaf(
    over: str, under: str, half: float, symbol: Paint, role: str, *, height: float = 13.0, ends: bool = False
) -> Block:
    """A symbol, ``half`` as wide as that to both sides of its middle, with words above and below it."""
    width = max(text_width(over, TEXT, bold=True), text_width(under, TEXT), 2 * half) + 12

    def paint(canvas: Canvas, x: float, y: float) -> None:
        middle = x + width / 2
        canvas.line([(x, y), (middle - half, y)], Style(role, None, 2.0))
        if not ends:
            canvas.line([(middle + half, y), (x + width, y)], Style(role, None, 2.0))
        symbol(canvas, middle, y)
        if over:
            canvas.text(middle, y - height - 6, over, size=TEXT, bold=True)
        if under:
            canvas.text(middle, y + height + 14, under, size=TEXT, role="muted")

    return Block(width, height + (20 if over else 4), height + (18 if under else 4), paint, ends=ends)


def after_each_other(blocks: Sequence[Block], width: float, role: str) -> Block:
    """One after the other, going on in a new row where the width is used up."""
    rows: list[list[Block]] = [[]]
    used = 0.0
    for block in blocks:
        if rows[-1] and used + GAP + block.width > width - 2 * GAP:
            rows.append([])
            used = 0.0
        used += block.width + (GAP if rows[-1] else 0.0)
        rows[-1].append(block)
    placed = [_row(row, role) for row in rows]
    return placed[0] if len(placed) == 1 else _rows(placed, role)


def _row(blocks: Sequence[Block], role: str) -> Block:
    level, above, below = 0.0, 4.0, 4.0
    levels = []
    for block in blocks:
        levels.append(level)
        above, below = max(above, block.above - level), max(below, block.below + level)
        level += block.leave
    width = sum(block.width for block in blocks) + GAP * max(0, len(blocks) - 1)

    def paint(canvas: Canvas, x: float, y: float) -> None:
        for number, (block, at) in enumerate(zip(blocks, levels, strict=True)):
            if number:
                canvas.line([(x, y + at), (x + GAP, y + at)], Style(role, None, 2.0))
                canvas.arrow((x + GAP + 2, y + at), role, size=4)
                x += GAP
            block.paint(canvas, x, y + at)
            x += block.width

    return Block(width, above, below, paint, level, any(block.ends for block in blocks))


def _rows(rows: Sequence[Block], role: str) -> Block:
    width = max(row.width for row in rows) + 2 * GAP
    tops = [0.0]
    for before, row in pairwise(rows):
        tops.append(tops[-1] + before.below + 16 + row.above)

    def paint(canvas: Canvas, x: float, y: float) -> None:
        canvas.line([(x, y), (x + GAP, y)], Style(role, None, 2.0))
        for number, (row, top) in enumerate(zip(rows, tops, strict=True)):
            row.paint(canvas, x + GAP, y + top)
            end = (x + GAP + row.width, y + top + row.leave)
            if row.ends:
                continue
            if number + 1 < len(rows):
                gap = y + top + row.below + 8
                turn = [end, (end[0] + 8, end[1]), (end[0] + 8, gap), (x + 4, gap), (x + 4, y + tops[number + 1])]
                canvas.line([*turn, (x + GAP, y + tops[number + 1])], Style(role, None, 2.0))
            else:
                canvas.line([end, (x + width, end[1])], Style(role, None, 2.0))

    last = rows[-1]
    return Block(width, rows[0].above, tops[-1] + last.below, paint, tops[-1] + last.leave, last.ends)


def beside_each_other(head: Block, ways: Sequence[tuple[str, Block]], tail: Block, role: str) -> Block:
    """Ways from a head to a tail, one below the other, each with its label; those that end do not reach the tail."""
    label = max((text_width(words, TEXT) for words, _ in ways), default=0.0) + 14
    inner = max((block.width for _, block in ways), default=0.0)
    above = max(ways[0][1].above, 20.0)
    tops, below = [0.0], ways[0][1].below
    for _, block in ways[1:]:
        tops.append(tops[-1] + below + WAY_GAP + max(block.above, 18.0))
        below = block.below
    going = [top + block.leave for top, (_, block) in zip(tops, ways, strict=True) if not block.ends]
    leave = going[0] if going else 0.0
    split, width = head.width, head.width + 8 + label + inner + 10 + tail.width

    def paint(canvas: Canvas, x: float, y: float) -> None:
        head.paint(canvas, x, y)
        start, join = x + split + 4, x + split + 8 + label + inner + 6
        line = Style(role, None, 2.0)
        canvas.line([(x + split, y), (start, y)], line)
        if len(ways) > 1:
            canvas.line([(start, y), (start, y + tops[-1])], line)
        for (words, block), top in zip(ways, tops, strict=True):
            begin = x + split + 8 + label
            canvas.line([(start, y + top), (begin, y + top)], line)
            canvas.text(start + 6, y + top - 5, words, size=TEXT, anchor="start", role="muted")
            block.paint(canvas, begin, y + top)
            if not block.ends:
                canvas.line([(begin + block.width, y + top + block.leave), (join, y + top + block.leave)], line)
        if len(going) > 1:
            canvas.line([(join, y + going[0]), (join, y + going[-1])], line)
        if going:
            canvas.line([(join, y + leave), (join + 4, y + leave)], line)
            tail.paint(canvas, join + 4, y + leave)

    above = max(above, head.above, tail.above - leave)
    below = max(tops[-1] + below, head.below, leave + tail.below)
    return Block(width, above, below, paint, leave, not going)


def framed(title: str, inner: Block, role: str) -> Block:
    """A dashed frame around what it protects, with its title."""
    width = max(inner.width + 20, text_width(title, TEXT) + 24)

    def paint(canvas: Canvas, x: float, y: float) -> None:
        top, bottom = y - inner.above - 20, y + inner.below + 6
        canvas.rect(x + 3, top, width - 6, bottom - top, Style("muted", None, 1.2, dashed=True))
        canvas.text(x + 11, top + 14, title, size=TEXT, anchor="start")
        _padded(canvas, inner, x, y, width, role)

    return Block(width, inner.above + 22, inner.below + 10, paint, inner.leave, inner.ends)


def bracketed(title: str, inner: Block, role: str) -> Block:
    """A bracket over what is done while something is held."""
    width = max(inner.width + 20, text_width(title, TEXT, bold=True) + 24)

    def paint(canvas: Canvas, x: float, y: float) -> None:
        top, bottom = y - inner.above - 20, y + inner.below
        canvas.rect(x + 4, top + 18, width - 8, bottom - top - 18, Style(None, "tint"))
        canvas.line([(x + 4, bottom), (x + 4, top + 18), (x + width - 4, top + 18), (x + width - 4, bottom)])
        canvas.text(x + 8, top + 13, title, size=TEXT, anchor="start", bold=True)
        _padded(canvas, inner, x, y, width, role)

    return Block(width, inner.above + 22, inner.below + 6, paint, inner.leave, inner.ends)


def _padded(canvas: Canvas, inner: Block, x: float, y: float, width: float, role: str) -> None:
    line = Style(role, None, 2.0)
    canvas.line([(x, y), (x + 10, y)], line)
    inner.paint(canvas, x + 10, y)
    if not inner.ends:
        canvas.line([(x + 10 + inner.width, y + inner.leave), (x + width, y + inner.leave)], line)


def nothing() -> Block:
    """No steps: just the line."""
    return Block(0.0, 4.0, 4.0, lambda _canvas, _x, _y: None)
