"""Lookups and stores, compiled."""

from __future__ import annotations

from typing import Any

from simulations import caches
from simulations.caches import CacheMemory
from simulations.engines.compiled import world
from simulations.jit import kernel
from simulations.layout import NONE


@kernel
def memory(w: Any) -> CacheMemory:
    """What the caches keep their entries in."""
    return CacheMemory(world.buckets(w), world.entries(w))


@kernel
def look_up(w: Any, which: int, slot: Any) -> bool:
    """Ask a cache for the task's key."""
    hit = caches.lookup(world.caches(w)[which], memory(w), slot.key, w.now_s)
    if slot.request != NONE:
        world.cache_hit(w)[slot.request] = hit
    if w.bins_made > 0:
        world.bin_lookups(w)[w.bin, which] += 1
        world.bin_hits(w)[w.bin, which] += hit
    return hit


@kernel
def put(w: Any, which: int, key: int) -> None:
    """Store a key in a cache."""
    size = 1
    if world.entry_bytes(w)[which] != NONE:
        size = caches.entry_size(world.table(w), world.entry_bytes(w)[which], w.seed, key, world.entry_keys(w)[which])
    caches.store(world.caches(w)[which], memory(w), key, w.now_s, size)
