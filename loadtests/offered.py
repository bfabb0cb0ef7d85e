"""What is asked of the service: the options of a load test as a schedule of requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdlab import trace as traces
from sdlab import workload
from sdlab.arrival_choice import expected_count
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from sdlab.workload import Requests

DEFAULT_DURATION_S = 30.0
# A schedule and its records take some 120 bytes a request, in memory.
REQUESTS_MAX = 10_000_000


@dataclass(frozen=True)
class Offered:
    """Requests, and in ``parameters`` what a manifest says of where they come from."""

    requests: Requests
    parameters: dict[str, Any]


def steady(design: Design, arrival: str, rate_rps: float | None, duration_s: float | None, seed: int) -> Offered:
    """The design's mix at one rate (default: its peak). Raises `InvalidInput` naming the option."""
    rate_rps = _positive("--rate", design.workload.peak_rate_rps if rate_rps is None else rate_rps, "requests a second")
    duration_s = _positive("--duration", DEFAULT_DURATION_S if duration_s is None else duration_s, "seconds")
    if expected_count(arrival, rate_rps, duration_s, seed) > REQUESTS_MAX:
        raise InvalidInput("--rate", rate_rps, f"makes more than {REQUESTS_MAX:,} requests in {duration_s:g} s")
    requests = workload.steady(design, arrival, rate_rps, duration_s, seed, design.test_data.links)
    parameters = {"arrival": arrival, "rate_rps": rate_rps, "duration_s": duration_s, "trace": None, "speed": None}
    return Offered(requests, parameters)


def replay(design: Design, trace: Path, speed: float, duration_s: float | None, seed: int) -> Offered:
    """An access log, ``speed`` times faster, the first ``duration_s`` seconds of the run or all of it.

    Raises `InvalidInput` naming the option.
    """
    read = traces.read(trace, design, speed=speed, seed=seed, keys=design.test_data.links)
    requests = read.requests
    if duration_s is not None:
        _positive("--duration", duration_s, "seconds")
        requests = requests.take((requests.arrival_s < duration_s).nonzero()[0])
    if not len(requests):
        raise InvalidInput("--duration", duration_s, "ends before the log's first request")
    if len(requests) > REQUESTS_MAX:
        raise InvalidInput("--trace", str(trace), f"holds more than {REQUESTS_MAX:,} requests; give a --duration")
    length_s = duration_s or requests.duration_s
    parameters = {
        "arrival": "trace",
        "rate_rps": len(requests) / length_s,
        "duration_s": length_s,
        "trace": str(trace),
        "speed": speed,
        "trace_account": read.describe(),
    }
    return Offered(requests, parameters)


def _positive(option: str, value: float, unit: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InvalidInput(option, value, f"must be a finite number of {unit} above 0")
    return value
