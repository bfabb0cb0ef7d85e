"""Steps that take time or a resource: delay, travel, serve, hold and release; and to fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulations.distributions import Distribution

Failure = Literal["rejected", "timed_out", "failed"]


@dataclass(frozen=True)
class Delay:
    """Time passes without contention: a network hop, a client's think time. ``name`` is what it is reported as."""

    name: str
    time: Distribution


@dataclass(frozen=True)
class Travel:
    """Go from the region where the request is now to another: half of the model's round-trip time between them.

    ``region`` None goes back to where the request came from. Within one region it takes no time. Reported as
    "network".
    """

    region: str | None = None


@dataclass(frozen=True)
class Serve:
    """Take one of a station's servers, keep it for a drawn service time, give it back.

    Who waits is served in order of ``priority`` (0 first, not interrupting anyone's service), then of arrival. At a
    station that shares its processors, the time is the work to be done. In a batch, ``per_item`` is drawn once and
    added for each of the batch's items.
    """

    station: str
    time: Distribution
    priority: int = 0
    per_item: Distribution | None = None


@dataclass(frozen=True)
class Hold:
    """Take one slot of a pool, waiting by ``priority`` and arrival, and keep it until the `Release` of that pool."""

    pool: str
    priority: int = 0


@dataclass(frozen=True)
class Release:
    """Give the pool's slot back."""

    pool: str


@dataclass(frozen=True)
class Fail:
    """End with this outcome instead of completing: an error of the service, say, on one way of a `Branch`."""

    outcome: Failure = "failed"
