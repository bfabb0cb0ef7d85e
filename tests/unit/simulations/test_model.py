"""Models that cannot be right are refused, and the error says where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sdlab.errors import InvalidInput
from simulations.engines import simulate
from simulations.model import (
    Branch,
    Cache,
    Constant,
    Delay,
    Exponential,
    Flow,
    Hold,
    Invalidate,
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
from tests.unit.simulations.builders import poisson, requests

ONE = Constant(1.0)


def build(steps: Sequence[Step], *more: Flow, **parts: Any) -> Model:
    """A model around one flow, with a station, two pools and a cache if nothing else is said."""
    parts = {"stations": [Station("cpu")], "regions": ["eu"], **parts}
    return Model("m", [Flow("get", steps), *more], **parts)


POOL = {"pools": [Pool("p", 2)]}
TWO = {"pools": [Pool("p", 2), Pool("q", 2)]}
CACHE = {"caches": [Cache("c", 10)]}
CPU = Serve("cpu", ONE)
RELEASE_BOTH = [Release("q"), Release("p")]


@pytest.mark.parametrize(
    ("make", "where", "why"),
    [
        (lambda: build([Serve("gpu", ONE)]), "flow get, step 1 (serve gpu)", "no station of the model"),
        (lambda: build([CPU, Hold("p")]), "flow get, step 2 (hold p)", "no pool of the model"),
        (lambda: build([CPU, Hold("p")], **POOL), "flow get, step 2 (hold p)", "still held at the end"),
        (lambda: build([CPU, Release("p")], **POOL), "flow get, step 2 (release p)", "not held here"),
        (
            lambda: build([CPU, Hold("p"), Hold("p"), Release("p")], **POOL),
            "flow get, step 3 (hold p)",
            "is held already, since flow get, step 2 (hold p)",
        ),
        (
            lambda: build([CPU, Hold("p"), Branch([(0.5, [Release("p")]), (0.5, [])])], **POOL),
            "flow get, step 3 (branch)",
            "leaves p held unlike way 1",
        ),
        (
            lambda: build(
                [
                    CPU,
                    Hold("p"),
                    Hold("q"),
                    Release("q"),
                    Release("p"),
                    Hold("q"),
                    Hold("p"),
                    Release("p"),
                    Release("q"),
                ],
                **TWO,
            ),
            "flow get, step 7 (hold p)",
            "another order in flow get, step 3 (hold q)",
        ),
        (lambda: build([CPU, Branch([(0.5, []), (0.6, [])])]), "flow get, step 2 (branch)", "add up to 1"),
        (lambda: build([CPU, Branch([(1.5, []), (-0.5, [])])]), "flow get, step 2 (branch)", "from 0 to 1"),
        (lambda: build([CPU, Switch("region", {"mars": []})]), "flow get, step 2 (switch on region)", "no region"),
        (lambda: build([CPU, Switch("operation", {"put": []})]), "flow get, step 2 (switch on operation)", "no oper"),
        (lambda: build([CPU, Switch("key", {"a": []})]), "flow get, step 2 (switch on key)", "must be an integer"),
        (lambda: build([CPU, Switch("colour", {})]), "flow get, step 2 (switch on colour)", "must switch on"),  # type: ignore[arg-type]
        (
            lambda: build([CPU, Lookup("c", miss=[Serve("gpu", ONE)])], **CACHE),
            "flow get, step 2, miss, step 1 (serve gpu)",
            "no station of the model; there are: cpu",
        ),
        (lambda: build([CPU, Invalidate("d")], **CACHE), "flow get, step 2 (invalidate d)", "no cache of the model"),
        (lambda: build([CPU, Spawn("job")]), "flow get, step 2 (spawn job)", "no flow of the model"),
        (lambda: build([CPU, Spawn("get")]), "flow get, step 2 (spawn get)", "spawns without end: get -> get"),
        (
            lambda: build([CPU, Spawn("job")], Flow("job", [Branch([(1.0, [Spawn("get")])])])),
            "flow job, step 1, way 1, step 1 (spawn get)",
            "get -> job -> get",
        ),
        (lambda: build([Delay("d", ONE)]), "model m, station", "no step serves at it"),
        (lambda: build([CPU], **POOL), "model m, pool", "no step holds it"),
        (lambda: build([CPU], **CACHE), "model m, cache", "no step looks anything up"),
        (lambda: build([CPU], Flow("get", [CPU])), "model m, flow", "more than one"),
        (lambda: build([CPU, Delay("cpu", ONE)]), "model m, station, pool, queue or delay", "more than one"),
        (lambda: build([]), "flow get, steps", "at least one step"),
        (lambda: Model("m", []), "model m, flows", "at least one flow"),
        (lambda: Station("cpu", 0), "station cpu, servers", "at least 1"),
        (lambda: Station("cpu", 1.5), "station cpu, servers", "integer"),  # type: ignore[arg-type]
        (lambda: Pool("p", 0), "pool p, slots", "at least 1"),
        (lambda: Cache("c", -1), "cache c, capacity_entries", "at least 0"),
        (lambda: Cache("c", 1, "random"), "cache c, policy", "one of lru, fifo, clock, sieve, s3fifo, wtinylfu"),
        (lambda: Cache("c", 1, "lru", [1, 2]), "cache c, initial_keys", "at most 1 keys"),
        (lambda: Cache("c", 9, "lru", [1, 1]), "cache c, initial_keys", "twice"),
        (lambda: Cache("c", 9, "lru", [-1]), "cache c, initial_keys", "below 0"),
    ],
)
def test_a_wrong_model_is_refused_with_the_place_of_the_step(make: Any, where: str, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        make()
    assert error.value.field == where
    assert why in error.value.bound


@pytest.mark.parametrize(
    ("table", "seed", "field"),
    [
        (requests([0.0], operations=("put",)), 1, "requests.operations"),
        (requests([0.0], operation=3), 1, "requests.operation"),
        (requests([1.0, 0.5]), 1, "requests.arrival_s[1]"),
        (requests([-1.0]), 1, "requests.arrival_s[0]"),
        (requests([float("nan")]), 1, "requests.arrival_s"),
        (requests([0.0, 1.0], key=[0, -1]), 1, "requests.key[1]"),
        (requests([0.0], region=4), 1, "requests.region"),
        (requests([0.0]), -1, "seed"),
        (requests([0.0]), 2**63, "seed"),
    ],
)
@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_requests_that_do_not_fit_the_model_are_refused_by_both_engines(
    table: Any, seed: int, field: str, engine: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        simulate(build([CPU, Lookup("c")], **CACHE), table, seed, engine)
    assert error.value.field == field


def test_an_engine_or_a_bin_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInput, match="compiled, event_loop, simpy"):
        simulate(build([CPU]), poisson(1, 1.0), 1, "fast")
    with pytest.raises(InvalidInput, match="bin_s"):
        simulate(build([CPU]), poisson(1, 1.0), 1, bin_s=0.0)


def test_adding_a_step_leaves_what_the_others_draw_as_it_was() -> None:
    """The what-if question "and if there were a gateway?" is asked with common random numbers."""
    before = compile_model(build([Serve("cpu", Exponential(1.0)), Serve("cpu", Exponential(1.0))]))
    after = compile_model(
        build([Delay("hop", ONE), Serve("cpu", Exponential(1.0)), Branch([(1.0, [])]), Serve("cpu", Exponential(1.0))])
    )
    assert before.drawn["get", 0].draw_key == after.drawn["get", 1].draw_key
    assert before.drawn["get", 1].draw_key == after.drawn["get", 3].draw_key
    assert len({drawn.draw_key for drawn in after.drawn.values()}) == 4


def test_the_model_names_its_delays_and_background_flows() -> None:
    model = build([CPU, Delay("hop", ONE), Spawn("job"), Delay("hop", ONE)], Flow("job", [CPU]))
    assert model.delays == ("hop",)
    assert model.background == ("job",)
