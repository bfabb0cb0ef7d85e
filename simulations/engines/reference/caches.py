"""Caches, and one flight per key: of several that miss the same key, one leads and the others wait for it."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from simulations.caches.cache import Cache
from simulations.engines.reference.environment import Environment, Process
from simulations.engines.reference.tasks import FLIGHTS, Holding, Task, Tasks


class ReferenceCache:
    """A cache as an ordered dictionary, oldest key first."""

    def __init__(self, cache: Cache) -> None:
        self.capacity = cache.capacity_entries or 0
        self.lru = cache.policy == "lru"
        self.keys: OrderedDict[int, None] = OrderedDict.fromkeys(np.asarray(cache.initial_keys).tolist())
        self.lookups = self.hits = self.stores = self.evictions = self.invalidations = self.expirations = 0

    def lookup(self, key: int, now_s: float) -> bool:  # noqa: ARG002  nothing expires here
        """Whether the key is there; a hit refreshes it under LRU."""
        self.lookups += 1
        if key not in self.keys:
            return False
        self.hits += 1
        if self.lru:
            self.keys.move_to_end(key)
        return True

    def store(self, key: int, now_s: float, size: int) -> None:  # noqa: ARG002
        """Put the key in, evicting the oldest if it is full."""
        if key in self.keys:
            if self.lru:
                self.keys.move_to_end(key)
        elif self.capacity > 0:
            if len(self.keys) == self.capacity:
                self.keys.popitem(last=False)
                self.evictions += 1
            self.keys[key] = None
            self.stores += 1

    def invalidate(self, key: int) -> None:
        """Drop the key if it is there."""
        if key in self.keys:
            del self.keys[key]
            self.invalidations += 1


def reference_cache(cache: Cache) -> ReferenceCache:
    """The state of a cache."""
    return ReferenceCache(cache)


class CacheState:
    """A cache and the flights of its keys: who leads each, and who waits."""

    def __init__(self, env: Environment, tasks: Tasks, cache: Cache, index: int) -> None:
        self.env = env
        self.tasks = tasks
        self.index = index
        self.single_flight = cache.single_flight
        self.content = reference_cache(cache)
        self.lines: dict[int, list[Task]] = {}
        self.leading: dict[int, tuple[Task, Holding]] = {}

    def lookup(self, key: int) -> bool:
        """Whether the key is there."""
        return self.content.lookup(key, self.env.now)

    def store(self, key: int) -> None:
        """Put the key in."""
        self.content.store(key, self.env.now, 1)

    def invalidate(self, key: int) -> None:
        """Drop the key."""
        self.content.invalidate(key)

    def take_off(self, task: Task) -> Process:
        """Begin a flight for a task's key and lead it, or wait for the one there is."""
        key = task.key
        if key not in self.lines:
            self.lines[key] = []
            self._lead(task)
            return
        line = self.lines[key]
        line.append(task)
        yield from self.tasks.wait(task, lambda: line.remove(task))

    def leads(self, task: Task) -> bool:
        """Whether a task leads the flight of its key (who does not, after waiting, finds the key stored)."""
        leading = self.leading.get(task.key)
        return leading is not None and leading[0] is task

    def land(self, task: Task) -> None:
        """The leader has stored the key: all who wait go on."""
        _, holding = self.leading.pop(task.key)
        task.holdings.remove(holding)
        for one in self.lines.pop(task.key):
            self.tasks.wake(one)

    def _lead(self, task: Task) -> None:
        key = task.key
        self.leading[key] = (task, task.hold(FLIGHTS, self.index, lambda: self._give_up(key)))

    def _give_up(self, key: int) -> None:
        """The leader fails or is cancelled: the one who waits longest leads."""
        del self.leading[key]
        if not self.lines[key]:
            del self.lines[key]
            return
        following = self.lines[key].pop(0)
        self._lead(following)
        self.tasks.wake(following)
