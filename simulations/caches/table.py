"""The hash table of a compiled cache: open addressing with linear probing at a load of at most a half.

Deletion shifts later keys of a cluster back, so there are no tombstones (Knuth, The Art of Computer Programming 3,
section 6.4, algorithm R). Nothing but the table itself knows where a key stands, so keys may be shifted freely.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulations.caches.layout import NONE, Memory
from simulations.jit import kernel, prefetch

_SEARCHED = 3
"""Buckets beyond the first that a search may well look at: memory comes by four, and the rest may stand in the next."""


@kernel
def home(cache: Any, key: int) -> int:
    """Where the search for a key begins (Fibonacci hashing, Knuth 6.4)."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return int(np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(cache.bucket_mask)))


@kernel
def find(cache: Any, memory: Memory, key: int) -> int:
    """The bucket that holds the key, or the empty one at which the search ends."""
    bucket = home(cache, key)
    while True:
        held = memory.buckets[cache.first_bucket + bucket].key
        if held in (key, NONE):
            return bucket
        bucket = (bucket + 1) & cache.bucket_mask


@kernel
def touch_ahead(cache: Any, memory: Memory, key: int) -> None:
    """Ask for the memory in which a key is searched; changes nothing but the time the search will take."""
    first = cache.first_bucket + home(cache, key)
    prefetch(memory.buckets, first)
    prefetch(memory.buckets, first + _SEARCHED)


@kernel
def erase(cache: Any, memory: Memory, bucket: int) -> None:
    """Empty a bucket and shift back the keys behind it that its presence had displaced."""
    first, mask = cache.first_bucket, cache.bucket_mask
    hole = bucket
    probe = (hole + 1) & mask
    while memory.buckets[first + probe].key != NONE:
        displaced = (probe - home(cache, memory.buckets[first + probe].key)) & mask
        if displaced >= (probe - hole) & mask:
            memory.buckets[first + hole].key = memory.buckets[first + probe].key
            memory.buckets[first + hole].place = memory.buckets[first + probe].place
            if cache.detailed:
                detail = memory.details[cache.first_detail + probe]
                memory.details[cache.first_detail + hole].expires_s = detail.expires_s
                memory.details[cache.first_detail + hole].size = detail.size
            hole = probe
        probe = (probe + 1) & mask
    memory.buckets[first + hole].key = NONE
