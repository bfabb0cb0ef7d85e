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
    """

    bucket: str


@dataclass(frozen=True)
class Timeout:
    """Run the steps, but wait for them no longer than ``after``: then fail with the outcome "timed_out".

    The abandoned work is cancelled (``abandoned="cancel"``: it leaves its queue or server at once) or goes on to its
    end, holding what it holds, as in most services that do not notice that their client has left ("continue").
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
    """

    first_s: float = 0.0
    factor: float = 2.0
    most_s: float = math.inf
    jitter: Literal["none", "full", "equal"] = "none"


@dataclass(frozen=True)
class Retry:
    """Run the steps, and again when they end in one of the outcomes ``on``, up to ``attempts`` times in all.

    Each attempt draws times of its own. With a ``budget`` (a `RetryBudget`), a retry also needs a token of it.
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
    """

    after: Distribution
    steps: Sequence[Step]
    extra: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))


@dataclass(frozen=True)
class Break:
    """Run the steps behind a circuit `Breaker`, which rejects at once while it is open and hears how they end."""

    breaker: str
    steps: Sequence[Step]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))


@dataclass(frozen=True)
class Attempt:
    """Run the steps, and if they end in one of the outcomes ``on``, run ``otherwise`` instead of failing."""

    steps: Sequence[Step]
    otherwise: Sequence[Step] = ()
    on: Sequence[Failure] = FAILURES

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "otherwise", tuple(self.otherwise))
        object.__setattr__(self, "on", tuple(self.on))
