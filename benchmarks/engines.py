"""How fast the engines are: requests a second of each, and their ratio, all from one run.

    .venv/bin/python benchmarks/engines.py [--requests 1000000] [--simpy-requests 20000] [--json FILE]

CPU time of this process on one core, median of three; compilation and the making of arrivals are left out, draws and
every request's record are in. Seconds belong to the machine: compare the ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sdlab.workload import Requests
from simulations.engines import simulate
from simulations.model import Branch, Exponential, Flow, LogNormal, Model, Serve, Station

REPEATS = 3


def m_m_c(servers: int) -> Model:
    """One station, exponential service of mean 1 s."""
    return Model(f"M/M/{servers}", [Flow("get", [Serve("s", Exponential(1.0))])], [Station("s", servers)])


def network() -> Model:
    """An application of 4 servers; 90 % of its requests go on to a cache, 10 % to a slow, variable database."""
    hit, miss = Serve("cache", Exponential(0.0015)), Serve("database", LogNormal(0.050, 1.0))
    return Model(
        "network",
        [Flow("get", [Serve("app", Exponential(0.003)), Branch([(0.9, [hit]), (0.1, [miss])])])],
        [Station("app", 4), Station("cache", 2), Station("database", 8)],
    )


NETWORKS: dict[str, tuple[Callable[[], Model], float]] = {
    "M/M/1 at 0.8": (lambda: m_m_c(1), 0.8),
    "M/M/8 at 0.85": (lambda: m_m_c(8), 6.8),
    "network of three stations": (network, 1000.0),
}


def poisson(count: int, rate_rps: float) -> Requests:
    """So many requests of a Poisson stream."""
    nothing = np.zeros(count, dtype=np.int16)
    gaps_s = np.random.default_rng(1).exponential(1 / rate_rps, count)
    return Requests(np.cumsum(gaps_s), nothing, np.zeros(count, dtype=np.int64), nothing, ("get",), ("",))


def requests_per_s(model: Model, requests: Requests, engine: str) -> float:
    """The median rate over the repeats, after one short run that compiles."""
    simulate(model, requests.take(slice(0, 100)), 1, engine)
    rates = []
    for _ in range(REPEATS):
        started = time.process_time()
        simulate(model, requests, 1, engine)
        rates.append(len(requests) / (time.process_time() - started))
    return statistics.median(rates)


def main() -> None:
    """Measure each network on both engines and print one row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000, help="for the compiled engine")
    parser.add_argument("--simpy-requests", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print(f"{'network':<28}{'simpy, requests/s':>20}{'compiled, requests/s':>24}{'ratio':>10}")
    for name, (make, rate_rps) in NETWORKS.items():
        slow = requests_per_s(make(), poisson(arguments.simpy_requests, rate_rps), "simpy")
        fast = requests_per_s(make(), poisson(arguments.requests, rate_rps), "compiled")
        print(f"{name:<28}{slow:>20,.0f}{fast:>24,.0f}{fast / slow:>10,.0f}", flush=True)
        for engine, rate in (("simpy", slow), ("compiled", fast)):
            rows.append({"network": name, "engine": engine, "requests_per_s": rate, "ratio_to_simpy": rate / slow})
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
