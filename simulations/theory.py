"""Closed forms of queueing theory and caching. Pure; rates in requests/s, times in seconds.

Every function raises `InvalidInput` for a value outside its domain, above all for a station whose offered load its
servers cannot carry. Sources: Kleinrock 1975 (Queueing Systems 1), Denning & Buzen 1978, and those named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from sdlab.errors import InvalidInput

Floats = NDArray[np.float64]

EXACT_RANKS = 10_000
CLASS_WIDTH = 1e-3


@dataclass(frozen=True)
class Queue:
    """A station in steady state: means per request, mean numbers, and the chance of waiting."""

    utilisation: float
    wait_s: float
    response_time_s: float
    waiting: float
    in_system: float
    wait_probability: float


def mm1(arrival_rate_rps: float, service_s: float) -> Queue:
    """M/M/1 (Erlang 1909)."""
    return mmc(arrival_rate_rps, service_s, 1)


def mmc(arrival_rate_rps: float, service_s: float, servers: int) -> Queue:
    """M/M/c by Erlang's delay formula (Erlang 1917)."""
    utilisation = _stable(arrival_rate_rps, service_s, servers)
    waits = erlang_c(arrival_rate_rps * service_s, servers)
    return _queue(arrival_rate_rps, service_s, utilisation, waits * service_s / (servers * (1 - utilisation)), waits)


def mg1(arrival_rate_rps: float, service_s: float, scv: float) -> Queue:
    """M/G/1 by Pollaczek (1930) and Khinchine (1932); ``scv`` is the service time's variance / mean²."""
    utilisation = _stable(arrival_rate_rps, service_s, 1)
    _at_least("scv", scv, 0)
    wait_s = utilisation * service_s * (1 + scv) / (2 * (1 - utilisation))
    return _queue(arrival_rate_rps, service_s, utilisation, wait_s, utilisation)


def md1(arrival_rate_rps: float, service_s: float) -> Queue:
    """M/D/1: constant service times."""
    return mg1(arrival_rate_rps, service_s, 0.0)


@dataclass(frozen=True)
class LossQueue:
    """A station with room for K in all: who finds it full is lost. Times are of those who are served."""

    loss_probability: float
    throughput_rps: float
    utilisation: float
    wait_s: float
    response_time_s: float
    in_system: float


def mmck(arrival_rate_rps: float, service_s: float, servers: int, room: int) -> LossQueue:
    """M/M/c/K: c servers and room for K requests, those in service included (Kleinrock 1975, section 3.5)."""
    offered = _load(arrival_rate_rps, service_s, servers)
    if not isinstance(room, int) or room < servers:
        raise InvalidInput("room", room, f"must be an integer of at least the {servers} servers")
    n = np.arange(1, room + 1)
    log_weights = np.concatenate([[0.0], np.cumsum(np.log(offered / np.minimum(n, servers)))]) if offered else None
    if log_weights is None:
        return LossQueue(0.0, 0.0, 0.0, 0.0, service_s, 0.0)
    weights = np.exp(log_weights - log_weights.max())
    probability = weights / weights.sum()
    loss = float(probability[-1])
    throughput = arrival_rate_rps * (1 - loss)
    in_system = float(np.arange(room + 1) @ probability)
    response_s = in_system / throughput
    return LossQueue(loss, throughput, throughput * service_s / servers, response_s - service_s, response_s, in_system)


def erlang_b(offered_load: float, servers: int) -> float:
    """The chance that a request finds every server busy and is lost (M/G/c/c, Erlang 1917), by the stable recursion."""
    _at_least("offered_load", offered_load, 0)
    _servers(servers)
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered_load * blocked / (count + offered_load * blocked)
    return blocked


def erlang_c(offered_load: float, servers: int) -> float:
    """The chance that a request must wait in M/M/c (Erlang 1917)."""
    _servers(servers)
    if not 0 <= offered_load < servers:
        raise InvalidInput("offered_load", offered_load, f"must be from 0 to below the {servers} servers")
    blocked = erlang_b(offered_load, servers)
    return servers * blocked / (servers - offered_load * (1 - blocked))


def mmc_wait_quantile_s(arrival_rate_rps: float, service_s: float, servers: int, probability: float) -> float:
    """Quantile of the wait in M/M/c: 0 with chance 1 - C, else exponential (Kleinrock 1975)."""
    queue = mmc(arrival_rate_rps, service_s, servers)
    _probability(probability)
    if queue.wait_probability <= 1 - probability:
        return 0.0
    drain_rate = servers / service_s - arrival_rate_rps
    return math.log(queue.wait_probability / (1 - probability)) / drain_rate


def mmc_response_time_quantile_s(arrival_rate_rps: float, service_s: float, servers: int, probability: float) -> float:
    """Quantile of wait + service in M/M/c, from the tail of the sum of an atom-exponential and an exponential."""
    queue = mmc(arrival_rate_rps, service_s, servers)
    _probability(probability)
    service_rate, drain_rate = 1 / service_s, servers / service_s - arrival_rate_rps
    waits = queue.wait_probability

    def tail(t: float) -> float:
        straight = (1 - waits) * math.exp(-service_rate * t)
        if math.isclose(service_rate, drain_rate, rel_tol=1e-9):
            return straight + waits * (1 + service_rate * t) * math.exp(-service_rate * t)
        rates = drain_rate - service_rate
        delayed = drain_rate * math.exp(-service_rate * t) - service_rate * math.exp(-drain_rate * t)
        return straight + waits * delayed / rates

    high = queue.response_time_s
    while tail(high) > 1 - probability:
        high *= 2
    return float(brentq(lambda t: tail(t) - (1 - probability), 0.0, high, xtol=1e-12 * high, rtol=1e-13))


def mm1_response_time_quantile_s(arrival_rate_rps: float, service_s: float, probability: float) -> float:
    """Quantile of the response time of M/M/1, which is exponential."""
    _probability(probability)
    return -mm1(arrival_rate_rps, service_s).response_time_s * math.log(1 - probability)


def little_in_system(throughput_rps: float, response_time_s: float) -> float:
    """Little's law: the mean number in a system (Little 1961)."""
    _at_least("throughput_rps", throughput_rps, 0)
    _at_least("response_time_s", response_time_s, 0)
    return throughput_rps * response_time_s


@dataclass(frozen=True)
class AsymptoticBounds:
    """What no closed system of N requests can beat: throughput at most, response time at least."""

    throughput_rps_max: float
    response_time_s_min: float
    saturation_population: float


def asymptotic_bounds(demands_s: list[float], population: int, think_time_s: float = 0.0) -> AsymptoticBounds:
    """Bounds of a closed network from its service demands (Denning & Buzen 1978): X ≤ min(1/D_max, N/(D+Z))."""
    if not demands_s or max(demands_s) <= 0:
        raise InvalidInput("demands_s", demands_s, "must hold at least one demand above 0")
    for demand in demands_s:
        _at_least("demands_s", demand, 0)
    _at_least("population", population, 1)
    _at_least("think_time_s", think_time_s, 0)
    total, largest = math.fsum(demands_s), max(demands_s)
    return AsymptoticBounds(
        min(1 / largest, population / (total + think_time_s)),
        max(total, population * largest - think_time_s),
        (total + think_time_s) / largest,
    )


def zipf_popularity(keys: int, exponent: float) -> Floats:
    """The probability of each rank under a Zipf law, the most popular first."""
    _at_least("keys", keys, 1)
    _at_least("exponent", exponent, 0)
    weights: Floats = np.arange(1, keys + 1, dtype=np.float64) ** -exponent
    weights /= weights.sum()
    return weights


def zipf_classes(keys: int, exponent: float) -> tuple[Floats, Floats]:
    """A Zipf law over many keys as classes of nearly equal ones: probability of one key, and keys, of each class.

    The first ranks are classes of their own; behind them a class spans ranks within 0.1 % of each other, and its
    weight is the integral of the law over them, which is off by less than a millionth.
    """
    head = min(keys, EXACT_RANKS)
    steps = max(2, int(math.log(keys / head) / CLASS_WIDTH) + 2) if keys > head else 1
    edges = np.unique(np.rint(np.geomspace(head, keys, steps))) + 0.5
    powers = np.log(edges) if exponent == 1 else edges ** (1 - exponent) / (1 - exponent)
    counts = np.concatenate([np.ones(head), np.diff(edges)])
    weights = np.concatenate([np.arange(1, head + 1, dtype=np.float64) ** -exponent, np.diff(powers) / np.diff(edges)])
    return weights / (weights @ counts), counts


def lru_hit_ratio(popularity: Floats, capacity_entries: int, counts: Floats | None = None) -> float:
    """Hit ratio of LRU under independent requests, by the characteristic time of Che, Tung & Wang (2002).

    ``popularity`` is the probability of each key; with ``counts``, that of one key of each class of so many.
    """
    return _characteristic_time_hit_ratio(popularity, capacity_entries, counts, lambda rates_t: -np.expm1(-rates_t))


def fifo_hit_ratio(popularity: Floats, capacity_entries: int, counts: Floats | None = None) -> float:
    """Hit ratio of FIFO (and random) eviction by the same approximation (Fricker, Robert & Roberts 2012)."""
    return _characteristic_time_hit_ratio(popularity, capacity_entries, counts, lambda rates_t: rates_t / (1 + rates_t))


def _characteristic_time_hit_ratio(  # type: ignore[no-untyped-def]
    popularity: Floats, capacity: int, counts: Floats | None, present
) -> float:
    """Solve for the time T at which the expected number of keys present equals the capacity."""
    popularity = np.asarray(popularity, dtype=np.float64)
    keys = np.ones_like(popularity) if counts is None else np.asarray(counts, dtype=np.float64)
    if popularity.ndim != 1 or popularity.size == 0 or popularity.min() < 0 or abs(popularity @ keys - 1) > 1e-9:
        raise InvalidInput("popularity", popularity.shape, "must be probabilities that add up to 1")
    _at_least("capacity_entries", capacity, 0)
    if capacity == 0:
        return 0.0
    if capacity >= keys[popularity > 0].sum():
        return 1.0

    def excess(log_time: float) -> float:
        return float(keys @ present(popularity * math.exp(log_time))) - capacity

    low, high = -1.0, math.log(capacity) + 1
    while excess(low) > 0:
        low -= 5
    while excess(high) < 0:
        high += 5
    time = math.exp(brentq(excess, low, high, xtol=1e-13, rtol=1e-13))
    return float((keys * popularity) @ present(popularity * time))


def _queue(rate: float, service_s: float, utilisation: float, wait_s: float, waits: float) -> Queue:
    response_s = wait_s + service_s
    return Queue(utilisation, wait_s, response_s, rate * wait_s, rate * response_s, waits)


def _load(arrival_rate_rps: float, service_s: float, servers: int) -> float:
    _at_least("arrival_rate_rps", arrival_rate_rps, 0)
    if not (math.isfinite(service_s) and service_s > 0):
        raise InvalidInput("service_s", service_s, "must be a number above 0")
    _servers(servers)
    return arrival_rate_rps * service_s


def _stable(arrival_rate_rps: float, service_s: float, servers: int) -> float:
    utilisation = _load(arrival_rate_rps, service_s, servers) / servers
    if utilisation >= 1:
        limit = servers / service_s
        raise InvalidInput("arrival_rate_rps", arrival_rate_rps, f"must be below {limit:g}, what the servers can carry")
    return utilisation


def _servers(servers: int) -> None:
    if not isinstance(servers, int) or servers < 1:
        raise InvalidInput("servers", servers, "must be an integer of at least 1")


def _probability(probability: float) -> None:
    if not 0 <= probability < 1:
        raise InvalidInput("probability", probability, "must be from 0 to below 1")


def _at_least(field: str, value: float, bound: float) -> None:
    if not (math.isfinite(value) and value >= bound):
        raise InvalidInput(field, value, f"must be a number of at least {bound}")
