"""How often keys were asked for of late, compiled: a count-min sketch that forgets.

Counters of 4 bits in 4 rows with minimal increment: an access adds 1 to the smallest of its four counters only, and
the estimate is the smallest (Einziger, Friedman & Manes 2017, "TinyLFU", sections 3.1 to 3.4; conservative update is
Estan & Varghese 2002). After ten times as many accesses as the cache has entries all counters, and the count of
accesses, are halved. A block of eight 64-bit words holds a key's four counters, so that they share a cache line; there
are 8 bytes a cached entry. The paper's doorkeeper is left out.

The hash is SplitMix64's finaliser (Steele, Lea & Flood 2014): its low bits choose the block, and row r's counter is
number ``hash >> (32 + 8 r)``, modulo 32, of the 32 counters in the block's words 2r and 2r + 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulations.caches.layout import Memory
from simulations.jit import kernel, outlined, routine

ROWS = 4
WORDS_PER_BLOCK = 8
SAMPLE_PER_ENTRY = 10

_MOST = np.uint64(15)
_ODD_BITS_OFF = np.uint64(0x7777777777777777)


@kernel
def _hash(key: int) -> np.uint64:
    z = np.uint64(key) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.uint64(z ^ (z >> np.uint64(31)))


@kernel
def _counter(cache: Any, hashed: np.uint64, row: int) -> tuple[int, np.uint64]:
    """The word a row's counter is in and by how many bits it is shifted there."""
    block = np.int64(hashed & np.uint64(cache.block_mask))
    number = np.int64(hashed >> np.uint64(32 + 8 * row)) & 31
    word = cache.first_word + block * WORDS_PER_BLOCK + 2 * row + (number >> 4)
    return word, np.uint64((number & 15) << 2)


@kernel
def _smallest(cache: Any, memory: Memory, hashed: np.uint64) -> np.uint64:
    smallest = _MOST
    for row in range(ROWS):
        word, shift = _counter(cache, hashed, row)
        smallest = min(smallest, (memory.words[word] >> shift) & _MOST)
    return smallest


@kernel
def estimate(cache: Any, memory: Memory, key: int) -> int:
    """How often the key was asked for of late, from 0 to 15; too high where keys collide, never too low."""
    return int(np.int64(_smallest(cache, memory, _hash(key))))


@routine
def count(cache: Any, memory: Memory, key: int) -> None:
    """The key was asked for once more."""
    outlined()
    hashed = _hash(key)
    smallest = _smallest(cache, memory, hashed)
    if smallest < _MOST:
        for row in range(ROWS):
            word, shift = _counter(cache, hashed, row)
            if (memory.words[word] >> shift) & _MOST == smallest:
                memory.words[word] += np.uint64(1) << shift
    cache.counted += 1
    if cache.counted == cache.sample:
        for word in range(cache.first_word, cache.first_word + (cache.block_mask + 1) * WORDS_PER_BLOCK):
            memory.words[word] = (memory.words[word] >> np.uint64(1)) & _ODD_BITS_OFF
        cache.counted //= 2
