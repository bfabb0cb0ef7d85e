"""What the tests of the rules share. The expected times in them are worked out by hand from the rules."""

from __future__ import annotations

from typing import Protocol

from simulations.distributions import Constant
from simulations.model import Flow, Model, Station
from simulations.sample_path import OUTCOMES, SamplePath
from simulations.steps import Step

ENGINES = ("simpy", "compiled")
"""The engines that must obey the rules."""


class Run(Protocol):
    """Runs a model for requests that arrive at these times."""

    def __call__(
        self,
        model: Model,
        arrival_s: list[float],
        *,
        operation: list[int] | int = 0,
        key: list[int] | int = 0,
        region: list[int] | int = 0,
        bin_s: float | None = None,
    ) -> SamplePath: ...


def c(time_s: float) -> Constant:
    """Always this time."""
    return Constant(time_s)


def one_flow(*steps: Step, servers: int | None = None, **resources: object) -> Model:
    """A model of one flow, ``get``; with ``servers``, it has a station ``s`` of so many."""
    return flows({"get": list(steps)}, servers=servers, **resources)


def flows(steps: dict[str, list[Step]], *, servers: int | None = None, **resources: object) -> Model:
    """A model of several flows; with ``servers``, it has a station ``s`` of so many."""
    if servers is not None:
        resources["stations"] = [Station("s", servers)]
    return Model("small", [Flow(name, each) for name, each in steps.items()], **resources)  # type: ignore[arg-type]


def ends(path: SamplePath) -> list[float]:
    """When each request ended."""
    return [float(time_s) for time_s in path.completed_s]


def outcomes(path: SamplePath) -> list[str]:
    """How each request ended."""
    return [OUTCOMES[code] for code in path.outcome]


def column(path: SamplePath, resource: str) -> int:
    """The column of a resource in the accounts."""
    return path.resources.index(resource)


def booked(path: SamplePath, resource: str) -> tuple[float, float, int]:
    """Wait, service and visits of all flows at a resource."""
    at, accounts = column(path, resource), path.accounts
    wait_s, service_s, visits = (each[:, at].sum() for each in (accounts.wait_s, accounts.service_s, accounts.visits))
    return float(wait_s), float(service_s), int(visits)
