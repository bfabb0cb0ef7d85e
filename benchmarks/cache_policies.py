"""Hit ratios of the lab's cache policies beside libCacheSim's, request by request on the same traces.

    python -m benchmarks.cache_policies [TRACE.xz ...]

Prints one line a trace and policy. Traces are made here, or are files of 4-byte big-endian keys, xz-compressed. For
W-TinyLFU libCacheSim deviates from the paper; see `LibCacheSimWTinyLfu`, which follows it.
"""

from __future__ import annotations

import lzma
import math
import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdlab.popularity import zipf_ranks
from simulations.caches import POLICIES, Cache
from simulations.caches.allocation import hits_of
from simulations.distributions import Constant

Keys = NDArray[np.int64]
Hits = NDArray[np.bool_]

PEERS = {
    "lru": "LRU",
    "fifo": "FIFO",
    "clock": "Clock",
    "sieve": "Sieve",
    "s3fifo": "S3FIFO",
    "wtinylfu": "WTinyLFU",
}


@dataclass(frozen=True)
class Trace:
    """Keys asked for, one after the other; their entries' bytes, if they are not all one entry; a cache's size."""

    name: str
    keys: Keys
    capacity: int
    sizes: Keys | None = None


@dataclass(frozen=True)
class Compared:
    """Both programs' hits, request by request."""

    trace: str
    policy: str
    ours: Hits
    theirs: Hits

    @property
    def points(self) -> float:
        """Ours minus theirs, in percentage points."""
        return float(self.ours.mean() - self.theirs.mean()) * 100

    @property
    def differ(self) -> int:
        """Requests that hit in one and missed in the other."""
        return int((self.ours != self.theirs).sum())


def generated() -> list[Trace]:
    """Traces that are always there: Zipf's law, and Zipf's law with scans of keys asked for once."""
    popular = zipf_ranks(60_000, 20_000, 0.9, seed=3)
    scanned = popular.copy()
    for start in range(5_000, len(scanned), 10_000):
        scanned[start : start + 2_000] = 1_000_000 + start + np.arange(2_000)
    bytes_of_key = 1 + (np.arange(20_000) * 2_654_435_761 % 997)
    return [
        Trace("Zipf 0.9", popular, 1_000),
        Trace("Zipf 0.9 with scans", scanned, 1_000),
        Trace("Zipf 0.9, by bytes", popular, 400_000, bytes_of_key[popular]),
    ]


def from_file(path: Path, capacity: int = 1_000) -> Trace:
    """A file of 4-byte big-endian keys, xz-compressed."""
    return Trace(path.name, np.frombuffer(lzma.decompress(path.read_bytes()), dtype=">u4").astype(np.int64), capacity)


def sized_from_file(path: Path, capacity_bytes: int) -> Trace:
    """A file of lines "number key bytes", xz-compressed; a key keeps the bytes it is first asked for with."""
    _, keys, sizes = np.loadtxt(lzma.decompress(path.read_bytes()).decode().splitlines(), dtype=np.int64).T
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return Trace(path.name, np.ascontiguousarray(keys), capacity_bytes, np.maximum(sizes[first][which], 1))


def ours(policy: str, trace: Trace) -> Hits:
    """What the lab's compiled cache hits."""
    if trace.sizes is None:
        return hits_of(Cache("c", trace.capacity, policy), trace.keys)
    cache = Cache("c", None, policy, capacity_bytes=trace.capacity, entry_bytes=Constant(float(trace.sizes.mean())))
    return hits_of(cache, trace.keys, trace.sizes)


def theirs(policy: str, trace: Trace) -> Hits:
    """What libCacheSim hits, with its own defaults, which are the papers' sizes."""
    import libcachesim  # noqa: PLC0415  a development dependency, for Linux only

    cache: Any = getattr(libcachesim, PEERS[policy])(trace.capacity, hashpower=16)
    request: Any = libcachesim.Request()
    sizes = np.ones(len(trace.keys), dtype=np.int64) if trace.sizes is None else trace.sizes
    hits = np.zeros(len(trace.keys), dtype=np.bool_)
    for row, (key, size) in enumerate(zip(trace.keys.tolist(), sizes.tolist(), strict=True)):
        request.obj_id, request.obj_size = key + 1, size  # libCacheSim takes no key of 0
        hits[row] = cache.get(request)
    return hits


def compared(traces: list[Trace]) -> Iterator[Compared]:
    """Every policy on every trace."""
    for trace in traces:
        for policy in POLICIES:
            yield Compared(trace.name, policy, ours(policy, trace), theirs(policy, trace))


class _CountingFilter:
    """Counts keys, each in several ``hashes`` of its counters; if it is ``minimal``, in the smallest of them only.

    libCacheSim's "minimal increment" filter increments all. The hash is not libCacheSim's.
    """

    def __init__(self, counters: int, hashes: int, minimal: bool) -> None:
        self.hashes = np.arange(hashes)
        self.minimal = minimal
        self.counters = np.zeros(counters, dtype=np.int64)

    def cells(self, key: int) -> Keys:
        mixed = (key * 0x9E3779B97F4A7C15) % 2**64
        mixed = ((mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93) % 2**64
        start, stride = mixed >> 32, mixed % 2**32
        return (start + self.hashes * stride) % 2**32 % len(self.counters)

    def add(self, key: int) -> None:
        cells = self.cells(key)
        if self.minimal:
            values = self.counters[cells]
            self.counters[cells[values == values.min()]] += 1
        else:
            np.add.at(self.counters, cells, 1)

    def estimate(self, key: int) -> int:
        return int(self.counters[self.cells(key)].min())

    def halve(self) -> None:
        self.counters >>= 1


class LibCacheSimWTinyLfu:
    """W-TinyLFU as libCacheSim 0.3 has it, by entries; it deviates from the paper.

    1. Its filter increments all ten counters of a key, not the smallest ones, and has 14.4 counters for each entry of
       the main cache, though all keys are counted: estimates are far too high for most.
    2. Hits in the window are not counted, and whom the window pushes out is counted once more.
    3. Only hits in the main cache bring the next halving nearer, and it takes 32 of them for each entry instead of 10
       accesses of any kind.
    4. The window is not bounded before the cache is full for the first time, and entries from it are put among the
       protected ones while there is room.

    In the paper a key's smallest counters only are incremented, each access is counted once and brings the halving
    nearer, the window has its 1 %, and who leaves it comes on probation. ``as_paper`` repairs this. What the paper
    leaves open is as in ours: 10 accesses an entry between halvings, 16 counters an entry and 4 of them a key.
    """

    def __init__(self, capacity: int, as_paper: bool = False) -> None:
        self.capacity = capacity
        self.as_paper = as_paper
        self.main = capacity - capacity // 100
        self.limits = (int(self.main * 0.2), int(self.main * 0.8))
        self.window: OrderedDict[int, None] = OrderedDict()
        self.probation: OrderedDict[int, None] = OrderedDict()
        self.protected: OrderedDict[int, None] = OrderedDict()
        if as_paper:
            self.filter = _CountingFilter(16 * capacity, 4, minimal=True)
        else:
            self.filter = _CountingFilter(math.ceil(-math.log(0.001) / math.log(2) ** 2 * self.main), 10, minimal=False)
        self.counted = 0

    def get(self, key: int) -> bool:
        """Whether the key is there; afterwards it is."""
        if self.as_paper:
            self._count(key)
        if key in self.window:
            self.window.move_to_end(key)
            return True
        if key in self.probation or key in self.protected:
            self._promote(key)
            if not self.as_paper:
                self._count(key)
            return True
        if self.as_paper:
            self.window[key] = None
            while len(self.window) > self.capacity - self.main:
                self._evict()
            return False
        while len(self.window) + self._main_used >= self.capacity:
            self._evict()
        self.window[key] = None
        self.filter.add(key)
        return False

    def _count(self, key: int) -> None:
        """Also towards the next halving: of the paper's sample its half is forgotten too, libCacheSim starts anew."""
        self.filter.add(key)
        self.counted += 1
        if self.counted >= (10 * self.capacity if self.as_paper else 32 * self.main):
            self.counted = self.counted // 2 if self.as_paper else 0
            self.filter.halve()

    @property
    def _main_used(self) -> int:
        return len(self.probation) + len(self.protected)

    def _promote(self, key: int) -> None:
        if key in self.probation:
            del self.probation[key]
            self.protected[key] = None
            while len(self.protected) > self.limits[1]:
                self.probation[self.protected.popitem(last=False)[0]] = None
        self.protected.move_to_end(key)

    def _evict(self) -> None:
        candidate, _ = self.window.popitem(last=False)
        if self._main_used < self.main:
            self._enter(candidate)
        else:
            part = self.probation or self.protected
            victim = next(iter(part))
            if self.filter.estimate(candidate) > self.filter.estimate(victim):
                del part[victim]
                self._enter(candidate)
        if not self.as_paper:
            self.filter.add(candidate)

    def _enter(self, key: int) -> None:
        room = self.as_paper or len(self.probation) < self.limits[0] or len(self.protected) >= self.limits[1]
        (self.probation if room else self.protected)[key] = None


def written_anew(trace: Trace, as_paper: bool = False) -> float:
    """The hit ratio of `LibCacheSimWTinyLfu`."""
    cache = LibCacheSimWTinyLfu(trace.capacity, as_paper)
    return float(np.mean([cache.get(key) for key in trace.keys.tolist()]))


def main() -> None:
    """Print the table."""
    traces = [from_file(Path(name)) for name in sys.argv[1:]] + generated()
    print(f"{'trace':<28}{'policy':<10}{'ours %':>9}{'libCacheSim %':>15}{'points':>9}{'requests that differ':>22}")
    for row in compared(traces):
        shares = f"{row.ours.mean():>9.2%}{row.theirs.mean():>15.2%}".replace("%", " ")
        print(f"{row.trace:<28}{row.policy:<10}{shares}{row.points:>9.2f}{row.differ:>22,}")
    for trace in traces:
        if trace.sizes is None:
            anew, repaired = written_anew(trace), written_anew(trace, as_paper=True)
            words = f"written anew: {anew:.2%}; the same as the paper has it: {repaired:.2%}"
            print(f"{trace.name:<28}libCacheSim's W-TinyLFU {words}")


if __name__ == "__main__":
    main()
