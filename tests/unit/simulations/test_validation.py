"""What the whole vocabulary asks of a model: the error names the step by its place."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdlab.errors import InvalidInput
from simulations.model import (
    Attempt,
    Backoff,
    Balance,
    Balancer,
    Branch,
    Break,
    Breaker,
    Cache,
    Constant,
    Delay,
    Enqueue,
    Exponential,
    Fail,
    Flow,
    Fork,
    Hedge,
    Hold,
    Limit,
    Lookup,
    Model,
    Pool,
    Population,
    Queue,
    Release,
    Retry,
    RetryBudget,
    Serve,
    Spawn,
    Station,
    Step,
    Switch,
    Timeout,
    TokenBucket,
    Travel,
)
from simulations.program import compile_model
from tests.unit.simulations.vocabulary import AnyModel

ONE = Constant(1.0)
WAIT = Delay("d", ONE)
P, Q = Pool("p", 2), Pool("q", 2)
HP, RP, HQ, RQ = Hold("p"), Release("p"), Hold("q"), Release("q")
FLIGHTS = Cache("c", 10, single_flight=True)
OTHER = Cache("o", 10, single_flight=True)
JOBS = Queue("jobs", "job")
WAITS = Enqueue("jobs", wait=True)
AB = Balancer("lb", ("a", "b"))


def build(steps: Sequence[Step], *more: Flow, **parts: Any) -> Model:
    return Model("m", [Flow("get", steps), *more], **parts)


def job(*steps: Step) -> Flow:
    return Flow("job", steps)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), depth=st.integers(0, 4))
def test_valid_models_over_the_whole_vocabulary_are_accepted(seed: int, depth: int) -> None:
    assert len(compile_model(AnyModel(seed).model(depth)).instructions) > 10


def wrong(*steps: Step, flows: Sequence[Flow] = (), **parts: Any) -> Any:
    return lambda: build(steps, *flows, **parts)


NAMES: list[tuple[Any, str, str]] = [
    (wrong(Enqueue("jobs")), "flow get, step 1 (enqueue jobs)", "is no queue of the model; there are: none"),
    (wrong(Balance("lb", {})), "flow get, step 1 (balance lb)", "is no balancer"),
    (wrong(Limit("b")), "flow get, step 1 (limit b)", "is no token bucket"),
    (wrong(Break("b", [WAIT])), "flow get, step 1 (break b)", "is no breaker"),
    (wrong(Retry([WAIT], budget="b")), "flow get, step 1 (retry)", "is no retry budget"),
    (wrong(Travel("mars"), regions=["eu"]), "flow get, step 1 (travel to mars)", "is no region"),
    (wrong(Travel()), "flow get, step 1 (travel back)", "the model has no regions"),
    (wrong(WAIT, queues=[JOBS]), "queue jobs, flow", "is no flow of the model; there are: get"),
    (wrong(WAIT, populations=[Population("u", "put", 1, ONE)]), "population u, flow", "is no flow"),
    (wrong(WAIT, flows=[job(WAIT)], queues=[JOBS]), "model m, queue", "no step leaves anything in it"),
    (wrong(WAIT, balancers=[AB]), "model m, balancer", "no step balances"),
    (wrong(WAIT, buckets=[TokenBucket("b", 1)]), "model m, token bucket", "no step is limited"),
    (wrong(WAIT, breakers=[Breaker("b")]), "model m, breaker", "no step is behind it"),
    (wrong(WAIT, budgets=[RetryBudget("b")]), "model m, retry budget", "no retry takes from it"),
    (wrong(WAIT, regions=["eu", "eu"]), "model m, region", "more than one"),
    (wrong(WAIT, queues=[Queue("d", "get")]), "model m, station, pool, queue or delay", "more than one"),
    (wrong(Delay("", ONE)), "model m, station, pool, queue or delay", "must have a name"),
    (wrong(Travel(), Delay("network", ONE), regions=["eu"]), "model m, station, pool, queue or delay", "Travel"),
    (wrong("serve"), "flow get, step 1 (str)", "is no step"),  # type: ignore[arg-type]
]

VALUES: list[tuple[Any, str, str]] = [
    (wrong(Balance("lb", {"a": []}), balancers=[AB]), "flow get, step 1 (balance lb)", "without a way here"),
    (wrong(Balance("lb", {"a": [], "b": [], "c": []}), balancers=[AB]), "flow get, step 1 (balance lb)", "no target"),
    (
        wrong(Balance("lb", {"a": [Balance("lb", {"a": [], "b": []})], "b": []}), balancers=[AB]),
        "flow get, step 1, target a, step 1 (balance lb)",
        "balances already, since flow get, step 1 (balance lb)",
    ),
    (wrong(Branch([])), "flow get, step 1 (branch), ways", "at least one way"),
    (wrong(Branch([(math.nan, [])])), "flow get, step 1 (branch)", "from 0 to 1"),
    (wrong(Switch("key", {-1: []})), "flow get, step 1 (switch on key)", "at least 0"),
    (wrong(Fork([])), "flow get, step 1 (fork), parts", "at least one part"),
    (wrong(Fork([[WAIT]], 2)), "flow get, step 1 (fork), wait_for", "from 1 to 1"),
    (wrong(Fork([[WAIT]], 0)), "flow get, step 1 (fork), wait_for", "from 1 to 1"),
    (wrong(Fork([[WAIT]], rest="stop")), "flow get, step 1 (fork), rest", "cancel, continue"),  # type: ignore[arg-type]
    (wrong(Timeout(ONE, [])), "flow get, step 1 (timeout), steps", "at least one step"),
    (wrong(Timeout(1.0, [WAIT])), "flow get, step 1 (timeout), after", "Constant(1.0)"),  # type: ignore[arg-type]
    (wrong(Timeout(ONE, [WAIT], "kill")), "flow get, step 1 (timeout), abandoned", "one of"),  # type: ignore[arg-type]
    (wrong(Retry([])), "flow get, step 1 (retry), steps", "at least one step"),
    (wrong(Retry([WAIT], 0)), "flow get, step 1 (retry), attempts", "at least 1"),
    (wrong(Retry([WAIT], 2.0)), "flow get, step 1 (retry), attempts", "integer"),  # type: ignore[arg-type]
    (wrong(Retry([WAIT], on=())), "flow get, step 1 (retry), on", "at least one outcome"),
    (wrong(Retry([WAIT], on=("late",))), "flow get, step 1 (retry), on", "one of rejected"),  # type: ignore[arg-type]
    (wrong(Retry([WAIT], 2, Backoff(-1))), "flow get, step 1 (retry), backoff, first_s", "at least 0"),
    (wrong(Retry([WAIT], 2, Backoff(1, 0.5))), "flow get, step 1 (retry), backoff, factor", "at least 1"),
    (wrong(Retry([WAIT], 2, Backoff(1, 2, math.nan))), "flow get, step 1 (retry), backoff, most_s", "at least 0"),
    (wrong(Retry([WAIT], 2, Backoff(jitter="some"))), "flow get, step 1 (retry), backoff, jitter", "full"),  # type: ignore[arg-type]
    (wrong(Hedge(ONE, [])), "flow get, step 1 (hedge), steps", "at least one step"),
    (wrong(Hedge(ONE, [WAIT], 0)), "flow get, step 1 (hedge), extra", "at least 1"),
    (wrong(Break("b", []), breakers=[Breaker("b")]), "flow get, step 1 (break b), steps", "at least one step"),
    (wrong(Attempt([])), "flow get, step 1 (attempt), steps", "at least one step"),
    (wrong(Fail("late")), "flow get, step 1 (fail late), outcome", "one of rejected"),  # type: ignore[arg-type]
    (wrong(Hold("p", 16), RP, pools=[P]), "flow get, step 1 (hold p), priority", "from 0 to 15"),
    (
        wrong(Serve("s", ONE, 1), stations=[Station("s", shares=True)]),
        "flow get, step 1 (serve s), priority",
        "must be 0",
    ),
    (
        wrong(Serve("s", ONE, per_item=ONE), stations=[Station("s")]),
        "flow get, step 1 (serve s), per_item",
        "no queue runs this flow",
    ),
    (wrong(Enqueue("jobs", 1), flows=[job(WAIT)], queues=[JOBS]), "flow get, step 1 (enqueue jobs), wait", "True"),  # type: ignore[arg-type]
]

HOLDING: list[tuple[Any, str, str]] = [
    (wrong(Fork([[HP]]), pools=[P]), "flow get, step 1, part 1, step 1 (hold p)", "held at the end of the part"),
    (
        wrong(HP, Timeout(ONE, [RP]), pools=[P]),
        "flow get, step 2, steps, step 1 (release p)",
        "is held by what this is a part of, since flow get, step 1 (hold p): release it there",
    ),
    (
        wrong(HP, Retry([HP, RP]), RP, pools=[P]),
        "flow get, step 2, steps, step 1 (hold p)",
        "is held already, since flow get, step 1 (hold p)",
    ),
    (wrong(HP, Attempt([Fail()], [RP]), RP, pools=[P]), "flow get, step 3 (release p)", "not held here"),
    (wrong(HP, Attempt([WAIT], [RP]), RP, pools=[P]), "flow get, step 2 (attempt)", "leaves p held unlike steps"),
    (
        wrong(HP, Fork([[HQ, RQ]]), RP, flows=[job(HQ, Fork([[HP, RP]]), RQ)], pools=[P, Q]),
        "flow job, step 2, part 1, step 1 (hold p)",
        "another order in flow get, step 2, part 1, step 1 (hold q)",
    ),
    (
        wrong(Lookup("c", miss=[HP, RP]), flows=[job(HP, Lookup("c"), RP)], pools=[P], caches=[FLIGHTS]),
        "flow job, step 2 (lookup c)",
        "is asked for by who has p; in flow get, step 1, miss, step 1 (hold p), who has a key's flight of c asks for p",
    ),
    (
        wrong(Lookup("c", miss=[Lookup("c")]), caches=[FLIGHTS]),
        "flow get, step 1, miss, step 1 (lookup c)",
        "waits for the key that it is itself fetching, since flow get, step 1 (lookup c)",
    ),
    (
        wrong(Lookup("c", miss=[Lookup("o")]), flows=[job(Lookup("o", miss=[Lookup("c")]))], caches=[FLIGHTS, OTHER]),
        "flow job, step 1, miss, step 1 (lookup c)",
        "could wait for ever",
    ),
    (
        wrong(HP, WAITS, RP, flows=[job(HP, RP)], pools=[P], queues=[JOBS]),
        "flow job, step 1 (hold p)",
        "is asked for by who has a worker of jobs; in flow get, step 2 (enqueue jobs), who has p asks for a worker of",
    ),
    (
        wrong(Lookup("c", miss=[WAITS]), flows=[job(Lookup("c"))], caches=[FLIGHTS], queues=[JOBS]),
        "flow job, step 1 (lookup c)",
        "in flow get, step 1, miss, step 1 (enqueue jobs), who has a key's flight of c asks for a worker of jobs",
    ),
    (
        wrong(HP, WAITS, RP, flows=[job(HQ, RQ), Flow("put", [HQ, HP, RP, RQ])], pools=[P, Q], queues=[JOBS]),
        "flow put, step 2 (hold p)",
        "who has p asks for a worker of jobs; in flow job, step 1 (hold q), who has a worker of jobs asks for q",
    ),
]

ENDING: list[tuple[Any, str, str]] = [
    (wrong(WAITS, queues=[Queue("jobs", "get")]), "flow get, step 1 (enqueue jobs)", "without end: get -> get"),
    (
        wrong(Enqueue("jobs"), flows=[job(Spawn("get"))], queues=[JOBS]),
        "flow job, step 1 (spawn get)",
        "without end: get -> job -> get",
    ),
]

POPULATIONS: list[tuple[Any, str, str]] = [
    (wrong(WAIT, regions=["eu"], populations=[Population("u", "get", 1, ONE)]), "population u, region", "one of eu"),
    (wrong(WAIT, populations=[Population("u", "get", 1, ONE, region="eu")]), "population u, region", "no region"),
    (
        wrong(Spawn("job"), flows=[job(Switch("key", {1: []}))], populations=[Population("u", "get", 1, ONE)]),
        "population u, keys",
        "flow job, step 1 (switch on key) needs a key",
    ),
    (wrong(WAIT, populations=[Population("u", "get", 1, 2.0)]), "population u, think", "distribution"),  # type: ignore[arg-type]
]

THREE: dict[str, Any] = {"regions": ["eu", "us", "ap"]}
TRAVELS: list[tuple[Any, str, str]] = [
    (wrong(WAIT, **THREE, round_trip_s={("eu", "mars"): 1}), "model m, round_trip_s", "is no region"),
    (wrong(WAIT, **THREE, round_trip_s={("eu", "us"): -1}), "model m, round_trip_s[eu, us]", "at least 0"),
    (wrong(WAIT, **THREE, round_trip_s={("eu", "eu"): 1}), "model m, round_trip_s[eu, eu]", "between two regions"),
    (
        wrong(WAIT, **THREE, round_trip_s={("eu", "us"): 1, ("us", "eu"): 2}),
        "model m, round_trip_s[eu, us]",
        "the same as the other way round, 2",
    ),
    (
        wrong(Travel("us"), **THREE, round_trip_s={("us", "eu"): 1}),
        "flow get, step 1 (travel to us)",
        "has no round-trip time from ap",
    ),
    (
        wrong(
            Switch("region", {"eu": [Travel("us"), Spawn("job")]}),
            flows=[job(Travel("ap"))],
            **THREE,
            round_trip_s={("us", "eu"): 1, ("eu", "ap"): 1},
        ),
        "flow job, step 1 (travel to ap)",
        "has no round-trip time from us",
    ),
]


@pytest.mark.parametrize(("make", "where", "why"), [*NAMES, *VALUES, *HOLDING, *ENDING, *POPULATIONS, *TRAVELS])
def test_a_wrong_model_is_refused_with_the_place_of_the_step(make: Any, where: str, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        make()
    assert (error.value.field, why in error.value.bound) == (where, True), str(error.value)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(wrong(HP, Branch([(0.5, [Fail()]), (0.5, [])]), RP, pools=[P]), id="failing gives back"),
        pytest.param(wrong(HP, Attempt([Fail()], [RP, Fail()]), pools=[P]), id="so does failing in another way"),
        pytest.param(wrong(Fork([[HP, RP], [HP, RP]]), pools=[P]), id="parts hold beside each other"),
        pytest.param(
            wrong(HP, HQ, RQ, RP, flows=[job(HQ, HP, RP, RQ)], pools=[Pool("p", 2, 0), Q]), id="who rejects never waits"
        ),
        pytest.param(
            wrong(HP, Enqueue("jobs"), RP, flows=[job(HP, RP)], pools=[P], queues=[JOBS]),
            id="not waiting for the batch",
        ),
        pytest.param(
            wrong(Lookup("c", miss=[HP, RP]), flows=[job(HP, Lookup("c"), RP)], pools=[P], caches=[Cache("c", 1)]),
            id="many flights a key",
        ),
        pytest.param(
            wrong(Lookup("c", miss=[Lookup("o")]), flows=[job(Lookup("o"), Lookup("c"))], caches=[FLIGHTS, OTHER]),
            id="one flight after the other",
        ),
        pytest.param(
            wrong(Balance("lb", {"a": [Retry([Balance("lb", {"a": [], "b": []})])], "b": []}), balancers=[AB]),
            id="a part has its own place",
        ),
        pytest.param(
            wrong(Switch("region", {"eu": [Travel("us"), Travel()]}, [WAIT]), **THREE, round_trip_s={("us", "eu"): 1}),
            id="only travels that can happen",
        ),
        pytest.param(
            wrong(Branch([(0.0, [WAIT]), (1.0, [Fail(), WAIT])])), id="what is never reached is only doubtful"
        ),
    ],
)
def test_what_can_be_right_is_accepted(make: Any) -> None:
    make()


def test_checking_takes_time_in_proportion_to_the_model() -> None:
    """Flows that each start the next two have a number of paths that doubles with every one."""
    flows = [Flow(f"f{n}", [Spawn(f"f{n + 1}"), Spawn(f"f{n + 2}")]) for n in range(60)]
    end = [Flow(f"f{n}", [Delay("d", Exponential(1.0))]) for n in (60, 61)]
    model = Model("deep", [*flows, *end])
    assert len(dataclasses.replace(model, name="again").flows) == 62
