"""What each run checks about itself, by laws that need no assumption about arrivals or service times.

Each law compares two numbers that the engine counted in different ways, so that an error in the event loop shows:

- **Little's law** (Little 1961): the mean number waiting, integrated over time as the queue changed, equals arrival
  rate times mean wait, from each visit's own wait.
- **Utilisation law** (Denning & Buzen 1978): busy time, integrated over time, equals completions times the mean
  service time that was drawn (for a pool: the mean time a slot was held).
- **Flow balance**: who arrived has left.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from simulations.sample_path import SamplePath

TOLERANCE = 1e-6
"""Relative; what rounding adds up to over hundreds of millions of events is far below it."""


@dataclass(frozen=True)
class Check:
    """One law at one station or pool: its two sides, their relative difference, and whether it holds."""

    law: str
    resource: str
    left: float
    right: float

    @property
    def relative_difference(self) -> float:
        """|left - right| / the larger of them; 0 if both are 0."""
        scale = max(abs(self.left), abs(self.right))
        return abs(self.left - self.right) / scale if scale > 0 else 0.0

    @property
    def ok(self) -> bool:
        """Whether the sides differ by rounding at most."""
        return self.relative_difference <= TOLERANCE

    def as_dict(self) -> dict[str, str | float | bool]:
        """One row of a table."""
        return {**asdict(self), "relative_difference": self.relative_difference, "ok": self.ok}


def check(path: SamplePath) -> list[Check]:
    """Every law at every station and pool, and flow balance of the requests as a whole."""
    checks = []
    wait_s, service_s = path.accounts.wait_s.sum(axis=0), path.accounts.service_s.sum(axis=0)
    span_s = path.end_s or 1.0
    for index, name in enumerate(path.queues):
        arrivals, completions = int(path.queue.arrivals[index]), int(path.queue.completions[index])
        mean_wait_s = float(wait_s[index]) / max(1, arrivals)
        mean_service_s = float(service_s[index]) / max(1, completions)
        mean_waiting, mean_busy = (float(total[index]) / span_s for total in (path.queue.queue_s, path.queue.busy_s))
        checks += [
            Check("Little's law", name, mean_waiting, arrivals / span_s * mean_wait_s),
            Check("utilisation law", name, mean_busy, completions / span_s * mean_service_s),
            Check("flow balance", name, arrivals, completions),
        ]
    completed = int(np.isfinite(path.completed_s).sum())
    checks.append(Check("flow balance", "requests", len(path.arrival_s), completed))
    for flow, spawned, ended in zip(path.flows, path.background.spawned, path.background.completed, strict=True):
        if spawned:
            checks.append(Check("flow balance", f"spawned {flow}", int(spawned), int(ended)))
    return checks
