"""Policies with one queue, compiled: LRU, FIFO, CLOCK and SIEVE. Their only ring is ring 0."""

from __future__ import annotations

from typing import Any

from simulations.caches.layout import CLOCK, LRU, NONE, ONLY, SIEVE, Memory
from simulations.caches.rings import drop, make_youngest, next_from, oldest, used_once_more, uses_of
from simulations.caches.table import find
from simulations.jit import kernel, outlined, routine


@kernel
def accessed(cache: Any, memory: Memory, bucket: int) -> None:
    """A key that is there was asked for or stored again."""
    if cache.policy == LRU:
        make_youngest(cache, memory, bucket, ONLY)
    elif cache.policy in (CLOCK, SIEVE):
        used_once_more(cache, memory, bucket, 1)


@routine
def evict(cache: Any, memory: Memory) -> None:
    """Drop the entry whose turn it is; there must be one."""
    outlined()
    if cache.policy == SIEVE:
        bucket = _found_by_hand(cache, memory)
    else:
        bucket = oldest(cache, memory, ONLY)
        while cache.policy == CLOCK and uses_of(cache, memory, bucket) > 0:
            make_youngest(cache, memory, bucket, ONLY)
            bucket = oldest(cache, memory, ONLY)
    cache.evictions += 1
    drop(cache, memory, bucket)


@kernel
def _found_by_hand(cache: Any, memory: Memory) -> int:
    """The bucket that SIEVE's hand stops at, the hand being left there: `drop` moves it on."""
    ring = memory.rings[cache.first_ring]
    while True:
        if cache.hand == NONE:
            oldest(cache, memory, ONLY)
            cache.hand = ring.old
        bucket = find(cache, memory, memory.keys[ring.first + (cache.hand & ring.mask)])
        if uses_of(cache, memory, bucket) == 0:
            return bucket
        memory.buckets[cache.first_bucket + bucket].place -= 1
        cache.hand = next_from(cache, memory, cache.hand + 1)
