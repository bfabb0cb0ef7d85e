"""Steps that take time or a resource: delay, travel, serve, hold and release; and to fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulations.distributions import Distribution

Failure = Literal["rejected", "timed_out", "failed"]


@dataclass(frozen=True)
class Delay:
    """Time passes without contention: a network hop, a client's think time. ``name`` is what it is reported as.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Delay("network", Constant(0.25))]
        >>> path = simulate(Model("example", [Flow("get", steps)]), arrivals_at([0.0, 1.0]), seed=1)
        >>> path.completed_s.tolist()
        [0.25, 1.25]
    """

    name: str
    time: Distribution


@dataclass(frozen=True)
class Travel:
    """Go from the region where the request is now to another: half of the model's round-trip time between them.

    ``region`` None goes back to where the request came from. Within one region it takes no time. Reported as
    "network".

    Example:
        >>> from simulations.examples import *
        >>> steps = [Travel("us"), Serve("database", Constant(1.0)), Travel()]
        >>> flows, round_trip_s = [Flow("get", steps)], {("eu", "us"): 0.5}
        >>> model = Model("example", flows, [Station("database")], regions=("eu", "us"), round_trip_s=round_trip_s)
        >>> simulate(model, arrivals_at([0.0, 4.0], region=["eu", "us"]), seed=1).completed_s.tolist()
        [1.5, 5.0]
    """

    region: str | None = None


@dataclass(frozen=True)
class Serve:
    """Take one of a station's servers, keep it for a drawn service time, give it back.

    Who waits is served in order of ``priority`` (0 first, not interrupting anyone's service), then of arrival. At a
    station that shares its processors, the time is the work to be done. In a batch, ``per_item`` is drawn once and
    added for each of the batch's items.

    Example:
        >>> from simulations.examples import *
        >>> model = Model("example", [Flow("get", [Serve("server", Constant(1.0))])], [Station("server")])
        >>> simulate(model, arrivals_at([0.0, 0.5]), seed=1).completed_s.tolist()
        [1.0, 2.0]
    """

    station: str
    time: Distribution
    priority: int = 0
    per_item: Distribution | None = None


@dataclass(frozen=True)
class Hold:
    """Take one slot of a pool, waiting by ``priority`` and arrival, and keep it until the `Release` of that pool.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Hold("connections"), Delay("query", Constant(1.0)), Release("connections")]
        >>> model = Model("example", [Flow("get", steps)], pools=[Pool("connections", 1)])
        >>> simulate(model, arrivals_at([0.0, 0.5]), seed=1).completed_s.tolist()
        [1.0, 2.0]
    """

    pool: str
    priority: int = 0


@dataclass(frozen=True)
class Release:
    """Give the pool's slot back.

    Example:
        >>> from simulations.examples import *
        >>> query = [Hold("connections"), Delay("query", Constant(1.0)), Release("connections")]
        >>> flows = [Flow("get", [*query, Delay("render", Constant(0.5))])]
        >>> model = Model("example", flows, pools=[Pool("connections", 1)])
        >>> simulate(model, arrivals_at([0.0, 0.5]), seed=1).completed_s.tolist()
        [1.5, 2.5]
    """

    pool: str


@dataclass(frozen=True)
class Fail:
    """End with this outcome instead of completing: an error of the service, say, on one way of a `Branch`.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Switch("key", {7: [Fail("rejected")]}, otherwise=[Delay("work", Constant(1.0))])]
        >>> path = simulate(Model("example", [Flow("get", steps)]), arrivals_at([0.0, 0.5], key=[1, 7]), seed=1)
        >>> outcomes(path)
        ['completed', 'rejected']
    """

    outcome: Failure = "failed"
