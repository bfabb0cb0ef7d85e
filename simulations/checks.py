"""What each run checks about itself, by laws that need no assumption about arrivals or service times.

Each law compares two numbers that the engine counted in different ways, so that an error in the event loop shows:

- **Little's law** (Little 1961): the mean number waiting, integrated over time as the queue changed, equals arrival
  rate times mean wait, from each visit's own wait.
- **Utilisation law** (Denning & Buzen 1978): busy time, integrated over time, equals the rate of visits times the mean
  time they were in service (for a pool: the mean time a slot was held; for a queue: how long a batch took).
- **Flow balance**: who arrived has left, completed, rejected, abandoning the line or interrupted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from sdlab.errors import InvalidInput
from simulations.sample_path import SamplePath

TOLERANCE = 1e-6
"""Relative; what rounding adds up to over hundreds of millions of events is far below it."""


LEFT_OF_A_SERVICE = 1e-6
"""Busy servers below which a service that was booked and taken off again leaves more than it was: 1e-12 is nothing."""


@dataclass(frozen=True)
class Check:
    """One law at one station, pool or queue: its two sides, their relative difference, and whether it holds.

    ``scale`` is how large the sides could be: of a difference of two large numbers, rounding alone is left of a side
    that should be 0.
    """

    law: str
    resource: str
    left: float
    right: float
    scale: float = field(default=0.0, repr=False)

    @property
    def relative_difference(self) -> float:
        """|left - right| / the largest of them and the scale; 0 if all are 0."""
        scale = max(abs(self.left), abs(self.right), self.scale)
        return abs(self.left - self.right) / scale if scale > 0 else 0.0

    @property
    def ok(self) -> bool:
        """Whether the sides differ by rounding at most."""
        return self.relative_difference <= TOLERANCE

    def as_dict(self) -> dict[str, str | float | bool]:
        """One row of a table."""
        row = {name: value for name, value in asdict(self).items() if name != "scale"}
        return {**row, "relative_difference": self.relative_difference, "ok": self.ok}


def check(path: SamplePath) -> list[Check]:
    """Every law at every station, pool and queue, and flow balance of the requests as a whole."""
    checks: list[Check] = []
    for index, name in enumerate(path.queues):
        checks += _laws_at(path, index, name)
    if path.histograms is None:
        completed = int(np.isfinite(path.completed_s).sum())
        checks.append(Check("flow balance", "requests", len(path.arrival_s), completed))
    for flow, spawned, ended in zip(path.flows, path.background.spawned, path.background.completed, strict=True):
        if spawned:
            checks.append(Check("flow balance", f"spawned {flow}", int(spawned), int(ended)))
    return checks


def _laws_at(path: SamplePath, index: int, name: str) -> list[Check]:
    queue, span_s = path.queue, path.end_s or 1.0
    wait_s = float(path.accounts.wait_s[:, index].sum())
    service_s = float(path.accounts.service_s[:, index].sum())
    arrivals, visits = int(queue.arrivals[index]), int(path.accounts.visits[:, index].sum())
    waiting, busy = float(queue.queue_s[index]) / span_s, float(queue.busy_s[index]) / span_s
    left = sum(int(count[index]) for count in (queue.completions, queue.rejected, queue.abandoned, queue.interrupted))
    there = waiting + busy  # where processors are shared, a wait is the time there less the service
    if queue.interrupted[index]:  # the drawn service was booked, and what was not done of it taken off again
        there = max(there, LEFT_OF_A_SERVICE)
    return [
        Check("Little's law", name, waiting, arrivals / span_s * (wait_s / max(1, arrivals)), there),
        Check("utilisation law", name, busy, visits / span_s * (service_s / max(1, visits)), there),
        Check("flow balance", name, arrivals, left),
    ]


def everything_in_flight(path: SamplePath, queues: int) -> Check:
    """Little's law of requests, spawned flows and items, and batches together, for a run that was cut into bins.

    ``queues`` is how many of the path's queues are those of batch workers, which come last. Raises `InvalidInput`
    without bins, or without the records of requests.
    """
    if path.bins is None:
        raise InvalidInput("bins", None, "must be recorded: what is in flight is counted in bins only")
    if path.histograms is not None:
        raise InvalidInput("records", "histograms", "must be all: not every request's time is in a histogram")
    span_s = path.end_s or 1.0
    batches_s = float(path.accounts.service_s[:, len(path.queues) - queues : len(path.queues)].sum())
    there_s = float(path.response_time_s.sum()) + float(path.background.response_s.sum()) + batches_s
    return Check("Little's law", "everything in flight", float(path.bins.in_flight_s.sum()) / span_s, there_s / span_s)
