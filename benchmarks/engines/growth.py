"""How the compiled engine's time for a request grows: with requests, stations, servers, and requests in flight."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.engines.networks import NETWORKS
from benchmarks.engines.our_engines import model_of, poisson
from sdlab.arrivals import FloatArray
from simulations.engines import simulate
from simulations.model import Delay, Exponential, Flow, Model, Serve, Station

RATE_RPS = 1000.0
REQUESTS_PER_READING = 100_000


@dataclass(frozen=True)
class Curve:
    """What grows along ``points``; ``requests`` says how many make a point, given x and a budget of requests."""

    title: str
    x: str
    model: Callable[[int], Model]
    requests: Callable[[int, int], int]
    points: tuple[int, ...]
    quick_points: tuple[int, ...]


def tandem(stations: int) -> Model:
    """So many M/M/1 in a row, each at utilisation 0.8."""
    named = [Station(f"station-{number + 1}") for number in range(stations)]
    service = Exponential(0.8 / RATE_RPS)
    return Model(f"{stations} stations", [Flow("get", [Serve(station.name, service) for station in named])], named)


def many_servers(servers: int) -> Model:
    """M/M/c at utilisation 0.85."""
    service = Exponential(0.85 * servers / RATE_RPS)
    return Model(f"M/M/{servers}", [Flow("get", [Serve("station", service)])], [Station("station", servers)])


def waiting(in_flight: int) -> Model:
    """A delay that nobody queues for, with so many requests in it on average (Little's law)."""
    return Model(f"{in_flight} in flight", [Flow("get", [Delay("wait", Exponential(in_flight / RATE_RPS))])])


CURVES = {
    "requests": Curve(
        "requests, on the network of three stations",
        "requests",
        lambda _: model_of(NETWORKS["network"]),
        lambda x, _: x,
        (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000),
        (10_000, 100_000),
    ),
    "stations": Curve(
        "stations, M/M/1 in a row",
        "stations",
        tandem,
        lambda x, budget: budget // x,
        (1, 2, 4, 8, 16, 32, 64),
        (1, 8),
    ),
    "servers": Curve(
        "servers of one M/M/c",
        "servers",
        many_servers,
        lambda _, budget: budget,
        (1, 4, 16, 64, 256, 1024, 4096),
        (1, 64),
    ),
    "in_flight": Curve(
        "requests in flight, in one delay",
        "requests in flight",
        waiting,
        # Enough for most of the run to be at the full number in flight.
        lambda x, budget: max(budget, 6 * x),
        (10, 100, 1000, 10_000, 100_000, 1_000_000),
        (10, 1000),
    ),
}


def run(budget: int, repeats: int, seed: int, quick: bool, started_s: float) -> dict[str, Any]:  # noqa: ARG001
    """Every curve, one after the other."""
    return {
        name: {
            "title": curve.title,
            "x": curve.x,
            "points": _points(curve, curve.quick_points if quick else curve.points, budget, repeats, seed),
        }
        for name, curve in CURVES.items()
    }


def _points(curve: Curve, points: tuple[int, ...], budget: int, repeats: int, seed: int) -> list[dict[str, Any]]:
    """CPU nanoseconds a request at each point, arrivals given; the repeats of all points take turns."""
    cases = [(x, curve.model(x), poisson(curve.requests(x, budget), RATE_RPS, seed)) for x in points]
    for _, model, requests in cases:
        simulate(model, requests.take(slice(0, 100)), seed)
    times_ns: dict[int, list[float]] = {x: [] for x in points}
    in_flight: dict[int, float] = {}
    for _ in range(repeats):
        for x, model, requests in cases:
            # A short run is made many times over, for the clock of CPU time is coarse.
            rounds = max(1, REQUESTS_PER_READING // len(requests))
            began_s = time.process_time()
            for _ in range(rounds):
                path = simulate(model, requests, seed)
            times_ns[x].append((time.process_time() - began_s) * 1e9 / (rounds * len(requests)))
            in_flight[x] = _mean_in_flight(requests.arrival_s, path.completed_s)
    return [
        {
            "x": x,
            "requests": len(requests),
            "mean_in_flight": in_flight[x],
            "ns_per_request": min(times_ns[x]),
            "ns_per_request_min": min(times_ns[x]),
            "ns_per_request_max": max(times_ns[x]),
        }
        for x, _, requests in cases
    ]


def _mean_in_flight(arrival_s: FloatArray, completed_s: FloatArray) -> float:
    """The mean over the time in which requests arrive: at its end the rest only drains."""
    end_s = arrival_s[-1]
    return float((np.minimum(completed_s, end_s) - arrival_s).sum() / end_s)
