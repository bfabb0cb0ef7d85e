"""Our engines on the networks, and the requests they get."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines.networks import Network, Service
from sdlab.workload import NO_KEY, Requests
from simulations.engines import simulate
from simulations.model import Branch, Distribution, Exponential, Flow, LogNormal, Model, Serve, Station, Step


def engine(**choice: Any) -> Callable[[Network, int, int], tuple[NDArray[np.float64], float]]:
    """A runner that hands ``choice`` to `simulate`; it also says how many CPU seconds making the arrivals took."""

    def run(network: Network, requests: int, seed: int) -> tuple[NDArray[np.float64], float]:
        began_s = time.process_time()
        arrivals = poisson(requests, network.rate_rps, seed)
        arrivals_s = time.process_time() - began_s
        path = simulate(model_of(network), arrivals, seed, **choice)
        return path.completed_s - arrivals.arrival_s, arrivals_s

    return run


def model_of(network: Network) -> Model:
    """The network in the lab's own words."""
    services = [network.first, *(service for _, service in network.then)]
    stations = [Station(f"station-{number}", service.servers) for number, service in enumerate(services)]
    visits = [Serve(s.name, _distribution(service)) for s, service in zip(stations, services, strict=True)]
    steps: list[Step] = [visits[0]]
    if network.then:
        ways = zip(network.then, visits[1:], strict=True)
        steps.append(Branch([(probability, [visit]) for (probability, _), visit in ways]))
    return Model(network.title, [Flow("get", steps)], stations)


def poisson(requests: int, rate_rps: float, seed: int) -> Requests:
    """So many requests of a Poisson stream, without keys."""
    gaps_s = np.random.default_rng(seed).exponential(1 / rate_rps, requests)
    return without_keys(np.cumsum(gaps_s, out=gaps_s))


def without_keys(arrival_s: NDArray[np.float64]) -> Requests:
    """Requests at these times, all of the one operation "get"."""
    nothing = np.zeros(arrival_s.size, dtype=np.int16)
    keys = np.full(arrival_s.size, NO_KEY, dtype=np.int64)
    return Requests(arrival_s, nothing, keys, nothing, ("get",), ("",))


def _distribution(service: Service) -> Distribution:
    return Exponential(service.mean_s) if service.sigma is None else LogNormal(service.mean_s, service.sigma)


# One name for each way of running our engines: `table` lists them by it.
compiled = engine(engine="compiled")
reference = engine(engine="simpy")
event_loop = engine(engine="event_loop")
