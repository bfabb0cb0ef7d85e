"""Hit ratios of caches under independent requests, and Zipf's law."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from simulations.roots import root
from simulations.theory.domain import at_least

Floats = NDArray[np.float64]

EXACT_RANKS = 10_000
CLASS_WIDTH = 1e-3


def zipf_popularity(keys: int, exponent: float) -> Floats:
    """The probability of each rank under a Zipf law, the most popular first."""
    at_least("keys", keys, 1)
    at_least("exponent", exponent, 0)
    weights: Floats = np.arange(1, keys + 1, dtype=np.float64) ** -exponent
    weights /= weights.sum()
    return weights


def zipf_classes(keys: int, exponent: float) -> tuple[Floats, Floats]:
    """A Zipf law over many keys as classes of nearly equal ones: probability of one key, and keys, of each class.

    The first ranks are classes of their own; behind them a class spans ranks within 0.1 % of each other, and its
    weight is the integral of the law over them, which is off by less than a millionth.
    """
    head = min(keys, EXACT_RANKS)
    steps = max(2, int(math.log(keys / head) / CLASS_WIDTH) + 2) if keys > head else 1
    edges = np.unique(np.rint(np.geomspace(head, keys, steps))) + 0.5
    powers = np.log(edges) if exponent == 1 else edges ** (1 - exponent) / (1 - exponent)
    counts = np.concatenate([np.ones(head), np.diff(edges)])
    weights = np.concatenate([np.arange(1, head + 1, dtype=np.float64) ** -exponent, np.diff(powers) / np.diff(edges)])
    return weights / (weights @ counts), counts


def lru_hit_ratio(popularity: Floats, capacity_entries: int, counts: Floats | None = None) -> float:
    """Hit ratio of LRU under independent requests, by the characteristic time of Che, Tung & Wang (2002).

    ``popularity`` is the probability of each key; with ``counts``, that of one key of each class of so many.
    """
    return _characteristic_time_hit_ratio(popularity, capacity_entries, counts, lambda rates_t: -np.expm1(-rates_t))


def fifo_hit_ratio(popularity: Floats, capacity_entries: int, counts: Floats | None = None) -> float:
    """Hit ratio of FIFO (and random) eviction by the same approximation (Fricker, Robert & Roberts 2012)."""
    return _characteristic_time_hit_ratio(popularity, capacity_entries, counts, lambda rates_t: rates_t / (1 + rates_t))


def _characteristic_time_hit_ratio(  # type: ignore[no-untyped-def]
    popularity: Floats, capacity: int, counts: Floats | None, present
) -> float:
    """Solve for the time T at which the expected number of keys present equals the capacity."""
    popularity = np.asarray(popularity, dtype=np.float64)
    keys = np.ones_like(popularity) if counts is None else np.asarray(counts, dtype=np.float64)
    if popularity.ndim != 1 or popularity.size == 0 or popularity.min() < 0 or abs(popularity @ keys - 1) > 1e-9:
        raise InvalidInput("popularity", popularity.shape, "must be probabilities that add up to 1")
    at_least("capacity_entries", capacity, 0)
    if capacity == 0:
        return 0.0
    if capacity >= keys[popularity > 0].sum():
        return 1.0

    def excess(log_time: float) -> float:
        return float(keys @ present(popularity * math.exp(log_time))) - capacity

    low, high = -1.0, math.log(capacity) + 1
    while excess(low) > 0:
        low -= 5
    while excess(high) < 0:
        high += 5
    time = math.exp(root(excess, low, high, xtol=1e-13, rtol=1e-13))
    return float((keys * popularity) @ present(popularity * time))
