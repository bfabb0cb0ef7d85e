"""The compiled caches, key by key, against a list that is searched from end to end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.engines import simulate
from simulations.model import Cache, Constant, Delay, Flow, Invalidate, Lookup, Model, Store
from simulations.sample_path import SamplePath
from tests.unit.simulations.builders import requests

ACTIONS = ("get", "put", "drop")


def play(cache: Cache, actions: list[tuple[int, int]]) -> SamplePath:
    """One request a second for each (action, key); each is over before the next."""
    flows = [
        Flow("get", [Lookup("c", miss=[Delay("origin", Constant(0.5))])]),
        Flow("put", [Store("c")]),
        Flow("drop", [Invalidate("c")]),
    ]
    table = requests(
        np.arange(len(actions), dtype=float),
        operation=[action for action, _ in actions],
        key=[key for _, key in actions],
        operations=ACTIONS,
    )
    return simulate(Model("cache", flows, caches=[cache]), table, 1)


def by_hand(capacity: int, lru: bool, kept: list[int], actions: list[tuple[int, int]]) -> list[int]:
    """The hits (1), misses (0) and neither (-1) of the same actions; ``kept`` is a list, oldest first."""
    results = []
    for action, key in actions:
        there = key in kept
        results.append(int(there) if ACTIONS[action] == "get" else -1)
        if ACTIONS[action] == "drop":
            kept = [other for other in kept if other != key]
        elif there and lru:
            kept = [*(other for other in kept if other != key), key]
        elif not there:
            kept = [*kept, key][-capacity:] if capacity else []
    return results


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.integers(0, 12),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2]), st.integers(0, 20)), min_size=1, max_size=200),
)
def test_every_hit_and_miss_is_as_by_hand(capacity: int, lru: bool, actions: list[tuple[int, int]]) -> None:
    warm = list(range(min(capacity, 4)))
    path = play(Cache("c", capacity, "lru" if lru else "fifo", warm), actions)
    assert path.cache_hit.tolist() == by_hand(capacity, lru, warm, actions)


@pytest.mark.parametrize("policy", ["lru", "fifo"])
def test_keys_that_are_far_apart_or_share_their_low_bits_are_told_apart(policy: str) -> None:
    keys = [0, 2**62, 2**32, 2**32 + 1, 2**48, 1, 2**31 - 1, 2**31]
    once = [(0, key) for key in keys]
    assert play(Cache("c", 8, policy), once + once).cache_hit.tolist() == [0] * 8 + [1] * 8


def test_a_large_cache_under_churn_counts_what_it_stores_and_evicts() -> None:
    keys = np.random.default_rng(1).integers(0, 5000, 50_000)
    path = play(Cache("c", 3000, "lru"), [(0, key) for key in keys.tolist()])
    assert path.cache.lookups[0] == 50_000
    assert path.cache.stores[0] == 50_000 - path.cache.hits[0]
    assert path.cache.evictions[0] == path.cache.stores[0] - 3000
    assert path.cache.hit_ratio[0] == pytest.approx(path.cache_hit.mean())


def test_requests_that_miss_the_same_key_before_it_is_stored_all_go_to_the_origin() -> None:
    model = Model(
        "stampede",
        [Flow("get", [Lookup("c", miss=[Delay("origin", Constant(1.0))])])],
        caches=[Cache("c", 10)],
    )
    path = simulate(model, requests([0.0, 0.5, 1.0, 1.5], key=7), 1)
    assert path.cache_hit.tolist() == [0, 0, 1, 1]  # stored at 1.0, which was scheduled before that arrival
    assert path.cache.stores.tolist() == [1]


def test_a_cache_larger_than_memory_costs_only_what_it_can_hold() -> None:
    path = play(Cache("c", 10**12), [(0, 1), (0, 1)])
    assert path.cache_hit.tolist() == [0, 1]
