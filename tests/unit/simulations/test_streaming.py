"""Runs in pieces: constant memory, histograms in place of records, the same run wherever it is cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations.distributions import Constant, Exponential
from simulations.engines import simulate, simulate_stream
from simulations.histograms import BUCKETS, bounds_s, buckets_of
from simulations.model import Cache, Flow, Lookup, Model, Population, Serve, Spawn, Station, Step, Timeout
from simulations.proof.streams import differences_of_streamed
from simulations.records import requests_of
from tests.unit.simulations.builders import requests

GET: list[Step] = [Lookup("c", [], [Serve("db", Exponential(1.5))]), Serve("api", Exponential(0.7)), Spawn("job")]
FLOWS = [Flow("get", GET), Flow("job", [Serve("db", Constant(0.1))])]
LEAN = Model("lean", FLOWS, [Station("api"), Station("db", 2)], caches=[Cache("c", 5)])
WHOLE = Model(
    "whole",
    [Flow("get", [Timeout(Constant(3.0), GET, "cancel")]), FLOWS[1]],
    [Station("api"), Station("db", 2, queue=3)],
    caches=[Cache("c", 5)],
)
RNG = np.random.default_rng(4)
TABLE = requests(np.cumsum(RNG.exponential(1.0, 3000)), key=RNG.integers(0, 9, 3000).tolist())


def cut(size: int) -> Iterator[Requests]:
    for start in range(0, len(TABLE), size):
        yield TABLE.take(slice(start, start + size))


@pytest.mark.parametrize("model", [LEAN, WHOLE], ids=lambda model: model.name)
@pytest.mark.parametrize("size", [1, 7, 1000, 3000])
def test_pieces_of_any_size_give_the_histograms_of_the_whole_runs_records(model: Model, size: int) -> None:
    whole = simulate(model, TABLE, 1, "event_loop")
    path = simulate_stream(model, cut(size), 1)
    assert path.histograms is not None
    done = whole.outcome == 0
    counted = np.bincount(buckets_of(whole.response_time_s[done]), minlength=BUCKETS)
    assert path.histograms.counts[0].tolist() == counted.tolist()
    assert path.histograms.ended[0].tolist() == np.bincount(whole.outcome, minlength=4).tolist()
    assert path.histograms.mean_s(0) == pytest.approx(whole.response_time_s[done].mean(), rel=1e-12)
    assert path.histograms.percentile_s(0, 99) == pytest.approx(
        np.quantile(whole.response_time_s[done], 0.99, method="inverted_cdf"), rel=0.001
    )
    for part in ("accounts", "queue", "cache", "background"):
        ours, theirs = getattr(path, part), getattr(whole, part)
        for name in ours.__dataclass_fields__:
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), (part, name)
    assert len(path.completed_s) == 0


def test_a_bucket_is_a_fifth_of_a_percent_wide_and_holds_what_lies_between_its_bounds() -> None:
    edges_s = bounds_s()
    assert np.diff(edges_s).max() <= edges_s[-1]
    assert (np.diff(edges_s) / edges_s[:-1]).max() <= 1 / 512
    assert buckets_of(edges_s[:-1]).tolist() == list(range(BUCKETS))
    assert buckets_of(np.array([0.0, 1e-12, 1e300])).tolist() == [0, 0, BUCKETS - 1]


@pytest.mark.parametrize("until_s", [None, 900.0, 4000.0])
@pytest.mark.parametrize("size", [7, 3000])
def test_closed_populations_and_time_series_in_pieces_equal_the_reference_engines(
    until_s: float | None, size: int
) -> None:
    """Until the last open arrival, before it and after it; bins beyond those that memory was first made for."""
    people = Population("people", "get", 3, Exponential(2.0), until_s=until_s, keys=[1, 2])
    crowd = Model("crowd", FLOWS, WHOLE.stations, caches=LEAN.caches, populations=[people])
    whole = simulate(crowd, TABLE, 1, "simpy", bin_s=2.5)
    path = simulate_stream(crowd, [TABLE.take(slice(0, 0)), *cut(size)], 1, bin_s=2.5)
    assert len(whole.completed_s) > len(TABLE) + 300
    assert differences_of_streamed(requests_of(TABLE, whole, crowd), whole, path) == []
    assert path.closed.population.size == 0


def test_a_population_with_no_open_arrival_is_streamed_until_its_end() -> None:
    people = Population("people", "get", 3, Exponential(2.0), until_s=300.0, keys=[1, 2])
    crowd = Model("crowd", FLOWS, WHOLE.stations, caches=LEAN.caches, populations=[people])
    nobody = TABLE.take(slice(0, 0))
    whole = simulate(crowd, nobody, 1, "simpy")
    assert len(whole.completed_s) > 100
    path = simulate_stream(crowd, [nobody], 1)
    assert differences_of_streamed(requests_of(nobody, whole, crowd), whole, path) == []


def test_what_cannot_be_run_in_pieces_is_said() -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        simulate_stream(LEAN, [], 1)
    with pytest.raises(InvalidInput, match="must not be before"):
        simulate_stream(LEAN, [TABLE, TABLE], 1)
