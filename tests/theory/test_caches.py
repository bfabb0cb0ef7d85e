"""Che's approximation by itself; simulated hit ratios are held against it in test_queues.py."""

from __future__ import annotations

import numpy as np
import pytest

from simulations import theory


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
