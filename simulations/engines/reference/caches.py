"""Caches, and one flight per key: of several that miss the same key, one leads and the others wait for it."""

from __future__ import annotations

from simulations.caches.cache import Cache
from simulations.caches.reference import reference_cache
from simulations.caches.sizes import entry_size_of
from simulations.engines.reference.environment import Environment, Process
from simulations.engines.reference.tasks import FLIGHTS, Holding, Task, Tasks


class CacheState:
    """A cache and the flights of its keys: who leads each, and who waits."""

    def __init__(self, env: Environment, tasks: Tasks, cache: Cache, index: int) -> None:
        self.env = env
        self.tasks = tasks
        self.index = index
        self.cache = cache
        self.single_flight = cache.single_flight
        self.content = reference_cache(cache)
        self.lines: dict[int, list[Task]] = {}
        self.leading: dict[int, tuple[Task, Holding]] = {}

    def lookup(self, key: int) -> bool:
        """Whether the key is there."""
        return self.content.lookup(key, self.env.now)

    def store(self, key: int) -> None:
        """Put the key in."""
        self.content.store(key, self.env.now, entry_size_of(self.cache, key))

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
