"""What must go up when something else does. Variants share their random numbers: laws hold request by request."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from simulations.distributions import Exponential, LogNormal
from simulations.engines import simulate
from simulations.model import Cache, Delay, Flow, Hold, Lookup, Model, Pool, Release, Serve, Station, Step
from tests.unit.simulations.builders import one_station, poisson, requests

LOAD = poisson(20_000, 1.0)


@pytest.mark.parametrize("service", [Exponential(0.9), LogNormal(0.9, 1.0)], ids=lambda s: type(s).__name__)
def test_more_servers_never_make_a_request_leave_later(service: Exponential | LogNormal) -> None:
    completed = [simulate(one_station(service, servers), LOAD, 1).completed_s for servers in (1, 2, 3, 8)]
    for fewer, more in pairwise(completed):
        assert np.all(np.sort(more) <= np.sort(fewer))
        assert more.sum() < fewer.sum()


def test_faster_service_makes_every_request_leave_earlier() -> None:
    slow = simulate(one_station(Exponential(0.9)), LOAD, 1)
    fast = simulate(one_station(Exponential(0.8)), LOAD, 1)
    assert np.all(fast.completed_s < slow.completed_s)


def test_a_higher_rate_never_shortens_a_wait() -> None:
    """The same requests, closer together."""
    far = simulate(one_station(Exponential(0.8)), LOAD, 1)
    near = simulate(one_station(Exponential(0.8)), requests(LOAD.arrival_s / 1.2), 1)
    assert np.all(near.response_time_s >= far.response_time_s - 1e-9)
    assert near.utilisation[0] > far.utilisation[0]


def test_a_larger_pool_never_makes_requests_wait_longer_for_it() -> None:
    def waits(slots: int) -> float:
        steps: list[Step] = [Hold("p"), Serve("s", Exponential(0.8)), Delay("d", Exponential(1.0)), Release("p")]
        model = Model("pool", [Flow("get", steps)], [Station("s", 2)], [Pool("p", slots)])
        return float(simulate(model, LOAD, 1).accounts.wait_s[0, 1])

    found = [waits(slots) for slots in (2, 3, 5, 10, 100)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0


def test_a_larger_lru_cache_hits_whenever_a_smaller_one_does() -> None:
    """LRU has the inclusion property (Mattson et al. 1970), as long as fills are immediate."""

    def hits(capacity: int) -> np.ndarray:
        model = Model("cache", [Flow("get", [Lookup("c")])], caches=[Cache("c", capacity)])
        keys = np.random.default_rng(2).zipf(1.2, 20_000) % 3000
        return simulate(model, requests(np.arange(20_000.0), key=keys.tolist()), 1).cache_hit

    found = [hits(capacity) for capacity in (0, 10, 100, 1000)]
    for smaller, larger in pairwise(found):
        assert np.all(larger >= smaller)
        assert larger.sum() > smaller.sum()


def test_another_seed_is_another_run_and_the_same_seed_the_same() -> None:
    model = one_station(Exponential(0.5))
    assert simulate(model, LOAD, 1).differences(simulate(model, LOAD, 1)) == []
    assert "completed_s" in simulate(model, LOAD, 1).differences(simulate(model, LOAD, 2))
