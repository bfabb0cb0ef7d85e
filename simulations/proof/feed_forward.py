"""Plain feed-forward models made at random: those that the sweep takes, among the whole vocabulary next to none.

Stations in one order and flows that visit some of them in it, through branches and switches that part and come together
again. Most requests come at any time and are served for times from continuous distributions, so that nothing coincides
and the run is swept; some come at whole seconds, alone or many at once, and some services take whole seconds, so that
the sweep must notice its ties and leave the run to the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from simulations.model import Branch, Flow, Model, Serve, Station, Step, Switch
from simulations.proof.chance import continuous_time, time
from simulations.proof.made_resources import KEYS, REGIONS
from simulations.proof.reductions import without_unused

TIED = 0.1
"""So many of the services may take whole seconds, in those models that have any."""


@dataclass(frozen=True)
class FeedForwardMaker:
    """Makes one model with a flow for each of ``operations``, nested to ``depth``."""

    r: Random
    operations: tuple[str, ...]
    depth: int

    def model(self) -> Model:
        """The whole model, without the stations that no flow came to use."""
        r = self.r
        names = [f"s{number}" for number in range(r.randint(1, 6))]
        stations = [Station(name, r.choice([1, 1, 2, 3, 8])) for name in names]
        tied = TIED if r.random() < 0.3 else 0.0
        flows = [self._flow(name, names[r.randrange(len(names)) :], tied) for name in self.operations]
        return without_unused("feed-forward", flows, stations=r.sample(stations, len(stations)), regions=REGIONS)

    def _flow(self, name: str, names: list[str], tied: float) -> Flow:
        """Through the first of these stations at least: a request that ended as it came would be a tie."""
        return Flow(name, [self._serve(names[0], tied), *self._visits(names[1:], self.depth, tied)])

    def _visits(self, names: list[str], depth: int, tied: float) -> list[Step]:
        """Visits to some of these stations, in their order; the rest of them for those after a parting."""
        if not names:
            return []
        first, later = names[0], names[1:]
        kind = self.r.random()
        if kind < 0.15:
            return self._visits(later, depth, tied)
        if depth == 0 or kind < 0.6:
            return [self._serve(first, tied), *self._visits(later, depth, tied)]
        cut = self.r.randint(1, len(names))
        parting = self._parting(names[:cut], depth - 1, tied)
        return [parting, *self._visits(names[cut:], depth, tied)]

    def _parting(self, names: list[str], depth: int, tied: float) -> Step:
        """Ways through the same stations, some of them through none."""
        r = self.r
        if r.random() < 0.6:
            share = r.choice([0.1, 0.5, r.random()])
            return Branch([(p, self._visits(names, depth, tied)) for p in (share, 1 - share)])
        choices: list[Any] = [("region", REGIONS), ("operation", self.operations), ("key", range(KEYS))]
        on, values = r.choice(choices)
        cases = {value: self._visits(names, depth, tied) for value in r.sample(list(values), 2)}
        return Switch(on, cases, self._visits(names, depth, tied))

    def _serve(self, name: str, tied: float) -> Serve:
        return Serve(name, time(self.r) if self.r.random() < tied else continuous_time(self.r))
