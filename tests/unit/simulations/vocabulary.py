"""Random valid models over the whole vocabulary; the same numbers make the same model."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from simulations.distributions import (
    Constant,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    LogNormal,
)
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

REGIONS = ("eu", "us")
POOLS = ("p0", "p1")
OUTCOMES = ("rejected", "timed_out", "failed")


class AnyModel:
    """Builds one model. Flows start later ones only; pools are held in their order; one flight leads nothing else."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def time(self) -> Distribution:
        r = self.random
        choices: list[Distribution] = [
            Constant(r.choice([0, 1, 0.1, r.random()])),
            Exponential(r.uniform(1e-6, 3)),
            Erlang(r.uniform(0.01, 3), r.randint(1, 6)),
            LogNormal(r.uniform(0.01, 3), r.uniform(0, 2)),
            Hyperexponential((0.25, 0.75), (r.random() + 1e-9, 3.0)),
            Empirical(tuple(sorted(r.uniform(0, 4) for _ in range(r.randint(2, 6))))),
        ]
        return r.choice(choices)

    def on(self) -> Any:
        return tuple(self.random.sample(OUTCOMES, self.random.randint(1, 3)))

    def steps(self, flow: int, depth: int, pools: Sequence[str], least: int = 0) -> list[Step]:
        return [step for _ in range(self.random.randint(least, 3)) for step in self.piece(flow, depth, pools)]

    def plain(self, flow: int) -> list[Step]:
        r = self.random
        items = self.time() if flow == 3 and r.random() < 0.5 else None
        choices: list[Step] = [
            Serve("fcfs", self.time(), r.randint(0, 15), items),
            Serve("shared", self.time()),
            Delay("hop", self.time()),
            Travel(r.choice([None, *REGIONS])),
            Store("c0"),
            Invalidate("c0"),
            Limit("bucket"),
        ]
        if flow < 3:
            choices += [Spawn(f"f{r.randint(flow + 1, 3)}"), Enqueue("jobs", wait=False)]
        return [r.choice(choices)]

    def piece(self, flow: int, depth: int, pools: Sequence[str]) -> list[Step]:
        r = self.random
        if not depth or r.random() < 0.3:
            return self.plain(flow)
        if pools and r.random() < 0.3:
            which = r.randrange(len(pools))
            inside = self.steps(flow, depth - 1, pools[which + 1 :])
            return [Hold(pools[which], r.randint(0, 15)), *inside, Release(pools[which])]
        return [r.choice([self.choice, self.part])(flow, depth, pools)]

    def choice(self, flow: int, depth: int, pools: Sequence[str]) -> Step:
        r = self.random

        def inner() -> list[Step]:
            return self.steps(flow, depth - 1, pools)

        kinds: dict[str, Callable[[], Step]] = {
            "branch": lambda: Branch([(p := r.choice([0.0, 0.1, 1.0]), inner()), (1 - p, inner())]),
            "region": lambda: Switch("region", {"us": inner()}, inner()),
            "operation": lambda: Switch("operation", {"f0": inner(), "f1": inner()}),
            "key": lambda: Switch("key", {0: inner(), 2**40: inner()}, inner()),
            "lookup": lambda: Lookup("c0", inner(), inner()),
            "balance": lambda: Balance("balancer", {name: self.plain(flow) for name in ("a", "b")}),
            "fail": lambda: Branch([(0.9, []), (0.1, [Fail(r.choice(OUTCOMES))])]),  # type: ignore[arg-type]
        }
        return kinds[r.choice(list(kinds))]()

    def part(self, flow: int, depth: int, pools: Sequence[str]) -> Step:
        r = self.random

        def inner() -> list[Step]:
            return self.steps(flow, depth - 1, pools, 1)

        backoff = Backoff(
            r.random(), 1 + r.random(), r.choice([0.5, float("inf")]), r.choice(["none", "full", "equal"])
        )
        kinds: dict[str, Callable[[], Step]] = {
            "fork": lambda: Fork([inner(), inner(), inner()], r.choice([None, 1, 2]), r.choice(["cancel", "continue"])),
            "timeout": lambda: Timeout(self.time(), inner(), r.choice(["cancel", "continue"])),
            "retry": lambda: Retry(inner(), r.randint(1, 4), backoff, r.choice([None, "budget"]), self.on()),
            "hedge": lambda: Hedge(self.time(), inner(), r.randint(1, 3)),
            "break": lambda: Break("breaker", inner()),
            "attempt": lambda: Attempt(inner(), self.steps(flow, depth - 1, pools), self.on()),
        }
        return kinds[r.choice(list(kinds))]()

    def model(self, depth: int = 3) -> Model:
        """A whole model; its last operation uses whatever the others left unused."""
        r = self.random
        one = [Delay("hop", Constant(1))]
        rest: list[Step] = [
            Serve("fcfs", Constant(1.0)),
            Serve("shared", Constant(1.0)),
            *(step for pool in POOLS for step in (Hold(pool), Release(pool))),
            Lookup("c0"),
            Lookup("c1"),
            Limit("bucket"),
            Break("breaker", one),
            Retry(one, budget="budget"),
            Balance("balancer", {"a": [], "b": []}),
            Enqueue("jobs", wait=True),
        ]
        outages = [Outage(1.0, 2.5, r.choice([None, 1]), r.choice(["fail", "finish"]), r.random() < 0.5)]
        down = Breakdowns(Exponential(50.0), self.time(), None, "finish")
        scaler = r.choice([None, Autoscaler(0.7, 1, 4, 10.0, 30)])
        return Model(
            f"any {r.randint(0, 9)}",
            [*(Flow(f"f{i}", self.steps(i, depth, POOLS, 1)) for i in range(4)), Flow("rest", rest)],
            [
                Station(
                    "fcfs",
                    r.randint(1, 3),
                    r.choice([None, 0, 4]),
                    start_up=r.choice([None, StartUp([(0, Constant(0.1)), (1.5, self.time())])]),
                    outages=r.choice([(), [*outages, down]]),
                    autoscaler=scaler,
                ),
                Station("shared", 2, shares=True),
            ],
            [Pool(name, r.randint(1, 3), r.choice([None, 0, 3])) for name in POOLS],
            [
                Cache("c0", r.randint(5, 9), r.choice(["lru", "fifo"]), r.sample(range(9), 5)),
                Cache("c1", capacity_bytes=1000, entry_bytes=Constant(10.0), expiry_s=2.0, single_flight=True),
            ],
            REGIONS,
            queues=[Queue("jobs", "f3", r.randint(1, 4), r.random(), 2, r.choice([None, 10]))],
            balancers=[Balancer("balancer", ("a", "b"), r.choice(["random", "consistent_hash"]), 7)],
            buckets=[TokenBucket("bucket", r.uniform(1, 100), r.choice([1, 2.5]))],
            breakers=[Breaker("breaker", 20, 0.3, 5, 1.5, 2)],
            budgets=[RetryBudget("budget", 0.1, 3)],
            populations=[Population("users", "f0", 3, self.time(), r.choice([None, 7.5]), [4, 4, 2], "us")],
            round_trip_s={("eu", "us"): 0.08},
        )
