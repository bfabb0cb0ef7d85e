"""W-TinyLFU, compiled (Einziger, Friedman & Manes 2017): rings WINDOW, PROBATION and PROTECTED.

The window has 1 % of the cache (at least 1), the main cache the rest, of which 80 % are protected. A key enters the
window; whom it pushes out becomes a candidate for the main cache. If the main cache is full, candidate and victim, the
oldest on probation, are compared by the sketch: the one asked for less often of late goes, the candidate if they are
equal. A key asked for on probation becomes protected, and the oldest protected keys go back on probation if they are
too many. The window does not adapt. Where the cache is sized by bytes, so are the three rings; a candidate has to win
against each victim it needs the room of, an entry larger than the window is a candidate at once, and one larger than
the protected part stays on probation.
"""

from __future__ import annotations

from typing import Any

from simulations.caches.layout import NONE, PROBATION, PROTECTED, WINDOW, Memory
from simulations.caches.rings import drop, join, make_youngest, move, oldest, ring_of, size_of
from simulations.caches.sketch import count, estimate
from simulations.caches.table import find
from simulations.jit import outlined, routine


@routine
def accessed(cache: Any, memory: Memory, bucket: int) -> None:
    """A key that is there was asked for or stored again."""
    outlined()
    count(cache, memory, memory.buckets[cache.first_bucket + bucket].key)
    protected = memory.rings[cache.first_ring + PROTECTED]
    which = ring_of(cache, memory, bucket)
    if which != PROBATION or size_of(cache, memory, bucket) > protected.limit:
        make_youngest(cache, memory, bucket, which)
        return
    move(cache, memory, bucket, PROTECTED)
    while protected.used > protected.limit:
        move(cache, memory, oldest(cache, memory, PROTECTED), PROBATION)


@routine
def insert(cache: Any, memory: Memory, bucket: int) -> None:
    """Let a new entry, whose bucket is filled, join the window; whoever has to leave the window or the cache does."""
    outlined()
    key = memory.buckets[cache.first_bucket + bucket].key
    count(cache, memory, key)
    window = memory.rings[cache.first_ring + WINDOW]
    join(cache, memory, bucket, WINDOW)
    if size_of(cache, memory, bucket) > window.limit:
        _admit(cache, memory, key)
    while window.used > window.limit:
        _admit(cache, memory, memory.buckets[cache.first_bucket + oldest(cache, memory, WINDOW)].key)


@routine
def _admit(cache: Any, memory: Memory, key: int) -> None:
    """Move a key from the window to the main cache, or out of the cache."""
    outlined()
    room = cache.capacity - memory.rings[cache.first_ring + WINDOW].limit
    size = size_of(cache, memory, find(cache, memory, key))
    probation, protected = memory.rings[cache.first_ring + PROBATION], memory.rings[cache.first_ring + PROTECTED]
    admitted = size <= room
    while admitted and probation.used + protected.used + size > room:
        victim = oldest(cache, memory, PROBATION)
        if victim == NONE:
            victim = oldest(cache, memory, PROTECTED)
        victim_key = memory.buckets[cache.first_bucket + victim].key
        admitted = estimate(cache, memory, key) > estimate(cache, memory, victim_key)
        if admitted:
            cache.evictions += 1
            drop(cache, memory, victim)
    bucket = find(cache, memory, key)
    if admitted:
        move(cache, memory, bucket, PROBATION)
    else:
        cache.evictions += 1
        drop(cache, memory, bucket)
