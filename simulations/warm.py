"""What a cache holds when a run starts: what yesterday's requests left in it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdlab.popularity import zipf_ranks
from sdlab.spec import Popularity

_DRAWS_PER_ENTRY = 8


@lru_cache(maxsize=4)
def keys_after_yesterday(popularity: Popularity, capacity_entries: int, seed: int) -> NDArray[np.int64]:
    """The distinct keys asked for last before the run, coldest first: exactly what LRU holds after such requests.

    FIFO would hold somewhat others; it needs a run that asks the cache many times over to forget this start.

    Draws until ``capacity_entries`` distinct keys were asked for, or eight times as many requests have passed (then
    the cache is not full yet, as after a cold start).
    """
    capacity = min(capacity_entries, popularity.keys)
    draws, limit = 2 * capacity, _DRAWS_PER_ENTRY * capacity
    while True:
        asked = zipf_ranks(draws, popularity.keys, popularity.zipf_exponent, seed, purpose="yesterday's keys")
        keys = last_distinct(asked, capacity)
        if keys.size == capacity or draws >= limit:
            keys.flags.writeable = False  # shared by every caller
            return keys
        draws = min(2 * draws, limit)


def last_distinct(asked: NDArray[np.int64], capacity: int) -> NDArray[np.int64]:
    """The last ``capacity`` distinct values of a sequence, in the order of their last occurrence."""
    newest_first = asked[::-1]
    _, first_seen = np.unique(newest_first, return_index=True)
    return newest_first[np.sort(first_seen)[:capacity]][::-1]
