"""Steps that protect a service: limit, time-out, retry, hedge, circuit breaker; and what to do on a failure.

All but `Limit` run their steps as a *part* of the request, which can fail, or be cancelled, without the request
failing at once. A part that fails or is cancelled gives back whatever it holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from simulations.distributions import Distribution
from simulations.steps.basic import Failure

if TYPE_CHECKING:
    from simulations.steps.flow import Step

FAILURES: tuple[Failure, ...] = ("rejected", "timed_out", "failed")


@dataclass(frozen=True)
class Limit:
    """Take a token of a `TokenBucket`; without one, the request is rejected.

    A limit on concurrency is a `Pool` with a ``queue`` of 0, which rejects whom it has no slot for.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Limit("edge"), Delay("work", Constant(0.25))]
        >>> model = Model("example", [Flow("get", steps)], buckets=[TokenBucket("edge", rate_rps=1.0)])
        >>> outcomes(simulate(model, arrivals_at([0.0, 0.5, 1.5]), seed=1))
        ['completed', 'rejected', 'completed']
    """

    bucket: str


@dataclass(frozen=True)
class Timeout:
    """Run the steps, but wait for them no longer than ``after``: then fail with the outcome "timed_out".

    The abandoned work is cancelled (``abandoned="cancel"``: it leaves its queue or server at once) or goes on to its
    end, holding what it holds, as in most services that do not notice that their client has left ("continue").

    Example:
        >>> from simulations.examples import *
        >>> steps = [Timeout(Constant(0.5), [Serve("server", Constant(1.0))])]
        >>> path = simulate(Model("example", [Flow("get", steps)], [Station("server")]), arrivals_at([0.0]), seed=1)
        >>> outcomes(path), path.completed_s.tolist(), path.end_s
        (['timed_out'], [0.5], 1.0)
    """

    after: Distribution
    steps: Sequence[Step]
    abandoned: Literal["cancel", "continue"] = "continue"

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a retry: ``first_s`` before the first, each further one ``factor`` times longer.

    Never longer than ``most_s``. Jitter (Brooker 2015): "full" waits a uniform part of it, "equal" half of it and a
    uniform part of the other half, "none" all of it.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Retry([Fail("failed")], attempts=3, backoff=Backoff(first_s=1.0, factor=2.0))]
        >>> simulate(Model("example", [Flow("get", steps)]), arrivals_at([0.0]), seed=1).completed_s.tolist()
        [3.0]
    """

    first_s: float = 0.0
    factor: float = 2.0
    most_s: float = math.inf
    jitter: Literal["none", "full", "equal"] = "none"


@dataclass(frozen=True)
class Retry:
    """Run the steps, and again when they end in one of the outcomes ``on``, up to ``attempts`` times in all.

    Each attempt draws times of its own. With a ``budget`` (a `RetryBudget`), a retry also needs a token of it.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Retry([Timeout(Constant(0.5), [Serve("server", Constant(1.0))], "cancel")], attempts=2)]
        >>> path = simulate(Model("example", [Flow("get", steps)], [Station("server")]), arrivals_at([0.0]), seed=1)
        >>> outcomes(path), path.completed_s.tolist(), path.retries.tolist()
        (['timed_out'], [1.0], [1])
    """

    steps: Sequence[Step]
    attempts: int = 3
    backoff: Backoff = field(default_factory=Backoff)
    budget: str | None = None
    on: Sequence[Failure] = FAILURES

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "on", tuple(self.on))


@dataclass(frozen=True)
class Hedge:
    """Run the steps; each time ``after`` passes without an answer, start them once more, up to ``extra`` times.

    The first to complete counts, and the others are cancelled. It fails when all that were started have failed
    (Dean & Barroso 2013, "The tail at scale").

    Example:
        >>> from simulations.examples import *
        >>> steps = [Hedge(Constant(0.5), [Serve("server", Constant(1.0))])]
        >>> path = simulate(Model("example", [Flow("get", steps)], [Station("server", 2)]), arrivals_at([0.0]), seed=1)
        >>> path.completed_s.tolist(), path.queue.interrupted.tolist()
        ([1.0], [1])
    """

    after: Distribution
    steps: Sequence[Step]
    extra: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))


@dataclass(frozen=True)
class Break:
    """Run the steps behind a circuit `Breaker`, which rejects at once while it is open and hears how they end.

    Example:
        >>> from simulations.examples import *
        >>> breaker = Breaker("database", window=2, least_calls=2, open_s=10.0)
        >>> model = Model("example", [Flow("get", [Break("database", [Fail("failed")])])], breakers=[breaker])
        >>> outcomes(simulate(model, arrivals_at([0.0, 1.0, 2.0]), seed=1))
        ['failed', 'failed', 'rejected']
    """

    breaker: str
    steps: Sequence[Step]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))


@dataclass(frozen=True)
class Attempt:
    """Run the steps, and if they end in one of the outcomes ``on``, run ``otherwise`` instead of failing.

    Example:
        >>> from simulations.examples import *
        >>> steps = [Attempt([Fail("failed")], otherwise=[Delay("fallback", Constant(0.25))])]
        >>> path = simulate(Model("example", [Flow("get", steps)]), arrivals_at([0.0]), seed=1)
        >>> outcomes(path), path.completed_s.tolist()
        (['completed'], [0.25])
    """

    steps: Sequence[Step]
    otherwise: Sequence[Step] = ()
    on: Sequence[Failure] = FAILURES

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "otherwise", tuple(self.otherwise))
        object.__setattr__(self, "on", tuple(self.on))
