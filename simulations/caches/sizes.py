"""How many bytes a cache's entries take: drawn once for each key, a pure function of the cache's name and the key."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations.caches.cache import Cache
from simulations.jit import entry_point, kernel, source_digest
from simulations.sampling import DistributionTable, sample, sample_one, tabulate

_SEED = 0  # what is kept does not change from run to run, only who asks for it
_MOST_BYTES = 2.0**53


@kernel
def entry_size(table: DistributionTable, distribution: int, draw_key: int, key: int) -> int:
    """The size of a key's entry in whole bytes, at least 1; ``draw_key`` is the cache's."""
    drawn = min(np.ceil(sample(table, distribution, _SEED, key, draw_key)), _MOST_BYTES)
    return max(1, int(np.int64(drawn)))


def entry_size_of(cache: Cache, key: int) -> int:
    """The same from Python: 1 for a cache that is sized by entries."""
    if cache.entry_bytes is None:
        return 1
    drawn = float(sample_one(tabulate([cache.entry_bytes]), 0, _SEED, key, cache.draw_key))
    return max(1, int(min(np.ceil(drawn), _MOST_BYTES)))


def _entry_points(sources: str):  # type: ignore[no-untyped-def]
    @entry_point
    def fill_sizes(table, draw_key, keys, sizes):  # type: ignore[no-untyped-def]
        sources  # noqa: B018  the cache's key holds the sources
        for row in range(keys.shape[0]):
            sizes[row] = entry_size(table, 0, draw_key, keys[row])

    return fill_sizes


_fill_sizes = _entry_points(source_digest())


def entry_sizes(cache: Cache, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sizes of many keys' entries."""
    sizes = np.ones(len(keys), dtype=np.int64)
    if cache.entry_bytes is not None:
        _fill_sizes(tabulate([cache.entry_bytes]), cache.draw_key, keys.copy(), sizes)
    return sizes
