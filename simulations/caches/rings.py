"""The order of a compiled cache's keys: rings of positions, as `simulations.caches.layout` describes them."""

from __future__ import annotations

from typing import Any

from simulations.caches.layout import NONE, ONLY, Memory
from simulations.caches.table import erase, find, touch_ahead
from simulations.jit import kernel, outlined, routine

_AHEAD = 8  # positions; memory answers in about the time that so many searches take


@kernel
def is_at(cache: Any, memory: Memory, bucket: int, key: int, which: int, position: int) -> bool:
    """Whether the bucket holds the key and agrees that the ring's position is its place."""
    at = memory.buckets[cache.first_bucket + bucket]
    return bool(at.key == key and at.place >> 2 == (position << 2 | which))


@kernel
def ring_of(cache: Any, memory: Memory, bucket: int) -> int:
    return int((memory.buckets[cache.first_bucket + bucket].place >> 2) & 3)


@kernel
def position_of(cache: Any, memory: Memory, bucket: int) -> int:
    return int(memory.buckets[cache.first_bucket + bucket].place >> 4)


@kernel
def uses_of(cache: Any, memory: Memory, bucket: int) -> int:
    return int(memory.buckets[cache.first_bucket + bucket].place & 3)


@kernel
def used_once_more(cache: Any, memory: Memory, bucket: int, most: int) -> None:
    """Count an access, up to ``most``."""
    if uses_of(cache, memory, bucket) < most:
        memory.buckets[cache.first_bucket + bucket].place += 1


@kernel
def size_of(cache: Any, memory: Memory, bucket: int) -> int:
    return int(memory.details[cache.first_detail + bucket].size) if cache.detailed else 1


@routine
def tidy(cache: Any, memory: Memory, which: int) -> None:
    """Close the gaps of a full ring. It is at least twice as long as the keys it can hold, so half of it is free."""
    outlined()
    ring = memory.rings[cache.first_ring + which]
    hand = NONE
    kept = ring.old
    for position in range(ring.old, ring.young):
        if position + _AHEAD < ring.young:
            touch_ahead(cache, memory, memory.keys[ring.first + ((position + _AHEAD) & ring.mask)])
        key = memory.keys[ring.first + (position & ring.mask)]
        if key == NONE:
            continue
        bucket = find(cache, memory, key)
        if is_at(cache, memory, bucket, key, which, position):
            if position == cache.hand:
                hand = kept
            memory.keys[ring.first + (kept & ring.mask)] = key
            uses = uses_of(cache, memory, bucket)
            memory.buckets[cache.first_bucket + bucket].place = (kept << 2 | which) << 2 | uses
            kept += 1
    cache.hand = hand
    ring.young = kept


@kernel
def make_youngest(cache: Any, memory: Memory, bucket: int, which: int) -> None:
    """Put the bucket's key at the young end of a ring, with no uses counted."""
    ring = memory.rings[cache.first_ring + which]
    if ring.young - ring.old > ring.mask:
        tidy(cache, memory, which)
    at = memory.buckets[cache.first_bucket + bucket]
    memory.keys[ring.first + (ring.young & ring.mask)] = at.key
    at.place = (ring.young << 2 | which) << 2
    ring.young += 1


@kernel
def oldest(cache: Any, memory: Memory, which: int) -> int:
    """The bucket of a ring's oldest key, NONE if it has none."""
    ring = memory.rings[cache.first_ring + which]
    while ring.old < ring.young:
        if ring.old + _AHEAD < ring.young:
            touch_ahead(cache, memory, memory.keys[ring.first + ((ring.old + _AHEAD) & ring.mask)])
        key = memory.keys[ring.first + (ring.old & ring.mask)]
        if key != NONE:
            bucket = find(cache, memory, key)
            if is_at(cache, memory, bucket, key, which, ring.old):
                return bucket
        ring.old += 1
    return NONE


@kernel
def join(cache: Any, memory: Memory, bucket: int, which: int) -> None:
    """Put the bucket's key, in no ring so far, at the young end of one."""
    make_youngest(cache, memory, bucket, which)
    memory.rings[cache.first_ring + which].used += size_of(cache, memory, bucket)


@kernel
def move(cache: Any, memory: Memory, bucket: int, which: int) -> None:
    """Put the bucket's key at the young end of another ring."""
    memory.rings[cache.first_ring + ring_of(cache, memory, bucket)].used -= size_of(cache, memory, bucket)
    join(cache, memory, bucket, which)


@kernel
def next_from(cache: Any, memory: Memory, position: int) -> int:
    """The first position from this one on that is a key's place in ring 0, NONE if none is."""
    ring = memory.rings[cache.first_ring]
    while position < ring.young:
        key = memory.keys[ring.first + (position & ring.mask)]
        if key != NONE and is_at(cache, memory, find(cache, memory, key), key, ONLY, position):
            return position
        position += 1
    return NONE


@routine
def forget(cache: Any, memory: Memory, bucket: int) -> None:
    """Take the bucket's key out of its ring and the table."""
    outlined()
    position, which = position_of(cache, memory, bucket), ring_of(cache, memory, bucket)
    ring = memory.rings[cache.first_ring + which]
    ring.used -= size_of(cache, memory, bucket)
    memory.keys[ring.first + (position & ring.mask)] = NONE
    erase(cache, memory, bucket)
    if cache.hand == position:
        cache.hand = next_from(cache, memory, position + 1)


@routine
def drop(cache: Any, memory: Memory, bucket: int) -> None:
    """Take the bucket's entry out of the cache."""
    outlined()
    cache.used -= size_of(cache, memory, bucket)
    forget(cache, memory, bucket)
