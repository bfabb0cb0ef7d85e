"""Keys in a file: millions of them, mostly in runs of consecutive ones, which are written as "first..last"."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdlab.errors import InvalidInput

LEAST = 3
"""A run of fewer keys is written out."""

_RUN = re.compile(r"(\d+)\.\.(\d+)")
MOST = 100_000_000


def keys_to_json(given: ArrayLike) -> list[int | str]:
    """Keys in their order: integers, and texts for runs that go up or down by one."""
    keys = np.asarray(given, dtype=np.int64)
    if not keys.size:
        return []
    steps = np.diff(keys)
    # A run ends where the step to the next key is another one.
    bounds = np.flatnonzero(np.diff(steps)) + 1
    written: list[int | str] = []
    start = 0
    for end in [*bounds.tolist(), keys.size - 1]:
        if end < start:
            continue
        if abs(int(steps[start]) if start < steps.size else 0) == 1 and end - start + 1 >= LEAST:
            written.append(f"{keys[start]}..{keys[end]}")
            start = end + 1
        else:
            last = end if end < keys.size - 1 else end + 1
            written += keys[start:last].tolist()
            start = last
    return [*written, *keys[start:].tolist()]


def keys_from_json(given: Any, place: str) -> NDArray[np.int64]:
    """The keys again. Raises `InvalidInput` naming the place of what is no key and no run."""
    if not isinstance(given, list):
        raise InvalidInput(place, given, "must be a list of keys")
    parts, total = [], 0
    for number, one in enumerate(given):
        run = _RUN.fullmatch(one) if isinstance(one, str) else None
        if run is not None:
            first, last = int(run[1]), int(run[2])
        elif isinstance(one, int) and not isinstance(one, bool):
            first = last = one
        else:
            raise InvalidInput(f"{place}[{number}]", one, 'must be an integer, or a run such as "0..99"')
        total += abs(last - first) + 1
        if max(abs(first), abs(last)) >= 2**62 or total > MOST:
            raise InvalidInput(f"{place}[{number}]", one, f"must be keys below 2**62, at most {MOST:,} in all")
        step = 1 if last >= first else -1
        parts.append(np.arange(first, last + step, step, dtype=np.int64))
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
