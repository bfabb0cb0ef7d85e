"""The memory of compiled caches, as structured arrays.

There are no linked lists. A cache's keys stand in the *buckets* of one hash table, 16 bytes each. The order in which
a policy evicts is kept in *rings*: positions counted up from 0, of which the last few hold keys. Whoever moves a key
to a ring's young end writes it there and notes the position in its bucket; what the ring still holds of the key at an
older position no longer agrees with the bucket and is passed over. So an access touches one random place in memory,
its bucket, however often it changes the order; a linked list touches four.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

NONE = -1

LRU, FIFO, CLOCK, SIEVE, S3FIFO, WTINYLFU = range(6)

# The rings of each policy. Ghosts are keys that the cache remembers but does not hold. They are of numpy's type
# because numba would compile every function once for each plain constant it is called with.
_RINGS = cast(list[int], list(np.arange(3)))
ONLY = _RINGS[0]
SMALL, MAIN, GHOST = _RINGS
WINDOW, PROBATION, PROTECTED = _RINGS

CACHE = np.dtype(
    [
        ("policy", np.int64),
        ("plain", np.int64),  # 1: LRU or FIFO, sized by entries, without expiry
        ("detailed", np.int64),  # 1: entries have sizes or expire, so that buckets have details
        ("sized", np.int64),  # 1: sized by bytes; ``draw_key`` is then what its entries' sizes are drawn with
        ("draw_key", np.int64),
        ("capacity", np.int64),  # entries or bytes
        ("expiry_s", np.float64),  # infinite: never
        ("used", np.int64),
        ("first_bucket", np.int64),  # several caches share the arrays: where this one's part begins
        ("bucket_mask", np.int64),
        ("first_detail", np.int64),
        ("first_ring", np.int64),
        ("hand", np.int64),  # SIEVE: the position it evicts from, NONE for the oldest
        ("has_evicted", np.int64),  # S3-FIFO: whether it was ever full
        ("first_word", np.int64),  # W-TinyLFU: its part of the sketch
        ("block_mask", np.int64),
        ("counted", np.int64),  # accesses since the sketch was last halved
        ("sample", np.int64),  # halve it after so many
        ("lookups", np.int64),
        ("hits", np.int64),
        ("stores", np.int64),
        ("evictions", np.int64),
        ("invalidations", np.int64),
        ("expirations", np.int64),
    ],
    align=True,
)

# ``place`` is ((position << 2 | ring) << 2) | uses: uses count accesses, up to 3, for the policies that ask.
BUCKET = np.dtype([("key", np.int64), ("place", np.int64)], align=True)

DETAIL = np.dtype([("expires_s", np.float64), ("size", np.int64)], align=True)

RING = np.dtype(
    [
        ("first", np.int64),
        ("mask", np.int64),
        ("old", np.int64),  # the oldest position that may hold a key
        ("young", np.int64),  # the next position to be written
        ("used", np.int64),  # entries or bytes in this ring
        ("limit", np.int64),  # how many its policy wants there
    ],
    align=True,
)


class Memory(NamedTuple):
    """The arrays that all caches of a run share; ``keys`` are those of the rings, ``words`` the sketch's."""

    buckets: NDArray[np.void]
    details: NDArray[np.void]
    rings: NDArray[np.void]
    keys: NDArray[np.int64]
    words: NDArray[np.uint64]
