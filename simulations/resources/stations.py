"""Stations and pools: what requests compete for; and what changes a station's servers while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from sdlab.errors import InvalidInput
from simulations.distributions import Distribution
from simulations.resources.numbers import count, one_of, seconds

Work = Literal["fail", "finish"]


@dataclass(frozen=True)
class StartUp:
    """What a service costs more at a server that has idled: pairs of (idle for at least so many seconds, extra time).

    The last pair whose time has passed counts; a single pair (0, time) is the exceptional first service of Welch
    (1964). Of several idle servers the one that became idle last is taken; all idle from time 0 on.

    Example:
        >>> from simulations.examples import *
        >>> station = Station("server", start_up=StartUp([(0.5, Constant(0.25))]))
        >>> model = Model("example", [Flow("get", [Serve("server", Constant(1.0))])], [station])
        >>> simulate(model, arrivals_at([0.0, 3.0]), seed=1).completed_s.tolist()
        [1.0, 4.25]
    """

    levels: Sequence[tuple[float, Distribution]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple((float(after_s), extra) for after_s, extra in self.levels))
        if not self.levels:
            raise InvalidInput("start_up, levels", (), "must hold at least one pair")
        for after_s, _ in self.levels:
            seconds("start_up, idle time", after_s)
        for (before_s, _), (after_s, _) in pairwise(self.levels):
            if after_s <= before_s:
                raise InvalidInput("start_up, idle time", after_s, f"must be above the one before it, {before_s}")


@dataclass(frozen=True)
class Outage:
    """Servers are down from ``start_s`` for ``duration_s``: all of them, or so many (None: the whole station).

    What is in service then fails (``work="fail"``; those first whose service began first) or is finished by servers
    that take nothing new ("finish"). Who comes while no server is up waits, or fails at once if the station
    ``refuses``.

    Example:
        >>> from simulations.examples import *
        >>> station = Station("server", outages=[Outage(start_s=0.5, duration_s=2.0)])
        >>> model = Model("example", [Flow("get", [Serve("server", Constant(1.0))])], [station])
        >>> path = simulate(model, arrivals_at([0.0, 1.0]), seed=1)
        >>> outcomes(path), path.completed_s.tolist()
        (['failed', 'completed'], [0.5, 3.5])
    """

    start_s: float
    duration_s: float
    servers: int | None = None
    work: Work = "fail"
    refuses: bool = False

    def __post_init__(self) -> None:
        seconds("outage, start_s", self.start_s)
        seconds("outage, duration_s", self.duration_s, zero=False)
        _outage(self.servers, self.work)


@dataclass(frozen=True)
class Breakdowns:
    """Outages at random: up for a drawn time, down for a drawn time, and again. Otherwise as `Outage`.

    Example:
        >>> from simulations.examples import *
        >>> station = Station("server", outages=[Breakdowns(up=Constant(2.0), down=Constant(1.0))])
        >>> model = Model("example", [Flow("get", [Serve("server", Constant(0.5))])], [station])
        >>> simulate(model, arrivals_at([0.0, 2.5]), seed=1).completed_s.tolist()
        [0.5, 3.5]
    """

    up: Distribution
    down: Distribution
    servers: int | None = None
    work: Work = "fail"
    refuses: bool = False

    def __post_init__(self) -> None:
        if self.up.mean_s <= 0:
            raise InvalidInput("breakdowns, up", self.up.mean_s, "must have a mean above 0")
        _outage(self.servers, self.work)


@dataclass(frozen=True)
class Autoscaler:
    """Changes a station's servers to hold their utilisation at a target, as Kubernetes' HorizontalPodAutoscaler does.

    Every ``interval_s`` it measures the mean utilisation since it last looked, and wants ceil(servers x utilisation /
    target) servers, from ``least`` to ``most``. More come after ``delay_s``, and meanwhile it does not look; fewer
    is at once: idle servers first, busy ones when they have finished.

    Example:
        >>> from simulations.examples import *
        >>> station = Station("server", autoscaler=Autoscaler(0.5, least=1, most=4, interval_s=0.75))
        >>> model = Model("example", [Flow("get", [Serve("server", Constant(1.0))])], [station])
        >>> simulate(model, arrivals_at([0.0, 0.0, 0.0, 0.0]), seed=1).completed_s.tolist()
        [1.0, 1.75, 2.0, 2.5]
    """

    target_utilisation: float
    least: int
    most: int
    interval_s: float
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.target_utilisation <= 1:
            raise InvalidInput("autoscaler, target_utilisation", self.target_utilisation, "must be above 0, at most 1")
        count("autoscaler, least", self.least, least=1)
        count("autoscaler, most", self.most, least=self.least)
        seconds("autoscaler, interval_s", self.interval_s, zero=False)
        seconds("autoscaler, delay_s", self.delay_s)


@dataclass(frozen=True)
class Station:
    """``servers`` identical servers and one queue before them: first come, first served within a priority.

    ``queue`` bounds how many may wait; who comes when it is full is rejected (None: no bound). With ``shares`` there
    is no queue: all requests are served at once, each at full speed while there are no more of them than servers,
    and at an equal part of the servers otherwise (egalitarian processor sharing).

    With ``turns`` the one server is an event loop: it takes up all who wait at once, serves them one after the other,
    and lets all of them go when the last is done, as what a loop's tasks have written leaves at the end of its turn
    (gated service, Takagi 1986, with departures in bulk). Who comes meanwhile waits for the next turn. Who is cancelled
    during his turn is served all the same, unless nobody else is left in it. Between a turn and one that follows it at
    once the loop needs ``turn_s`` for itself, however many are in either, which counts as service of the first.

    Example:
        >>> from simulations.examples import *
        >>> flows = [Flow("get", [Serve("server", Constant(1.0))])]
        >>> model = Model("first come, first served", flows, [Station("server")])
        >>> simulate(model, arrivals_at([0.0, 0.5]), seed=1).completed_s.tolist()
        [1.0, 2.0]
        >>> model = Model("processor sharing", flows, [Station("server", shares=True)])
        >>> simulate(model, arrivals_at([0.0, 0.5]), seed=1).completed_s.tolist()
        [1.5, 2.0]
        >>> model = Model("turns", flows, [Station("server", turns=True)])
        >>> simulate(model, arrivals_at([0.0, 0.5, 0.75]), seed=1).completed_s.tolist()
        [1.0, 3.0, 3.0]
    """

    name: str
    servers: int = 1
    queue: int | None = None
    shares: bool = False
    start_up: StartUp | None = None
    outages: Sequence[Outage | Breakdowns] = ()
    autoscaler: Autoscaler | None = None
    turns: bool = False
    turn_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "outages", tuple(self.outages))
        count(f"station {self.name}, servers", self.servers, least=1)
        if self.queue is not None:
            count(f"station {self.name}, queue", self.queue, least=0)
        if self.shares and (self.queue is not None or self.start_up is not None):
            raise InvalidInput(f"station {self.name}, shares", True, "goes with neither a queue nor a start_up")
        if self.turns and self.servers != 1:
            raise InvalidInput(f"station {self.name}, servers", self.servers, "must be 1: it takes turns")
        if self.turns and (self.shares or self.queue is not None or self.outages or self.autoscaler is not None):
            raise InvalidInput(f"station {self.name}, turns", True, "goes with no shares, queue, outages or autoscaler")
        seconds(f"station {self.name}, turn_s", self.turn_s)
        if self.turn_s > 0 and not self.turns:
            raise InvalidInput(f"station {self.name}, turn_s", self.turn_s, "must be 0: it takes no turns")
        for outage in self.outages:
            if outage.servers is not None and self.shares:
                raise InvalidInput(f"station {self.name}, outage, servers", outage.servers, "must be None: it shares")
        scaler = self.autoscaler
        if scaler is not None and not scaler.least <= self.servers <= scaler.most:
            bound = f"must be from the autoscaler's least, {scaler.least}, to its most, {scaler.most}"
            raise InvalidInput(f"station {self.name}, servers", self.servers, bound)


@dataclass(frozen=True)
class Pool:
    """``slots`` of something a request keeps across several steps, such as database connections.

    ``queue`` bounds how many may wait for one; with 0 the pool is a limit on concurrency that rejects.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Hold("limit"), Delay("work", Constant(1.0)), Release("limit")]
        >>> model = Model("example", [Flow("get", steps)], pools=[Pool("limit", 1, queue=0)])
        >>> outcomes(simulate(model, arrivals_at([0.0, 0.5, 1.5]), seed=1))
        ['completed', 'rejected', 'completed']
    """

    name: str
    slots: int
    queue: int | None = None

    def __post_init__(self) -> None:
        count(f"pool {self.name}, slots", self.slots, least=1)
        if self.queue is not None:
            count(f"pool {self.name}, queue", self.queue, least=0)


@dataclass(frozen=True)
class Queue:
    """Items wait here for ``workers``, each of which takes up to ``batch`` of them and runs ``flow`` for the batch.

    A free worker takes items as soon as ``batch`` of them wait, or the first has waited for ``wait_s``. ``limit``
    bounds how many may wait (None: no bound).

    Example:
        >>> from simulations.examples import *
        >>> flows = [Flow("get", [Enqueue("mail", wait=True)]), Flow("send", [Delay("smtp", Constant(1.0))])]
        >>> model = Model("example", flows, queues=[Queue("mail", "send", batch=2)])
        >>> simulate(model, arrivals_at([0.0, 0.0, 0.0]), seed=1).completed_s.tolist()
        [1.0, 2.0, 2.0]
    """

    name: str
    flow: str
    batch: int = 1
    wait_s: float = 0.0
    workers: int = 1
    limit: int | None = None

    def __post_init__(self) -> None:
        count(f"queue {self.name}, batch", self.batch, least=1)
        count(f"queue {self.name}, workers", self.workers, least=1)
        seconds(f"queue {self.name}, wait_s", self.wait_s)
        if self.limit is not None:
            count(f"queue {self.name}, limit", self.limit, least=1)


def _outage(servers: int | None, work: str) -> None:
    if servers is not None:
        count("outage, servers", servers, least=1)
    one_of("outage, work", work, ("fail", "finish"))
