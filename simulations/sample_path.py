"""What a run leaves behind: every request's record, and the accounts of every resource.

Both engines fill the same fields; `SamplePath.differences` names those in which two runs are not equal to the last
bit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.histograms import Histograms
from simulations.layout import COMPLETED, OUTCOMES

__all__ = ["COMPLETED", "OUTCOMES"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_LOOKUP, MISS, HIT = -1, 0, 1


@dataclass(frozen=True, eq=False)
class Accounts:
    """Where the time goes: sums over all visits, one row a flow, one column a resource (float64[flows, resources]).

    ``wait_s`` is time in queues. ``service_s`` is time in service at a station, the delay of a delay, and for a pool
    how long slots were held (which contains the visits made while holding). ``visits`` counts services begun, slots
    taken, delays begun.
    """

    wait_s: Floats
    service_s: Floats
    visits: Ints


@dataclass(frozen=True, eq=False)
class Queues:
    """What the event loop counted at each station, pool and queue, in the order of ``SamplePath.queues``.

    Of the ``arrivals``, some were ``rejected`` (no room, or refused), some ``abandoned`` the line, some were
    ``interrupted`` in service, and the others are ``completions`` (of a queue: items done). ``busy_s`` and ``queue_s``
    are integrals over time of the servers (slots, workers) in use and of the requests waiting; divided by ``end_s``
    they are the mean number busy and waiting. ``capacity_s`` is the integral of how many servers there were.
    """

    arrivals: Ints
    completions: Ints
    rejected: Ints
    abandoned: Ints
    interrupted: Ints
    capacity_s: Floats
    busy_s: Floats
    queue_s: Floats
    max_waiting: Ints


@dataclass(frozen=True, eq=False)
class Caches:
    """Counts of each cache, in the order of the model's caches. ``stores`` are of keys that were not there."""

    lookups: Ints
    hits: Ints
    stores: Ints
    evictions: Ints
    invalidations: Ints
    expirations: Ints

    @property
    def hit_ratio(self) -> Floats:
        """Hits / lookups; NaN for a cache that was never asked."""
        asked = self.lookups > 0
        return np.where(asked, self.hits / np.where(asked, self.lookups, 1), np.nan)


@dataclass(frozen=True, eq=False)
class Background:
    """What ran in the background, one row a flow: how many were spawned and ended, and their response times.

    ``failed`` are those of the ``completed`` (ended) whose outcome was another than completed.
    """

    spawned: Ints
    completed: Ints
    failed: Ints
    response_s: Floats
    max_response_s: Floats


@dataclass(frozen=True, eq=False)
class Spawned:
    """Each spawned flow, in the order of spawning: the index of its flow, when it started and ended, and how."""

    flow: Ints
    started_s: Floats
    completed_s: Floats
    outcome: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Closed:
    """Who sent the requests of closed populations, in the order in which they began: population, and user in it."""

    population: Ints
    user: Ints


@dataclass(frozen=True, eq=False)
class Guards:
    """What the protective resources did, each in the model's order.

    Token buckets and retry budgets: tokens taken, and how often there was none. Breakers: how often they opened, and
    how many calls they rejected. Balancers: how many requests each target got, balancer after balancer.
    """

    bucket_taken: Ints
    bucket_rejected: Ints
    breaker_opened: Ints
    breaker_rejected: Ints
    budget_taken: Ints
    budget_refused: Ints
    sent: Ints


@dataclass(frozen=True, eq=False)
class Bins:
    """The run cut into bins of ``bin_s`` seconds: row b covers [b · bin_s, (b + 1) · bin_s).

    ``arrivals``, ``busy_s``, ``queue_s`` and ``capacity_s`` are [bins, queues] as in `Queues`, with busy time and
    waiting split over the bins they fall in; ``lookups`` and ``hits`` are [bins, caches]. ``in_flight_s`` is
    [bins], the integral of how many flows (requests, spawned ones, batches) were under way.
    """

    bin_s: float
    arrivals: Ints
    busy_s: Floats
    queue_s: Floats
    capacity_s: Floats
    in_flight_s: Floats
    lookups: Ints
    hits: Ints


@dataclass(frozen=True, eq=False)
class SamplePath:
    """One run. Requests keep their rows: ``completed_s[i]`` is when request i ended. Those of closed populations
    follow, in the order in which they began; ``arrival_s`` is when they did.

    ``outcome`` indexes `OUTCOMES`; ``retries`` counts retries of its steps. ``cache_hit`` is the result of the
    request's last lookup: 1 hit, 0 miss, -1 none.
    ``spans`` (if recorded) is [requests, resources]: seconds at each station (wait and service) and delay, and
    waiting for each pool; so the spans of a request whose steps run one after the other add up to its response time
    (of what runs at once, or was left alone, all of it counts).
    ``end_s`` is the time of the last event and ``max_in_flight`` the most flows that were under way at once.
    """

    flows: tuple[str, ...]
    resources: tuple[str, ...]
    queues: tuple[str, ...]
    capacity: Ints
    cache_names: tuple[str, ...]
    arrival_s: Floats
    completed_s: Floats
    outcome: NDArray[np.int8]
    cache_hit: NDArray[np.int8]
    retries: NDArray[np.int32]
    spans: Floats | None
    accounts: Accounts
    queue: Queues
    cache: Caches
    background: Background
    spawned: Spawned | None
    closed: Closed
    guards: Guards
    bins: Bins | None
    end_s: float
    max_in_flight: int
    histograms: Histograms | None = None
    """In place of the records of requests, which then have no rows."""

    @property
    def response_time_s(self) -> Floats:
        """Completion minus arrival of every request."""
        return self.completed_s - self.arrival_s

    @property
    def utilisation(self) -> Floats:
        """Share of the servers (slots) of each station and pool in use, mean over the run."""
        return self.queue.busy_s / np.where(has := self.queue.capacity_s > 0, self.queue.capacity_s, 1.0) * has

    @property
    def mean_waiting(self) -> Floats:
        """Mean number of requests waiting at each station and pool."""
        return self.queue.queue_s / self.end_s if self.end_s > 0 else np.zeros(len(self.queues))

    def differences(self, other: SamplePath) -> list[str]:
        """Names of the fields in which the runs are not equal, to the last bit; empty if they are the same run."""
        return _differences("", self, other)


def _differences(prefix: str, left: object, right: object) -> list[str]:
    found = []
    for field in fields(left):  # type: ignore[arg-type]
        name = f"{prefix}{field.name}"
        a, b = getattr(left, field.name), getattr(right, field.name)
        if is_dataclass(a) and is_dataclass(b):
            found += _differences(f"{name}.", a, b)
        elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            if a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                found.append(name)
        elif a != b:
            found.append(name)
    return found
