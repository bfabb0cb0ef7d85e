"""The two engines give the same sample path: every record and account equal, without tolerance, ties included.

`SamplePath.differences` compares every field with `np.array_equal`; `test_differences_...` shows that it can fail.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from simulations.engines import simulate
from simulations.engines.compiled import driver, memory
from simulations.model import (
    Branch,
    Cache,
    Constant,
    Delay,
    Distribution,
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
    StartUp,
    Station,
    Step,
    Store,
)
from simulations.program import compile_model
from simulations.proof.equality import Tally, example, kinds, problems, shrunk
from tests.unit.simulations.builders import both_engines, poisson, requests


def integers(count: int, high: int, seed: int) -> list[int]:
    drawn: list[int] = np.random.default_rng(seed).integers(0, high, count).tolist()
    return drawn


def test_simultaneous_arrivals_at_a_station_with_constant_service_leave_in_the_order_of_their_rows() -> None:
    model = Model("ties", [Flow("get", [Serve("s", Constant(1.0))])], [Station("s", 2)])
    path = both_engines(model, requests([0.0] * 6 + [1.0] * 4))
    assert path.completed_s.tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]


def test_a_server_is_handed_on_before_the_finished_request_comes_back_for_it() -> None:
    """Rule 5: at 1.0 the server goes to request 1, so request 0's second visit waits behind it."""
    model = Model("again", [Flow("get", [Serve("s", Constant(1.0)), Serve("s", Constant(1.0))])], [Station("s", 1)])
    path = both_engines(model, requests([0.0, 0.5]))
    assert path.completed_s.tolist() == [3.0, 4.0]


def test_an_arrival_and_an_end_of_service_at_the_same_time_happen_in_the_order_they_were_scheduled() -> None:
    """Rule 2: the arrival at 1.0 was scheduled before the service that ends then; so it finds the server busy."""
    model = Model("tie", [Flow("get", [Serve("s", Constant(1.0))])], [Station("s", 1)])
    path = both_engines(model, requests([0.0, 1.0]))
    assert path.completed_s.tolist() == [1.0, 2.0]
    assert path.queue.max_waiting.tolist() == [1]


def test_a_slot_is_handed_on_at_release_but_its_new_holder_runs_on_after_the_releaser() -> None:
    """Rule 6: the releaser reaches the station first, although the slot is already the other's."""
    flow = Flow("get", [Hold("p"), Delay("d", Constant(1.0)), Release("p"), Serve("s", Constant(10.0))])
    model = Model("handover", [flow], [Station("s", 1)], [Pool("p", 1)])
    path = both_engines(model, requests([0.0, 0.0, 0.0]))
    assert path.completed_s.tolist() == [11.0, 21.0, 31.0]


def test_a_spawned_flow_starts_after_its_parent_has_come_to_its_next_wait() -> None:
    flows = [Flow("get", [Spawn("job"), Serve("s", Constant(1.0))]), Flow("job", [Serve("s", Constant(5.0))])]
    path = both_engines(Model("spawn", flows, [Station("s", 1)]), requests([0.0]))
    assert path.completed_s.tolist() == [1.0]
    assert path.spawned is not None
    assert path.spawned.completed_s.tolist() == [6.0]
    assert path.background.response_s.tolist() == [0.0, 6.0]


def test_zero_length_steps_take_their_turn_like_any_other() -> None:
    steps: list[Step] = [
        Serve("s", Constant(0.0)),
        Delay("d", Constant(0.0)),
        Serve("t", Constant(0.0)),
        Serve("s", Constant(0.0)),
    ]
    model = Model("zero", [Flow("get", steps)], [Station("s", 1), Station("t", 2)])
    path = both_engines(model, requests([0.0, 0.0, 0.0, 1.0, 1.0]))
    assert np.array_equal(path.completed_s, path.arrival_s)


def test_fan_in_from_three_stations_with_equal_times_keeps_the_order_of_scheduling() -> None:
    ways = [(1 / 3, [Serve(name, Constant(2.0))]) for name in ("a", "b", "c")]
    model = Model(
        "fan-in",
        [Flow("get", [Branch(ways), Serve("last", Constant(1.0))])],
        [Station("a"), Station("b"), Station("c"), Station("last", 2)],
    )
    both_engines(model, requests(np.repeat(np.arange(100.0), 3)))


@pytest.mark.parametrize("whole_seconds", [True, False])
@pytest.mark.parametrize("bin_s", [None, 7.0])
def test_turns_in_the_loop_for_plain_models(whole_seconds: bool, bin_s: float | None) -> None:
    """A loop that is asked again and again, by requests and by what they spawn; alone, together, and after idling."""
    constant: Callable[[float], Distribution] = Constant if whole_seconds else Exponential
    steps: list[Step] = [
        Serve("loop", constant(1.0)),
        Branch([(0.5, [Delay("await", constant(2.0))]), (0.5, [Serve("other", constant(1.0)), Spawn("job")])]),
        Serve("loop", constant(1.0)),
        Delay("await", constant(1.0)),
        Serve("loop", constant(0.0) if whole_seconds else constant(0.5)),
    ]
    job: list[Step] = [Serve("loop", constant(1.0)), Delay("rest", constant(3.0)), Serve("other", constant(1.0))]
    start_up = StartUp([(0.5, Constant(1.0)), (4.0, Exponential(2.0))])
    between_s = 1.0 if whole_seconds else 0.25
    stations = [Station("loop", start_up=start_up, turns=True, turn_s=between_s), Station("other", turns=True)]
    model = Model("loops", [Flow("get", steps), Flow("job", job)], stations)
    assert not compile_model(model).full
    times = np.sort(np.concatenate([integers(400, 2400, 3), integers(100, 12_000, 4)])).astype(np.float64)
    path = both_engines(model, requests(times), bin_s=bin_s)
    loop = path.queues.index("loop")
    assert path.queue.max_waiting[loop] > 3
    assert path.utilisation[loop] < 0.5


def test_pools_held_inside_each_other_and_around_stations() -> None:
    steps: list[Step] = [
        Hold("outer"),
        Serve("s", Constant(1.0)),
        Hold("inner"),
        Serve("t", Exponential(1.0)),
        Release("outer"),
        Delay("d", Constant(2.0)),
        Release("inner"),
    ]
    model = Model("nested", [Flow("get", steps)], [Station("s"), Station("t", 2)], [Pool("outer", 2), Pool("inner", 3)])
    path = both_engines(model, requests(np.arange(300) // 2), bin_s=7.0)
    assert path.queue.max_waiting[2] > 10


@pytest.mark.parametrize("policy", ["lru", "fifo"])
@pytest.mark.parametrize("capacity", [0, 1, 3, 10, 1000])
def test_caches_read_through_with_stores_invalidations_and_initial_keys(policy: str, capacity: int) -> None:
    flows = [
        Flow("get", [Lookup("c", [Serve("s", Constant(0.0))], [Serve("s", Exponential(1.0))])]),
        Flow("put", [Store("c"), Delay("d", Constant(1.0))]),
        Flow("drop", [Invalidate("c"), Spawn("get")]),
    ]
    cache = Cache("c", capacity, policy, list(range(min(capacity, 5))))
    model = Model("cache", flows, [Station("s", 2)], caches=[cache])
    table = requests(
        np.sort(integers(2000, 900, 1)),
        operation=integers(2000, 3, 2),
        key=(np.random.default_rng(3).zipf(1.3, 2000) % 40).tolist(),
        operations=("get", "put", "drop"),
    )
    path = both_engines(model, table, bin_s=100.0)
    assert path.bins is not None
    assert path.bins.hits.sum() == path.cache.hits.sum()
    assert path.cache.evictions.sum() > 0 or capacity in (0, 1000)


def test_more_in_flight_more_spawned_and_more_bins_than_memory_was_first_made_for() -> None:
    """Every array that can fill up does, in the middle of a run."""
    flows = [
        Flow("get", [*[Spawn("job")] * 5, Delay("d", Exponential(50.0))]),
        Flow("job", [Serve("s", Constant(1.0))]),
    ]
    table = requests(np.arange(1000) / 100)
    path = both_engines(Model("grow", flows, [Station("s", 1)]), table, bin_s=1.0)
    assert path.max_in_flight > memory.FIRST_SLOTS
    assert path.spawned is not None
    assert len(path.spawned.flow) == 5000 > memory.FIRST_SPAWNED
    assert path.bins is not None
    assert len(path.bins.arrivals) > table.duration_s * 100


def test_runs_that_stop_after_every_few_events_are_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    flows = [Flow("get", [Hold("p"), Serve("s", Exponential(0.9)), Release("p"), Spawn("job")])]
    flows += [Flow("job", [Serve("s", Constant(0.0))])]
    model = Model("chunks", flows, [Station("s", 1)], [Pool("p", 2)])
    whole = simulate(model, poisson(2000, 1.0), 1, bin_s=10.0)
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(driver, "EVENTS_PER_CHUNK", 7)
    pieces = simulate(model, poisson(2000, 1.0), 1, bin_s=10.0, progress=lambda *seen: calls.append(seen))
    assert whole.differences(pieces) == []
    assert len(calls) > 500
    assert calls[-1] == (2000, 2000)


def test_no_requests_at_all() -> None:
    path = both_engines(Model("empty", [Flow("get", [Delay("d", Constant(1.0))])]), requests([]), bin_s=1.0)
    assert len(path.completed_s) == 0
    assert path.end_s == 0.0


def test_differences_names_the_record_in_which_two_runs_differ() -> None:
    model = Model("one", [Flow("get", [Serve("s", Exponential(0.5))])], [Station("s")])
    path = simulate(model, poisson(100, 1.0), 1)
    moved = path.completed_s.copy()
    moved[50] = np.nextafter(moved[50], np.inf)
    assert path.differences(dataclasses.replace(path, completed_s=moved)) == ["completed_s"]
    queue = dataclasses.replace(path.queue, max_waiting=path.queue.max_waiting + 1)
    assert path.differences(dataclasses.replace(path, queue=queue)) == ["queue.max_waiting"]
    assert "completed_s" in path.differences(simulate(model, poisson(100, 1.0), 2))


EXAMPLES = int(os.environ.get("SDLAB_EXAMPLES", "400"))
"""How many generated models to run; `lab prove` is for thousands."""


PARTS = 4
"""Run each by itself, so that several processes share them."""


@pytest.mark.timeout(300 + EXAMPLES)
@pytest.mark.parametrize("part", range(PARTS))
def test_generated_models_over_the_whole_vocabulary_run_alike_on_both_engines(
    part: int, note: Callable[[object], None]
) -> None:
    """Each seed is a model with requests; of one that differs, the smallest found that still does is shown."""
    tally = Tally()
    note(tally)

    @seed(part)
    @settings(max_examples=EXAMPLES // PARTS, deadline=None, phases=[Phase.generate], database=None)
    @given(st.integers(0, 2**40))
    def compare(number: int) -> None:
        one = example(number)
        tally.models += 1
        tally.containing.update(kinds(one.model))
        if found := problems(one, tally):
            small = shrunk(one)
            pytest.fail(f"example({number}): {found}\nsmall: {problems(small)}\n{small}", pytrace=False)

    compare()
