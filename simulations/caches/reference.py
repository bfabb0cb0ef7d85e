"""Caches in plain Python, for the reference engine: LRU, FIFO, CLOCK and SIEVE, and what all policies share.

Written from the papers; nothing but the description, `Cache`, is shared with the compiled caches. That two independent
programs agree on every hit is the proof. `reference_cache` makes the one that a description asks for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass

from simulations.caches.cache import Cache
from simulations.caches.sizes import entry_size_of


@dataclass
class Entry:
    """What the cache knows of a key that it holds; ``uses`` is for the policies that count them."""

    size: int
    expires_s: float
    uses: int = 0


class ReferenceCache(ABC):
    """Counts, sizes and expiry; a policy says what an access does, where a new key goes and who is evicted."""

    def __init__(self, cache: Cache) -> None:
        self.capacity = cache.capacity
        self.expiry_s = float("inf") if cache.expiry_s is None else cache.expiry_s
        self.entries: dict[int, Entry] = {}
        self.used = 0
        self.lookups = self.hits = self.stores = self.evictions = self.invalidations = self.expirations = 0

    @abstractmethod
    def accessed(self, key: int) -> None:
        """A key that is there was asked for or stored again."""

    @abstractmethod
    def insert(self, key: int) -> None:
        """A key that is among the entries but has no place in the policy's order yet gets one."""

    @abstractmethod
    def forget(self, key: int) -> None:
        """Take a key out of the policy's order; it is among the entries still."""

    @abstractmethod
    def evict(self) -> None:
        """Make room; asked again until there is enough."""

    def make_room(self, key: int, size: int) -> None:  # noqa: ARG002  a policy may want to know for whom
        """Evict until so much is free."""
        while self.used + size > self.capacity:
            self.evict()

    def lookup(self, key: int, now_s: float) -> bool:
        """Whether the key is there and has not expired."""
        self.lookups += 1
        if not self._is_fresh(key, now_s):
            return False
        self.hits += 1
        self.accessed(key)
        return True

    def store(self, key: int, now_s: float, size: int = 1) -> None:
        """Put the key in, or renew it."""
        if size > self.capacity:
            return
        if self._is_fresh(key, now_s):
            self.entries[key].expires_s = now_s + self.expiry_s
            self.accessed(key)
            return
        self.stores += 1
        self.make_room(key, size)
        self.entries[key] = Entry(size, now_s + self.expiry_s)
        self.used += size
        self.insert(key)

    def invalidate(self, key: int) -> None:
        """Drop the key if it is there, expired or not."""
        if key in self.entries:
            self.invalidations += 1
            self.drop(key)

    def drop(self, key: int) -> None:
        """Take an entry out."""
        self.forget(key)
        self.used -= self.entries.pop(key).size

    def drop_evicted(self, key: int) -> None:
        """Take an entry out because others need the room."""
        self.evictions += 1
        self.drop(key)

    def _is_fresh(self, key: int, now_s: float) -> bool:
        if key not in self.entries:
            return False
        if now_s < self.entries[key].expires_s:
            return True
        self.expirations += 1
        self.drop(key)
        return False


class Fifo(ReferenceCache):
    """Evicts the key stored first; ``order`` holds the keys, oldest first."""

    def __init__(self, cache: Cache) -> None:
        super().__init__(cache)
        self.order: OrderedDict[int, None] = OrderedDict()

    def accessed(self, key: int) -> None:
        """It makes no difference."""

    def insert(self, key: int) -> None:
        """At the young end."""
        self.order[key] = None

    def forget(self, key: int) -> None:
        """Out of the order."""
        del self.order[key]

    def evict(self) -> None:
        """The oldest goes."""
        self.drop_evicted(next(iter(self.order)))


class Lru(Fifo):
    """Evicts the key used longest ago."""

    def accessed(self, key: int) -> None:
        """It becomes the youngest."""
        self.order.move_to_end(key)


class Clock(Fifo):
    """FIFO with a second chance."""

    def accessed(self, key: int) -> None:
        """It earns its second chance."""
        self.entries[key].uses = 1

    def evict(self) -> None:
        """The oldest goes, unless it was asked for: then it uses up its chance and becomes the youngest."""
        for key in list(self.order):
            if self.entries[key].uses == 0:
                break
            self.entries[key].uses = 0
            self.order.move_to_end(key)
        super().evict()


class Sieve(ReferenceCache):
    """Keys in the order they were stored, as a doubly linked list, and a hand that goes from old to young."""

    END = -1  # the list's both ends: what comes after it is the oldest key

    def __init__(self, cache: Cache) -> None:
        super().__init__(cache)
        self.younger = {self.END: self.END}
        self.older = {self.END: self.END}
        self.hand = self.END

    def accessed(self, key: int) -> None:
        """It will be spared once."""
        self.entries[key].uses = 1

    def insert(self, key: int) -> None:
        """At the young end."""
        youngest = self.older[self.END]
        self.younger[youngest], self.older[self.END] = key, key
        self.older[key], self.younger[key] = youngest, self.END

    def forget(self, key: int) -> None:
        """Out of the list; a hand that pointed at it goes on to the next younger key."""
        if self.hand == key:
            self.hand = self.younger[key]
        older, younger = self.older.pop(key), self.younger.pop(key)
        self.younger[older], self.older[younger] = younger, older

    def evict(self) -> None:
        """The hand goes on to the first key that was not asked for since it last came by."""
        while True:
            if self.hand == self.END:
                self.hand = self.younger[self.END]
            if self.entries[self.hand].uses == 0:
                break
            self.entries[self.hand].uses = 0
            self.hand = self.younger[self.hand]
        self.drop_evicted(self.hand)


def reference_cache(cache: Cache) -> ReferenceCache:
    """A cache with the description's policy that holds its initial keys."""
    from simulations.caches.reference_admission import S3Fifo, WTinyLfu  # noqa: PLC0415  they build on this module

    policies: dict[str, type[ReferenceCache]] = {
        "lru": Lru,
        "fifo": Fifo,
        "clock": Clock,
        "sieve": Sieve,
        "s3fifo": S3Fifo,
        "wtinylfu": WTinyLfu,
    }
    made = policies[cache.policy](cache)
    for key in cache.initial_keys:
        made.store(int(key), 0.0, entry_size_of(cache, int(key)))
    made.stores = made.evictions = 0
    return made
