"""The symbols of the topology: queue and servers, slots, cylinder, diamond, users. Each says what it is in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Any

from simulations.drawing import wording
from simulations.drawing.graph import Node
from simulations.drawing.svg import Canvas, Style, text_width
from simulations.drawing.usage import Usage
from simulations.model import Model
from simulations.resources import Balancer, Pool, Population, Queue, Station

NAME, SMALL = 13.0, 11.5
LINE = 15.0
SYMBOL_H = 44.0
MOST_CIRCLES = 3
RADIUS = 13.0


@dataclass(frozen=True)
class Symbol:
    """A node as it will be drawn: its words below the name, how full it is (0 to 1, None: unknown), its size."""

    node: Node
    resource: Any
    words: tuple[str, ...]
    used: float | None
    busiest: bool

    @property
    def width(self) -> float:
        texts = [
            text_width(self.node.name, NAME, bold=True),
            *(text_width(word, SMALL, bold=True) for word in self.words),
        ]
        return max(*texts, 96.0) + 6

    @property
    def height(self) -> float:
        return LINE + SYMBOL_H + 6 + LINE * len(self.words)

    @property
    def port_y(self) -> float:
        """Where links meet it, below its upper edge."""
        return LINE + 4 + SYMBOL_H / 2


def symbol(model: Model, node: Node, usage: Usage | None, busiest: str | None) -> Symbol:
    """What to show of a node."""
    where: dict[str, Sequence[Any]] = {
        "station": model.stations,
        "pool": model.pools,
        "cache": model.caches,
        "queue": model.queues,
        "balancer": model.balancers,
        "population": model.populations,
    }
    named = {resource.name: resource for resource in where.get(node.kind, ())}
    resource = named.get(node.members[0])
    used = usage.highest(node.members) if usage else None
    words = _words(node, resource)
    if used is not None and node.kind in ("station", "pool", "queue"):
        most = " at most" if len(node.members) > 1 else ""
        words = [f"{wording.percent(used)} busy{most}", *words]
    if node.kind == "cache" and usage and (hits := usage.hits(node.members)) is not None:
        words = [f"{wording.percent(hits)} hits", *words]
    return Symbol(node, resource, tuple(words), used, busiest in node.members and node.kind in ("station", "pool"))


def _words(node: Node, resource: Any) -> list[str]:  # noqa: PLR0911  one a kind of resource
    match resource:
        case Station():
            return _station_words(resource)
        case Pool():
            room = [] if resource.queue is None else [f"{resource.queue} may wait"]
            return [f"{resource.slots} slot{'s' * (resource.slots > 1)}", *room]
        case Queue():
            batch = f"batch {resource.batch}" + (f" or {wording.seconds(resource.wait_s)}" if resource.wait_s else "")
            room = [] if resource.limit is None else [f"{resource.limit} may wait"]
            return [f"{resource.workers} worker{'s' * (resource.workers > 1)}, {batch}", *room]
        case Balancer():
            return [resource.policy.replace("_", " "), f"{len(resource.targets)} targets"]
        case Population():
            return [f"{wording.number(resource.users)} users", f"think {wording.time(resource.think)}"]
    if node.kind == "cache":
        return _cache_words(resource)
    return ["open arrivals"]


def _station_words(station: Station) -> list[str]:
    servers = f"{station.servers} server{'s' * (station.servers > 1)}"
    words = [servers + ", shared (PS)" * station.shares + ", takes turns" * station.turns]
    if station.queue is not None:
        words.append(f"{station.queue} may wait")
    if station.autoscaler is not None:
        words.append(f"autoscaled {station.autoscaler.least} to {station.autoscaler.most}")
    extras = [word for word, there in (("start-up", station.start_up), ("outages", station.outages)) if there]
    return words + ([", ".join(extras)] if extras else [])


def _cache_words(cache: Any) -> list[str]:
    policy = str(cache.policy)
    size = ""
    if cache.capacity_entries is not None:
        size = f"{wording.number(cache.capacity_entries)} entries"
    elif cache.capacity_bytes is not None:
        size = f"{wording.number(cache.capacity_bytes)}B"
    words = [f"{policy if '_' in policy or '-' in policy else policy.upper()}, {size}"]
    if cache.expiry_s is not None:
        words.append(f"expires after {wording.seconds(cache.expiry_s)}")
    return words + (["one flight per key"] if cache.single_flight else [])


def paint(canvas: Canvas, shown: Symbol, x: float, y: float) -> tuple[float, float]:
    """Draw it with its upper left corner at (x, y); gives the x at which links come in and go out."""
    middle, centre_y = x + shown.width / 2, y + shown.port_y
    if shown.busiest:
        canvas.rect(x - 5, y - 4, shown.width + 10, shown.height + 9, Style("orange", None, 2.0))
    canvas.text(middle, y + LINE - 3, shown.node.name, size=NAME, bold=True, role="orange" if shown.busiest else "ink")
    ports = {
        "station": _station,
        "pool": _pool,
        "cache": _cache,
        "queue": _queue,
        "balancer": _balancer,
        "population": _people,
        "arrivals": _people,
    }[shown.node.kind](canvas, shown, middle, centre_y)
    below = y + LINE + SYMBOL_H + 6
    for number, words in enumerate(shown.words):
        loud = number == 0 and shown.used is not None
        role = "orange" if shown.busiest and loud else "ink" if loud else "muted"
        canvas.text(middle, below + LINE * (number + 1) - 3, words, size=SMALL, bold=loud, role=role)
    return ports


def _shade(shown: Symbol) -> Style:
    return Style(None, "orange" if shown.busiest else "blue", opacity=0.45)


def _disc(canvas: Canvas, shown: Symbol, x: float, y: float, radius: float) -> None:
    """A server, filled from below to the height of its utilisation."""
    canvas.circle(x, y, radius, Style(None, "paper"))
    if shown.used:
        _filled_disc(canvas, x, y, radius, min(1.0, shown.used), _shade(shown))
    canvas.circle(x, y, radius, Style("ink", None, 1.5))


def _filled_disc(canvas: Canvas, x: float, y: float, radius: float, level: float, style: Style) -> None:
    """The part of a disc below a level, as a polygon fine enough to look round."""
    floor = y + radius * (1 - 2 * level)
    points = [(x + radius * cos(2 * pi * i / 48), y + radius * sin(2 * pi * i / 48)) for i in range(48)]
    canvas.line([(px, max(py, floor)) for px, py in points], style, closed=True)


def _station(canvas: Canvas, shown: Symbol, x: float, y: float) -> tuple[float, float]:
    station: Station = shown.resource
    count = min(station.servers, MOST_CIRCLES)
    radius = RADIUS if count == 1 else SYMBOL_H / 2 / count
    if len(shown.node.members) > 1:
        _again(canvas, x, y)
    if station.shares:
        canvas.circle(x, y, SYMBOL_H / 2 - 1, Style(None, "paper"))
        if shown.used:
            _filled_disc(canvas, x, y, SYMBOL_H / 2 - 1, min(1.0, shown.used), _shade(shown))
        canvas.circle(x, y, SYMBOL_H / 2 - 1, Style("ink", None, 1.5))
        canvas.text(x, y + 4, "PS", size=SMALL, bold=True)
        return x - SYMBOL_H / 2, x + SYMBOL_H / 2
    length = 40.0
    left = x - (length + 2 * radius) / 2
    _line_of_waiting(canvas, left, y, length, closed=station.queue is not None)
    for number in range(count):
        _disc(canvas, shown, left + length + radius, y + radius * (2 * number - count + 1), radius)
    if station.servers > MOST_CIRCLES:
        canvas.text(left + length + 2 * radius + 3, y + 4, f"× {station.servers}", size=SMALL, anchor="start")
        return left, left + length + 2 * radius + 6 + text_width(f"× {station.servers}", SMALL)
    return left, left + length + 2 * radius


def _line_of_waiting(canvas: Canvas, x: float, y: float, length: float, *, closed: bool) -> None:
    """An open rectangle with a few of its places; with a bar at its back if it has a bound."""
    half = 12.0
    canvas.rect(x, y - half, length, 2 * half, Style(None, "paper"))
    canvas.line([(x, y - half), (x + length, y - half), (x + length, y + half), (x, y + half)], Style("ink", None, 1.5))
    for place in (1, 2, 3):
        canvas.line([(x + length - 8 * place, y - half), (x + length - 8 * place, y + half)], Style("muted", None, 0.9))
    if closed:
        canvas.line([(x, y - half), (x, y + half)], Style("ink", None, 1.5))


def _again(canvas: Canvas, x: float, y: float) -> None:
    """What stands behind, of several alike."""
    for shift in (8.0, 4.0):
        canvas.rect(x - 33 + shift, y - 12 - shift, 66, 24, Style("muted", "paper", 1.0))


def _pool(canvas: Canvas, shown: Symbol, x: float, y: float) -> tuple[float, float]:
    count = min(shown.resource.slots, 10)
    if len(shown.node.members) > 1:
        for shift in (8.0, 4.0):
            canvas.rect(x - 4.5 * count + shift, y - 13 - shift, 9 * count, 26, Style("muted", "paper", 1.0))
    for number in range(count):
        left = x + 9 * (number - count / 2)
        canvas.rect(left, y - 13, 9, 26, Style("ink", "paper", 1.1))
        level = min(1.0, max(0.0, (shown.used or 0.0) * count - number))
        if level > 0:
            canvas.rect(left, y + 13 - 26 * level, 9, 26 * level, _shade(shown))
    return x - 4.5 * count, x + 4.5 * count


def cylinder(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    """A store, centred at (x, y)."""
    w, h, lid = width / 2, height / 2, height / 7
    body = [((x - w, y + h),), ((x - w, y + h + lid), (x + w, y + h + lid), (x + w, y + h)), ((x + w, y - h),)]
    back = ((x + w, y - h - lid), (x - w, y - h - lid), (x - w, y - h))
    canvas.curve((x - w, y - h), [*body, back], Style("ink", "paper", 1.4))
    canvas.curve(
        (x - w, y - h), [((x - w, y - h + lid), (x + w, y - h + lid), (x + w, y - h))], Style("ink", None, 1.4)
    )


def _cache(canvas: Canvas, shown: Symbol, x: float, y: float) -> tuple[float, float]:
    if len(shown.node.members) > 1:
        cylinder(canvas, x + 6, y - 4, 42, 28)
    cylinder(canvas, x, y, 42, 28)
    return x - 21, x + 21


def _queue(canvas: Canvas, shown: Symbol, x: float, y: float) -> tuple[float, float]:
    queue: Queue = shown.resource
    count = min(queue.workers, MOST_CIRCLES)
    half = SYMBOL_H / 2 / max(count, 2)
    left = x - 32 - half
    _line_of_waiting(canvas, left, y, 58, closed=queue.limit is not None)
    canvas.line([(left + 58, y - 12), (left + 58 - 26, y - 12), (left + 58 - 26, y + 12)], Style("ink", None, 2.0))
    for number in range(count):
        top = y + 2 * half * (number - count / 2)
        canvas.rect(left + 62, top + 1, 2 * half, 2 * half - 2, Style("ink", "paper", 1.4))
        if shown.used:
            level = (2 * half - 2) * min(1.0, shown.used)
            canvas.rect(left + 62, top + 2 * half - 1 - level, 2 * half, level, _shade(shown))
    return left, left + 62 + 2 * half


def diamond(canvas: Canvas, x: float, y: float, half: float) -> None:
    """Where ways part, centred at (x, y)."""
    points = [(x - half, y), (x, y - half), (x + half, y), (x, y + half)]
    canvas.line(points, Style("ink", "paper", 1.4), closed=True)


def _balancer(canvas: Canvas, _: Symbol, x: float, y: float) -> tuple[float, float]:
    diamond(canvas, x, y, 18)
    return x - 18, x + 18


def _people(canvas: Canvas, shown: Symbol, x: float, y: float) -> tuple[float, float]:
    def person(px: float, size: float) -> None:
        canvas.curve(
            (px - size, y + 16),
            [((px - size, y - 2), (px + size, y - 2), (px + size, y + 16)), ((px - size, y + 16),)],
            Style("ink", "paper", 1.4),
        )
        canvas.circle(px, y - 9, size * 0.62, Style("ink", "paper", 1.4))

    if shown.node.kind == "population":
        person(x - 13, 9)
        person(x + 13, 9)
    person(x, 11)
    return x - 24, x + 24
