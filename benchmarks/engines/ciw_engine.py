"""Ciw: a network described by its distributions and a routing matrix; it keeps a record of every visit."""

from __future__ import annotations

from typing import Any

import ciw
import numpy as np
from numpy.typing import NDArray

from benchmarks.engines.networks import Network, Service


def run(network: Network, requests: int, seed: int) -> NDArray[np.float64]:
    """Until so many requests have left; the latency of each is read from its own visits, not from Ciw's big table."""
    services = [network.first, *(service for _, service in network.then)]
    onward = [0.0, *(probability for probability, _ in network.then)]
    description = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(network.rate_rps), *(None for _ in network.then)],
        service_distributions=[_distribution(service) for service in services],
        number_of_servers=[service.servers for service in services],
        routing=[onward, *([0.0] * len(services) for _ in network.then)],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(description)
    simulation.simulate_until_max_customers(requests, method="Finish")
    return np.array(
        [
            one.data_records[-1].exit_date - one.data_records[0].arrival_date
            for one in simulation.nodes[-1].all_individuals
        ]
    )


def _distribution(service: Service) -> Any:
    if service.sigma is None:
        return ciw.dists.Exponential(1 / service.mean_s)
    return ciw.dists.Lognormal(service.log_mean, service.sigma)
