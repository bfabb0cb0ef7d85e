"""What is asked of the service: the options of a load test as a schedule of requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdlab import arrival_choice, arrivals, workload
from sdlab import trace as traces
from sdlab.arrival_choice import PROCESSES, expected_count
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from sdlab.workload import Requests

DAY = "day"
DEFAULT_DURATION_S = 30.0
# A schedule and its records take some 120 bytes a request, in memory.
REQUESTS_MAX = 10_000_000


@dataclass(frozen=True)
class Offered:
    """Requests, and in ``parameters`` what a manifest says of where they come from."""

    requests: Requests
    parameters: dict[str, Any]


def steady(design: Design, arrival: str, rate_rps: float | None, duration_s: float | None, seed: int) -> Offered:
    """The design's mix at one rate (default: its peak), or along what ``arrival`` makes of it.

    `DAY` is the design's whole day in ``duration_s``, around a mean rate (default: the design's). Raises `InvalidInput`
    naming the option.
    """
    of_design = design.workload.mean_rate_rps if arrival == DAY else design.workload.peak_rate_rps
    rate_rps = _positive("--rate", of_design if rate_rps is None else rate_rps, "requests a second")
    duration_s = _positive("--duration", DEFAULT_DURATION_S if duration_s is None else duration_s, "seconds")
    if _expected_count(arrival, rate_rps, duration_s, seed) > REQUESTS_MAX:
        raise InvalidInput("--rate", rate_rps, f"makes more than {REQUESTS_MAX:,} requests in {duration_s:g} s")
    keys = design.test_data.links
    if arrival == DAY:
        times_s = arrivals.day(rate_rps, design.workload.day_curve, seed, duration_s)
        if not times_s.size:
            raise InvalidInput("--duration", duration_s, f"too short for one arrival at {rate_rps:g} requests/s")
        requests = workload.with_mix(design, times_s, seed, keys)
    else:
        requests = workload.steady(design, arrival, rate_rps, duration_s, seed, keys)
    parameters = {"arrival": arrival, "rate_rps": rate_rps, "duration_s": duration_s, "trace": None, "speed": None}
    return Offered(requests, parameters)


def _expected_count(arrival: str, rate_rps: float, duration_s: float, seed: int) -> float:
    if arrival == DAY:
        return rate_rps * duration_s
    if arrival.partition(":")[0] not in PROCESSES:
        raise InvalidInput("--arrival", arrival, f"must be one of {', '.join((*PROCESSES, DAY))}")
    return expected_count(arrival, rate_rps, duration_s, seed)


def described() -> str:
    """The arrival processes that a load test has, for the help of an option."""
    return f"{arrival_choice.described()}; or {DAY}, the design's whole day in the duration"


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
