"""What every engine simulates: three networks, each with Poisson arrivals and every request's latency recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdlab.errors import InvalidInput


@dataclass(frozen=True)
class Service:
    """``servers`` servers with one FCFS queue; service times of mean ``mean_s``, exponential or lognormal (``sigma``).

    ``sigma`` is the standard deviation of the time's logarithm; None says exponential.
    """

    servers: int
    mean_s: float
    sigma: float | None = None

    @property
    def log_mean(self) -> float:
        """The mean of a lognormal time's logarithm."""
        if self.sigma is None:
            raise InvalidInput("sigma", None, "must be given for a lognormal service time")
        return math.log(self.mean_s) - self.sigma**2 / 2


@dataclass(frozen=True)
class Network:
    """Arrivals at ``rate_rps`` to ``first``; then, with its probability each, to one of ``then`` and out.

    ``tail_s`` is a latency about one request in a hundred exceeds: engines are compared in the share that does.
    """

    title: str
    rate_rps: float
    first: Service
    tail_s: float
    then: tuple[tuple[float, Service], ...] = ()


# The tails of M/M/c are their exact 99th percentiles; the network's is near the one that simulations find.
NETWORKS = {
    "mm1": Network("M/M/1 at utilisation 0.8", 0.8, Service(1, 1.0), tail_s=23.026),
    "mm8": Network("M/M/8 at utilisation 0.85", 6.8, Service(8, 1.0), tail_s=5.685),
    "network": Network(
        "three stations, one visited by one in ten",
        1000.0,
        Service(4, 0.003),
        tail_s=0.120,
        then=((0.9, Service(2, 0.0015)), (0.1, Service(8, 0.050, sigma=1.0))),
    ),
}
