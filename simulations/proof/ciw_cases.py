"""Networks that Ciw (Palmer et al. 2019, version 3.2) can express too, simulated by both programs.

Ciw is imported when a case is run only: it is among the development's dependencies, not the lab's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulations import study
from simulations.distributions import Exponential
from simulations.model import Branch, Flow, Model, Outage, Serve, Station, Step
from simulations.proof.evidence import CONFIDENCE, Case
from simulations.proof.load import open_case, share_not_completed
from simulations.study import Interval

CUSTOMERS = 2_500
REPLICATIONS = 10
WARM_UP = 400
LAST = 200
"""Customers at the end that are left out, because those still there then would be missing among them."""

SHIFT_S, SHORT_SHIFT_S = 30.0, 10.0
"""How long three servers work before they leave, and how long they are away."""


@dataclass(frozen=True)
class PeerCase:
    """One network in our vocabulary and in Ciw's. ``network`` gives `ciw.create_network`'s arguments."""

    ours: Case
    network: Callable[[Any], dict[str, Any]]
    shares: bool = False
    customer_class: str | None = None
    losses: bool = False

    @property
    def name(self) -> str:
        """What is compared."""
        return self.ours.name

    def compare(self) -> Comparison:
        """Run both."""
        return Comparison(self.name, self.ours.find().found, self.theirs())

    def theirs(self) -> Interval:
        """The interval of Ciw's replications."""
        import ciw  # noqa: PLC0415

        options = {"node_class": ciw.PSNode} if self.shares else {}
        means = []
        for seed in range(REPLICATIONS):
            ciw.seed(seed)
            simulation = ciw.Simulation(ciw.create_network(**self.network(ciw)), **options)
            simulation.simulate_until_max_customers(CUSTOMERS, method="Finish")
            means.append(self._mean(simulation.get_all_individuals()))
        return study.interval(means, CONFIDENCE)

    def _mean(self, customers: list[Any]) -> float:
        steady = [
            one.data_records for one in customers if one.data_records and WARM_UP < one.id_number <= CUSTOMERS - LAST
        ]
        if self.losses:
            return float(np.mean([records[0].record_type == "rejection" for records in steady]))
        mine = (records for records in steady if self.customer_class in (None, records[0].customer_class))
        return float(np.mean([records[-1].exit_date - records[0].arrival_date for records in mine]))


@dataclass(frozen=True)
class Comparison:
    """A row of the table of other people's programs."""

    name: str
    ours: Interval
    theirs: Interval

    @property
    def overlap(self) -> bool:
        """Whether the two intervals have a value in common."""
        return self.ours.low <= self.theirs.high and self.theirs.low <= self.ours.high

    def as_dict(self) -> dict[str, str | float]:
        """One row of a table."""
        return {
            "name": self.name,
            "ours": self.ours.mean,
            "half_width": self.ours.half_width,
            "theirs": self.theirs.mean,
            "their_half_width": self.theirs.half_width,
            "verdict": "agrees" if self.overlap else "APART",
        }


def cases() -> list[PeerCase]:
    """All of them."""
    return [_tandem(), _branching(), _loss(), *_priorities(), _sharing(1, 0.6), _sharing(3, 2.1), _shifts()]


def _ours(name: str, model: Model, rates_rps: list[float], **options: Any) -> Case:
    return open_case(name, "Ciw", 1.0, model, rates_rps, {}, replications=20, **options)


def _tandem() -> PeerCase:
    steps = [Serve(name, Exponential(mean)) for name, mean in (("a", 0.7), ("b", 1.5), ("c", 3.0))]
    model = Model("tandem", [Flow("get", steps)], [Station("a", 1), Station("b", 2), Station("c", 5)])

    def network(ciw: Any) -> dict[str, Any]:
        return {
            "arrival_distributions": [ciw.dists.Exponential(1.0), None, None],
            "service_distributions": [ciw.dists.Exponential(1 / mean) for mean in (0.7, 1.5, 3.0)],
            "number_of_servers": [1, 2, 5],
            "routing": [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]],
        }

    return PeerCase(_ours("tandem of M/M/1, M/M/2, M/M/5", model, [1.0]), network)


def _branching() -> PeerCase:
    ways: list[tuple[float, list[Step]]] = [
        (0.7, [Serve("cache", Exponential(0.9))]),
        (0.3, [Serve("database", Exponential(4.0))]),
    ]
    stations = [Station("api", 4), Station("cache"), Station("database", 2)]
    model = Model("branching", [Flow("get", [Serve("api", Exponential(2.5)), Branch(ways)])], stations)

    def network(ciw: Any) -> dict[str, Any]:
        return {
            "arrival_distributions": [ciw.dists.Exponential(1.0), None, None],
            "service_distributions": [ciw.dists.Exponential(1 / mean) for mean in (2.5, 0.9, 4.0)],
            "number_of_servers": [4, 1, 2],
            "routing": [[0.0, 0.7, 0.3], [0.0] * 3, [0.0] * 3],
        }

    return PeerCase(_ours("api, then cache or database", model, [1.0]), network)


def _loss() -> PeerCase:
    model = Model("loss", [Flow("get", [Serve("s", Exponential(1.0))])], [Station("s", 2, queue=3)])

    def network(ciw: Any) -> dict[str, Any]:
        return {
            "arrival_distributions": [ciw.dists.Exponential(1.6)],
            "service_distributions": [ciw.dists.Exponential(1.0)],
            "number_of_servers": [2],
            "queue_capacities": [3],
        }

    return PeerCase(_ours("M/M/2/5: loss", model, [1.6], measure=share_not_completed), network, losses=True)


def _priorities() -> list[PeerCase]:
    names = ("first", "second")
    flows = [Flow(name, [Serve("s", Exponential(1.0), priority=number)]) for number, name in enumerate(names)]
    model = Model("priorities", flows, [Station("s")])

    def network(ciw: Any) -> dict[str, Any]:
        return {
            "arrival_distributions": {name: [ciw.dists.Exponential(0.3)] for name in names},
            "service_distributions": {name: [ciw.dists.Exponential(1.0)] for name in names},
            "number_of_servers": [1],
            "priority_classes": {name: number for number, name in enumerate(names)},
        }

    return [
        PeerCase(
            _ours(f"M/M/1 with priorities: the {name}", model, [0.3, 0.3], operation=number),
            network,
            customer_class=name,
        )
        for number, name in enumerate(names)
    ]


def _sharing(servers: int, rate_rps: float) -> PeerCase:
    model = Model("sharing", [Flow("get", [Serve("s", Exponential(1.0))])], [Station("s", servers, shares=True)])

    def network(ciw: Any) -> dict[str, Any]:
        return {
            "arrival_distributions": [ciw.dists.Exponential(rate_rps)],
            "service_distributions": [ciw.dists.Exponential(1.0)],
            "number_of_servers": [float("inf")],
            "ps_thresholds": [servers],
        }

    return PeerCase(_ours(f"M/M/{servers}-PS", model, [rate_rps]), network, shares=True)


def _shifts() -> PeerCase:
    """Three servers, all of which are away a quarter of the time, after finishing what they do.

    Away all, because at the end of a shift Ciw replaces every server: of three who become one, the three finish what
    they do while a fourth begins anew.
    """
    count, cycle_s = 20_000, SHIFT_S + SHORT_SHIFT_S
    away = [
        Outage(number * cycle_s + SHIFT_S, SHORT_SHIFT_S, work="finish")
        for number in range(int(count / 1.2 / cycle_s) + 20)
    ]
    model = Model("shifts", [Flow("get", [Serve("s", Exponential(1.0))])], [Station("s", 3, outages=away)])

    def network(ciw: Any) -> dict[str, Any]:
        shifts = ciw.Schedule(numbers_of_servers=[3, 0], shift_end_dates=[SHIFT_S, cycle_s], preemption=False)
        return {
            "arrival_distributions": [ciw.dists.Exponential(1.2)],
            "service_distributions": [ciw.dists.Exponential(1.0)],
            "number_of_servers": [shifts],
        }

    return PeerCase(_ours("three servers, away at times", model, [1.2], count=count), network)
