"""Simulated hit ratios against Che's approximation, whose error under Zipf's law is far below a percentage point."""

from __future__ import annotations

import numpy as np
import pytest

from simulations import theory
from simulations.engines import simulate
from simulations.model import Cache, Constant, Delay, Flow, Lookup, Model
from tests.unit.simulations.builders import requests

REQUESTS = 400_000
KEYS = 20_000


@pytest.mark.parametrize("exponent", [0.7, 1.0])
@pytest.mark.parametrize("capacity", [200, 2_000])
@pytest.mark.parametrize("policy", ["lru", "fifo"])
def test_hit_ratio_is_that_of_ches_approximation(policy: str, capacity: int, exponent: float) -> None:
    popularity = theory.zipf_popularity(KEYS, exponent)
    keys = np.random.default_rng(5).choice(KEYS, REQUESTS, p=popularity)
    model = Model(
        "cache", [Flow("get", [Lookup("c"), Delay("d", Constant(0.0))])], caches=[Cache("c", capacity, policy)]
    )
    hits = simulate(model, requests(np.arange(REQUESTS, dtype=float), key=keys.tolist()), 1).cache_hit
    expected = {"lru": theory.lru_hit_ratio, "fifo": theory.fifo_hit_ratio}[policy](popularity, capacity)
    assert hits[REQUESTS // 4 :].mean() == pytest.approx(expected, abs=0.005)


def test_lru_hits_more_often_than_fifo_and_a_larger_cache_more_than_a_smaller_one() -> None:
    popularity = theory.zipf_popularity(1000, 0.9)
    lru = [theory.lru_hit_ratio(popularity, capacity) for capacity in (0, 1, 10, 100, 500, 999, 1000)]
    fifo = [theory.fifo_hit_ratio(popularity, capacity) for capacity in (0, 1, 10, 100, 500, 999, 1000)]
    assert lru == sorted(lru)
    assert fifo == sorted(fifo)
    assert all(a >= b for a, b in zip(lru, fifo, strict=True))
    assert (lru[0], lru[-1]) == (0.0, 1.0)


def test_equal_popularity_gives_the_share_of_keys_that_fit() -> None:
    assert theory.lru_hit_ratio(np.full(1000, 1e-3), 250) == pytest.approx(0.25)
    assert theory.fifo_hit_ratio(np.full(1000, 1e-3), 250) == pytest.approx(0.25)


@pytest.mark.parametrize("exponent", [0.5, 0.83, 1.0, 1.2])
def test_classes_of_keys_give_the_hit_ratio_of_the_keys_themselves(exponent: float) -> None:
    every_key = theory.zipf_popularity(300_000, exponent)
    probability, counts = theory.zipf_classes(300_000, exponent)
    assert counts.sum() == pytest.approx(300_000)
    assert probability[0] == pytest.approx(every_key[0], rel=1e-6)
    for capacity in (1_000, 100_000):
        exact = theory.lru_hit_ratio(every_key, capacity)
        assert theory.lru_hit_ratio(probability, capacity, counts) == pytest.approx(exact, abs=1e-6)
