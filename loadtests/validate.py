"""Validation's measured half: load the service at rates that no parameter was fitted to.

The parameters are frozen before the first of these windows; the model replays what was sent
(``lab simulate --replay``) and the report compares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadtests.session import Session
from sdlab import arrivals, workload
from sdlab.runs import Run

_SEED_OFFSET = 1000  # other arrivals, operations and keys than the calibration's


def held_out(
    session: Session, shares: Sequence[float], repeats: int, window_s: float, told: Callable[[str], None]
) -> list[Run]:
    """Load at rates that no parameter was fitted to: shares of the design's peak, repeated, in random order."""
    design = session.design
    order = arrivals.stream(session.seed, "order of windows").permutation(len(shares) * repeats)
    measured = []
    for number, index in enumerate(order):
        rate_rps = shares[index % len(shares)] * design.workload.peak_rate_rps
        told(f"held-out load {number + 1} of {order.size}: {rate_rps:.0f} requests/s")
        seed = session.seed + _SEED_OFFSET + int(index)
        requests = workload.steady(design, "poisson", rate_rps, window_s, seed, design.test_data.links)
        run = session.window(
            requests, seed=seed, role="held_out", arrival="poisson", rate_rps=rate_rps, duration_s=window_s
        )
        measured.append(run)
    return measured
