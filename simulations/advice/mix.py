"""The requests at hand as what the advice needs of them: rates by operation and region, keys, hit ratios to expect."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdlab.workload import Requests
from simulations.caches.cache import Cache
from simulations.model import Model
from simulations.roots import root
from simulations.steps import Switch

SAMPLE = 100_000
"""Of the keys at most so many requests are looked at, the last ones, and as many before them as known by then."""

BINS = 24
BIN_LEAST = 400

Class = tuple[str, str]
"""An operation and a region: requests of one class differ by their keys only."""


@dataclass(frozen=True)
class Mix:
    """``rates_rps`` by class; ``shares`` of the keys that the model's switches name, by class.

    ``busiest`` is how many times the mean rate the busiest of 24 equal parts of the run sees (1 if that cannot be
    told from chance).
    """

    requests: Requests
    duration_s: float
    rates_rps: dict[Class, float]
    shares: dict[Class, dict[int, float]]
    busiest: float


def mix_of(model: Model, requests: Requests) -> Mix | None:
    """None if there are too few requests to have a rate."""
    duration_s = requests.duration_s
    if len(requests) < 2 or duration_s <= 0:
        return None
    named = {value for _, step in model.walk() if isinstance(step, Switch) and step.on == "key" for value in step.cases}
    regions = len(requests.regions)
    code = requests.operation.astype(np.int64) * regions + requests.region
    rates, shares = {}, {}
    for number, count in enumerate(np.bincount(code, minlength=len(requests.operations) * regions).tolist()):
        if count:
            one = (requests.operations[number // regions], requests.regions[number % regions])
            rates[one] = count / duration_s
            if named:
                keys = requests.key[code == number]
                shares[one] = {int(key): float(np.mean(keys == key)) for key in named}
    return Mix(requests, duration_s, rates, shares, _busiest(requests, duration_s))


def _busiest(requests: Requests, duration_s: float) -> float:
    edges = np.searchsorted(requests.arrival_s, np.linspace(0, duration_s, BINS + 1))
    counts = np.diff(edges)
    mean = float(counts.mean())
    most = float(counts.max())
    by_chance = mean + 5 * math.sqrt(mean)  # beyond five standard deviations of a Poisson count
    return most / mean if mean >= BIN_LEAST and most > by_chance else 1.0


def expected_hit_ratio(
    cache: Cache, mix: Mix, asking: Iterable[Class], lookup_rate_rps: float, miss_s: float = 0.0
) -> float | None:
    """The hit ratio to expect of a cache that requests of some classes ask; None if they have no keys.

    With one flight per key, who joins a flight fetches nothing: here, a hit. ``miss_s`` is how long a flight takes.

    The characteristic time of Che, Tung & Wang (2002), as if the policy were LRU, over how often each key was asked
    for in the last `SAMPLE` requests. A key's first request can only hit if the cache holds it from the start or it was
    asked for in the `SAMPLE` requests before.
    """
    requests = mix.requests
    wanted = np.zeros((len(requests.operations), len(requests.regions)), dtype=bool)
    for operation, region in asking:
        wanted[requests.operations.index(operation), requests.regions.index(region)] = True
    last = requests.take(slice(max(0, len(requests) - 2 * SAMPLE), None))
    asked = last.key[wanted[last.operation, last.region]]
    asked = asked[asked >= 0]
    start = max(0, asked.size - SAMPLE)
    keys, counts = np.unique(asked[start:], return_counts=True)
    if not keys.size:
        return None
    known = _found_in(keys, asked[:start]) | _found_in(keys, np.asarray(cache.initial_keys))
    popularity = counts / counts.sum()
    present = _present(popularity, _entries(cache), cache.expiry_s, lookup_rate_rps)
    if cache.single_flight:
        # Of a key's requests one in 1 / (1 - present) fetches it, and those that come meanwhile need not.
        present = 1 - (1 - present) / (1 + (1 - present) * popularity * lookup_rate_rps * miss_s)
    return float((counts - ~known) @ present / counts.sum())


def _found_in(keys: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the sorted ``keys`` are among the others, of which most are sieved out first: there can be millions."""
    sieve = np.zeros(1 << 22, dtype=bool)
    sieve[keys & (sieve.size - 1)] = True
    others = others[sieve[others & (sieve.size - 1)]]
    places = np.minimum(np.searchsorted(keys, others), keys.size - 1)
    found = np.zeros(keys.size, dtype=bool)
    found[places[keys[places] == others]] = True
    return found


def _entries(cache: Cache) -> float:
    if cache.capacity_bytes is not None and cache.entry_bytes is not None:
        return cache.capacity_bytes / max(1.0, cache.entry_bytes.mean_s)
    return float(cache.capacity_entries or 0)


def _present(
    popularity: NDArray[np.float64], entries: float, expiry_s: float | None, rate_rps: float
) -> NDArray[np.float64]:
    """The chance that each key is in the cache when it is asked for; times are counted in lookups.

    One that expires is stored, asked for n = popularity x its time more often on average, and fetched by the next:
    n / (n + 1). Of that and of not being evicted the smaller counts.
    """
    present = np.ones_like(popularity)
    if entries == 0:
        present[:] = 0.0
    elif entries < popularity.size:

        def excess(log_time: float) -> float:
            return float(-np.expm1(-popularity * math.exp(log_time)).sum()) - entries

        high = math.log(entries) + 1
        while excess(high) < 0:
            high += 2
        present = -np.expm1(-popularity * math.exp(root(excess, math.log(entries) - 1, high)))
    if expiry_s is None:
        return present
    asked = popularity * expiry_s * rate_rps
    return np.minimum(present, asked / (asked + 1))
