"""Caches, compiled: what an engine calls. ``cache`` is a record of `layout.CACHE`, ``memory`` what all caches share.

`lookup` and `store` are inlined for LRU and FIFO by entries and without expiry, and call routines for all else.
"""

from __future__ import annotations

from typing import Any

from simulations.caches import queues, s3fifo, wtinylfu
from simulations.caches.layout import GHOST, LRU, NONE, ONLY, S3FIFO, WTINYLFU, Memory
from simulations.caches.rings import drop, forget, join, make_youngest, oldest, ring_of, used_once_more
from simulations.caches.sizes import entry_size
from simulations.caches.table import erase, find, touch_ahead
from simulations.jit import entry_point, kernel, outlined, routine, source_digest

__all__ = ["entry_size", "invalidate", "lookup", "play", "store", "touch_ahead"]

ROWS_AHEAD = 16  # in `play`: memory answers in about the time that so many take
GET, LOOKUP, STORE, INVALIDATE = range(4)  # what `play` does: get is a lookup that stores what is not there


@kernel
def lookup(cache: Any, memory: Memory, key: int, now_s: float) -> bool:
    """Whether the key is there; counts the lookup and, on a hit, the access."""
    cache.lookups += 1
    bucket = find(cache, memory, key)
    if memory.buckets[cache.first_bucket + bucket].key == NONE:
        return False
    if cache.plain:
        _accessed_plain(cache, memory, bucket)
    elif not _hit(cache, memory, bucket, now_s):
        return False
    cache.hits += 1
    return True


@kernel
def store(cache: Any, memory: Memory, key: int, now_s: float, size: int) -> None:
    """Put the key in, of so many bytes (1 if the cache is sized by entries), evicting others if it is full."""
    if not cache.plain:
        _store(cache, memory, key, now_s, size)
        return
    if cache.capacity == 0:
        return
    bucket = find(cache, memory, key)
    if memory.buckets[cache.first_bucket + bucket].key == key:
        _accessed_plain(cache, memory, bucket)
        return
    cache.stores += 1
    if cache.used == cache.capacity:
        cache.evictions += 1
        erase(cache, memory, oldest(cache, memory, ONLY))
        memory.rings[cache.first_ring].old += 1
        bucket = find(cache, memory, key)
    else:
        cache.used += 1
    memory.buckets[cache.first_bucket + bucket].key = key
    make_youngest(cache, memory, bucket, ONLY)


@kernel
def invalidate(cache: Any, memory: Memory, key: int) -> None:
    """Drop the key if it is there, expired or not."""
    bucket = find(cache, memory, key)
    if memory.buckets[cache.first_bucket + bucket].key == key and not _is_ghost(cache, memory, bucket):
        cache.invalidations += 1
        drop(cache, memory, bucket)


@kernel
def _accessed_plain(cache: Any, memory: Memory, bucket: int) -> None:
    if cache.policy == LRU:
        place = memory.buckets[cache.first_bucket + bucket].place
        if place >> 4 != memory.rings[cache.first_ring].young - 1:  # it is not the youngest already
            make_youngest(cache, memory, bucket, ONLY)


@kernel
def _is_ghost(cache: Any, memory: Memory, bucket: int) -> bool:
    return cache.policy == S3FIFO and ring_of(cache, memory, bucket) == GHOST


@kernel
def _accessed(cache: Any, memory: Memory, bucket: int) -> None:
    if cache.policy == WTINYLFU:
        wtinylfu.accessed(cache, memory, bucket)
    elif cache.policy == S3FIFO:
        used_once_more(cache, memory, bucket, s3fifo.MOST_USES)
    else:
        queues.accessed(cache, memory, bucket)


@kernel
def _is_fresh(cache: Any, memory: Memory, bucket: int, now_s: float) -> bool:
    """Whether the bucket's entry may still be served; if not, it is dropped."""
    if not cache.detailed or now_s < memory.details[cache.first_detail + bucket].expires_s:
        return True
    cache.expirations += 1
    drop(cache, memory, bucket)
    return False


@routine
def _hit(cache: Any, memory: Memory, bucket: int, now_s: float) -> bool:
    """Whether the key that was found is a hit."""
    outlined()
    if _is_ghost(cache, memory, bucket) or not _is_fresh(cache, memory, bucket, now_s):
        return False
    _accessed(cache, memory, bucket)
    return True


@routine
def _store(cache: Any, memory: Memory, key: int, now_s: float, size: int) -> None:
    outlined()
    if size > cache.capacity:
        return
    bucket = find(cache, memory, key)
    known = False
    if memory.buckets[cache.first_bucket + bucket].key == key:
        if _is_ghost(cache, memory, bucket):
            known = True
            forget(cache, memory, bucket)
        elif _is_fresh(cache, memory, bucket, now_s):
            if cache.detailed:
                memory.details[cache.first_detail + bucket].expires_s = now_s + cache.expiry_s
            _accessed(cache, memory, bucket)
            return
    cache.stores += 1
    if cache.policy == S3FIFO:
        s3fifo.make_room(cache, memory, size)
    elif cache.policy != WTINYLFU:
        while cache.used + size > cache.capacity:
            queues.evict(cache, memory)
    bucket = find(cache, memory, key)
    memory.buckets[cache.first_bucket + bucket].key = key
    if cache.detailed:
        memory.details[cache.first_detail + bucket].expires_s = now_s + cache.expiry_s
        memory.details[cache.first_detail + bucket].size = size
    cache.used += size
    if cache.policy == S3FIFO:
        s3fifo.insert(cache, memory, bucket, known)
    elif cache.policy == WTINYLFU:
        wtinylfu.insert(cache, memory, bucket)
    else:
        join(cache, memory, bucket, ONLY)


def _entry_points(sources: str):  # type: ignore[no-untyped-def]
    @entry_point
    def play(records, memory, which, actions, keys, now_s, sizes, hits):  # type: ignore[no-untyped-def]
        sources  # noqa: B018  the cache's key holds the sources
        for row in range(keys.shape[0]):
            if row + ROWS_AHEAD < keys.shape[0]:
                touch_ahead(records[which], memory, keys[row + ROWS_AHEAD])
            action = actions[row]
            if action in (GET, LOOKUP):
                hits[row] = lookup(records[which], memory, keys[row], now_s[row])
            if action == STORE or (action == GET and not hits[row]):
                store(records[which], memory, keys[row], now_s[row], sizes[row])
            elif action == INVALIDATE:
                invalidate(records[which], memory, keys[row])

    return play


play = _entry_points(source_digest())
