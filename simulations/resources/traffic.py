"""Who sends requests and where they go: balancers, closed populations of users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from simulations.distributions import Distribution
from simulations.resources.numbers import count, one_of, seconds

BALANCING = ("random", "round_robin", "least_connections", "two_choices", "consistent_hash")


@dataclass(frozen=True)
class Balancer:
    """Picks one of ``targets`` for each request that comes to a `Balance`, and counts who is in flight at each.

    ``policy``: "random"; "round_robin"; "least_connections" (the fewest in flight; of several, the first after the one
    picked last); "two_choices" (the less busy of two picked at random, Mitzenmacher 2001); "consistent_hash" (by the
    request's key, on a ring with ``points`` points a target, Karger et al. 1997).

    Example:
        >>> from simulations.examples import *
        >>> ways = {"a": [Delay("slow", Constant(1.0))], "b": [Delay("fast", Constant(0.25))]}
        >>> balancer = Balancer("front", ["a", "b"], "least_connections")
        >>> model = Model("example", [Flow("get", [Balance("front", ways)])], balancers=[balancer])
        >>> simulate(model, arrivals_at([0.0, 0.0, 0.5]), seed=1).completed_s.tolist()
        [1.0, 0.25, 0.75]
    """

    name: str
    targets: Sequence[str]
    policy: Literal["random", "round_robin", "least_connections", "two_choices", "consistent_hash"] = "random"
    points: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", tuple(self.targets))
        if not self.targets:
            raise InvalidInput(f"balancer {self.name}, targets", (), "must hold at least one")
        if len(set(self.targets)) != len(self.targets):
            raise InvalidInput(f"balancer {self.name}, targets", self.targets, "must not hold a target twice")
        one_of(f"balancer {self.name}, policy", self.policy, BALANCING)
        count(f"balancer {self.name}, points", self.points, least=1)


@dataclass(frozen=True, eq=False)
class Population:
    """``users`` who each think, send a request of ``flow``, wait for its end, and think again (a closed workload).

    They begin by thinking, at time 0, and begin no request after ``until_s`` (None: after the last open arrival).
    ``keys`` are what their requests ask for, each with equal chance: repeat a key to make it more popular.
    ``region`` is where they are.

    Example:
        >>> from simulations.examples import *
        >>> one_user = Population("users", "get", users=1, think=Constant(1.0), until_s=3.0)
        >>> flows = [Flow("get", [Serve("server", Constant(0.5))])]
        >>> model = Model("example", flows, [Station("server")], populations=[one_user])
        >>> path = simulate(model, arrivals_at([]), seed=1)
        >>> path.arrival_s.tolist(), path.completed_s.tolist()
        ([1.0, 2.5], [1.5, 3.0])
    """

    name: str
    flow: str
    users: int
    think: Distribution
    until_s: float | None = None
    keys: Sequence[int] | NDArray[np.int64] = field(default=(), repr=False)
    region: str | None = None

    def __post_init__(self) -> None:
        count(f"population {self.name}, users", self.users, least=1)
        if self.until_s is not None:
            seconds(f"population {self.name}, until_s", self.until_s)
        keys = np.array(self.keys, dtype=np.int64)
        if keys.size and keys.min() < 0:
            raise InvalidInput(f"population {self.name}, keys", int(keys.min()), "must not hold a key below 0")
        keys.flags.writeable = False
        object.__setattr__(self, "keys", keys)
