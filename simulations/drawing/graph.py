"""A model's topology: what there is, each once (identical ones as one), and which flow goes from where to where.

A step back to something that the flow has visited before is the answer to a call, and no link of its own; who gives a
pool's slot back is where he took it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from simulations.drawing.collapse import Collapsed
from simulations.model import Model
from simulations.steps import (
    Balance,
    Enqueue,
    Fork,
    Hold,
    Invalidate,
    Lookup,
    Release,
    Serve,
    Spawn,
    Step,
    Store,
    Switch,
    Travel,
    ways_of,
)

NodeKind = Literal["arrivals", "population", "balancer", "station", "pool", "cache", "queue"]


@dataclass(frozen=True)
class Node:
    """One thing of the topology; ``members`` are the names of the identical resources it stands for."""

    kind: NodeKind
    name: str
    members: tuple[str, ...]
    region: str | None = None


@dataclass(frozen=True)
class Link:
    """A flow goes from one node to another; ``waits`` is False for what is started and not waited for."""

    start: Node
    end: Node
    flow: str
    waits: bool = True


@dataclass
class Graph:
    """Nodes in the order of the first visit, and links in the order of their first use."""

    nodes: list[Node]
    links: list[Link]
    regions: tuple[str, ...]


ARRIVALS = Node("arrivals", "requests", ("requests",))


def topology(model: Model, collapsed: Collapsed, flows: Sequence[str] | None = None) -> Graph:
    """The graph of a model, or of what some flows visit (and what they spawn or leave in queues)."""
    tracer = _Tracer(model, collapsed)
    closed = {population.flow for population in model.populations}
    for flow in model.flows:
        if flow.name not in {*closed, *model.background} and (flows is None or flow.name in flows):
            tracer.trace(_Run(flow.name, [ARRIVALS], {ARRIVALS}), flow.steps)
    for population in model.populations:
        if flows is None or population.flow in flows:
            node = Node("population", population.name, (population.name,), population.region)
            tracer.trace(
                _Run(population.flow, [node], {node}, region=population.region), tracer.flows[population.flow].steps
            )
    if flows is not None:
        for name in flows:
            if name in model.background and not any(link.flow == name for link in tracer.links):
                tracer.trace(_Run(name, [ARRIVALS], {ARRIVALS}), tracer.flows[name].steps)
    return tracer.graph()


@dataclass
class _Run:
    """Where a flow is: the nodes it may have come from, those it has visited, and, where known, its operation, the
    region it came from, and the place it has travelled to."""

    flow: str
    fronts: list[Node]
    visited: set[Node]
    waits: bool = True
    region: str | None = None
    operation: str | None = None
    place: str | None = None
    within: tuple[str, ...] = ()
    held_at: dict[str, list[Node]] = field(default_factory=dict)

    def fork(self) -> _Run:
        return replace(self, fronts=list(self.fronts), visited=set(self.visited), held_at=dict(self.held_at))


class _Tracer:
    def __init__(self, model: Model, collapsed: Collapsed) -> None:
        self.model = model
        self.collapsed = collapsed
        self.flows = {flow.name: flow for flow in model.flows}
        self.links: dict[Link, None] = {}
        self.nodes: dict[Node, set[str | None]] = {}
        self.queues_done: set[str] = set()

    def graph(self) -> Graph:
        """With each node in the region that its name says, or the only one it is visited in."""
        placed = {node: self._placed(node, regions) for node, regions in self.nodes.items()}
        links = [Link(placed[k.start], placed[k.end], k.flow, k.waits) for k in self.links]
        links = list(dict.fromkeys(links))
        forward = _forward(links)
        return Graph(_in_order(list(placed.values()), forward), links, tuple(self.model.regions))

    def _placed(self, node: Node, visited_from: set[str | None]) -> Node:
        named = [region for region in self.model.regions if region in node.members[0].split("-")]
        region = node.region or (named[0] if named else None)
        if region is None and len(visited_from) == 1:
            (region,) = visited_from
        return Node(node.kind, node.name, node.members, region if len(self.model.regions) > 1 else None)

    def trace(self, run: _Run, steps: Sequence[Step]) -> None:
        for node in run.fronts:
            self.nodes.setdefault(node, set())
        for step in steps:
            self._step(run, step)

    def _step(self, run: _Run, step: Step) -> None:  # noqa: PLR0912  one a kind of step
        match step:
            case Serve(name):
                self._visit(run, "station", name)
            case Hold(name):
                run.held_at[name] = list(run.fronts)
                self._visit(run, "pool", name)
            case Release(name):
                run.fronts = run.held_at.pop(name, run.fronts)
            case Store(name) | Invalidate(name):
                self._visit(run, "cache", name)
            case Lookup(name):
                self._visit(run, "cache", name)
                self._ways(run, [step.hit, step.miss])
            case Balance(name):
                self._visit(run, "balancer", name)
                self._ways(run, list(step.ways.values()))
            case Switch():
                self._switch(run, step)
            case Spawn(name):
                self._start(run, name, run.fronts)
            case Enqueue(name):
                self._enqueue(run, step)
            case Travel(region):
                run.place = region
            case Fork():
                self._ways(run, step.parts)
            case _:
                if ways := ways_of(step):
                    self._ways(run, [inner for _, inner in ways])

    def _visit(self, run: _Run, kind: NodeKind, name: str) -> None:
        members = self.collapsed.group(kind, name)
        node = Node(kind, self.collapsed.shown(kind, name), members)
        self.nodes.setdefault(node, set()).add(run.place or run.region)
        if node not in run.visited:
            for front in run.fronts:
                self.links[Link(front, node, run.flow, run.waits)] = None
        run.visited.add(node)
        run.fronts, run.waits = [node], True

    def _ways(self, run: _Run, ways: Sequence[Sequence[Step]], regions: Sequence[str | None] | None = None) -> None:
        fronts: dict[Node, None] = {}
        before = run.fork()
        for index, steps in enumerate(ways):
            way = before.fork()
            if regions is not None:
                way.region = regions[index]
            self.trace(way, steps)
            fronts.update(dict.fromkeys(way.fronts))
            run.visited |= way.visited
        run.fronts = list(fronts) or run.fronts

    def _switch(self, run: _Run, step: Switch) -> None:
        """Only the way that the run's region or operation takes, where they are known."""
        if step.on == "region" and run.region is None:
            others = [region for region in self.model.regions if region not in step.cases]
            ways = [*step.cases.values(), *(step.otherwise for _ in others)]
            self._ways(run, ways, [*(str(value) for value in step.cases), *others])
        elif step.on in ("region", "operation"):
            value = run.region if step.on == "region" else run.operation or run.flow
            self._ways(run, [step.cases.get(value or "", step.otherwise)])
        else:
            self._ways(run, [*step.cases.values(), step.otherwise])

    def _start(self, run: _Run, flow: str, fronts: list[Node]) -> None:
        if flow in run.within:
            return
        started = _Run(flow, list(fronts), set(fronts), False, run.region, run.operation or run.flow, run.place)
        started.within = (*run.within, flow)
        self.trace(started, self.flows[flow].steps)

    def _enqueue(self, run: _Run, step: Enqueue) -> None:
        fronts = list(run.fronts)
        item = run.fork()
        item.waits = step.wait
        self._visit(item, "queue", step.queue)
        if step.queue not in self.queues_done:
            self.queues_done.add(step.queue)
            queue = next(queue for queue in self.model.queues if queue.name == step.queue)
            batch = _Run(
                queue.flow, item.fronts, set(item.fronts), region=run.region, operation=run.operation, place=run.place
            )
            self.trace(batch, self.flows[queue.flow].steps)
        run.fronts = fronts


def _forward(links: Sequence[Link]) -> set[tuple[Node, Node]]:
    """Pairs that make no cycle: those that are waited for come first, then the order of their first use."""
    after: dict[Node, set[Node]] = {}

    def reaches(start: Node, end: Node) -> bool:
        return start == end or any(reaches(other, end) for other in after.get(start, ()))

    for link in sorted(links, key=lambda link: not link.waits):
        if not reaches(link.end, link.start):
            after.setdefault(link.start, set()).add(link.end)
    return {(start, end) for start, ends in after.items() for end in ends}


def _in_order(nodes: Sequence[Node], forward: set[tuple[Node, Node]]) -> list[Node]:
    """Nodes so that every pair goes forward, otherwise as given."""
    waiting = {node: {start for start, end in forward if end == node} for node in nodes}
    ordered: list[Node] = []
    while waiting:
        ready = next(node for node, before in waiting.items() if not before)
        del waiting[ready]
        ordered.append(ready)
        for before in waiting.values():
            before.discard(ready)
    return ordered
