"""Memory for compiled caches, filled with what is in them at the start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.caches import kernels
from simulations.caches.cache import POLICIES, Cache
from simulations.caches.layout import BUCKET, CACHE, DETAIL, NONE, RING, Memory
from simulations.caches.sizes import entry_sizes
from simulations.caches.sketch import SAMPLE_PER_ENTRY, WORDS_PER_BLOCK
from simulations.distributions import Constant
from simulations.sampling import DistributionTable, tabulate

COUNTS = ("lookups", "hits", "stores", "evictions", "invalidations", "expirations")


class _Ring(NamedTuple):
    limit: int  # what its policy wants there, entries or bytes
    most: int  # as many as it can ever hold, in the cache's unit


def allocate(caches: tuple[Cache, ...], stores: int) -> tuple[NDArray[np.void], Memory]:
    """Records and memory for caches that hold their initial keys and will see at most ``stores`` further stores.

    A cache too large to ever fill gets only the memory it can use.
    """
    records = np.zeros(len(caches), dtype=CACHE)
    buckets = details = words = keys = 0
    rings: list[tuple[int, int, int]] = []
    for record, cache in zip(records, caches, strict=True):
        entries = min(cache.capacity, len(cache.initial_keys) + stores)
        own_rings = _rings(cache)
        ghosts = own_rings[2].most if cache.policy == "s3fifo" else 0
        # W-TinyLFU takes a key before it knows whom it drops for it: one more than fits is there for a moment.
        spare = 1 if cache.policy == "wtinylfu" else 0
        size = _power_of_two(2 * (spare + min(entries + ghosts, len(cache.initial_keys) + stores)))
        record["sized"], record["draw_key"] = cache.capacity_bytes is not None, cache.draw_key
        record["policy"] = POLICIES.index(cache.policy)
        record["detailed"] = record["sized"] or cache.expiry_s is not None
        record["plain"] = cache.policy in {"lru", "fifo"} and not record["detailed"]
        record["capacity"] = cache.capacity
        record["expiry_s"] = np.inf if cache.expiry_s is None else cache.expiry_s
        record["first_bucket"], record["bucket_mask"], record["first_detail"] = buckets, size - 1, details
        record["hand"] = NONE
        record["first_ring"] = len(rings)
        buckets += size
        details += size if record["detailed"] else 0
        for limit, most in own_rings:
            # LRU leaves older positions behind: the longer its ring, the more rarely they are tidied away.
            length = _power_of_two(
                (4 if cache.policy == "lru" else 2) * (spare + min(most, len(cache.initial_keys) + stores))
            )
            rings.append((keys, length - 1, limit))
            keys += length
        if cache.policy == "wtinylfu":
            # A sketch is asked only by a full cache, so one that cannot fill does not need a larger one.
            typical = min(cache.typical_entries, entries + 1)
            blocks = _power_of_two(typical) // WORDS_PER_BLOCK or 1
            record["first_word"], record["block_mask"] = words, blocks - 1
            record["sample"] = SAMPLE_PER_ENTRY * typical
            words += blocks * WORDS_PER_BLOCK
    memory = _memory(buckets, details, words, keys, rings)
    for which, cache in enumerate(caches):
        initial = np.array(cache.initial_keys, dtype=np.int64)
        if initial.size:
            actions = np.full(len(initial), kernels.STORE)
            play(records, memory, which, actions, initial, np.zeros(len(initial)), entry_sizes(cache, initial))
    for name in COUNTS:
        records[name] = 0
    return records, memory


def play(
    records: NDArray[np.void],
    memory: Memory,
    which: int,
    actions: NDArray[np.int64],
    keys: NDArray[np.int64],
    now_s: NDArray[np.float64],
    sizes: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Do to one cache one thing after the other (`kernels.GET`, ...); whether each was a hit."""
    hits = np.zeros(len(keys), dtype=np.bool_)
    kernels.play(records, memory, which, actions, keys, now_s, sizes, hits)
    return hits


def hits_of(cache: Cache, keys: NDArray[np.int64], sizes: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Ask a cache for keys one after the other, storing each that is not there; whether each was a hit.

    ``sizes`` are the entries' bytes, if they are not to be drawn from the cache's ``entry_bytes``.
    """
    records, memory = allocate((cache,), len(keys))
    keys = np.array(keys, dtype=np.int64)
    sizes = entry_sizes(cache, keys) if sizes is None else np.array(sizes, dtype=np.int64)
    return play(records, memory, 0, np.full(len(keys), kernels.GET), keys, np.zeros(len(keys)), sizes)


def size_table(caches: tuple[Cache, ...]) -> DistributionTable:
    """For `kernels.entry_size`: the distribution of each cache's entries, in order; 1 for those sized by entries."""
    return tabulate([cache.entry_bytes or Constant(1.0) for cache in caches])


def _rings(cache: Cache) -> list[_Ring]:
    capacity = cache.capacity
    if cache.policy == "s3fifo":
        small = max(1, capacity // 10)
        ghosts = capacity * 9 // 10
        return [_Ring(small, capacity), _Ring(capacity - small, capacity), _Ring(ghosts, ghosts)]
    if cache.policy == "wtinylfu":
        window = capacity - capacity * 99 // 100
        main = capacity - window
        # Each can exceed its wanted size by one entry before another has to leave.
        return [_Ring(window, capacity), _Ring(main // 5, main), _Ring(main * 4 // 5, main)]
    return [_Ring(capacity, capacity)]


def _memory(buckets: int, details: int, words: int, keys: int, rings: list[tuple[int, int, int]]) -> Memory:
    memory = Memory(
        np.zeros(buckets, dtype=BUCKET),
        np.zeros(details, dtype=DETAIL),
        np.zeros(len(rings), dtype=RING),
        np.zeros(keys, dtype=np.int64),
        np.zeros(words, dtype=np.uint64),
    )
    memory.buckets["key"] = NONE
    for ring, (first, mask, limit) in zip(memory.rings, rings, strict=True):
        ring["first"], ring["mask"], ring["limit"] = first, mask, limit
    return memory


def _power_of_two(least: int) -> int:
    """The smallest power of two of at least ``least`` and 2."""
    return 1 << max(1, (least - 1).bit_length())
