"""A request that forks to several stations and waits for all, or for some."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulations.roots import root
from simulations.theory.domain import above_zero, count, stable


@dataclass(frozen=True)
class ForkJoin:
    """Mean response times: an approximation (exact for one part and for two) between two bounds."""

    lower_s: float
    approximation_s: float
    upper_s: float


def harmonic(n: int) -> float:
    """1 + 1/2 + ... + 1/n."""
    count("n", n, 0)
    return math.fsum(1 / k for k in range(1, n + 1))


def kth_fastest_s(mean_s: float, n: int, k: int) -> float:
    """Mean time until k of n independent exponential times have passed (Rényi 1953)."""
    above_zero("mean_s", mean_s)
    count("k", k, 1)
    count("n", n, k)
    return mean_s * (harmonic(n) - harmonic(n - k))


def fork_join(arrival_rate_rps: float, service_s: float, parts: int) -> ForkJoin:
    """A Poisson stream of requests, each with one part for each of ``parts`` M/M/1 stations, joined when all are done.

    For two the mean is (12 - ρ) / 8 times that of M/M/1, exactly (Flatto & Hahn 1984); for more, Nelson & Tantawi's
    approximation (1988), which they found within 5 %. Were the parts independent the response time would be longer,
    H_n times that of M/M/1; were arrivals evenly spaced, shorter: the largest of n response times of D/M/1
    (Baccelli, Makowski & Shwartz 1989).
    """
    count("parts", parts, 1)
    utilisation = stable(arrival_rate_rps, service_s, 1)
    alone_s = service_s / (1 - utilisation)
    upper_s = harmonic(parts) * alone_s
    lower_s = harmonic(parts) * _dm1_response_time_s(arrival_rate_rps, service_s)
    if parts == 1:
        return ForkJoin(lower_s, alone_s, upper_s)
    growth = harmonic(parts) / harmonic(2)
    scaling = growth + 4 / 11 * (1 - growth) * utilisation
    return ForkJoin(lower_s, scaling * (12 - utilisation) / 8 * alone_s, upper_s)


def _dm1_response_time_s(arrival_rate_rps: float, service_s: float) -> float:
    """Mean of the (exponential) response time of D/M/1 (Kleinrock 1975, section 6.4)."""
    utilisation = stable(arrival_rate_rps, service_s, 1)
    if utilisation == 0:
        return service_s
    # A request finds the server busy with the chance sigma that solves sigma = exp(-(1 - sigma) / rho).
    sigma = root(lambda s: s - math.exp(-(1 - s) / utilisation), 0.0, 1 - (1 - utilisation) / 2, xtol=1e-15)
    return service_s / (1 - sigma)
