"""What a cache is: its size, its policy, how long its entries last and what is in it at the start."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from simulations.distributions import Distribution

POLICIES = ("lru", "fifo", "clock", "sieve", "s3fifo", "wtinylfu")


@dataclass(frozen=True, eq=False)
class Cache:
    """Keeps keys up to a size and evicts by ``policy``; with a size of 0 every lookup misses.

    The size is ``capacity_entries`` keys, or ``capacity_bytes`` bytes with ``entry_bytes`` giving each key's own size:
    a distribution whose value is read as bytes, drawn once for each key and rounded up to a whole byte, at least 1.
    An entry larger than the whole cache is never stored.

    ``policy`` is one of

    - "lru": evicts the key that was least recently looked up or stored;
    - "fifo": evicts the key that was stored first;
    - "clock": FIFO, but a key asked for since it was stored or last spared is spared once (Corbató 1968, one bit);
    - "sieve": a hand goes from old to new, spares keys asked for since it last passed, and evicts the next; they stay
      where they are (Zhang, Yang, Yue, Vigfusson & Rashmi, NSDI 2024);
    - "s3fifo": a small FIFO of 10 % lets through to the main one (90 %, spared up to 3 times) only what was asked for
      twice, and remembers what it did not for as long again as the main one (Yang, Zhang, Qiu, Yue & Rashmi, SOSP
      2023);
    - "wtinylfu": an LRU window of 1 % before a segmented LRU (20 % on probation, 80 % protected), into which a key
      comes only if it was asked for more often of late than the one it would replace (Einziger, Friedman & Manes 2017).

    Storing a key that is there is an access to it, as a hit is, under every policy. An entry is served until
    ``expiry_s`` after it was last stored, not at that instant any more; it takes up room until it is asked for,
    stored again or evicted. ``single_flight`` has one miss of a key at a time go on while others wait for it.
    ``initial_keys`` are stored at time 0 in their order, coldest first; of more bytes than fit some are evicted.
    """

    name: str
    capacity_entries: int | None = None
    policy: str = "lru"
    initial_keys: Sequence[int] | NDArray[np.int64] = field(default=(), repr=False)
    capacity_bytes: int | None = field(default=None, kw_only=True)
    entry_bytes: Distribution | None = field(default=None, kw_only=True)
    expiry_s: float | None = field(default=None, kw_only=True)
    single_flight: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        where = f"cache {self.name}"
        if (self.capacity_entries is None) == (self.capacity_bytes is None):
            both = (self.capacity_entries, self.capacity_bytes)
            raise InvalidInput(f"{where}, capacity_entries and capacity_bytes", both, "must be given one, not both")
        _size(f"{where}, capacity_entries", self.capacity_entries)
        _size(f"{where}, capacity_bytes", self.capacity_bytes)
        if (self.entry_bytes is None) != (self.capacity_bytes is None):
            raise InvalidInput(
                f"{where}, entry_bytes", self.entry_bytes, "must be given with capacity_bytes, only then"
            )
        if self.policy not in POLICIES:
            raise InvalidInput(f"{where}, policy", self.policy, f"must be one of {', '.join(POLICIES)}")
        if self.expiry_s is not None and not (math.isfinite(self.expiry_s) and self.expiry_s > 0):
            raise InvalidInput(f"{where}, expiry_s", self.expiry_s, "must be a number of seconds above 0")
        object.__setattr__(self, "initial_keys", self._checked_keys(where))

    def _checked_keys(self, where: str) -> NDArray[np.int64]:
        keys = np.array(self.initial_keys, dtype=np.int64)
        if keys.size and keys.min() < 0:
            raise InvalidInput(f"{where}, initial_keys", int(keys.min()), "must not hold a key below 0")
        if self.capacity_entries is not None and keys.size > self.capacity_entries:
            raise InvalidInput(f"{where}, initial_keys", keys.size, f"must be at most {self.capacity_entries} keys")
        ordered = np.sort(keys)  # numpy's unique takes ten times as long on a million keys
        if (ordered[1:] == ordered[:-1]).any():
            raise InvalidInput(f"{where}, initial_keys", keys.size, "must not hold a key twice")
        keys.flags.writeable = False
        return keys

    @property
    def capacity(self) -> int:
        """The size in the cache's own unit, entries or bytes."""
        capacity = self.capacity_bytes if self.capacity_entries is None else self.capacity_entries
        assert capacity is not None
        return int(capacity)

    @property
    def typical_entries(self) -> int:
        """How many entries it holds when full, at least 1: its size, or its bytes by the mean bytes of an entry."""
        if self.entry_bytes is None:
            return max(1, self.capacity)
        return max(1, math.ceil(self.capacity / max(1.0, self.entry_bytes.mean_s)))

    @property
    def draw_key(self) -> int:
        """The step's key with which the sizes of this cache's entries are drawn."""
        return int.from_bytes(hashlib.blake2b(f"cache {self.name}".encode(), digest_size=4).digest(), "little")


def _size(field_name: str, value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0):
        raise InvalidInput(field_name, value, "must be an integer of at least 0")
