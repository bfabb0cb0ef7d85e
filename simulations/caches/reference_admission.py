"""The policies that decide what is worth keeping, in plain Python: S3-FIFO and W-TinyLFU.

What parameters they take is in `simulations.caches.s3fifo` and `simulations.caches.wtinylfu`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from simulations.caches.cache import Cache
from simulations.caches.reference import ReferenceCache


class Part:
    """A part of the cache: its keys with their sizes, oldest first, and how much of the cache it should take."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.sizes: OrderedDict[int, int] = OrderedDict()

    def __contains__(self, key: int) -> bool:
        return key in self.sizes

    def add(self, key: int, size: int) -> None:
        """As the youngest."""
        self.sizes[key] = size
        self.used += size

    def remove(self, key: int) -> int:
        """The size of the key that is removed."""
        size = self.sizes.pop(key)
        self.used -= size
        return size

    @property
    def oldest(self) -> int:
        return next(iter(self.sizes))


class S3Fifo(ReferenceCache):
    """Three FIFO queues; the last holds keys without their values."""

    def __init__(self, cache: Cache) -> None:
        super().__init__(cache)
        self.small = Part(max(1, self.capacity // 10))
        self.main = Part(self.capacity - self.small.limit)
        self.ghosts = Part(self.capacity * 9 // 10)
        self.was_full = False
        self.known = False

    def accessed(self, key: int) -> None:
        """Count up to three."""
        entry = self.entries[key]
        entry.uses = min(entry.uses + 1, 3)

    def make_room(self, key: int, size: int) -> None:
        """The key stops being a ghost before others become some."""
        self.known = key in self.ghosts
        if self.known:
            self.ghosts.remove(key)
        super().make_room(key, size)

    def insert(self, key: int) -> None:
        """Into the main queue if it is remembered, or if the small one fills up for the first time."""
        filling = not self.was_full and self.small.used >= self.small.limit
        (self.main if self.known or filling else self.small).add(key, self.entries[key].size)

    def forget(self, key: int) -> None:
        """Out of the queue it is in."""
        (self.small if key in self.small else self.main).remove(key)

    def evict(self) -> None:
        """From the queue that is too large."""
        self.was_full = True
        if self.main.used > self.main.limit or not self.small.sizes:
            self._evict_from_main()
        else:
            self._evict_from_small()

    def _evict_from_small(self) -> None:
        while self.small.sizes:
            key = self.small.oldest
            entry = self.entries[key]
            if entry.uses < 2:
                self.drop_evicted(key)
                self._remember(key, entry.size)
                return
            self.main.add(key, self.small.remove(key))
            entry.uses = 0

    def _evict_from_main(self) -> None:
        while (entry := self.entries[key := self.main.oldest]).uses > 0:
            entry.uses -= 1
            self.main.add(key, self.main.remove(key))
        self.drop_evicted(key)

    def _remember(self, key: int, size: int) -> None:
        if size > self.ghosts.limit:
            return
        while self.ghosts.used + size > self.ghosts.limit:
            self.ghosts.remove(self.ghosts.oldest)
        self.ghosts.add(key, size)


class Sketch:
    """How often keys were asked for of late: (row, block, number) of a counter -> its value, at most 15."""

    MOST = 15

    def __init__(self, entries: int) -> None:
        self.blocks = max(1, (1 << (entries - 1).bit_length()) // 8)
        self.sample = 10 * entries
        self.counted = 0
        self.counters: Counter[tuple[int, int, int]] = Counter()

    def cells(self, key: int) -> list[tuple[int, int, int]]:
        """The key's four counters."""
        z = (key + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        z ^= z >> 31
        return [(row, z % self.blocks, (z >> 32 + 8 * row) % 32) for row in range(4)]

    def estimate(self, key: int) -> int:
        """The smallest of its counters."""
        return min(self.counters[cell] for cell in self.cells(key))

    def count(self, key: int) -> None:
        """One more at those counters that are the smallest; half of everything when the sample is complete."""
        smallest = self.estimate(key)
        if smallest < self.MOST:
            for cell in self.cells(key):
                if self.counters[cell] == smallest:
                    self.counters[cell] += 1
        self.counted += 1
        if self.counted == self.sample:
            self.counted //= 2
            self.counters = Counter({cell: value // 2 for cell, value in self.counters.items() if value > 1})


class WTinyLfu(ReferenceCache):
    """A small LRU window, then a segmented LRU that only lets in what was asked for more often than what must go."""

    def __init__(self, cache: Cache) -> None:
        super().__init__(cache)
        self.window = Part(self.capacity - self.capacity * 99 // 100)
        main = self.capacity - self.window.limit
        self.probation = Part(main)
        self.protected = Part(main * 4 // 5)
        self.main_limit = main
        self.sketch = Sketch(cache.typical_entries)

    def accessed(self, key: int) -> None:
        """It becomes the youngest of its part, or of the protected ones if it was on probation."""
        self.sketch.count(key)
        part = self._part(key)
        size = part.remove(key)
        promoted = part is self.probation and size <= self.protected.limit
        (self.protected if promoted else part).add(key, size)
        while self.protected.used > self.protected.limit:
            demoted = self.protected.oldest
            self.probation.add(demoted, self.protected.remove(demoted))

    def make_room(self, key: int, size: int) -> None:
        """Who has to leave is known only when the window has."""

    def evict(self) -> None:
        """See `insert`."""

    def insert(self, key: int) -> None:
        """Into the window, which then gives up what is too much for it."""
        self.sketch.count(key)
        self.window.add(key, self.entries[key].size)
        if self.entries[key].size > self.window.limit:
            self._admit(key)
        while self.window.used > self.window.limit:
            self._admit(self.window.oldest)

    def forget(self, key: int) -> None:
        """Out of the part it is in."""
        self._part(key).remove(key)

    def _part(self, key: int) -> Part:
        return next(part for part in (self.window, self.probation, self.protected) if key in part)

    def _admit(self, candidate: int) -> None:
        """From the window to the main cache, or out."""
        size = self.entries[candidate].size
        if size > self.main_limit:
            self.drop_evicted(candidate)
            return
        while self.probation.used + self.protected.used + size > self.main_limit:
            victim = (self.probation if self.probation.sizes else self.protected).oldest
            if self.sketch.estimate(candidate) <= self.sketch.estimate(victim):
                self.drop_evicted(candidate)
                return
            self.drop_evicted(victim)
        self.probation.add(candidate, self.window.remove(candidate))
