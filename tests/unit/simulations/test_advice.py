"""The advice before a run: the loads it computes are those that a run would measure, and it says what is doubtful."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdlab import catalog
from sdlab.errors import InvalidInput
from sdlab.popularity import zipf_ranks
from sdlab.workload import Requests
from simulations import scenario
from simulations.advice import advise, after_run
from simulations.advice.advice import Advice, time_text
from simulations.advice.mix import mix_of
from simulations.advice.offered import Offered, offered_load
from simulations.advice.show import heed
from simulations.engines import simulate
from simulations.model import (
    Attempt,
    Autoscaler,
    Balance,
    Balancer,
    Branch,
    Break,
    Breakdowns,
    Breaker,
    Cache,
    Constant,
    Delay,
    Enqueue,
    Exponential,
    Fail,
    Flow,
    Fork,
    Hold,
    Limit,
    Lookup,
    Model,
    Outage,
    Pool,
    Population,
    Queue,
    Release,
    Retry,
    RetryBudget,
    Serve,
    Spawn,
    StartUp,
    Station,
    Step,
    Switch,
    Timeout,
    TokenBucket,
    Travel,
)
from simulations.theory import lru_hit_ratio, zipf_popularity
from tests.unit.simulations.builders import poisson, requests
from tests.unit.simulations.vocabulary import AnyModel

TEN = Serve("s", Constant(0.010))
S = [Station("s")]


def steady(rate_rps: float = 50.0, count: int = 1001, **columns: Any) -> Requests:
    """So many requests at equal distances."""
    return requests(np.arange(count) / rate_rps, **columns)


def offered(model: Model, table: Requests) -> Offered:
    mix = mix_of(model, table)
    assert mix is not None
    return offered_load(model, mix)


def load_of(steps: list[Step], *flows: Flow, rate_rps: float = 50.0, **parts: Any) -> float:
    """The mean number of servers of station s that requests at this rate keep busy."""
    model = Model("m", [Flow("get", steps), *flows], parts.pop("stations", S), **parts)
    return offered(model, steady(rate_rps)).stations["s"].busy / 1001 * 1000  # n arrivals span n - 1 distances


def texts(model: Model, table: Requests | None = None, *, warning: bool = True) -> list[str]:
    return [str(one) for one in advise(model, table) if one.warning is warning]


@pytest.mark.parametrize(
    ("busy", "steps"),
    [
        (0.5, [TEN]),
        (1.0, [TEN, TEN]),
        (0.1, [Branch([(0.2, [TEN]), (0.8, [])])]),
        (0.1, [Branch([(0.8, [Fail()]), (0.2, [])]), TEN]),
        (1.0, [Fork([[TEN], [TEN]], wait_for=1)]),
        (0.25, [Fork([[Branch([(0.5, []), (0.5, [Fail()])])]]), TEN]),
        (0.375, [Fork([[Branch([(0.5, []), (0.5, [Fail()])])]] * 2, wait_for=1), TEN]),
        (0.5 * 1.75, [Retry([TEN, Branch([(0.5, []), (0.5, [Fail()])])], attempts=3)]),
        (0.5 * 0.875, [Retry([Branch([(0.5, []), (0.5, [Fail()])])], attempts=3), TEN]),
        (0.5, [Retry([TEN, Branch([(0.5, []), (0.5, [Fail()])])], attempts=3, on=("rejected",))]),
        (0.15, [Attempt([Branch([(0.7, []), (0.3, [Fail("rejected")])])], [TEN])]),
        (0.5, [Attempt([Branch([(0.7, []), (0.3, [Fail("rejected")])])]), TEN]),
        (0.0, [Attempt([Fail("failed")], on=("rejected",)), TEN]),
        (0.5, [Switch("region", {"eu": [TEN]})]),
        (0.5, [Switch("operation", {"get": [TEN]}, [TEN, TEN])]),
        (0.5, [Switch("key", {0: [Switch("key", {0: [TEN]}, [TEN, TEN])]}, [TEN, TEN, TEN])]),
    ],
)
def test_visits_follow_the_probabilities_of_the_ways(busy: float, steps: list[Step]) -> None:
    assert (
        load_of([*steps, Serve("t", Constant(0.0))], stations=[*S, Station("t")], regions=["eu"])
        == pytest.approx(busy, rel=2e-3)
        or busy == 0.0
    )


def test_what_is_spawned_balanced_and_batched_counts() -> None:
    assert load_of([Spawn("job")], Flow("job", [TEN])) == pytest.approx(0.5, rel=2e-3)
    balancer = [Balancer("lb", ("a", "b"))]
    assert load_of([Balance("lb", {"a": [TEN], "b": []})], balancers=balancer) == pytest.approx(0.25, rel=2e-3)
    batch = Flow("job", [Serve("s", Constant(0.010), per_item=Constant(0.001))])
    queues = [Queue("jobs", "job", batch=10)]
    assert load_of([Enqueue("jobs")], batch, queues=queues) == pytest.approx(50 / 10 * 0.020, rel=2e-3)


def test_a_retry_budget_bounds_the_attempts() -> None:
    steps: list[Step] = [Retry([TEN, Fail()], attempts=10, budget="b")]
    assert load_of(steps, budgets=[RetryBudget("b", 0.2)]) == pytest.approx(0.5 * 1.2, rel=2e-3)


def test_what_a_limit_rejects_loads_nothing_behind_it() -> None:
    steps: list[Step] = [Limit("b"), TEN]
    assert load_of(steps, buckets=[TokenBucket("b", 10.0)]) == pytest.approx(0.1, rel=2e-3)
    assert load_of(steps, buckets=[TokenBucket("b", 60.0)]) == pytest.approx(0.5, rel=2e-3)


def test_a_slot_is_held_for_all_that_happens_meanwhile_and_the_slowest_part_counts() -> None:
    inside: list[Step] = [
        TEN,
        Fork([[Delay("d", Constant(0.05))], [Delay("d", Constant(0.02))]]),
        Branch([(0.5, [Delay("d", Constant(0.1))]), (0.5, [])]),
        Travel("us"),
    ]
    model = Model(
        "m",
        [Flow("get", [Hold("p"), *inside, Release("p"), Delay("d", Constant(9.0))])],
        S,
        [Pool("p", 4)],
        regions=["eu", "us"],
        round_trip_s={("us", "eu"): 0.08},
    )
    use = offered(model, steady(regions=("eu", "us"))).pools["p"]
    assert use.busy / use.rate_rps == pytest.approx(0.010 + 0.05 + 0.05 + 0.04)


def test_switches_see_the_shares_of_regions_operations_and_keys() -> None:
    steps: list[Step] = [
        Switch("region", {"us": [Serve("us", Constant(1.0))]}),
        Switch("key", {7: [Serve("seven", Constant(1.0))]}, [Switch("key", {8: [Serve("eight", Constant(1.0))]})]),
    ]
    names = ("us", "seven", "eight")
    model = Model("m", [Flow("get", steps)], [Station(name) for name in names], regions=["eu", "us"])
    turn = np.arange(1000)
    table = steady(
        1.0, 1000, region=(turn % 4 == 0).tolist(), key=np.where(turn % 2, 7, turn % 10).tolist(), regions=("eu", "us")
    )
    found = offered(model, table).stations
    total = 1000 / table.duration_s
    assert [found[name].rate_rps / total for name in names] == pytest.approx([0.25, 0.5, 0.1])


@pytest.mark.parametrize("entries", [100, 1000, 5000])
@pytest.mark.parametrize("exponent", [0.7, 1.1])
def test_the_hit_ratio_to_expect_is_that_of_theory(entries: int, exponent: float) -> None:
    """Of a warm cache and many requests; within 4 points: the sample's popularity is not quite the true one.

    Keys that are rare in truth are counted as frequent or not there, which makes the estimate up to 3 points too high.
    """
    keys = 10_000
    model = Model(
        "m",
        [Flow("get", [Lookup("c", miss=[TEN])])],
        S,
        caches=[Cache("c", entries, initial_keys=np.arange(entries))],
    )
    table = steady(1000.0, 200_000, key=zipf_ranks(200_000, keys, exponent, 1).tolist())
    expected = lru_hit_ratio(zipf_popularity(keys, exponent), entries)
    assert offered(model, table).hit_ratio["c"] == pytest.approx(expected, abs=0.04)


def test_an_inner_cache_sees_only_what_the_outer_one_missed() -> None:
    flow = Flow("get", [Lookup("small", miss=[Lookup("large", miss=[TEN])])])
    caches = [Cache("small", 100, initial_keys=np.arange(100)), Cache("large", 2000, initial_keys=np.arange(2000))]
    table = steady(1000.0, 100_000, key=zipf_ranks(100_000, 10_000, 0.9, 1).tolist())
    found = offered(Model("m", [flow], S, caches=caches), table)
    misses = found.stations["s"].rate_rps / 1000
    assert misses == pytest.approx(1 - found.hit_ratio["large"], abs=1e-3)
    assert found.hit_ratio["small"] < found.hit_ratio["large"] < 1


def test_keys_that_were_never_asked_for_and_caches_of_no_size_miss() -> None:
    for cache, keys, expected in (
        (Cache("c", 0), [1] * 1000, 0.0),
        (Cache("c", 2000), list(range(1000)), 0.0),
        (Cache("c", 2000, initial_keys=range(500)), list(range(1000)), 0.5),
        (Cache("c", 2000), [3] * 1000, 0.999),
        (Cache("c", 2000, expiry_s=1e-9), [3] * 1000, 0.0),
    ):
        model = Model("m", [Flow("get", [Lookup("c")])], caches=[cache])
        assert offered(model, steady(50.0, 1000, key=keys)).hit_ratio["c"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("single_flight", [False, True])
@pytest.mark.parametrize("expiry_s", [0.5, 5.0])
def test_what_expires_is_fetched_as_often_as_a_run_fetches_it(expiry_s: float, single_flight: bool) -> None:
    """From a fast store for every key; with one flight per key from a slow one too, which takes longer than 0.5 s."""
    fetch = Serve("s", Constant(1.0 if single_flight else 1e-6))
    cache = Cache("c", 100, expiry_s=expiry_s, single_flight=single_flight)
    model = Model("m", [Flow("get", [Lookup("c", miss=[fetch])])], [Station("s", 100)], caches=[cache])
    arrival_s = poisson(40_000, 40.0).arrival_s
    table = requests(arrival_s, key=zipf_ranks(40_000, 20, 0.9, 1).tolist())
    path = simulate(model, table, 1)
    assert offered(model, table).stations["s"].rate_rps == pytest.approx(path.queue.arrivals[0] / path.end_s, rel=0.02)


def test_a_start_up_cost_lengthens_a_visit_and_loads_nothing() -> None:
    """As Welch has it, at any load; the station's load stays that of the services."""
    for rate_rps in (1.0, 40.0, 80.0):
        stations = [Station("s", start_up=StartUp([(0.0, Constant(0.020)), (0.05, Constant(0.050))]))]
        model = Model("m", [Flow("get", [Timeout(Constant(9.0), [Serve("s", Exponential(0.010))])])], stations)
        table = poisson(50_000, rate_rps, seed=2)
        found = offered(model, table)
        ((calls, length, _),) = found.timeouts.values()
        assert found.stations["s"].busy == pytest.approx(rate_rps * 0.010, rel=0.02)
        path = simulate(model, table, 1)
        served_s = path.queue.busy_s[0] / len(table)
        assert length / calls == pytest.approx(served_s, rel=0.02)


# What it says


def test_a_load_below_capacity_gets_no_advice() -> None:
    assert advise(Model("m", [Flow("get", [TEN])], S), steady()) == []
    assert advise(Model("m", [Flow("get", [TEN])], S)) == []
    assert advise(Model("m", [Flow("get", [TEN])], S), requests([1.0])) == []


@pytest.mark.parametrize(
    ("station", "said"),
    [
        (Station("s"), "its queue grows without end"),
        (Station("s", queue=5), "it must reject 33% or more"),
        (Station("s", outages=[Outage(5.0, 5.0)]), "(rate 150/s x 10 ms / 0.75 servers on average, with its outages)"),
        (Station("s", outages=[Breakdowns(Constant(3.0), Constant(1.0))]), "0.75 servers on average, with its outages"),
        (
            Station("s", autoscaler=Autoscaler(0.5, 1, 1, 1.0)),
            "1 servers on average, if the autoscaler adds all it may",
        ),
    ],
)
def test_an_overload_says_what_must_become_of_it(station: Station, said: str) -> None:
    (text,) = texts(Model("m", [Flow("get", [TEN])], [station]), steady(150.0, 3001))
    assert text.startswith("station s: offered load ")
    assert said in text


def test_a_peak_above_capacity_is_told_from_an_average_above_it() -> None:
    times = np.concatenate([np.arange(12_000) / 50, 240 + np.arange(3_000) / 150])
    (text,) = texts(Model("m", [Flow("get", [TEN])], S), requests(times))
    assert "offered load 1.5 of capacity in the busiest of 24 equal parts of the run, 0.58 on average" in text


def test_what_something_before_it_may_turn_away_need_not_wait() -> None:
    flow = Flow("get", [Hold("p"), TEN, Release("p")])
    (text, pool) = texts(Model("m", [flow], S, [Pool("p", 1, queue=0)]), steady(150.0))
    assert text.endswith("what is not turned away before it waits, ever longer")
    assert pool.endswith("(rate 150/s x held for 10 ms / 1 slot): it must reject 33% or more")


def test_a_flight_longer_than_what_it_fetches_is_kept_is_no_overload() -> None:
    """Without one flight per key the same requests are too many."""
    for single_flight, said in ((True, 0), (False, 1)):
        cache = Cache("c", 100, expiry_s=1.0, single_flight=single_flight)
        flow = Flow("get", [Lookup("c", miss=[Serve("s", Constant(2.0))])])
        assert len(texts(Model("m", [flow], S, caches=[cache]), steady(100.0, 3001, key=1))) == said


def test_a_time_out_shorter_than_a_start_is_said_only_where_servers_idle() -> None:
    stations = [Station("s", start_up=StartUp([(0.0, Constant(0.050))]))]
    model = Model("m", [Flow("get", [Timeout(Constant(0.030), [TEN])])], stations)
    (text,) = texts(model, steady(1.0))
    assert text.startswith("flow get, step 1 (timeout): waits 30 ms for what takes 5")
    assert texts(model, steady(90.0)) == []


@pytest.mark.parametrize(
    ("mean_s", "rate_rps", "said"),
    [
        (3.0, 100.0, "service time 3 s on average: did you mean 3 ms (0.003)?"),
        (30.0, 1000.0, "service time 30 s on average: did you mean 30 µs (3e-05)?"),
        (0.05, 100.0, None),
        (3.0, 5.0, None),
    ],
)
def test_a_load_of_hundreds_is_a_mistake_of_units(mean_s: float, rate_rps: float, said: str | None) -> None:
    found = texts(Model("m", [Flow("get", [Serve("s", Exponential(mean_s))])], S), steady(rate_rps))
    assert len(found) == (1 if said is None else 2)
    assert said is None or found[1] == f"flow get, step 1 (serve s): {said}"


def test_workers_of_a_queue_can_be_too_few() -> None:
    flows = [Flow("get", [Enqueue("jobs")]), Flow("job", [Delay("d", Constant(1.0))])]
    (text,) = texts(Model("m", flows, queues=[Queue("jobs", "job", batch=25)]), steady())
    assert text.startswith("queue jobs: offered load 2 of capacity (50/s in batches of 25, 1 s a batch / 1 worker)")


def test_retries_with_a_budget_are_no_storm() -> None:
    inner = Retry([Limit("b"), TEN], attempts=3, budget="few")
    parts: dict[str, Any] = {"buckets": [TokenBucket("b", 1e6)], "budgets": [RetryBudget("few", 0.1)]}
    assert texts(Model("m", [Flow("get", [Retry([inner], attempts=3)])], S, **parts), steady()) == []


UNREACHED: list[tuple[list[Step], list[str]]] = [
    ([Fail(), TEN], ["flow get, step 2 (serve s): cannot be reached: step 1 before it never completes"]),
    (
        [Fork([[Fail()], [TEN]], wait_for=2), TEN],
        ["flow get, step 2 (serve s): cannot be reached: step 1 before it never completes"],
    ),
    ([Fork([[Fail()], [TEN]], wait_for=1), TEN], []),
    ([Attempt([Fail()], [TEN]), TEN], []),
    (
        [Attempt([TEN], [TEN], ("rejected",))],
        ["flow get, step 1 (attempt): handles nothing: none of its steps can end rejected"],
    ),
    (
        [Retry([Timeout(Constant(1.0), [TEN])], on=("rejected", "failed"))],
        ["flow get, step 1 (retry): never retries: none of its steps can end rejected or failed"],
    ),
    ([Retry([Timeout(Constant(1.0), [TEN])])], []),
    ([Break("cb", [TEN])], ["flow get, step 1 (break cb): never opens: none of its steps can fail"]),
    (
        [Switch("region", {"eu": [Switch("region", {"us": [TEN]}, [TEN])], "us": []}, [TEN])],
        [
            (
                "flow get, step 1, region eu, step 1 (switch on region), region us: is never taken: no "
                "request that comes here has this region"
            ),
            (
                "flow get, step 1 (switch on region), otherwise: is never taken: the cases name every "
                "region that there is here"
            ),
        ],
    ),
    (
        [Switch("key", {1: [Switch("key", {1: []}, [TEN])]}, [Switch("key", {1: [TEN]})])],
        [
            (
                "flow get, step 1, key 1, step 1 (switch on key), otherwise: is never taken: the cases "
                "name the only key that there is here"
            ),
            (
                "flow get, step 1, otherwise, step 1 (switch on key), key 1: is never taken: no request "
                "that comes here has this key"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("steps", "said"), UNREACHED)
def test_what_can_never_happen_is_said(steps: list[Step], said: list[str]) -> None:
    has_breaker = any(isinstance(step, Break) for step in steps)
    more = Flow("other", [TEN])
    model = Model(
        "m", [Flow("get", steps), more], S, regions=["eu", "us"], breakers=[Breaker("cb")] if has_breaker else []
    )
    assert texts(model) == said


def test_a_population_is_told_its_bound() -> None:
    flow = Flow("get", [TEN, Delay("d", Constant(0.49))])
    few = Model("m", [flow], S, populations=[Population("u", "get", 10, Constant(0.5))])
    many = Model("m", [flow], S, populations=[Population("u", "get", 1000, Constant(0.5))])
    assert texts(few, warning=False) == ["population u: sends at most 10/s: 10 users / (500 ms thinking + 500 ms)"]
    assert texts(many, warning=False) == [
        (
            "population u: sends at most 100/s, what station s carries: "
            "above 100 of its 1,000 users they wait for each other"
        )
    ]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), depth=st.integers(0, 4))
def test_every_model_of_the_vocabulary_can_be_advised(seed: int, depth: int) -> None:
    operations = ("f0", "f1", "f2", "f3", "rest")
    turn = np.arange(500)
    table = steady(
        1.0, 500, operation=turn % 5, key=turn % 7, region=turn % 2, operations=operations, regions=("eu", "us")
    )
    model = AnyModel(seed).model(depth)
    found = offered(model, table)
    assert all(np.isfinite(use.busy) and use.busy >= 0 for use in (*found.stations.values(), *found.pools.values()))
    assert all(str(one) for one in advise(model, table))


def test_the_catalogue_at_its_own_rate_gets_no_warning() -> None:
    for slug in catalog.slugs():
        design = catalog.load_design(slug)
        chosen = scenario.steady(
            design, None, 1, process="poisson", rate_rps=design.workload.peak_rate_rps, duration_s=60.0
        )
        assert texts(chosen.model, chosen.requests) == []


# On a terminal, and after a run


def test_warnings_go_to_stderr_and_strict_makes_them_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    advice = [Advice("station s", "is slow"), Advice("population u", "sends", warning=False)]
    heed(advice)
    heed(advice[1:], strict=True)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "warning: station s: is slow\n")
    with pytest.raises(InvalidInput, match="--strict"):
        heed(advice, strict=True)


def run_at(rate_rps: float, requests_count: int = 5000) -> list[str]:
    """What is said after a run of one station for 100 requests/s at most, and one behind it for 400."""
    steps: list[Step] = [Serve("s", Exponential(0.010)), Serve("t", Exponential(0.0025))]
    model = Model("m", [Flow("get", steps)], [*S, Station("t")])
    return [str(one) for one in after_run(simulate(model, poisson(requests_count, rate_rps), 1))]


def test_a_run_in_which_a_queue_grew_gets_a_warning_for_the_station_that_was_full() -> None:
    (said,) = run_at(150.0)
    assert said.startswith("s: full, with up to 1,")
    assert "in a longer run they would be longer" in said


def test_a_run_that_settled_or_is_too_short_to_tell_gets_no_warning() -> None:
    assert run_at(60.0) == []
    assert run_at(90.0, 50_000) == []
    assert run_at(150.0, 90) == []


def test_times_are_written_with_the_unit_a_person_would_choose() -> None:
    assert [time_text(value) for value in (0, 2e-8, 6.6e-3, 3, 86_400)] == ["0 s", "20 ns", "6.6 ms", "3 s", "86,400 s"]


def guarded(order: list[Step]) -> Model:
    breaker = Breaker("b", window=10, failure_ratio=0.5, least_calls=5, open_s=1.0)
    return Model("m", [Flow("get", order)], [Station("s", queue=10_000)], breakers=[breaker])


SLOW = Serve("s", Constant(1.0))
INSIDE: list[Step] = [Break("b", [Timeout(Constant(0.1), [SLOW], "cancel")])]
CANCELS: list[Step] = [Timeout(Constant(0.1), [Break("b", [SLOW])], "cancel")]
LEAVES: list[Step] = [Timeout(Constant(0.1), [Break("b", [SLOW])], "continue")]


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_a_breaker_does_not_hear_of_what_a_time_out_around_it_gives_up(engine: Any) -> None:
    """The reason for the advice: a station ten times too slow for the time-out, and one order opens the breaker."""
    opened = {
        name: int(simulate(guarded(order), steady(5.0, 50), 1, engine).guards.breaker_opened[0])
        for name, order in {"inside": INSIDE, "cancels": CANCELS, "leaves": LEAVES}.items()
    }
    assert opened["inside"] > 0
    assert opened["cancels"] == opened["leaves"] == 0


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (INSIDE, None),
        (CANCELS, "(what is cancelled is not counted), so slow answers never open it: put the time-out inside"),
        (LEAVES, "(what goes on is counted when it ends, and not as timed out), so slow answers never"),
        ([Timeout(Constant(9.0), INSIDE, "cancel")], None),
        ([Timeout(Constant(0.05), INSIDE, "cancel")], "flow get, step 1 (timeout) gives up"),
        ([Timeout(Constant(0.1), [Attempt([Break("b", [SLOW])])], "cancel")], "flow get, step 1 (timeout) gives up"),
        ([Break("b", [SLOW])], None),
    ],
)
def test_a_breaker_that_hears_of_no_time_out_is_said(steps: list[Step], said: str | None) -> None:
    """Also where there is one inside, but the one around it is shorter."""
    found = [text for text in texts(guarded(steps)) if "does not hear" in text]
    assert [said in text for text in found] == [True] if said else found == []
