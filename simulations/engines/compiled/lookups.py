"""Lookups and stores, compiled."""

from __future__ import annotations

from typing import Any

from simulations.caches import kernels as caches
from simulations.caches.layout import Memory
from simulations.engines.compiled import world
from simulations.jit import kernel
from simulations.layout import CACHES_AHEAD, NONE
from simulations.sampling import DistributionTable

REQUESTS_AHEAD = 8


@kernel
def memory(w: Any) -> Memory:
    """What the caches keep their entries in."""
    return Memory(
        world.cache_buckets(w),
        world.cache_details(w),
        world.cache_rings(w),
        world.cache_keys(w),
        world.cache_words(w),
    )


@kernel
def touch_ahead(w: Any, request: int) -> None:
    """Ask for the memory in which caches will be searched for the key of a request that arrives soon."""
    ahead = request + REQUESTS_AHEAD
    if w.caches_asked == 0 or ahead >= w.requests:
        return
    flow = world.flow_of_operation(w)[world.operation(w)[ahead]]
    place = flow * w.places + world.region_of_region(w)[world.region(w)[ahead]] + 1
    for at in range(CACHES_AHEAD * place, CACHES_AHEAD * (place + 1)):
        which = world.caches_ahead(w)[at]
        if which == NONE:
            break
        caches.touch_ahead(world.caches(w)[which], memory(w), world.key(w)[ahead])


@kernel
def look_up(w: Any, which: int, slot: Any) -> bool:
    """Ask a cache for the task's key."""
    hit = caches.lookup(world.caches(w)[which], memory(w), slot.key, w.now_s)
    if slot.request != NONE and w.rows_kept == 1:
        world.cache_hit(w)[slot.request] = hit
    if w.bins_made > 0:
        world.bin_lookups(w)[w.bin, which] += 1
        world.bin_hits(w)[w.bin, which] += hit
    return hit


@kernel
def put(w: Any, which: int, key: int) -> None:
    """Store a key in a cache."""
    cache = world.caches(w)[which]
    size = 1
    if cache.sized:
        sizes = DistributionTable(
            world.entry_kind(w), world.entry_first(w), world.entry_size(w), world.entry_parameters(w)
        )
        size = caches.entry_size(sizes, which, cache.draw_key, key)
    caches.store(cache, memory(w), key, w.now_s, size)


@kernel
def drop(w: Any, which: int, key: int) -> None:
    """Drop a key from a cache."""
    caches.invalidate(world.caches(w)[which], memory(w), key)
