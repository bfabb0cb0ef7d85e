"""Steps that choose a way: by chance, by an attribute, by a balancer, or by what a cache holds.

Whichever way was taken, the flow goes on with the step after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from simulations.steps.flow import Step

Attribute = Literal["region", "operation", "key"]


@dataclass(frozen=True)
class Branch:
    """Go one of several ways by chance: ``ways`` are pairs of probability and steps; probabilities add up to 1.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Branch([(0.5, [Delay("short", Constant(1.0))]), (0.5, [Delay("long", Constant(2.0))])])]
        >>> path = simulate(Model("example", [Flow("get", steps)]), arrivals_at(range(1000)), seed=1)
        >>> sorted(set(path.response_time_s.tolist()))
        [1.0, 2.0]
    """

    ways: Sequence[tuple[float, Sequence[Step]]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ways", tuple((float(p), tuple(steps)) for p, steps in self.ways))


@dataclass(frozen=True)
class Switch:
    """Go the way named by an attribute of the request, or ``otherwise`` if no case names its value.

    ``on`` is "region" (cases are names of the model's regions), "operation" (names of flows: the operation that
    arrived, also within what it spawned) or "key" (integers).

    Example:
        >>> from simulations.examples import *
        >>> steps = [Switch("region", {"eu": [Delay("near", Constant(0.25))]}, otherwise=[Delay("far", Constant(1.0))])]
        >>> model = Model("example", [Flow("get", steps)], regions=("eu", "us"))
        >>> simulate(model, arrivals_at([0.0, 0.0], region=["eu", "us"]), seed=1).completed_s.tolist()
        [0.25, 1.0]
    """

    on: Attribute
    cases: Mapping[str | int, Sequence[Step]]
    otherwise: Sequence[Step] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cases", {value: tuple(steps) for value, steps in self.cases.items()})
        object.__setattr__(self, "otherwise", tuple(self.otherwise))


@dataclass(frozen=True)
class Balance:
    """Go the way of the target that a `Balancer` picks; the request counts as in flight there until the way's end.

    ``ways`` has the steps for each of the balancer's targets.

    Example:
        >>> from simulations.examples import *
        >>> ways = {name: [Serve(name, Constant(1.0))] for name in ("a", "b")}
        >>> model = Model(
        ...     "example",
        ...     [Flow("get", [Balance("front", ways)])],
        ...     [Station("a"), Station("b")],
        ...     balancers=[Balancer("front", ["a", "b"], "round_robin")],
        ... )
        >>> simulate(model, arrivals_at([0.0, 0.0, 0.5]), seed=1).completed_s.tolist()
        [1.0, 1.0, 2.0]
    """

    balancer: str
    ways: Mapping[str, Sequence[Step]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ways", {target: tuple(steps) for target, steps in self.ways.items()})


@dataclass(frozen=True)
class Lookup:
    """Ask a cache for the request's key, and read through it on a miss (cache-aside).

    On a hit the ``hit`` steps run. On a miss the ``miss`` steps run, and when they are done the key is stored. Several
    requests may miss one key at once, each doing the work, unless the cache allows one flight per key
    (``single_flight``): then the first leads, and the others wait for it and take the hit's way. If the leader
    fails or is cancelled, the one who has waited longest leads instead. Layers are lookups inside ``miss``.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Lookup("links", miss=[Delay("database", Constant(1.0))])]
        >>> model = Model("example", [Flow("get", steps)], caches=[Cache("links", 10, "lru")])
        >>> simulate(model, arrivals_at([0.0, 2.0, 2.5], key=[5, 5, 6]), seed=1).completed_s.tolist()
        [1.0, 2.0, 3.5]
    """

    cache: str
    hit: Sequence[Step] = ()
    miss: Sequence[Step] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "hit", tuple(self.hit))
        object.__setattr__(self, "miss", tuple(self.miss))


@dataclass(frozen=True)
class Store:
    """Put the request's key into a cache without asking for it first (write-through).

    Example:
        >>> from simulations.examples import *
        >>> flows = [Flow("get", [Lookup("links")]), Flow("put", [Store("links")])]
        >>> model = Model("example", flows, caches=[Cache("links", 10, "lru")])
        >>> simulate(model, arrivals_at([0.0, 1.0], operation=["put", "get"], key=5), seed=1).cache_hit.tolist()
        [-1, 1]
    """

    cache: str


@dataclass(frozen=True)
class Invalidate:
    """Drop the request's key from a cache, if it is there.

    Example:
        >>> from simulations.examples import *
        >>> flows = [Flow("get", [Lookup("links")]), Flow("delete", [Invalidate("links")])]
        >>> model = Model("example", flows, caches=[Cache("links", 10, "lru")])
        >>> requests = arrivals_at([0.0, 1.0, 2.0, 3.0], operation=["get", "get", "delete", "get"], key=5)
        >>> simulate(model, requests, seed=1).cache_hit.tolist()
        [0, 1, -1, 0]
    """

    cache: str
