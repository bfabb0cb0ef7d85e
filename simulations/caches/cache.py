"""A cache of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulations.distributions import Distribution


@dataclass(frozen=True, eq=False)
class Cache:
    """Provisional."""

    name: str
    capacity_entries: int | None = None
    policy: str = "lru"
    initial_keys: Sequence[int] | NDArray[np.int64] = field(default=(), repr=False)
    capacity_bytes: int | None = field(default=None, kw_only=True)
    entry_bytes: Distribution | None = field(default=None, kw_only=True)
    expiry_s: float | None = field(default=None, kw_only=True)
    single_flight: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial_keys", np.array(self.initial_keys, dtype=np.int64))
