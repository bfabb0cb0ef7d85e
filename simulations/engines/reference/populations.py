"""Closed populations: users who think, send a request, wait for its end, and think again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdlab.workload import NO_KEY
from simulations.engines.reference.draws import child
from simulations.engines.reference.tasks import Task
from simulations.resources import Population

if TYPE_CHECKING:
    from simulations.engines.reference.engine import ReferenceEngine


class User:
    """One user; a task while he thinks."""

    def __init__(
        self, engine: ReferenceEngine, population: Population, index: int, number: int, until_s: float
    ) -> None:
        self.engine = engine
        self.population = population
        self.index = index
        self.number = number
        self.until_s = until_s
        keys = engine.program.keys
        self.draw_key = keys["population", population.name]
        self.keys_key = keys["keys", population.name]
        self.identity = child(number, self.draw_key)
        self.begun = 0
        self.request_identity = 0
        engine.tasks.live += 1
        self._think()

    def heard(self, task: Task, outcome: str) -> None:  # noqa: ARG002  he thinks again however it ended
        """His request has ended."""
        self._think()

    def _think(self) -> None:
        self.request_identity = child(self.identity, self.begun)
        engine = self.engine
        think_s = engine.draws.time_s(self.population.think, self.request_identity, self.draw_key)
        engine.env.timer(think_s, self._thought)

    def _thought(self) -> None:
        engine, population = self.engine, self.population
        if engine.env.now > self.until_s:
            engine.tasks.live -= 1
            return
        self.begun += 1
        identity, region, flow = self.request_identity, population.region, engine.program.flows.index(population.flow)
        row = engine.ledger.new_row(self.index, self.number)
        engine.start(Task("request", flow, identity, population.flow, self._key(), region, region, row, self))

    def _key(self) -> int:
        keys = self.population.keys
        if len(keys) == 0:
            return NO_KEY
        return int(keys[int(self.engine.draws.uniform(self.request_identity, self.keys_key) * len(keys))])
