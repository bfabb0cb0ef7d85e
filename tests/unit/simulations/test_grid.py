"""What a sweep varies, as it is written on the command line."""

from __future__ import annotations

import pytest

from sdlab.catalog import load_design
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from simulations import grid
from simulations.grid import Axis


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design("url_shortener")


@pytest.mark.parametrize(
    ("over", "values"),
    [
        ("topology.api.workers=1:4", (1, 2, 3, 4)),
        ("topology.api.workers=1:8:3", (1, 4, 7)),
        ("topology.api.workers=8,1,3", (8, 1, 3)),
        ("topology.api.workers=1:100:log:3", (1, 10, 100)),
        ("topology.cache.capacity_entries=1e2:1e4:log:3", (100, 1000, 10_000)),
        ("topology.cache.eviction=lru,fifo", ("lru", "fifo")),
        ("workload.requests_per_day=1e6:1e9:log", (1_000_000, 2_154_435, 4_641_589, 10_000_000, 21_544_347,
                                                  46_415_888, 100_000_000, 215_443_469, 464_158_883, 1_000_000_000)),
        ("slo.redirect.response_time_s_p99=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("workload.popularity.zipf_exponent=0:1", (0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1)),
        ("regions.us.rtt_to_primary_s=1e-3:1e-1:log:3", (0.001, 0.01, 0.1)),
    ],
)  # fmt: skip
def test_a_range_is_read(design: Design, over: str, values: tuple[float, ...]) -> None:
    axis = grid.parse(design, over)
    assert axis.path == over.partition("=")[0]
    assert axis.values == values
    assert axis.logarithmic is (":log" in over)


@pytest.mark.parametrize(
    "over",
    ["topology.api.workers", "topology.api.workers=", "topology.api.workers=4:1", "topology.api.workers=1:x",
     "topology.api.workers=1:4:0", "topology.api.workers=1:4:1:1", "topology.api.workers=1:inf", "nothing.here=1:2",
     "topology.cache=1:2", "topology.cache.eviction=1:2", "topology.api.workers=1,1", "topology.api.workers=1,,2",
     "topology.api.workers=1,two", "workload.requests_per_day=0:10:log", "workload.requests_per_day=1:10:log:1",
     "workload.requests_per_day=1:10:log:2.5", "workload.requests_per_day=1:10:log:3:4",
     "topology.api.workers=1:1e9:1"],
)  # fmt: skip
def test_a_bad_range_is_refused(design: Design, over: str) -> None:
    with pytest.raises(InvalidInput, match="--over"):
        grid.parse(design, over)


def test_several_ranges_make_every_combination_the_last_fastest() -> None:
    axes = [Axis("topology.api.workers", (1, 2)), Axis("topology.cache.capacity_entries", (10, 20, 30))]
    found = grid.variants("url_shortener", [], axes)
    assert [one.values for one in found] == [(1, 10), (1, 20), (1, 30), (2, 10), (2, 20), (2, 30)]
    assert [one.design.topology["cache"].capacity_entries for one in found] == [10, 20, 30, 10, 20, 30]
    assert [one.design.topology["api"].workers for one in found] == [1, 1, 1, 2, 2, 2]


def test_a_value_that_the_design_refuses_is_named_with_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"topology\.api\.workers = 0: .*greater than or equal to 1"):
        grid.variants("url_shortener", [], [Axis("topology.api.workers", (2, 1, 0))])


def test_a_number_is_varied_once_and_not_fixed_too() -> None:
    workers = Axis("topology.api.workers", (1, 2))
    with pytest.raises(InvalidInput, match="is varied twice"):
        grid.variants("url_shortener", [], [workers, workers])
    with pytest.raises(InvalidInput, match="also fixed by --set"):
        grid.variants("url_shortener", ["topology.api.workers=3"], [workers])
