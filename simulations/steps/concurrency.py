"""Steps that start other work: spawn, fork and join, and leaving work for batch workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from simulations.steps.flow import Step

Rest = Literal["cancel", "continue"]


@dataclass(frozen=True)
class Spawn:
    """Start another flow at this instant, for the same key and region, and go on without waiting for it.

    Example:
        >>> from simulations.examples import *
        >>> get = Flow("get", [Delay("answer", Constant(0.25)), Spawn("count")])
        >>> flows = [get, Flow("count", [Delay("write", Constant(1.0))])]
        >>> path = simulate(Model("example", flows), arrivals_at([0.0]), seed=1)
        >>> path.completed_s.tolist(), path.end_s
        ([0.25], 1.25)
    """

    flow: str


@dataclass(frozen=True)
class Fork:
    """Run several sequences of steps at once and go on when ``wait_for`` of them have completed (None: all).

    When enough have completed, or so many have failed that enough no longer can, the ``rest`` is cancelled, or
    continues with nobody waiting for it. In the second case the fork fails with the outcome that decided it.

    Example:
        >>> from simulations.examples import *
        >>> quorum = Fork.copies(3, [Serve("replica", Constant(1.0))], wait_for=2)
        >>> model = Model("example", [Flow("get", [quorum])], [Station("replica")])
        >>> simulate(model, arrivals_at([0.0]), seed=1).completed_s.tolist()
        [2.0]
    """

    parts: Sequence[Sequence[Step]]
    wait_for: int | None = None
    rest: Rest = "cancel"

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(tuple(steps) for steps in self.parts))

    @classmethod
    def copies(cls, count: int, steps: Sequence[Step], wait_for: int | None = None, rest: Rest = "cancel") -> Fork:
        """The same steps ``count`` times, each drawing times of its own."""
        return cls([steps] * count, wait_for, rest)


@dataclass(frozen=True)
class Enqueue:
    """Leave an item for the workers of a `Queue`; go on at once, or ``wait`` until its batch is done.

    Who waits fails with its batch. A queue that is full rejects.

    Example:
        >>> from simulations.examples import *
        >>> flows = [Flow("get", [Enqueue("mail", wait=True)]), Flow("send", [Delay("smtp", Constant(1.0))])]
        >>> model = Model("example", flows, queues=[Queue("mail", "send", batch=2, wait_s=0.5)])
        >>> simulate(model, arrivals_at([0.0, 0.25, 2.0]), seed=1).completed_s.tolist()
        [1.25, 1.25, 3.5]
    """

    queue: str
    wait: bool = False
