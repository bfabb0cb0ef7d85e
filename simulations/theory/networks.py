"""Networks of stations, closed ones above all: exact values, bounds, and Little's law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from simulations.theory.domain import above_zero, at_least, count

Floats = NDArray[np.float64]


def little_in_system(throughput_rps: float, response_time_s: float) -> float:
    """Little's law: the mean number in a system (Little 1961)."""
    at_least("throughput_rps", throughput_rps, 0)
    at_least("response_time_s", response_time_s, 0)
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
        at_least("demands_s", demand, 0)
    at_least("population", population, 1)
    at_least("think_time_s", think_time_s, 0)
    total, largest = math.fsum(demands_s), max(demands_s)
    return AsymptoticBounds(
        min(1 / largest, population / (total + think_time_s)),
        max(total, population * largest - think_time_s),
        (total + think_time_s) / largest,
    )


@dataclass(frozen=True)
class Centre:
    """A station of a closed network: its demand (visits a cycle x mean service time) and its servers."""

    demand_s: float
    servers: int = 1


@dataclass(frozen=True)
class ClosedNetwork:
    """A closed network in steady state: cycles a second, and the time a cycle takes beside the thinking."""

    throughput_rps: float
    response_time_s: float
    utilisation: tuple[float, ...]


def closed_network(centres: Sequence[Centre], population: int, think_s: float = 0.0) -> ClosedNetwork:
    """A closed network of exponential FCFS (or processor sharing) stations (Gordon & Newell 1967).

    The normalising constants G(n) come from Buzen's convolution (1973); X(N) = G(N - 1) / G(N). Thinking is a station
    with a server for each user.
    """
    _check(centres, population, think_s)
    constants = np.zeros(population + 1)
    constants[0] = 1.0
    # Demands in units of the largest keep the constants from overflowing.
    unit_s = max([think_s, *(centre.demand_s for centre in centres)])
    thinking = [Centre(think_s, population)] if think_s else []
    for centre in (*centres, *thinking):
        factors = np.ones(population + 1)
        for n in range(1, population + 1):
            factors[n] = factors[n - 1] * centre.demand_s / unit_s / min(n, centre.servers)
        constants = np.convolve(constants, factors)[: population + 1]
    throughput_rps = float(constants[-2] / constants[-1]) / unit_s
    used = tuple(throughput_rps * centre.demand_s / centre.servers for centre in centres)
    return ClosedNetwork(throughput_rps, population / throughput_rps - think_s, used)


def mean_value_analysis(demands_s: Sequence[float], population: int, think_s: float = 0.0) -> ClosedNetwork:
    """The same for stations of one server each, from means alone (Reiser & Lavenberg 1980).

    R_k(n) = D_k (1 + Q_k(n - 1)), X(n) = n / (Z + Σ R_k(n)), Q_k(n) = X(n) R_k(n).
    """
    _check([Centre(demand) for demand in demands_s], population, think_s)
    demands = np.asarray(demands_s, dtype=np.float64)
    queue = np.zeros_like(demands)
    throughput_rps, response_s = 0.0, 0.0
    for n in range(1, population + 1):
        response = demands * (1 + queue)
        response_s = float(response.sum())
        throughput_rps = n / (think_s + response_s)
        queue = throughput_rps * response
    return ClosedNetwork(throughput_rps, response_s, tuple((throughput_rps * demands).tolist()))


def machine_repair(machines: int, up_s: float, repair_s: float, repairers: int = 1) -> ClosedNetwork:
    """M/M/c//N: machines run for a time, then wait for one of the repairers (Palm 1947; Kleinrock 1975, 3.8).

    The throughput is that of repairs, the response time from breaking to running again.
    """
    above_zero("up_s", up_s)
    return closed_network([Centre(repair_s, repairers)], machines, up_s)


def _check(centres: Sequence[Centre], population: int, think_s: float) -> None:
    if not centres:
        raise InvalidInput("centres", (), "must hold at least one")
    for centre in centres:
        above_zero("demand_s", centre.demand_s)
        count("servers", centre.servers, 1)
    count("population", population, 1)
    at_least("think_s", think_s, 0)
