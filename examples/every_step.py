"""A web shop that uses every step, every resource and every distribution there is; run on both engines.

    .venv/bin/python examples/every_step.py

Customers in Europe and America browse, search and order; the staff looks after the stock. All times are in seconds.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from sdlab.popularity import zipf_ranks
from sdlab.workload import Requests
from simulations.distributions import (
    Constant,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Hyperexponential,
    LogNormal,
    Mixture,
    Pareto,
    Uniform,
    Weibull,
)
from simulations.drawing import Usage, draw
from simulations.engines import simulate
from simulations.model import (
    Attempt,
    Autoscaler,
    Backoff,
    Balance,
    Balancer,
    Branch,
    Break,
    Breakdowns,
    Breaker,
    Cache,
    Delay,
    Enqueue,
    Fail,
    Flow,
    Fork,
    Hedge,
    Hold,
    Invalidate,
    Limit,
    Lookup,
    Model,
    Outage,
    Pool,
    Population,
    Queue,
    Release,
    Retry,
    RetryBudget,
    Serve,
    Spawn,
    StartUp,
    Station,
    Step,
    Store,
    Switch,
    Timeout,
    TokenBucket,
    Travel,
)
from simulations.sample_path import OUTCOMES, SamplePath

PRODUCTS = 5_000
REGIONS = ("eu", "us")
SHARES = {"browse": 0.7, "search": 0.2, "order": 0.1}

PAGE = LogNormal(0.004, 0.6)
QUERY = Hyperexponential((0.9, 0.1), (0.003, 0.02))
PAYMENT = Mixture((0.95, 0.05), (LogNormal(0.06, 0.5), Exponential(0.4)))
MEASURED = Empirical((0.001, 0.002, 0.002, 0.003, 0.008))


def _to_a_web_server() -> list[Step]:
    """Over the network to the data centre, and there to the less busy of two servers."""
    servers: dict[str, list[Step]] = {name: [Serve(name, PAGE)] for name in ("web_1", "web_2")}
    return [Limit("front_door"), Travel("eu"), Balance("web", servers)]


def _browse() -> Flow:
    """A product page: from the server's own cache, from the shared one, or from the database."""
    from_database: list[Step] = [Hold("connections"), Serve("database", QUERY), Release("connections")]
    shared = Lookup("shared_cache", hit=[Delay("shared_cache", Uniform(0.0003, 0.0007))], miss=from_database)
    recommended = Hedge(Constant(0.02), [Delay("recommendations", Pareto(0.01, 2.2))], extra=1)
    pictures = Switch("region", {"us": [Delay("pictures_us", MEASURED)]}, otherwise=[Delay("pictures", MEASURED)])
    return Flow(
        "browse",
        [
            *_to_a_web_server(),
            Lookup("local_cache", miss=[shared]),
            Attempt([Timeout(Constant(0.05), [recommended], abandoned="cancel")], otherwise=[]),
            Travel(),
            pictures,
        ],
    )


def _search() -> Flow:
    """All shards at once, of which two of three are enough; a few queries cannot be understood."""
    shard: list[Step] = [Serve("search", Erlang(0.006, 3))]
    understood: list[Step] = [Fork.copies(3, shard, wait_for=2, rest="continue")]
    return Flow("search", [*_to_a_web_server(), Branch([(0.98, understood), (0.02, [Fail("failed")])]), Travel()])


def _order() -> Flow:
    """Pay, behind a circuit breaker and with a few retries; then the ledger at once, and the rest later."""
    payment = Timeout(Constant(0.5), [Serve("payment", PAYMENT)], abandoned="continue")
    paying = Retry(
        [Break("payment", [payment])],
        attempts=3,
        backoff=Backoff(first_s=0.05, factor=2.0, most_s=0.2, jitter="full"),
        budget="payment",
        on=("timed_out", "failed"),
    )
    return Flow(
        "order",
        [
            *_to_a_web_server(),
            Hold("checkouts"),
            paying,
            Release("checkouts"),
            Enqueue("ledger", wait=True),
            Enqueue("letters"),
            Spawn("reindex"),
            Invalidate("local_cache"),
            Travel(),
        ],
    )


def _background() -> list[Flow]:
    """What nobody waits for, the staff, and the workers of the queues."""
    return [
        Flow("reindex", [Serve("search", Weibull(0.02, 1.5)), Store("shared_cache")]),
        Flow("stock", [Hold("connections"), Serve("database", QUERY, priority=1), Release("connections")]),
        Flow("write_ledger", [Serve("database", Constant(0.002), per_item=Exponential(0.0005))]),
        Flow("send_letters", [Serve("post", Gamma(0.05, 2.5))]),
    ]


def build() -> Model:
    """The shop."""
    return Model(
        "shop",
        [_browse(), _search(), _order(), *_background()],
        stations=[
            Station("web_1", 2, start_up=StartUp([(0.005, Constant(0.001))])),
            Station("web_2", 2, start_up=StartUp([(0.005, Constant(0.001))])),
            Station("database", 2, outages=[Outage(10.0, 3.0, servers=1, work="finish")]),
            Station("search", 2, shares=True, autoscaler=Autoscaler(0.6, 1, 4, interval_s=2.0, delay_s=1.0)),
            Station("payment", 4, queue=10, outages=[Breakdowns(Exponential(15.0), Erlang(2.0, 2), refuses=True)]),
            Station("post", turns=True),
        ],
        pools=[Pool("connections", 8), Pool("checkouts", 5, queue=0)],
        caches=[
            Cache("local_cache", 200, "fifo", expiry_s=20.0),
            Cache("shared_cache", 1_000, "lru", single_flight=True),
        ],
        regions=REGIONS,
        queues=[
            Queue("ledger", "write_ledger", batch=10, wait_s=0.02),
            Queue("letters", "send_letters", batch=50, wait_s=1.0, limit=500),
        ],
        balancers=[Balancer("web", ("web_1", "web_2"), "two_choices")],
        buckets=[TokenBucket("front_door", rate_rps=210.0, burst=60.0)],
        breakers=[Breaker("payment", window=20, failure_ratio=0.5, least_calls=10, open_s=2.0, probes=2)],
        budgets=[RetryBudget("payment", ratio=0.2, most=5.0)],
        populations=[Population("staff", "stock", users=5, think=Exponential(2.0), region="eu")],
        round_trip_s={("eu", "us"): 0.09},
    )


def customers(count: int = 5_000, rate_rps: float = 200.0, seed: int = 1) -> Requests:
    """A Poisson stream of requests that ask for products by Zipf's law."""
    rng = np.random.default_rng(seed)
    return Requests(
        np.cumsum(rng.exponential(1 / rate_rps, count)),
        rng.choice(len(SHARES), count, p=list(SHARES.values())).astype(np.int16),
        zipf_ranks(count, PRODUCTS, 0.9, seed),
        rng.integers(0, len(REGIONS), count).astype(np.int16),
        tuple(SHARES),
        REGIONS,
    )


def outcomes(path: SamplePath, requests: Requests) -> dict[str, dict[str, int]]:
    """How many requests of each operation ended how."""
    table = {}
    for number, operation in enumerate(requests.operations):
        ended = path.outcome[: len(requests)][requests.operation == number]
        table[operation] = {name: int((ended == code).sum()) for code, name in enumerate(OUTCOMES)}
    return table


def main() -> None:
    """Run it on both engines, and say what became of the requests."""
    model, requests = build(), customers()
    paths = []
    for engine in ("simpy", "compiled"):
        began_s = time.perf_counter()
        paths.append(simulate(model, requests, 1, engine, record_spans=True, record_spawned=True, bin_s=1.0))
        print(f"{engine:9} {len(requests):,} requests in {time.perf_counter() - began_s:.2f} s")
    different = paths[0].differences(paths[1])
    print("the engines differ in " + ", ".join(different) if different else "the engines agree to the last bit")
    for operation, ended in outcomes(paths[0], requests).items():
        print(f"{operation:9} " + "  ".join(f"{count:,} {name}" for name, count in ended.items() if count))
    file = Path("shop.svg")
    file.write_text(draw(model, Usage.of_path(paths[1], "this run")).svg(), encoding="utf-8")
    print(f"drawn in {file}")


if __name__ == "__main__":
    main()
