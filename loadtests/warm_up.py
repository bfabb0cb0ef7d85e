"""Filling the service's cache before it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from loadtests.session import Session
from sdlab import arrivals, workload
from sdlab.arrivals import FloatArray
from sdlab.spec import Design
from sdlab.workload import Requests

ROLE = "warm_up"


def each_key_once(design: Design, keys: int, rate_rps: float, seed: int) -> Requests:
    """The operation asked for most, once for each of the most popular keys, in random order and evenly in time."""
    times_s: FloatArray = np.arange(1, keys + 1, dtype=np.float64) / rate_rps
    requests = workload.with_mix(design, times_s, seed, design.test_data.links)
    operation = np.full(keys, design.operations.index(design.operation_asked_for_most), dtype=np.int16)
    order = arrivals.stream(seed, "order of the warm-up").permutation(keys)
    return replace(requests, operation=operation, key=order.astype(np.int64))


def warm_up(session: Session, duration_s: float, told: Callable[[str], None]) -> int:
    """Ask for as many keys as fit into ``duration_s`` at the design's peak rate; returns how many."""
    design = session.design
    rate_rps = design.workload.peak_rate_rps
    keys = min(int(duration_s * rate_rps), design.test_data.links)
    ask_once(session, keys, rate_rps, told)
    return keys


def ask_once(session: Session, keys: int, rate_rps: float, told: Callable[[str], None]) -> None:
    """Ask once for each of the ``keys`` most popular keys, in a window of its own."""
    told(f"warming up: {keys:,} keys at {rate_rps:.0f} requests/s")
    requests = each_key_once(session.design, keys, rate_rps, session.seed)
    session.window(requests, seed=session.seed, role=ROLE, arrival="constant", rate_rps=rate_rps, keys=keys)
