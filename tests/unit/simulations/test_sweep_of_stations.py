"""Feed-forward models are swept station by station: the same run as by events, and none where two things coincide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.engines import simulate
from simulations.engines.compiled import driver
from simulations.engines.compiled import sweep as sweep_module
from simulations.engines.compiled.sweep import order_of_stations, sweep
from simulations.model import Branch, Constant, Delay, Exponential, Flow, LogNormal, Model, Serve, Station, Step, Switch
from simulations.program import compile_model
from simulations.proof.equality import LONG, feed_forward, long_feed_forward, tally
from tests.unit.simulations.builders import poisson, requests


def tree(servers: tuple[int, int, int, int]) -> Model:
    """Two ways that part and come together again, one of them by key."""
    fast, slow = Serve("fast", Exponential(0.8)), Serve("slow", LogNormal(1.5, 1.0))
    steps: list[Step] = [
        Serve("first", Exponential(0.9)),
        Branch([(0.6, [fast]), (0.4, [Switch("key", {0: [slow]}, [])])]),
        Serve("last", Exponential(0.7)),
    ]
    names = ("first", "fast", "slow", "last")
    stations = [Station(name, count) for name, count in zip(names, servers, strict=True)]
    return Model("tree", [Flow("get", steps), Flow("put", [slow, Serve("last", Exponential(0.1))])], stations)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31),
    servers=st.tuples(*[st.sampled_from([1, 2, 3, 20])] * 4),
    count=st.integers(0, 400),
    spans=st.booleans(),
    arrivals=st.sampled_from([1, 2, 7, 50, sweep_module.SLICE]),
    rate_rps=st.sampled_from([1.0, 1.0, 10.0]),
)
def test_a_sweep_gives_the_sample_path_of_the_events_wherever_its_slices_are_cut(
    seed: int, servers: tuple[int, int, int, int], count: int, spans: bool, arrivals: int, rate_rps: float
) -> None:
    rng = np.random.default_rng(seed)
    table = requests(
        np.cumsum(rng.exponential(1 / rate_rps, count)),
        operation=rng.integers(0, 2, count).tolist(),
        key=rng.integers(0, 3, count).tolist(),
        operations=("get", "put"),
    )
    model = tree(servers)
    assert order_of_stations(compile_model(model)) is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep_module, "SLICE", arrivals)
        swept, by_events, defined = (
            simulate(model, table, seed, engine, record_spans=spans) for engine in ("compiled", "event_loop", "simpy")
        )
    assert swept.differences(by_events) == []
    assert swept.differences(defined) == []


@pytest.mark.parametrize("arrivals", [16, sweep_module.SLICE])
def test_generated_feed_forward_models_are_swept_and_equal_the_reference_to_the_last_bit(
    arrivals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "SLICE", arrivals)
    for so_far in tally(range(125), feed_forward):
        assert so_far.wrong == []
    assert so_far.swept > 75
    assert so_far.models - so_far.swept > 10, "ties are there as well, and noticed"


def test_more_requests_than_fit_into_a_slice_are_swept_as_the_reference_runs_them() -> None:
    """With slices of the size they have; the tests above cut smaller ones."""
    *_, so_far = tally([3], long_feed_forward)
    assert so_far.wrong == []
    assert (so_far.swept, so_far.requests) == (1, LONG)
    assert sweep_module.SLICE < LONG


def test_a_model_with_a_way_back_or_with_more_than_stations_is_not_swept() -> None:
    again = Model("again", [Flow("get", [Serve("s", Constant(1.0)), Serve("s", Constant(1.0))])], [Station("s")])
    apart = [Flow("a", [Serve("s", Constant(1.0)), Serve("t", Constant(1.0))])]
    apart.append(Flow("b", [Serve("t", Constant(1.0)), Serve("s", Constant(1.0))]))
    crossing = Model("crossing", apart, [Station("s"), Station("t")])
    delayed = Model("delayed", [Flow("get", [Delay("d", Constant(1.0))])])
    assert [order_of_stations(compile_model(model)) for model in (again, crossing, delayed)] == [None] * 3


def test_a_run_in_which_two_things_coincide_is_made_by_events(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []

    def watched(*given: object) -> bool:
        outcomes.append(sweep(*given))  # type: ignore[arg-type]
        return outcomes[-1]

    monkeypatch.setattr(driver, "sweep", watched)
    model = Model("ties", [Flow("get", [Serve("s", Constant(1.0))])], [Station("s", 2)])
    path = simulate(model, requests([0.0] * 6 + [1.0] * 4), 1)
    assert path.completed_s.tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0]
    simulate(model, poisson(50, 1.0), 1)
    assert outcomes == [False, True]
