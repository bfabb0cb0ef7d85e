"""Caches with real state, compiled: LRU and FIFO by a hash table and an intrusive list, O(1) a request.

The table is open addressing with linear probing at a load of at most a half; deletion shifts later entries of a
cluster back, so there are no tombstones (Knuth, The Art of Computer Programming 3, section 6.4, algorithm R).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.caches.cache import Cache
from simulations.jit import kernel
from simulations.layout import BUCKET, CACHE, ENTRY, NONE

Records = NDArray[np.void]


class CacheMemory(NamedTuple):
    buckets: Records
    entries: Records


def allocate(caches: tuple[Cache, ...], stores: int) -> tuple[Records, CacheMemory]:
    """Arrays for caches that are filled with their initial keys and then see at most ``stores`` further stores.

    A cache too large to ever fill gets only the memory it can use.
    """
    records = np.zeros(len(caches), dtype=CACHE)
    buckets = entries = 0
    for record, cache in zip(records, caches, strict=True):
        capacity = min(cache.capacity_entries, len(cache.initial_keys) + stores)
        size = 1 << max(1, (2 * capacity - 1).bit_length())
        record["capacity"] = capacity
        record["refresh"] = cache.policy == "lru"
        record["first_bucket"], record["bucket_mask"], record["first_entry"] = buckets, size - 1, entries
        record["newest"] = record["oldest"] = record["free"] = NONE
        buckets += size
        entries += capacity
    table = np.zeros(buckets, dtype=BUCKET)
    table["entry"] = NONE
    return records, CacheMemory(table, np.zeros(entries, dtype=ENTRY))


@kernel
def _bucket(cache: Any, key: int) -> int:
    """Where the search for a key begins (Fibonacci hashing, Knuth 6.4)."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return int(np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(cache.bucket_mask)))


@kernel
def _find(cache: Any, buckets: Records, key: int) -> int:
    """The bucket that holds the key, or the empty one at which the search ends."""
    bucket = _bucket(cache, key)
    while True:
        at = buckets[cache.first_bucket + bucket]
        if at.entry == NONE or at.key == key:
            return bucket
        bucket = (bucket + 1) & cache.bucket_mask


@kernel
def _unlink(cache: Any, entries: Records, entry: int) -> None:
    first = cache.first_entry
    newer, older = entries[first + entry].newer, entries[first + entry].older
    if newer == NONE:
        cache.newest = older
    else:
        entries[first + newer].older = older
    if older == NONE:
        cache.oldest = newer
    else:
        entries[first + older].newer = newer


@kernel
def _link_newest(cache: Any, entries: Records, entry: int) -> None:
    first = cache.first_entry
    entries[first + entry].newer = NONE
    entries[first + entry].older = cache.newest
    if cache.newest == NONE:
        cache.oldest = entry
    else:
        entries[first + cache.newest].newer = entry
    cache.newest = entry


@kernel
def _remove(cache: Any, buckets: Records, entries: Records, bucket: int) -> None:
    """Take the entry in this bucket out of the list and the table."""
    first, mask = cache.first_bucket, cache.bucket_mask
    entry = buckets[first + bucket].entry
    _unlink(cache, entries, entry)
    entries[cache.first_entry + entry].older = cache.free
    cache.free = entry
    cache.size -= 1
    hole = bucket
    probe = (hole + 1) & mask
    while buckets[first + probe].entry != NONE:
        home = _bucket(cache, buckets[first + probe].key)
        if (probe - home) & mask >= (probe - hole) & mask:
            buckets[first + hole].key = buckets[first + probe].key
            buckets[first + hole].entry = buckets[first + probe].entry
            hole = probe
        probe = (probe + 1) & mask
    buckets[first + hole].entry = NONE


@kernel
def lookup(cache: Any, memory: CacheMemory, key: int, now_s: float) -> bool:
    """Whether the key is there; counts the lookup and, under LRU, makes the key the newest."""
    buckets, entries = memory.buckets, memory.entries
    cache.lookups += 1
    entry = buckets[cache.first_bucket + _find(cache, buckets, key)].entry
    if entry == NONE:
        return False
    cache.hits += 1
    if cache.refresh and cache.newest != entry:
        _unlink(cache, entries, entry)
        _link_newest(cache, entries, entry)
    return True


@kernel
def store(cache: Any, memory: CacheMemory, key: int, now_s: float, size: int) -> None:
    """Put the key in, evicting the oldest if it is full."""
    buckets, entries = memory.buckets, memory.entries
    if cache.capacity == 0:
        return
    bucket = _find(cache, buckets, key)
    entry = int(buckets[cache.first_bucket + bucket].entry)
    if entry != NONE:
        if cache.refresh and cache.newest != entry:
            _unlink(cache, entries, entry)
            _link_newest(cache, entries, entry)
        return
    cache.stores += 1
    if cache.size == cache.capacity:
        cache.evictions += 1
        oldest_key = entries[cache.first_entry + cache.oldest].key
        _remove(cache, buckets, entries, _find(cache, buckets, oldest_key))
        bucket = _find(cache, buckets, key)
    if cache.free == NONE:
        entry = cache.used
        cache.used += 1
    else:
        entry = cache.free
        cache.free = entries[cache.first_entry + entry].older
    entries[cache.first_entry + entry].key = key
    _link_newest(cache, entries, entry)
    buckets[cache.first_bucket + bucket].key = key
    buckets[cache.first_bucket + bucket].entry = entry
    cache.size += 1


@kernel
def invalidate(cache: Any, memory: CacheMemory, key: int) -> None:
    """Drop the key if it is there."""
    buckets, entries = memory.buckets, memory.entries
    bucket = _find(cache, buckets, key)
    if buckets[cache.first_bucket + bucket].entry != NONE:
        cache.invalidations += 1
        _remove(cache, buckets, entries, bucket)


@kernel
def entry_size(distributions: Any, row: int, seed: int, key: int, draw_key: int) -> int:
    return 1
