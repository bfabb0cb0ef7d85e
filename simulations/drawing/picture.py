"""The whole picture: title, legend, the topology with how busy its parts are, and below it each flow's steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sdlab.errors import InvalidInput
from simulations.drawing import blocks, symbols, wording
from simulations.drawing.collapse import Collapsed
from simulations.drawing.graph import Graph, Link, Node, topology
from simulations.drawing.layout import Box, Placed, place
from simulations.drawing.svg import SERIES, Canvas, Point, Style, text_width, to_png, to_svg
from simulations.drawing.symbols import Symbol
from simulations.drawing.usage import Usage
from simulations.model import Model

WIDTH = 1280.0
MARGIN = 34.0
SPREAD = 6.0


@dataclass(frozen=True)
class _Ports:
    """Where links meet a symbol: from its column's edge ``into`` it, ``out`` of it to the other edge, at height y."""

    into: tuple[float, float]
    out: tuple[float, float]
    y: float


class Picture:
    """A drawn model: ``svg()`` and ``png()`` write it."""

    def __init__(self, model: Model, usage: Usage | None = None, flow: str | None = None) -> None:
        names = [one.name for one in model.flows]
        if flow is not None and flow not in names:
            raise InvalidInput("--flow", flow, f"is no flow of the model; there are: {', '.join(names)}")
        self.model, self.usage = model, usage
        self.canvas = Canvas()
        self.colour = {name: SERIES[number % len(SERIES)] for number, name in enumerate(names)}
        self.busiest = usage.busiest(model) if usage else None
        collapsed = Collapsed(model)
        graph = topology(model, collapsed, None if flow is None else (flow,))
        shown_flows = [
            name for name in names if flow is None or name == flow or any(k.flow == name for k in graph.links)
        ]
        y = self._heading(shown_flows)
        y, width = self._topology(graph, y)
        for one in model.flows:
            if one.name in shown_flows:
                y, lane = blocks.lane(self.canvas, model, collapsed, one, self.colour, (MARGIN, y), WIDTH - 2 * MARGIN)
                width = max(width, lane)
        self.width, self.height = max(WIDTH, width + 2 * MARGIN), y + 8

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        model = self.model
        parts = [
            f"{len(resources)} {kind if len(resources) > 1 else one}"
            for one, kind, resources in (
                ("station", "stations", model.stations),
                ("pool", "pools", model.pools),
                ("cache", "caches", model.caches),
                ("queue", "queues", model.queues),
                ("flow", "flows", model.flows),
            )
            if resources
        ]
        return f"Model {model.name}: {', '.join(parts)}. {self.answer}"

    def svg(self) -> str:
        """As a stand-alone SVG document."""
        return to_svg(self.canvas, self.width, self.height, self.alt)

    def _repr_svg_(self) -> str:
        """How a notebook shows the picture."""
        return self.svg()

    def png(self) -> bytes:
        """As a PNG file, light."""
        return to_png(self.canvas, self.width, self.height)

    @property
    def answer(self) -> str:
        """What is seen first: the busiest part, and where the numbers come from."""
        if self.usage is None:
            return "Plain topology, not run."
        if self.busiest is None:
            return f"Nothing was busy ({self.usage.source})."
        share = wording.percent(self.usage.utilisation[self.busiest])
        return f"Busiest: {self.busiest}, {share} ({self.usage.source})."

    def _heading(self, flows: Sequence[str]) -> float:
        canvas = self.canvas
        canvas.text(MARGIN, 36, self.model.name, size=19, anchor="start", bold=True)
        canvas.text(
            MARGIN, 60, self.answer, size=14, anchor="start", bold=True, role="orange" if self.busiest else "muted"
        )
        x, y = MARGIN, 86.0
        for name in flows:
            words = f"{name} (background)" if name in self.model.background else name
            needed = 28 + text_width(words, 12.5) + 22
            if x + needed > WIDTH - MARGIN:
                x, y = MARGIN, y + 20
            canvas.line([(x, y - 4), (x + 22, y - 4)], Style(self.colour[name], None, 3.0))
            canvas.text(x + 28, y, words, size=12.5, anchor="start")
            x += needed
        return y + 30

    def _topology(self, graph: Graph, top: float) -> tuple[float, float]:
        shown = {node: symbols.symbol(self.model, node, self.usage, self.busiest) for node in graph.nodes}
        order = {node: number for number, node in enumerate(graph.nodes)}
        pairs: dict[tuple[Node, Node], list[Link]] = defaultdict(list)
        for link in graph.links:
            pair = (link.start, link.end) if order[link.start] < order[link.end] else (link.end, link.start)
            pairs[pair].append(link)
        boxes = {node: Box(s.width, s.height, node.region) for node, s in shown.items()}
        lines = {pair: len({(link.flow, link.waits) for link in links}) for pair, links in pairs.items()}
        placed = place(boxes, lines, WIDTH - 2 * MARGIN - 10, graph.regions)
        for name, start, end, left, right in placed.bands:
            self.canvas.rect(MARGIN + left, top + start, right - left, end - start, Style("grid", "tint", 1.0))
            self.canvas.text(
                MARGIN + left + 8, top + start + 17, f"region {name}", size=12, anchor="start", role="muted"
            )
        under = Canvas()
        ports: dict[Node, _Ports] = {}
        for node, one in shown.items():
            x, y = placed.corners[node]
            left, right = symbols.paint(under, one, MARGIN + x, top + y)
            ports[node] = _Ports((MARGIN + x, left), (right, MARGIN + x + one.width), top + y + one.port_y)
        for (one_end, other_end), links in pairs.items():
            self._links(placed, ports, one_end, other_end, links, top)
        self.canvas.shapes += under.shapes
        return top + placed.height + 34, placed.width

    def _links(
        self,
        placed: Placed,
        ports: dict[Node, _Ports],
        start: Node,
        end: Node,
        links: list[Link],
        top: float,
    ) -> None:
        """One line a flow, side by side; arrows at both ends if it goes both ways."""
        drawn: dict[tuple[str, bool], list[Link]] = defaultdict(list)
        for link in links:
            drawn[link.flow, link.waits].append(link)
        for number, ((flow, waits), own) in enumerate(drawn.items()):
            shift = SPREAD * (number - (len(drawn) - 1) / 2)
            role = self.colour[flow]
            begin, goal = ports[start], ports[end]
            # Straight where symbols and their words stand, bent in the gaps between columns only.
            columns = [
                ((begin.out[0] + 3, begin.out[1]), begin.y + shift, placed.row[start]),
                *(((MARGIN + a, MARGIN + b), top + y + shift, row) for a, b, y, row in placed.waypoints[start, end]),
                ((goal.into[0], goal.into[1] - 4), goal.y + shift, placed.row[end]),
            ]
            pieces: list[tuple[Point, ...]] = []
            for ((_, x1), y1, row1), ((x2, x3), y2, row2) in pairwise(columns):
                pieces.append(((x1, y1),))
                if row1 == row2:
                    bend = (x2 - x1) / 2
                    pieces.append(((x1 + bend, y1), (x2 - bend, y2), (x2, y2)))
                else:
                    gap = top + placed.row_bottoms[row1] + 18 + shift
                    right, left = MARGIN + placed.width + 14 + shift, MARGIN - 16 + shift
                    pieces += [((right, y1),), ((right, gap),), ((left, gap),), ((left, y2),)]
                pieces.append(((x3, y2),))
            (first, _), y1, _ = columns[0]
            (_, last), y2, _ = columns[-1]
            self.canvas.curve((first, y1), pieces, Style(role, None, 1.8, dashed=not waits))
            if any(link.end == end for link in own):
                self.canvas.arrow((last + 3, y2), role)
            if any(link.end == start for link in own):
                self.canvas.arrow((first - 2, y1), role, left=True)


def draw(model: Model, usage: Usage | None = None, flow: str | None = None) -> Picture:
    """Draw a model, with how busy its parts were if that is known; only one flow if it is named.

    Raises `InvalidInput` for a flow that the model does not have.
    """
    return Picture(model, usage, flow)


__all__ = ["Picture", "Symbol", "draw"]
