"""A capacity model: what requests compete for, and the flows they take through it.

What the steps and resources mean is said where they are defined, the order of things in docs/what-happens-when.md.
Both engines obey it, which makes their results equal to the last bit, ties included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from simulations.caches.cache import Cache
from simulations.distributions import (
    Constant,
    Distribution,
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
from simulations.resources import (
    Autoscaler,
    Balancer,
    Breakdowns,
    Breaker,
    Outage,
    Pool,
    Population,
    Queue,
    RetryBudget,
    StartUp,
    Station,
    TokenBucket,
)
from simulations.steps import (
    Attempt,
    Backoff,
    Balance,
    Branch,
    Break,
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
    Place,
    Release,
    Retry,
    Serve,
    Spawn,
    Step,
    Store,
    Switch,
    Timeout,
    Travel,
)
from simulations.validation import validate

__all__ = [
    "NETWORK",
    "Attempt",
    "Autoscaler",
    "Backoff",
    "Balance",
    "Balancer",
    "Branch",
    "Break",
    "Breakdowns",
    "Breaker",
    "Cache",
    "Constant",
    "Delay",
    "Distribution",
    "Empirical",
    "Enqueue",
    "Erlang",
    "Exponential",
    "Fail",
    "Flow",
    "Fork",
    "Gamma",
    "Hedge",
    "Hold",
    "Hyperexponential",
    "Invalidate",
    "Limit",
    "LogNormal",
    "Lookup",
    "Mixture",
    "Model",
    "Outage",
    "Pareto",
    "Pool",
    "Population",
    "Queue",
    "Release",
    "Retry",
    "RetryBudget",
    "Serve",
    "Spawn",
    "StartUp",
    "Station",
    "Step",
    "Store",
    "Switch",
    "Timeout",
    "TokenBucket",
    "Travel",
    "Uniform",
    "Weibull",
]

NETWORK = "network"
"""What the time of `Travel` is reported as."""


@dataclass(frozen=True)
class Model:
    """The whole: construction checks it and raises `InvalidInput` naming the step that is wrong by its place.

    ``flows`` are named as the operations of the requests they serve; those that are only spawned, or run by a queue's
    workers, run in the background. ``regions`` are what requests come from, `Switch` can tell apart and `Travel`
    goes to; ``round_trip_s`` has the network's time between two of them, there and back, in either order.
    """

    name: str
    flows: Sequence[Flow]
    stations: Sequence[Station] = ()
    pools: Sequence[Pool] = ()
    caches: Sequence[Cache] = ()
    regions: Sequence[str] = ()
    queues: Sequence[Queue] = field(default=(), kw_only=True)
    balancers: Sequence[Balancer] = field(default=(), kw_only=True)
    buckets: Sequence[TokenBucket] = field(default=(), kw_only=True)
    breakers: Sequence[Breaker] = field(default=(), kw_only=True)
    budgets: Sequence[RetryBudget] = field(default=(), kw_only=True)
    populations: Sequence[Population] = field(default=(), kw_only=True)
    round_trip_s: Mapping[tuple[str, str], float] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        for name in SEQUENCES:
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "round_trip_s", dict(self.round_trip_s))
        validate(self)

    def walk(self) -> Iterator[tuple[Place, Step]]:
        """Every step of every flow with its place."""
        for flow in self.flows:
            yield from flow.walk()

    def _repr_svg_(self) -> str:
        """How a notebook shows the model."""
        from simulations.drawing import draw  # noqa: PLC0415  it draws models, so it imports this module

        return draw(self).svg()

    @property
    def delays(self) -> tuple[str, ...]:
        """The names of the delays, in the order in which they first occur; travelling is the delay "network"."""
        named = (
            step.name if isinstance(step, Delay) else NETWORK
            for _, step in self.walk()
            if isinstance(step, Delay | Travel)
        )
        return tuple(dict.fromkeys(named))

    @property
    def background(self) -> tuple[str, ...]:
        """The names of the flows that some flow spawns or some queue runs."""
        spawned = {step.flow for _, step in self.walk() if isinstance(step, Spawn)}
        spawned |= {queue.flow for queue in self.queues}
        return tuple(flow.name for flow in self.flows if flow.name in spawned)

    def one_way_s(self, start: str, end: str) -> float:
        """Half of the round-trip time between two regions; 0 within one."""
        if start == end:
            return 0.0
        there, back = self.round_trip_s.get((start, end)), self.round_trip_s.get((end, start))
        return (there if there is not None else back or 0.0) / 2


SEQUENCES = (
    "flows",
    "stations",
    "pools",
    "caches",
    "regions",
    "queues",
    "balancers",
    "buckets",
    "breakers",
    "budgets",
    "populations",
)
