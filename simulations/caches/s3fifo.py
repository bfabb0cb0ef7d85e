"""S3-FIFO, compiled (Yang, Zhang, Qiu, Yue & Rashmi, SOSP 2023): rings SMALL, MAIN and GHOST.

As in the paper, SMALL has a tenth of the cache, a key goes from it to MAIN if it was asked for at least twice there,
MAIN spares a key once for each time it was asked for, up to 3, and the ghosts are as large as MAIN. As in the authors'
simulator, what comes before the cache was ever full goes to MAIN once SMALL is full. Where the cache is sized by
bytes, so are the three rings. SMALL and MAIN are wanted sizes: only their sum is a bound.
"""

from __future__ import annotations

from typing import Any

from simulations.caches.layout import GHOST, MAIN, NONE, SMALL, Memory
from simulations.caches.rings import drop, forget, join, make_youngest, move, oldest, size_of, uses_of
from simulations.caches.table import find
from simulations.jit import kernel, outlined, routine

PROMOTED_FROM_USES = 2
MOST_USES = 3


@routine
def make_room(cache: Any, memory: Memory, size: int) -> None:
    """Evict until an entry of this size fits."""
    outlined()
    while cache.used + size > cache.capacity:
        cache.has_evicted = 1
        main = memory.rings[cache.first_ring + MAIN]
        if main.used > main.limit or oldest(cache, memory, SMALL) == NONE:
            _evict_from_main(cache, memory)
        else:
            _evict_from_small(cache, memory)


@kernel
def _evict_from_main(cache: Any, memory: Memory) -> None:
    bucket = oldest(cache, memory, MAIN)
    while uses_of(cache, memory, bucket) > 0:
        uses = uses_of(cache, memory, bucket)
        make_youngest(cache, memory, bucket, MAIN)
        memory.buckets[cache.first_bucket + bucket].place += uses - 1
        bucket = oldest(cache, memory, MAIN)
    cache.evictions += 1
    drop(cache, memory, bucket)


@kernel
def _evict_from_small(cache: Any, memory: Memory) -> None:
    """Evict the first key from SMALL that was asked for too rarely, if there is one; move those before it to MAIN."""
    bucket = oldest(cache, memory, SMALL)
    while bucket != NONE and uses_of(cache, memory, bucket) >= PROMOTED_FROM_USES:
        move(cache, memory, bucket, MAIN)
        bucket = oldest(cache, memory, SMALL)
    if bucket != NONE:
        cache.evictions += 1
        _make_ghost(cache, memory, bucket)


@kernel
def _make_ghost(cache: Any, memory: Memory, bucket: int) -> None:
    """The entry leaves the cache; its key is remembered in place of the oldest ghosts."""
    ghosts = memory.rings[cache.first_ring + GHOST]
    size = size_of(cache, memory, bucket)
    if size > ghosts.limit:
        drop(cache, memory, bucket)
        return
    key = memory.buckets[cache.first_bucket + bucket].key
    while ghosts.used + size > ghosts.limit:
        forget(cache, memory, oldest(cache, memory, GHOST))
        bucket = find(cache, memory, key)  # forgetting may have shifted it
    move(cache, memory, bucket, GHOST)
    cache.used -= size


@kernel
def insert(cache: Any, memory: Memory, bucket: int, known: bool) -> None:
    """Let a new entry, whose bucket is filled and for which there is room, join its ring."""
    small = memory.rings[cache.first_ring + SMALL]
    to_main = known or (cache.has_evicted == 0 and small.used >= small.limit)
    join(cache, memory, bucket, MAIN if to_main else SMALL)
