"""What the compiled loop finds out before a run, and the ways on which a task goes past the agenda."""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pytest

from simulations.engines import simulate
from simulations.engines.compiled.shortcuts import find_shortcuts
from simulations.layout import BRANCH, CACHES_AHEAD, DELAY, END, JUMP, NONE, SERVE
from simulations.model import (
    Branch,
    Cache,
    Constant,
    Delay,
    Distribution,
    Empirical,
    Exponential,
    Flow,
    Hold,
    Lookup,
    Model,
    Pool,
    Release,
    Serve,
    Spawn,
    Station,
    Step,
    Switch,
)
from simulations.program import compile_model
from tests.unit.simulations.builders import both_engines, poisson, requests

EXAMPLES = int(os.environ.get("SDLAB_EXAMPLES", "400"))


def by_region(**cases: list[Step]) -> Model:
    keyed: dict[str | int, list[Step]] = {region: steps for region, steps in cases.items() if steps}
    caches = [Cache(step.cache, 10) for steps in cases.values() for step in steps if isinstance(step, Lookup)]
    flow = Flow("get", [Switch("region", keyed, otherwise=[Serve("rest", Constant(1.0))])])
    return Model("regions", [flow], [Station("s", 1), Station("rest", 1)], caches=caches, regions=tuple(cases))


def test_a_flow_begins_for_each_region_behind_its_switch() -> None:
    program = compile_model(by_region(eu=[Serve("s", Constant(1.0))], us=[Delay("d", Constant(1.0))], ap=[]))
    shortcuts = find_shortcuts(program)
    codes = [int(shortcuts.instructions["code"][at]) for at in shortcuts.entry[0]]
    stations = [int(shortcuts.instructions["resource"][at]) for at in shortcuts.entry[0]]
    assert codes == [SERVE, SERVE, DELAY, SERVE]  # no region, eu, us, ap
    assert [stations[at] for at in (0, 1, 3)] == [1, 0, 1]


def test_nothing_leads_to_a_jump_and_no_jump_to_the_end() -> None:
    inner = Branch([(0.5, [Serve("s", Constant(1.0))]), (0.5, [])])
    outer = Branch([(0.5, [inner]), (0.5, [Branch([(0.5, []), (0.5, [inner])])])])
    shortcuts = find_shortcuts(compile_model(Model("nested", [Flow("get", [outer])], [Station("s")])))
    codes, targets = shortcuts.instructions["code"], shortcuts.instructions["target"]
    led = [*shortcuts.ways["target"].tolist(), *targets[targets != NONE].tolist(), *shortcuts.entry.ravel().tolist()]
    assert JUMP not in codes[led]
    assert END not in codes[targets[codes == JUMP]]
    assert codes[shortcuts.entry[0, 0]] == BRANCH


def test_the_caches_that_a_request_may_look_up_are_known_by_its_region_unless_they_are_many() -> None:
    many: list[Step] = [Lookup(f"m{number}") for number in range(CACHES_AHEAD + 1)]
    program = compile_model(by_region(eu=[Lookup("a"), Serve("s", Constant(1.0)), Lookup("b")], us=many, ap=[]))
    ahead = find_shortcuts(program).caches_ahead.tolist()
    assert ahead == [[NONE, NONE], [0, 1], [NONE, NONE], [NONE, NONE]]


def test_only_delays_of_constant_length_have_lanes() -> None:
    steps: list[Step] = [Delay("a", Constant(1.0)), Delay("b", Exponential(1.0)), Delay("c", Constant(0.0))]
    assert find_shortcuts(compile_model(Model("lanes", [Flow("get", steps)]))).lanes == 2


@pytest.mark.parametrize("bin_s", [None, 1.0, 3.7])
def test_equal_delays_end_in_the_order_of_their_beginnings_among_events_of_the_same_time(bin_s: float | None) -> None:
    """Whole seconds, so that ends of delays, services and arrivals meet at one instant all the time."""
    click: list[Step] = [Delay("far", Constant(5.0)), Serve("db", Constant(1.0)), Delay("near", Constant(1.0))]
    get: list[Step] = [
        Serve("api", Constant(1.0)),
        Spawn("click"),
        Branch([(0.5, [Delay("near", Constant(1.0))]), (0.5, [Delay("far", Constant(5.0)), Spawn("click")])]),
        Serve("api", Constant(1.0)),
        Spawn("click"),
        Serve("db", Constant(2.0)),
    ]
    model = Model("lanes", [Flow("get", get), Flow("click", click)], [Station("api", 2), Station("db", 3)])
    arrivals = np.sort(np.random.default_rng(3).integers(0, 3000, 1000)).astype(np.float64)
    assert both_engines(model, requests(arrivals), bin_s=bin_s).max_in_flight > 10


@pytest.mark.parametrize("rate_rps", [0.01, 0.3, 3.0])
def test_tasks_alone_and_tasks_in_each_others_way_give_the_same_sample_path_on_both_engines(rate_rps: float) -> None:
    steps: list[Step] = [
        Serve("a", Exponential(0.2)),
        Delay("network", Exponential(0.1)),
        Spawn("click"),
        Serve("b", Exponential(0.5)),
        Delay("back", Constant(0.3)),
    ]
    flows = [Flow("get", steps), Flow("click", [Serve("b", Exponential(0.1)), Delay("back", Constant(0.3))])]
    both_engines(Model("alone", flows, [Station("a", 1), Station("b", 2)]), poisson(1500, rate_rps), bin_s=7.0)


def test_a_time_whose_quantiles_are_all_equal_is_that_time() -> None:
    first, second = (
        simulate(Model("one", [Flow("get", [Delay("d", time)])]), requests([0.0, 1.0, 2.5]), 1).completed_s
        for time in (Empirical((0.1, 0.1, 0.1)), Constant(0.1))
    )
    assert np.array_equal(first, second)


class PlainMaker:
    """Makes models of what the loop for plain models knows, at random, with whole seconds in most of them."""

    def __init__(self, r: Random) -> None:
        self.r = r
        self.whole = r.choice([0.0, 0.5, 1.0])

    def model(self) -> Model:
        r = self.r
        flows = [Flow("get", self._steps(3)), Flow("put", self._steps(2)), Flow("job", self._steps(1, spawns=False))]
        # Each resource is used, as a model must.
        flows[0] = Flow("get", [*flows[0].steps, Lookup("c"), *self._held("p"), *self._held("q"), Spawn("job")])
        flows[2] = Flow("job", [*flows[2].steps, *(Serve(name, self._time()) for name in "abc")])
        return Model(
            "plain",
            flows,
            [Station(name, r.randint(1, 3)) for name in "abc"],
            [Pool("p", r.randint(1, 2)), Pool("q", 2)],
            caches=[Cache("c", r.randint(0, 4))],
            regions=("eu", "us"),
        )

    def _time(self) -> Distribution:
        if self.r.random() < self.whole:
            return Constant(float(self.r.randint(0, 3)))
        times: list[Distribution] = [Exponential(0.7), Empirical((0.2, 0.4, 1.5)), Empirical((0.5, 0.5))]
        return self.r.choice(times)

    def _held(self, pool: str) -> list[Step]:
        return [Hold(pool), *self._steps(0), Release(pool)]

    def _steps(self, depth: int, *, spawns: bool = True) -> list[Step]:
        steps: list[Step] = []
        for _ in range(self.r.randint(1, 3)):
            steps += self._step(depth, spawns)
        return steps

    def _step(self, depth: int, spawns: bool) -> list[Step]:
        kind = self.r.random()
        if kind < 0.35 or depth == 0:
            return [Serve(self.r.choice("abc"), self._time())]
        if kind < 0.6:
            return [Delay(self.r.choice("de"), self._time())]
        if kind < 0.75 and spawns:
            return [Spawn("job")]
        if kind < 0.85:
            return [Lookup("c", hit=self._steps(depth - 1, spawns=spawns), miss=self._steps(depth - 1, spawns=spawns))]
        if kind < 0.93:
            return [Branch([(0.3, self._steps(depth - 1, spawns=spawns)), (0.3, []), (0.4, [])])]
        return [Switch("region", {"us": self._steps(depth - 1, spawns=spawns)}, otherwise=[])]


def test_plain_models_made_at_random_give_the_same_sample_path_on_both_engines() -> None:
    for number in range(EXAMPLES // 4):
        r = Random(number)
        model = PlainMaker(r).model()
        draw, count = np.random.default_rng(number), r.randint(1, 60)
        times = draw.random(count) * count * r.choice([0.2, 3.0, 20.0])
        table = requests(
            np.sort(np.floor(times) if r.random() < 0.5 else times),
            operation=draw.integers(0, 2, count).tolist(),
            key=draw.integers(0, 6, count).tolist(),
            region=draw.integers(0, 2, count).tolist(),
            operations=("get", "put"),
            regions=("us", "eu"),
        )
        both_engines(model, table, seed=number, bin_s=r.choice([None, 1.0, 4.3]))
