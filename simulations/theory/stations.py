"""One station in steady state: M/M/c, M/M/c/K, M/G/1, and quantiles of their times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from simulations.roots import root
from simulations.theory.domain import above_zero, at_least, at_least_one_server, load, probability_below_one, stable

Floats = NDArray[np.float64]


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
    utilisation = stable(arrival_rate_rps, service_s, servers)
    waits = erlang_c(arrival_rate_rps * service_s, servers)
    return _queue(arrival_rate_rps, service_s, utilisation, waits * service_s / (servers * (1 - utilisation)), waits)


def mg1(arrival_rate_rps: float, service_s: float, scv: float) -> Queue:
    """M/G/1 by Pollaczek (1930) and Khinchine (1932); ``scv`` is the service time's variance / mean²."""
    utilisation = stable(arrival_rate_rps, service_s, 1)
    at_least("scv", scv, 0)
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
    offered = load(arrival_rate_rps, service_s, servers)
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
    at_least("offered_load", offered_load, 0)
    at_least_one_server(servers)
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered_load * blocked / (count + offered_load * blocked)
    return blocked


def erlang_c(offered_load: float, servers: int) -> float:
    """The chance that a request must wait in M/M/c (Erlang 1917)."""
    at_least_one_server(servers)
    if not 0 <= offered_load < servers:
        raise InvalidInput("offered_load", offered_load, f"must be from 0 to below the {servers} servers")
    blocked = erlang_b(offered_load, servers)
    return servers * blocked / (servers - offered_load * (1 - blocked))


def birth_death(births_rps: Sequence[float], deaths_rps: Sequence[float]) -> Floats:
    """Probabilities of 0 ... n in a birth-death process (Kleinrock 1975, section 3.1).

    ``births_rps[i]`` leads from i to i + 1, ``deaths_rps[i]`` from i + 1 to i; there are n of each.
    """
    if len(births_rps) != len(deaths_rps):
        raise InvalidInput("deaths_rps", len(deaths_rps), f"must be as many as births_rps, {len(births_rps)}")
    for name, rates in (("births_rps", births_rps), ("deaths_rps", deaths_rps)):
        for rate in rates:
            above_zero(name, rate)
    logs = np.concatenate([[0.0], np.cumsum(np.log(births_rps) - np.log(deaths_rps))])
    weights = np.exp(logs - logs.max())
    probabilities: Floats = weights / weights.sum()
    return probabilities


def mmc_impatient(arrival_rate_rps: float, service_s: float, servers: int, patience_s: float) -> LossQueue:
    """M/M/c whose requests leave, from the queue or from service, when an exponential patience has run out.

    A birth-death process with death rate min(n, c) μ + n θ (as Palm's 1957 for the queue alone). The loss probability
    is that of leaving early, θ L / λ; ``response_time_s`` is of all, those who leave early included.
    """
    offered = load(arrival_rate_rps, service_s, servers)
    above_zero("arrival_rate_rps", arrival_rate_rps)
    above_zero("patience_s", patience_s)
    most = int(
        20 + 4 * servers + 20 * (offered + arrival_rate_rps * patience_s)
    )  # probabilities beyond are far below 1e-16
    n = np.arange(1, most + 1)
    probability = birth_death([arrival_rate_rps] * most, (np.minimum(n, servers) / service_s + n / patience_s).tolist())
    in_system = float(np.arange(most + 1) @ probability)
    loss = in_system / patience_s / arrival_rate_rps
    busy = float(np.minimum(np.arange(most + 1), servers) @ probability)
    waiting = in_system - busy
    return LossQueue(
        loss,
        arrival_rate_rps * (1 - loss),
        busy / servers,
        waiting / arrival_rate_rps,
        in_system / arrival_rate_rps,
        in_system,
    )


def mmc_wait_quantile_s(arrival_rate_rps: float, service_s: float, servers: int, probability: float) -> float:
    """Quantile of the wait in M/M/c: 0 with chance 1 - C, else exponential (Kleinrock 1975)."""
    queue = mmc(arrival_rate_rps, service_s, servers)
    probability_below_one(probability)
    if queue.wait_probability <= 1 - probability:
        return 0.0
    drain_rate = servers / service_s - arrival_rate_rps
    return math.log(queue.wait_probability / (1 - probability)) / drain_rate


def mmc_response_time_quantile_s(arrival_rate_rps: float, service_s: float, servers: int, probability: float) -> float:
    """Quantile of wait + service in M/M/c, from the tail of the sum of an atom-exponential and an exponential."""
    queue = mmc(arrival_rate_rps, service_s, servers)
    probability_below_one(probability)
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
    return root(lambda t: tail(t) - (1 - probability), 0.0, high, xtol=1e-12 * high, rtol=1e-13)


def mm1_response_time_quantile_s(arrival_rate_rps: float, service_s: float, probability: float) -> float:
    """Quantile of the response time of M/M/1, which is exponential."""
    probability_below_one(probability)
    return -mm1(arrival_rate_rps, service_s).response_time_s * math.log(1 - probability)


def _queue(rate: float, service_s: float, utilisation: float, wait_s: float, waits: float) -> Queue:
    response_s = wait_s + service_s
    return Queue(utilisation, wait_s, response_s, rate * wait_s, rate * response_s, waits)
