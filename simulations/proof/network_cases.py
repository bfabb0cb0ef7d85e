"""Several stations, open and closed; forks; and caches under Zipf's law."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdlab.workload import Requests
from simulations import theory
from simulations.distributions import Constant, Exponential
from simulations.engines import simulate
from simulations.model import (
    Branch,
    Cache,
    Delay,
    Fail,
    Flow,
    Fork,
    Hold,
    Lookup,
    Model,
    Pool,
    Population,
    Release,
    Retry,
    Serve,
    Station,
    Step,
)
from simulations.proof.evidence import Case, Sample
from simulations.proof.load import ENGINE, closed_case, open_case, table

LOOKUPS = 200_000
KEYS = 20_000


def cases() -> list[Case]:
    """All of them."""
    return [*_open(), *_closed(), *_forking(), *_caching()]


def _open() -> list[Case]:
    ways = [(0.7, [Serve("cache", Exponential(0.9))]), (0.3, [Serve("database", Exponential(5.0))])]
    stations = [Station("api", 4), Station("cache", 1), Station("database", 2)]
    jackson = Model("network", [Flow("get", [Serve("api", Exponential(2.5)), Branch(ways)])], stations)
    expected = (
        theory.mmc(1.0, 2.5, 4).response_time_s
        + 0.7 * theory.mm1(0.7, 0.9).response_time_s
        + 0.3 * theory.mmc(0.3, 5.0, 2).response_time_s
    )
    controls = {"api": 2.5, "cache": 0.9, "database": 5.0}
    pooled = Model(
        "pool", [Flow("get", [Hold("pool"), Delay("work", Exponential(1.0)), Release("pool")])], pools=[Pool("pool", 3)]
    )
    # Each attempt fails with 0.25: a geometric number of exponential times, which is exponential of mean 4/3.
    failing: list[Step] = [Delay("work", Exponential(1.0)), Branch([(0.75, []), (0.25, [Fail()])])]
    again = Model("retry", [Flow("get", [Retry(failing, attempts=50)])])
    return [
        open_case("open network of three stations", "Jackson 1957", expected, jackson, [1.0], controls),
        open_case(
            "M/M/3 as a pool", "Erlang 1917", theory.mmc(2.1, 1.0, 3).response_time_s, pooled, [2.1], {"pool": 1}
        ),
        open_case("retries until it completes", "geometric sum", 4 / 3, again, [1.0], {}, count=50_000),
    ]


def _closed() -> list[Case]:
    ways = [(0.25, [Serve("disk", Exponential(0.8))]), (0.75, [])]
    flow = Flow("get", [Serve("cpu", Exponential(0.1)), Branch(ways), Serve("net", Exponential(0.3))])
    stations = [Station("cpu"), Station("disk"), Station("net", 2)]
    users = Population("users", "get", 12, Exponential(1.5), 40_000.0)
    model = Model("closed", [flow], stations, populations=[users])
    centres = [theory.Centre(0.1), theory.Centre(0.2), theory.Centre(0.3, 2)]
    expected = theory.closed_network(centres, 12, 1.5).response_time_s
    controls = {"cpu": 0.1, "disk": 0.8, "net": 0.3}
    found = [closed_case("closed network, 12 users", "Gordon & Newell 1967, Buzen 1973", expected, model, controls)]
    single = Model(
        "closed",
        [Flow("get", [Serve("cpu", Exponential(0.1)), Serve("disk", Exponential(0.2))])],
        [Station("cpu"), Station("disk")],
        populations=[Population("users", "get", 8, Exponential(1.0), 40_000.0)],
    )
    expected = theory.mean_value_analysis([0.1, 0.2], 8, 1.0).response_time_s
    source = "Reiser & Lavenberg 1980"
    found.append(closed_case("closed network, 8 users", source, expected, single, {"cpu": 0.1, "disk": 0.2}))
    repair = Model(
        "repair",
        [Flow("repair", [Serve("repairers", Exponential(2.0))])],
        [Station("repairers", 2)],
        populations=[Population("machines", "repair", 10, Exponential(10.0), 200_000.0)],
    )
    expected = theory.machine_repair(10, 10.0, 2.0, 2).response_time_s
    found.append(closed_case("machine repair, M/M/2//10", "Palm 1947", expected, repair, {"repairers": 2.0}))
    return found


def _forking() -> list[Case]:
    stations = [Station("a"), Station("b")]
    both = Fork([[Serve("a", Exponential(1.0))], [Serve("b", Exponential(1.0))]])
    model = Model("fork", [Flow("get", [both])], stations)
    expected = theory.fork_join(0.6, 1.0, 2).approximation_s
    quorum = Model("quorum", [Flow("get", [Fork.copies(5, [Delay("replica", Exponential(1.0))], wait_for=3)])])
    third = theory.kth_fastest_s(1.0, 5, 3)
    controls = {"a": 1.0, "b": 1.0}
    return [
        open_case("fork to two M/M/1, join", "Flatto & Hahn 1984", expected, model, [0.6], controls),
        open_case("three of five", "Rényi 1953", third, quorum, [1.0], {}, count=50_000),
    ]


def _caching() -> list[Case]:
    found = []
    for exponent in (0.7, 1.0):
        popularity = theory.zipf_popularity(KEYS, exponent)
        for capacity in (200, 2_000):
            for policy, formula in (("lru", theory.lru_hit_ratio), ("fifo", theory.fifo_hit_ratio)):
                name = f"{policy.upper()}, {capacity:,} of {KEYS:,} keys, Zipf {exponent}: hit ratio"
                source = "Che et al. 2002" if policy == "lru" else "Fricker et al. 2012"
                run = _hit_ratio(policy, capacity, exponent)
                found.append(
                    Case(
                        name,
                        source,
                        formula(popularity, capacity),
                        run,
                        replications=50 if formula(popularity, capacity) < 0.1 else 20,
                    )
                )
    return found


def _hit_ratio(policy: str, capacity: int, exponent: float) -> Callable[[int], Sample]:
    model = Model(
        "cache", [Flow("get", [Lookup("c"), Delay("d", Constant(0.0))])], caches=[Cache("c", capacity, policy)]
    )
    bounds = np.cumsum(theory.zipf_popularity(KEYS, exponent))
    bounds[-1] = 1.0

    def run(seed: int) -> Sample:
        keys = np.searchsorted(bounds, np.random.default_rng(seed).random(LOOKUPS), side="right")
        plain = table(np.arange(LOOKUPS, dtype=np.float64), np.zeros(LOOKUPS, dtype=np.int16), ("get",))
        requests = Requests(
            plain.arrival_s, plain.operation, keys.astype(np.int64), plain.region, plain.operations, plain.regions
        )
        hits = simulate(model, requests, seed, ENGINE).cache_hit
        return Sample(float(hits[LOOKUPS // 4 :].mean()))

    return run
