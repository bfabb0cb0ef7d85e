"""A design's model at steady rates: one rate, the curve of latency against load, and the highest rate in the SLOs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdlab.arrivals import FloatArray
from sdlab.calibration import Calibration
from sdlab.spec import Design
from sdlab.summary import PERCENTILES, percentile, percentiles
from simulations import results, scenario
from simulations.capacity import Limit, Probe, ProbeResult, find_capacity
from simulations.engines import simulate
from simulations.executor import Pool
from simulations.sample_path import COMPLETED, SamplePath
from simulations.scenario import Deployment, Scenario
from simulations.searched import Searched

CURVE_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)
START_SHARE_OF_PEAK = 0.25
AVAILABILITY = "availability of "
"""What the measure of an operation's completed share is called, before the operation's name."""

Advance = Callable[[int | None], None]


@dataclass(frozen=True)
class Observation:
    """One steady rate: what a search for capacity asks, and one point of the latency curve."""

    probe: ProbeResult
    point: dict[str, Any]


def observe(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    deployment: Deployment,
    requests: int,
    rate_rps: float,
    searched: Searched | None = None,
) -> Observation:
    """Run the design's mix at a rate, about so many requests; as the running service was ``searched``, if it was.

    The probe leaves out the first tenth, which warms up; its measures are, of each operation that has an SLO, the p99
    of what completed and the share that did: the median over times as long as the search's probes. The point is of all
    operations together. Times are seconds.
    """
    chosen, path = at_rate(design, calibration, seed, deployment, rate_rps, requests, searched)
    every = results.requests_of(chosen.requests, path, chosen.model)
    order = np.argsort(every.arrival_s, kind="stable")
    done, response_s = path.outcome[order] == COMPLETED, path.response_time_s[order]
    operation = every.operation[order]
    warm = slice(len(every) // 10, None)
    # A search judges probe by probe: what a bad second does to one of them is not spread over all.
    probe_s = searched.probe_s if searched is not None and searched.probe_s else math.inf
    probes = (every.arrival_s[order] // probe_s).astype(np.int64)[warm]
    measures: dict[str, float] = {}
    for name in design.slo:
        asked = operation[warm] == every.operations.index(name)
        each = [
            _promised(response_s[warm], done[warm], asked & (probes == number)) for number in np.unique(probes[asked])
        ]
        measures[name], measures[AVAILABILITY + name] = np.median(each, axis=0).tolist() if each else (math.nan, 0.0)
    station, utilisation = results.busiest(path)
    point: dict[str, Any] = {"rate_rps": rate_rps, "utilisation": utilisation, "busiest": station}
    for p, found in zip(PERCENTILES, percentiles(response_s[done], PERCENTILES), strict=True):
        point[f"response_time_s_p{p}"] = found.value_s
    return Observation(ProbeResult(measures, dict(zip(path.queues, path.utilisation.tolist(), strict=True))), point)


def _promised(response_s: FloatArray, done: NDArray[np.bool_], of_it: NDArray[np.bool_]) -> tuple[float, float]:
    """The p99 of those of an operation that completed, in seconds (infinite if none did), and their share."""
    times_s = np.sort(response_s[of_it & done])
    return percentile(times_s, 99).value_s if times_s.size else math.inf, times_s.size / int(of_it.sum())


class Ahead:
    """Asks a pool for rates before they are needed, at most as many at once as it has room for."""

    def __init__(self, pool: Pool[float, Observation]) -> None:
        self._pool = pool
        self._begun: dict[float, Future[Observation]] = {}

    def expect(self, rates_rps: Sequence[float]) -> None:
        """Begin the first of these that there is room for; what has not begun and is not among them is dropped."""
        for rate_rps in [rate for rate in self._begun if rate not in rates_rps and self._begun[rate].cancel()]:
            del self._begun[rate_rps]
        running = sum(not future.done() for future in self._begun.values())
        for position, rate_rps in enumerate(rates_rps):
            if rate_rps not in self._begun and (position == 0 or running < self._pool.width):
                self._begun[rate_rps] = self._pool.submit(rate_rps)
                running += 1

    def result(self, rate_rps: float) -> Observation:
        """Wait for a rate."""
        if rate_rps not in self._begun:
            self.expect([rate_rps])
        return self._pool.result(rate_rps, self._begun[rate_rps])


def design_capacity(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    deployment: Deployment,
    precision: float,
    requests: int,
    advance: Advance,
    pool: Pool[float, Observation] | None = None,
    searched: Searched | None = None,
) -> dict[str, Any]:
    """The highest steady rate at which every SLO is met, its probes, and the first station to saturate.

    Each probe is ``requests`` requests of the design's mix; the first tenth warms up and is left out. A ``pool`` of
    `observe` begins probes before it is known if they are needed; those that were not are no part of the result.
    """
    ahead = Ahead(pool) if pool else None

    def probe(rate_rps: float) -> ProbeResult:
        if ahead is not None:
            return ahead.result(rate_rps).probe
        return observe(design, calibration, seed, deployment, requests, rate_rps, searched).probe

    limits = [Limit(name, at_most=slo.response_time_s_p99) for name, slo in design.slo.items()]
    limits += [Limit(AVAILABILITY + name, at_least=slo.availability) for name, slo in design.slo.items()]
    found = find_capacity(
        probe,
        limits,
        start_rps=START_SHARE_OF_PEAK * design.workload.peak_rate_rps,
        precision=precision,
        progress=lambda _: advance(None),
        ahead=ahead.expect if ahead else None,
    )
    station = found.first_to_saturate or ""
    return {
        "scope": "design" if deployment == "design" else "reference_deployment",
        "calibration": scenario.source_of(calibration),
        "rate_rps": found.rate_rps,
        "failing_rate_rps": found.failing_rate_rps,
        "bottleneck": {
            "station": station,
            "tier": results.tier_of(station),
            "utilisation": found.utilisation_at_failure,
        },
        "as_searched": searched.describe() if searched else None,
        "probes": [_probe_row(probe) for probe in found.probes],
    }


def _probe_row(probe: Probe) -> dict[str, Any]:
    by_tier: dict[str, float] = {}
    for station, utilisation in probe.result.utilisation.items():
        tier = results.tier_of(station)
        by_tier[tier] = max(by_tier.get(tier, 0.0), utilisation)
    measures = probe.result.measures
    return {
        "rate_rps": probe.rate_rps,
        "meets_slos": probe.passes,
        "response_time_s_p99": {name: value for name, value in measures.items() if not name.startswith(AVAILABILITY)},
        "availability": {
            name.removeprefix(AVAILABILITY): value for name, value in measures.items() if name.startswith(AVAILABILITY)
        },
        "utilisation": by_tier,
    }


def latency_curve(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    deployment: Deployment,
    highest_rate_rps: float,
    requests: int,
    advance: Advance,
    pool: Pool[float, Observation] | None = None,
    searched: Searched | None = None,
) -> dict[str, Any]:
    """Percentiles of all operations together at steady Poisson rates up to the highest; by a ``pool`` of `observe`."""
    rates_rps = [share * highest_rate_rps for share in CURVE_SHARES]
    points: dict[float, dict[str, Any]] = {}
    if pool is not None:
        for rate_rps, found in pool.results(rates_rps):
            points[rate_rps] = found.point
            advance(None)
    else:
        for rate_rps in rates_rps:
            points[rate_rps] = observe(design, calibration, seed, deployment, requests, rate_rps, searched).point
            advance(None)
    curve: dict[str, Any] = {"deployment": deployment}
    for name in points[rates_rps[0]]:
        curve[name] = [points[rate_rps][name] for rate_rps in rates_rps]
    return curve


def at_rate(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    deployment: Deployment,
    rate_rps: float,
    requests: int,
    searched: Searched | None = None,
) -> tuple[Scenario, SamplePath]:
    """Steady Poisson arrivals of the design's mix, about so many requests."""
    chosen = scenario.steady(
        design,
        calibration,
        seed,
        process="poisson",
        rate_rps=rate_rps,
        duration_s=requests / rate_rps,
        deployment=deployment,
        searched=searched,
    )
    return chosen, simulate(chosen.model, chosen.to_run, seed)
