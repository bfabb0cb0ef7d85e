"""What a cache may be said to be."""

from __future__ import annotations

from typing import Any

import pytest

from sdlab.errors import InvalidInput
from simulations.caches import Cache
from simulations.distributions import Constant, Exponential


@pytest.mark.parametrize(
    ("arguments", "field", "bound"),
    [
        ({}, "cache c, capacity_entries and capacity_bytes", "one, not both"),
        (
            {"capacity_entries": 1, "capacity_bytes": 1, "entry_bytes": Constant(1.0)},
            "cache c, capacity_entries and capacity_bytes",
            "one, not both",
        ),
        ({"capacity_bytes": 1}, "cache c, entry_bytes", "with capacity_bytes"),
        ({"capacity_entries": 1, "entry_bytes": Constant(1.0)}, "cache c, entry_bytes", "with capacity_bytes"),
        ({"capacity_bytes": -1, "entry_bytes": Constant(1.0)}, "cache c, capacity_bytes", "at least 0"),
        ({"capacity_entries": 1, "policy": "arc"}, "cache c, policy", "sieve"),
        ({"capacity_entries": 1, "expiry_s": 0.0}, "cache c, expiry_s", "above 0"),
        ({"capacity_entries": 1, "expiry_s": float("inf")}, "cache c, expiry_s", "above 0"),
    ],
)
def test_a_cache_that_cannot_be_names_what_is_wrong(arguments: dict[str, Any], field: str, bound: str) -> None:
    with pytest.raises(InvalidInput) as error:
        Cache("c", **arguments)
    assert field in str(error.value)
    assert bound in str(error.value)


def test_a_cache_by_bytes_may_start_with_more_keys_than_fit_and_keeps_the_hottest() -> None:
    from simulations.caches.reference import reference_cache  # noqa: PLC0415

    cache = Cache("c", None, "lru", range(10), capacity_bytes=6, entry_bytes=Constant(2.0))
    started = reference_cache(cache)
    assert sorted(started.entries) == [7, 8, 9]
    assert (started.stores, started.evictions) == (0, 0)


def test_the_entries_a_cache_by_bytes_typically_holds_follow_from_their_mean_size() -> None:
    assert Cache("c", None, capacity_bytes=1_000, entry_bytes=Exponential(30.0)).typical_entries == 34
    assert Cache("c", 77).typical_entries == 77
