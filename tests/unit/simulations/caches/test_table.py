"""The hash table under the compiled caches: a key is found if and only if it is there, whatever was erased."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.caches import Cache
from simulations.caches.allocation import allocate, play
from simulations.caches.kernels import INVALIDATE, LOOKUP, STORE

CAPACITY = 64


def home(key: int, mask: int) -> int:
    """Where the search for a key begins, computed anew."""
    mixed = key * 0x9E3779B97F4A7C15 % 2**64
    return (mixed ^ mixed >> 32) & mask


def keys_at(wanted: int, mask: int, count: int) -> list[int]:
    found: list[int] = []
    key = 0
    while len(found) < count:
        if home(key, mask) == wanted:
            found.append(key)
        key += 1
    return found


@pytest.mark.parametrize("start", [10, 126])  # the second cluster goes over the table's end
@pytest.mark.parametrize("expiry_s", [None, 100.0])
def test_erasing_any_key_of_a_cluster_leaves_every_other_to_be_found(start: int, expiry_s: float | None) -> None:
    """Clusters of keys whose searches begin at one bucket, at the next and at the one after: the order of arrival
    decides whom an erasure must shift and whom it must leave."""
    cache = Cache("c", CAPACITY, "fifo", expiry_s=expiry_s)
    mask = int(allocate((cache,), CAPACITY)[0][0]["bucket_mask"])
    assert mask == 127
    homes = [start & mask, (start + 1) & mask, (start + 2) & mask, (start + 4) & mask]
    pools = [keys_at(bucket, mask, 3) for bucket in homes]
    for seed in range(60):
        stored = np.random.default_rng(seed).permutation([key for pool in pools for key in pool])[:8].tolist()
        for erased in stored:
            left = [key for key in stored if key != erased]
            keys = np.array([*stored, erased, *left, erased])
            actions = np.array([*[STORE] * 8, INVALIDATE, *[LOOKUP] * 8])
            # What was stored first expires before the last look: its details must have moved with it.
            now_s = np.array([float(n) for n in range(8)] + [8.0] * 9)
            records, memory = allocate((cache,), CAPACITY)
            hits = play(records, memory, 0, actions, keys, now_s, np.ones(len(keys), dtype=np.int64))
            assert hits[-8:].tolist() == [True] * 7 + [False], (stored, erased)
            # Nothing is held twice, and each key is reached from its home without passing an empty bucket.
            held = memory.buckets["key"][: mask + 1].tolist()
            assert sorted(key for key in held if key >= 0) == sorted(left)
            for bucket, key in enumerate(held):
                if key >= 0:
                    way = [(home(key, mask) + n) & mask for n in range((bucket - home(key, mask)) % (mask + 1))]
                    assert all(held[step] >= 0 for step in way)


def test_details_move_with_the_keys_an_erasure_shifts() -> None:
    cache = Cache("c", CAPACITY, "fifo", expiry_s=10.0)
    mask = 127
    keys = keys_at(20, mask, 4)
    for erased in range(4):
        records, memory = allocate((cache,), CAPACITY)
        actions = np.array([STORE] * 4 + [INVALIDATE] + [LOOKUP] * 4)
        now_s = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 12.0, 12.0, 12.0, 12.0])
        asked = np.array([*keys, keys[erased], *keys])
        hits = play(records, memory, 0, actions, asked, now_s, np.ones(9, dtype=np.int64))
        assert hits[-4:].tolist() == [n == 3 and erased != 3 for n in range(4)]


def test_a_ring_is_tidied_when_hits_have_filled_it() -> None:
    cache = Cache("c", 4, "lru")
    draws = np.random.default_rng(0)
    keys = draws.integers(0, 4, 1_000)
    records, memory = allocate((cache,), 8)
    asked = np.array([0, 1, 2, 3, *keys, 9])
    actions = np.array([STORE] * 4 + [LOOKUP] * 1_000 + [STORE])
    play(records, memory, 0, actions, asked, np.zeros(len(asked)), np.ones(len(asked), dtype=np.int64))
    last_asked = {key: int(np.flatnonzero(keys == key)[-1]) for key in range(4)}
    coldest = min(last_asked, key=last_asked.__getitem__)
    assert records[0]["hits"] == 1_000
    assert set(memory.buckets["key"].tolist()) - {-1} == {0, 1, 2, 3, 9} - {coldest}
    assert memory.keys.size == 16
