"""SimPy, three ways, all with random numbers drawn beforehand by numpy.

`processes`: a process for each request, which asks SimPy's resources: how SimPy's own examples are written.
`servers`: a process for each server, which takes arrival times from a SimPy store: fewer processes and events.
`events`: SimPy's time-outs with callbacks, no processes, the queues kept by hand: its agenda and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from benchmarks.engines.networks import Network, Service

Steps = Generator[Any, Any, None]
Latencies = NDArray[np.float64]


class _Drawn:
    """All random numbers of a run, as lists: Python reads these faster than arrays."""

    def __init__(self, network: Network, requests: int, seed: int) -> None:
        stream = np.random.default_rng(seed)
        self.gap_s: list[float] = stream.exponential(1 / network.rate_rps, requests).tolist()
        self.first_s: list[float] = _times(network.first, requests, stream).tolist()
        self.way: list[int] = []
        self.then_s: list[float] = []
        if network.then:
            edges = np.cumsum([probability for probability, _ in network.then])
            way = np.minimum(np.searchsorted(edges, stream.random(requests), side="right"), len(edges) - 1)
            times = [_times(service, requests, stream) for _, service in network.then]
            self.way, self.then_s = way.tolist(), np.choose(way, times).tolist()


def _times(service: Service, count: int, stream: np.random.Generator) -> NDArray[np.float64]:
    if service.sigma is None:
        return stream.exponential(service.mean_s, count)
    return stream.lognormal(service.log_mean, service.sigma, count)


def processes(network: Network, requests: int, seed: int) -> Latencies:
    """One process a request."""
    drawn = _Drawn(network, requests, seed)
    env = simpy.Environment()
    first = simpy.Resource(env, network.first.servers)
    then = [simpy.Resource(env, service.servers) for _, service in network.then]
    timeout, process = env.timeout, env.process
    latencies: list[float] = []
    record = latencies.append

    def one_station(first_s: float) -> Steps:
        arrived_s = env.now
        with first.request() as turn:
            yield turn
            yield timeout(first_s)
        record(env.now - arrived_s)

    def two_stations(first_s: float, second: Any, second_s: float) -> Steps:
        arrived_s = env.now
        with first.request() as turn:
            yield turn
            yield timeout(first_s)
        with second.request() as turn:
            yield turn
            yield timeout(second_s)
        record(env.now - arrived_s)

    def arrivals() -> Steps:
        if not then:
            for gap_s, first_s in zip(drawn.gap_s, drawn.first_s, strict=True):
                yield timeout(gap_s)
                process(one_station(first_s))
            return
        for gap_s, first_s, way, then_s in zip(drawn.gap_s, drawn.first_s, drawn.way, drawn.then_s, strict=True):
            yield timeout(gap_s)
            process(two_stations(first_s, then[way], then_s))

    process(arrivals())
    env.run()
    return np.array(latencies)


def servers(network: Network, requests: int, seed: int) -> Latencies:
    """One process a server."""
    drawn = _Drawn(network, requests, seed)
    env = simpy.Environment()
    timeout, process = env.timeout, env.process
    first = simpy.Store(env)
    then = [simpy.Store(env) for _ in network.then]
    latencies: list[float] = []
    record = latencies.append
    first_s, way, then_s = iter(drawn.first_s), iter(drawn.way), iter(drawn.then_s)

    def last(queue: Any, next_s: Callable[[], float]) -> Steps:
        while True:
            arrived_s = yield queue.get()
            yield timeout(next_s())
            record(env.now - arrived_s)

    def last_of_two(queue: Any) -> Steps:
        while True:
            arrived_s, service_s = yield queue.get()
            yield timeout(service_s)
            record(env.now - arrived_s)

    def forwarding() -> Steps:
        while True:
            arrived_s = yield first.get()
            yield timeout(next(first_s))
            then[next(way)].put((arrived_s, next(then_s)))

    def arrivals() -> Steps:
        for gap_s in drawn.gap_s:
            yield timeout(gap_s)
            first.put(env.now)

    for _ in range(network.first.servers):
        process(forwarding() if then else last(first, first_s.__next__))
    for queue, (_, service) in zip(then, network.then, strict=True):
        for _ in range(service.servers):
            process(last_of_two(queue))
    process(arrivals())
    env.run()
    return np.array(latencies)


class _Station:
    """Servers and a queue on bare time-outs; ``leave`` is called with the arrival time of whoever is done."""

    def __init__(self, env: Any, servers: int, next_s: Callable[[], float], leave: Callable[[float], None]) -> None:
        self.free = servers
        queue: deque[float] = deque()
        timeout = env.timeout
        pop, push = queue.popleft, queue.append

        def done(event: Any) -> None:
            if queue:
                timeout(next_s(), pop()).callbacks.append(done)
            else:
                self.free += 1
            leave(event._value)

        def enter(arrived_s: float) -> None:
            if self.free:
                self.free -= 1
                timeout(next_s(), arrived_s).callbacks.append(done)
            else:
                push(arrived_s)

        self.enter = enter


def events(network: Network, requests: int, seed: int) -> Latencies:
    """No processes: callbacks on time-outs."""
    drawn = _Drawn(network, requests, seed)
    env = simpy.Environment()
    timeout = env.timeout
    latencies: list[float] = []
    record = latencies.append
    next_way = iter(drawn.way).__next__

    def leave(arrived_s: float) -> None:
        record(env._now - arrived_s)

    # Service times are independent, so they may be dealt out in the order in which they are needed.
    then_s = [
        [time_s for time_s, way in zip(drawn.then_s, drawn.way, strict=True) if way == which]
        for which in range(len(network.then))
    ]
    then = [
        _Station(env, service.servers, iter(times).__next__, leave).enter
        for times, (_, service) in zip(then_s, network.then, strict=True)
    ]

    def forward(arrived_s: float) -> None:
        then[next_way()](arrived_s)

    first = _Station(env, network.first.servers, iter(drawn.first_s).__next__, forward if then else leave).enter
    gaps = iter(drawn.gap_s)

    def arrive(_event: Any) -> None:
        gap_s = next(gaps, None)
        if gap_s is not None:
            timeout(gap_s).callbacks.append(arrive)
        first(env._now)

    timeout(next(gaps)).callbacks.append(arrive)
    env.run()
    return np.array(latencies)
