"""What a flow does, step by step along a line: symbols, brackets around what is held, frames around what is protected.

Steps that stand for each other (in identical workers, or in regions that differ in times only) are drawn as one: a
*row* of steps, which differ only in the names of what they use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulations.drawing import marks, track, wording
from simulations.drawing.collapse import Collapsed
from simulations.drawing.svg import Canvas, Point, Style, text_width
from simulations.drawing.track import Block, leaf
from simulations.model import Model
from simulations.steps import (
    FAILURES,
    Attempt,
    Balance,
    Branch,
    Break,
    Delay,
    Enqueue,
    Fail,
    Flow,
    Fork,
    Hedge,
    Hold,
    Invalidate,
    Limit,
    Lookup,
    Release,
    Retry,
    Serve,
    Spawn,
    Step,
    Store,
    Switch,
    Timeout,
    Travel,
    ways_of,
)

Row = tuple[Step, ...]


def lane(
    canvas: Canvas,
    model: Model,
    collapsed: Collapsed,
    flow: Flow,
    colours: Mapping[str, str],
    corner: Point,
    width: float,
) -> tuple[float, float]:
    """Draw a flow below ``corner``; gives the y below it and its width."""
    role = colours[flow.name]
    x, y = corner
    kind = "in the background" if flow.name in model.background else "flow"
    canvas.line([(x, y), (x + width, y)], Style("grid", None, 1.0))
    canvas.text(x, y + 20, f"{flow.name}", size=13.5, anchor="start", bold=True, role=role)
    canvas.text(x + text_width(flow.name, 13.5, bold=True) + 10, y + 20, kind, anchor="start", role="muted")
    steps = _Steps(model, collapsed, role, colours).sequence([(step,) for step in flow.steps], width - 40)
    line = y + 34 + steps.above
    canvas.circle(x + 6, line, 5, Style(None, role))
    canvas.line([(x + 6, line), (x + 20, line)], Style(role, None, 2.0))
    steps.paint(canvas, x + 20, line)
    if not steps.ends:
        end = x + 20 + steps.width
        canvas.line([(end, line + steps.leave), (end + 12, line + steps.leave)], Style(role, None, 2.0))
        canvas.circle(end + 15, line + steps.leave, 4, Style(role, "paper", 2.0))
    return line + steps.below + 22, steps.width + 40


class _Steps:
    def __init__(self, model: Model, collapsed: Collapsed, role: str, colours: Mapping[str, str]) -> None:
        self.model, self.collapsed, self.role, self.colours = model, collapsed, role, colours

    def sequence(self, rows: Sequence[Row], width: float) -> Block:
        """Steps one after the other; what is held and released in it stands under a bracket."""
        blocks = self._each(rows, width)
        return track.after_each_other(blocks, width, self.role) if blocks else track.nothing()

    def _each(self, rows: Sequence[Row], width: float) -> list[Block]:
        blocks: list[Block] = []
        index = 0
        while index < len(rows):
            first = rows[index][0]
            end = _released(rows, index, first.pool) if isinstance(first, Hold) else None
            if isinstance(first, Hold) and end is not None:
                inner = self.sequence(rows[index + 1 : end], width - 24)
                blocks.append(track.bracketed(self._holds(rows[index]), inner, self.role))
                index = end
            else:
                blocks += self.blocks(rows[index], width)
            index += 1
        return blocks

    def blocks(self, row: Row, width: float) -> list[Block]:
        """One step with all that is inside it; what goes one way only stands in the sequence itself."""
        step = row[0]
        if isinstance(step, Branch | Switch | Balance):
            groups = self._groups(row[0])
            if len(groups) == 1:
                twins = [ways_of(one)[index][1] for one in row for index in groups[0]]
                return [
                    self._head(row, _way_label(step, groups[0])),
                    *self._each(list(zip(*twins, strict=True)), width),
                ]
        return [self._block(row, width)]

    def _groups(self, step: Step) -> list[list[int]]:
        """Ways of one form in one; regions that differ only in times too. Without a way that nothing can take."""
        loose = isinstance(step, Switch) and step.on == "region"
        groups = self.collapsed.same(step, loose=loose)
        if isinstance(step, Switch):
            every = {"region": set(self.model.regions), "operation": {flow.name for flow in self.model.flows}}
            if set(step.cases) >= every.get(step.on, {None}):
                never = len(step.cases)
                groups = [[index for index in group if index != never] for group in groups]
        return [group for group in groups if group]

    def _block(self, row: Row, width: float) -> Block:
        step = row[0]
        if isinstance(step, Branch | Switch | Balance | Lookup | Fork):
            return self._choice(row, width)
        if isinstance(step, Attempt):
            inner = [("", self._inside(row, 0, width)), (f"if {_outcomes(step)}", self._inside(row, 1, width))]
            ways = track.beside_each_other(track.nothing(), inner, track.nothing(), self.role)
            return track.framed("attempt", ways, self.role)
        if isinstance(step, Timeout | Retry | Hedge | Break):
            return track.framed(self._protection(row), self._inside(row, 0, width), self.role)
        return self._plain(row)

    def _inside(self, row: Row, way: int, width: float) -> Block:
        return self.sequence(list(zip(*(ways_of(step)[way][1] for step in row), strict=True)), max(width - 70, 360))

    def _name(self, kind: str, row: Row) -> str:
        return wording.alike(self.collapsed.shown(kind, getattr(step, kind)) for step in row)

    def _resource(self, kind: str, step: Step) -> Any:
        return self.collapsed.resources[kind, getattr(step, kind)]

    def _holds(self, row: Row) -> str:
        slots = self._resource("pool", row[0]).slots
        return f"holds 1 of {slots} of {self._name('pool', row)}{_priority(row[0])}"

    def _choice(self, row: Row, width: float) -> Block:
        step = row[0]
        inner = max(width - 190, 360)
        ways = []
        for members in self._groups(step):
            twins = [ways_of(one)[index][1] for one in row for index in members]
            ways.append((_way_label(step, members), self.sequence(list(zip(*twins, strict=True)), inner)))
        head, tail = self._head(row), track.nothing()
        if isinstance(step, Fork):
            needed = "all" if step.wait_for is None else f"{step.wait_for} of {len(step.parts)}"
            rest = ", the rest goes on" if step.rest == "continue" else ""
            head, tail = (
                leaf("fork", "", 3, marks.bar, self.role),
                leaf(f"join {needed}{rest}", "", 3, marks.bar, self.role),
            )
        return track.beside_each_other(head, ways, tail, self.role)

    def _head(self, row: Row, only: str = "") -> Block:
        """What stands before the ways; ``only`` is the label of the only one."""
        match row[0]:
            case Balance():
                policy = self._resource("balancer", row[0]).policy.replace("_", " ")
                return leaf(
                    self._name("balancer", row), ", ".join(filter(None, (policy, only))), 13, marks.diamond, self.role
                )
            case Switch(on):
                return leaf(f"by {on}", only, 13, marks.diamond, self.role)
            case Lookup():
                return leaf(self._name("cache", row), "", 15, marks.cylinder(""), self.role)
        return leaf("", only, 13, marks.diamond, self.role)

    def _protection(self, row: Row) -> str:
        step: Any = row[0]
        match step:
            case Timeout():
                abandoned = "work is cancelled" if step.abandoned == "cancel" else "abandoned work goes on"
                return f"time-out after {wording.times([one.after for one in row])}, {abandoned}"  # type: ignore[union-attr]
            case Hedge():
                return f"hedge after {wording.times([one.after for one in row])}, up to {step.extra} more"  # type: ignore[union-attr]
            case Break():
                breaker = self._resource("breaker", step)
                opens = f"opens at {wording.percent(breaker.failure_ratio)} of {breaker.window} failed"
                return f"breaker {step.breaker}, {opens}, for {wording.seconds(breaker.open_s)}"
        wait = step.backoff
        backoff = ""
        if wait.first_s:
            jitter = "" if wait.jitter == "none" else f", {wait.jitter} jitter"
            backoff = f", back-off {wording.seconds(wait.first_s)} × {wait.factor:g}{jitter}"
        budget = f", budget {step.budget}" if step.budget else ""
        on = "" if set(step.on) == set(FAILURES) else f" if {_outcomes(step)}"
        return f"up to {step.attempts} attempts{on}{backoff}{budget}"

    def _plain(self, row: Row) -> Block:  # noqa: PLR0911  one a kind of step
        step: Any = row[0]
        match step:
            case Serve():
                under = wording.times([one.time for one in row]) + _priority(step)  # type: ignore[union-attr]
                if step.per_item is not None:
                    under += f" + {wording.time(step.per_item)} an item"
                return leaf(
                    self._name("station", row),
                    under,
                    marks.HALF,
                    marks.station(self._resource("station", step)),
                    self.role,
                )
            case Delay():
                return leaf(step.name, wording.times([one.time for one in row]), 20, marks.arc, self.role)  # type: ignore[union-attr]
            case Travel():
                return leaf(f"to {step.region}" if step.region else "back", "network", 20, marks.arc, self.role)
            case Hold():
                return leaf(f"hold {self._name('pool', row)}", _priority(step).lstrip(", "), 14, marks.slots, self.role)
            case Release():
                return leaf(f"release {self._name('pool', row)}", "", 14, marks.slots, self.role)
            case Store() | Invalidate():
                word = "store" if isinstance(step, Store) else "invalidate"
                return leaf(
                    self._name("cache", row), word, 15, marks.cylinder("+" if word == "store" else "×"), self.role
                )
            case Spawn():
                return leaf(f"spawn {step.flow}", "", 10, self._start(step.flow), self.role)
            case Enqueue():
                flow = self._resource("queue", step).flow
                under = "waits for its batch" if step.wait else "goes on"
                return leaf(f"enqueue {self._name('queue', row)}", under, 16, self._start(flow), self.role)
            case Limit():
                bucket = self._resource("bucket", step)
                under = f"limit {bucket.rate_rps:g}/s, burst {bucket.burst:g}"
                return leaf(step.bucket, under, 13, marks.bucket, self.role)
            case Fail():
                return leaf(step.outcome.replace("_", " "), "", 9, marks.cross, self.role, ends=True)
        raise AssertionError(step)

    def _start(self, flow: str) -> track.Paint:
        """A dashed arrow out of the line, in the colour of what is started."""
        role = self.colours[flow]

        def paint(canvas: Canvas, x: float, y: float) -> None:
            canvas.line([(x - 16, y), (x + 16, y)], Style(self.role, None, 2.0))
            canvas.line([(x - 8, y), (x - 8, y + 10), (x + 6, y + 10)], Style(role, None, 1.8, dashed=True))
            canvas.arrow((x + 14, y + 10), role, size=4.5)

        return paint


def _released(rows: Sequence[Row], start: int, pool: str) -> int | None:
    """Where the slot taken at ``start`` is given back in the same sequence, if nothing overlaps it."""
    open_pools: set[str] = set()
    for index in range(start + 1, len(rows)):
        step = rows[index][0]
        if isinstance(step, Release) and step.pool == pool:
            return index if not open_pools else None
        if isinstance(step, Hold):
            open_pools.add(step.pool)
        elif isinstance(step, Release):
            open_pools.discard(step.pool)
    return None


def _way_label(step: Step, members: Sequence[int]) -> str:
    match step:
        case Branch(ways):
            share = wording.percent(sum(ways[index][0] for index in members))
            return share if len(members) == 1 else f"one of {len(members)}" + ("" if share == "100 %" else f", {share}")
        case Balance():
            targets = list(step.ways)
            return targets[members[0]] if len(members) == 1 else f"one of {len(members)}"
        case Switch():
            names = [str(value) for value in step.cases] + ["otherwise"]
            return ", ".join(names[index] for index in members)
        case Fork():
            return "" if len(members) == 1 else f"× {len(members)}"
    return ("hit", "miss")[members[0]] if len(members) == 1 else "hit or miss"


def _outcomes(step: Retry | Attempt) -> str:
    return "it fails" if set(step.on) == set(FAILURES) else " or ".join(name.replace("_", " ") for name in step.on)


def _priority(step: Any) -> str:
    return f", priority {step.priority}" if step.priority else ""
