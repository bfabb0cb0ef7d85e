"""Cimba for Python: a process for each server, compiled by numba on top of its C engine; its data set keeps latencies.

The models' method bodies are compiled, so numbers that shape them stand in them as parameters.
"""

from __future__ import annotations

from typing import Any

import cimba as cb
import numpy as np
from cimba import random
from numpy.typing import NDArray

from benchmarks.engines.networks import Network


class OneServer(cb.Model):
    """Arrivals, a queue of arrival times, one server."""

    requests: cb.Param[int]
    gap_s: cb.Param[float]
    service_s: cb.Param[float]
    queue: cb.Store[float]
    latency: cb.Dataset

    @cb.process
    def arrivals(self) -> None:
        for _ in range(self.requests):
            cb.hold(random.exponential(self.gap_s))
            self.queue.put(cb.now())

    @cb.process
    def server(self) -> None:
        while True:
            arrived_s = self.queue.get()
            cb.hold(random.exponential(self.service_s))
            self.latency.record(cb.now() - arrived_s)


class EightServers(OneServer):
    """The same with eight servers."""

    @cb.process(copies=8)  # type: ignore[untyped-decorator]
    def server(self) -> None:
        while True:
            arrived_s = self.queue.get()
            cb.hold(random.exponential(self.service_s))
            self.latency.record(cb.now() - arrived_s)


class ThreeStations(cb.Model):
    """Four servers; then two exponential ones, or eight lognormal ones."""

    requests: cb.Param[int]
    gap_s: cb.Param[float]
    service_s: cb.Param[float]
    often: cb.Param[float]
    often_s: cb.Param[float]
    seldom_log_mean: cb.Param[float]
    seldom_sigma: cb.Param[float]
    first_queue: cb.Store[float]
    often_queue: cb.Store[float]
    seldom_queue: cb.Store[float]
    latency: cb.Dataset

    @cb.process
    def arrivals(self) -> None:
        for _ in range(self.requests):
            cb.hold(random.exponential(self.gap_s))
            self.first_queue.put(cb.now())

    @cb.process(copies=4)  # type: ignore[untyped-decorator]
    def first(self) -> None:
        while True:
            arrived_s = self.first_queue.get()
            cb.hold(random.exponential(self.service_s))
            if random.uniform(0.0, 1.0) < self.often:
                self.often_queue.put(arrived_s)
            else:
                self.seldom_queue.put(arrived_s)

    @cb.process(copies=2)  # type: ignore[untyped-decorator]
    def second(self) -> None:
        while True:
            arrived_s = self.often_queue.get()
            cb.hold(random.exponential(self.often_s))
            self.latency.record(cb.now() - arrived_s)

    @cb.process(copies=8)  # type: ignore[untyped-decorator]
    def third(self) -> None:
        while True:
            arrived_s = self.seldom_queue.get()
            cb.hold(random.lognormal(self.seldom_log_mean, self.seldom_sigma))
            self.latency.record(cb.now() - arrived_s)


def run(network: Network, requests: int, seed: int) -> NDArray[np.float64]:
    """One trial until nothing is left to do, on one thread."""
    model = _model(network)
    model.requests = requests
    model.gap_s = 1 / network.rate_rps
    model.service_s = network.first.mean_s
    latency: Any = cb.Dataset
    model.latency = latency()
    model.latency.capture()
    results = cb.Experiment(model, seed=seed).run(workers=1)
    _, latencies = results[model].latency.trial(0, 0)
    return np.asarray(latencies)


def _model(network: Network) -> Any:
    if not network.then:
        return {1: OneServer, 8: EightServers}[network.first.servers]()
    (often, second), (_, third) = network.then
    model: Any = ThreeStations()
    model.often, model.often_s = often, second.mean_s
    model.seldom_log_mean, model.seldom_sigma = third.log_mean, third.sigma
    return model
