"""Resources of generated models: few servers, small queues, short outages, so that everything happens often."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from simulations.caches.cache import POLICIES
from simulations.model import (
    Autoscaler,
    Balancer,
    Breakdowns,
    Breaker,
    Cache,
    Constant,
    Distribution,
    Erlang,
    Outage,
    Pool,
    Population,
    Queue,
    RetryBudget,
    StartUp,
    Station,
    TokenBucket,
)
from simulations.proof.chance import seconds, time, time_above_zero
from simulations.resources import BALANCING

KEYS = 6
REGIONS = ("eu", "us", "asia")


@dataclass(frozen=True)
class Vocabulary:
    """What generated models may use: kinds of steps (None: all), cache policies, sizes of entries in bytes."""

    steps: frozenset[str] | None = None
    policies: tuple[str, ...] = POLICIES
    sizes_in_bytes: bool = True
    changing_stations: bool = True
    populations: bool = True


EVERYTHING = Vocabulary()


def station(r: Random, name: str, vocabulary: Vocabulary) -> Station:
    """Any station: shared or not, with turns, a bound, a start-up, outages, an autoscaler."""
    if r.random() < 0.2:
        start_up = _start_up(r) if r.random() < 0.5 else None
        return Station(name, start_up=start_up, turns=True, turn_s=r.choice([0.0, 0.5, 1.0]))
    if not vocabulary.changing_stations:
        return Station(name, r.randint(1, 3))
    servers, shares = r.randint(1, 3), r.random() < 0.25
    queue = r.choice([None, None, 0, 1, 3]) if not shares else None
    outages = [_outage(r, shares) for _ in range(r.choice([0, 0, 0, 1, 1, 2]))]
    return Station(
        name,
        servers,
        queue,
        shares,
        _start_up(r) if not shares and r.random() < 0.25 else None,
        outages,
        _autoscaler(r, servers) if r.random() < 0.2 else None,
    )


def _start_up(r: Random) -> StartUp:
    return StartUp([(0.0, time(r)), (2.0, time(r))][r.randrange(2) :])


def _outage(r: Random, shares: bool) -> Outage | Breakdowns:
    options: dict[str, Any] = {
        "servers": None if shares else r.choice([None, 1, 2]),
        "work": r.choice(["fail", "finish"]),
        "refuses": r.random() < 0.3,
    }
    if r.random() < 0.5:
        return Outage(seconds(r, 0, 30), seconds(r, 1, 6), **options)
    return Breakdowns(time_above_zero(r), time(r), **options)


def _autoscaler(r: Random, servers: int) -> Autoscaler:
    return Autoscaler(
        r.choice([0.3, 0.5, 1.0]), r.randint(1, servers), r.randint(servers, 4), seconds(r, 1, 4), seconds(r, 0, 3)
    )


def pool(r: Random, name: str) -> Pool:
    """A few slots, with room for few or for all."""
    return Pool(name, r.randint(1, 3), r.choice([None, None, None, 0, 1, 2]))


def queue(r: Random, name: str, flow: str) -> Queue:
    """Small batches."""
    return Queue(name, flow, r.randint(1, 4), seconds(r, 0, 3), r.randint(1, 2), r.choice([None, None, 1, 3]))


def cache(r: Random, name: str, vocabulary: Vocabulary) -> Cache:
    """A cache of a few entries, any policy."""
    options: dict[str, Any] = {
        "policy": r.choice(vocabulary.policies),
        "expiry_s": r.choice([None, None, 1.0, 2.0, 3.5]),
        "single_flight": r.random() < 0.5,
    }
    if vocabulary.sizes_in_bytes and r.random() < 0.3:
        sizes: Distribution = Constant(2.0) if r.random() < 0.5 else Erlang(3.0, 2)
        return Cache(name, capacity_bytes=r.randint(0, 12), entry_bytes=sizes, **options)
    capacity = r.choice([0, 1, 2, 3, 4, 20])
    keys = r.sample(range(KEYS), r.randint(0, min(capacity, 3)))
    return Cache(name, capacity, initial_keys=keys, **options)


def balancer(r: Random, name: str, targets: tuple[str, ...]) -> Balancer:
    """Any policy."""
    return Balancer(name, targets, _policy(r), r.randint(1, 5))


def _policy(r: Random) -> Any:
    return r.choice(BALANCING)


def bucket(r: Random, name: str) -> TokenBucket:
    """So few tokens that many are rejected."""
    return TokenBucket(name, r.choice([0.5, 1.0, 2.0, r.uniform(0.1, 2)]), r.choice([1.0, 2.0, 5.5]))


def breaker(r: Random, name: str) -> Breaker:
    """So few calls that it opens and closes often."""
    window = r.randint(1, 5)
    ratio = r.choice([0.2, 0.5, 1.0])
    return Breaker(name, window, ratio, r.randint(1, window), seconds(r, 1, 5), r.randint(1, 2))


def budget(r: Random, name: str) -> RetryBudget:
    """A token or two."""
    return RetryBudget(name, r.choice([0.1, 0.5, 1.0]), r.choice([1.0, 2.5, 5.0]))


def population(r: Random, name: str, flow: str) -> Population:
    """A few users who think for a while."""
    keys = [r.randrange(KEYS) for _ in range(r.randint(1, 4))]
    until_s = r.choice([None, 0.0, seconds(r, 1, 40)])
    return Population(name, flow, r.randint(1, 3), time_above_zero(r), until_s, keys, r.choice(REGIONS))
