"""A design's model at steady rates: one rate, the curve of latency against load, and the highest rate in the SLOs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdlab.calibration import Calibration
from sdlab.spec import Design
from sdlab.summary import percentile
from simulations import results, scenario
from simulations.capacity import Limit, Probe, ProbeResult, find_capacity
from simulations.engines import simulate
from simulations.sample_path import SamplePath
from simulations.scenario import Deployment, Scenario

CURVE_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)
START_SHARE_OF_PEAK = 0.25

Advance = Callable[[int | None], None]


def design_capacity(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    deployment: Deployment,
    precision: float,
    requests: int,
    advance: Advance,
) -> dict[str, Any]:
    """The highest steady rate at which every SLO is met, its probes, and the first station to saturate.

    Each probe is ``requests`` requests of the design's mix; the first tenth warms up and is left out.
    """
    operations = list(design.slo)

    def probe(rate_rps: float) -> ProbeResult:
        chosen, path = at_rate(design, calibration, seed, deployment, rate_rps, requests)
        measures: dict[str, float] = {}
        warm = slice(len(chosen.requests) // 10, None)
        operation = chosen.requests.operation[warm]
        response_s = (path.completed_s - chosen.requests.arrival_s)[warm]
        for name in operations:
            times_s = np.sort(response_s[operation == design.operations.index(name)])
            measures[name] = percentile(times_s, 99).value_s
        return ProbeResult(measures, dict(zip(path.queues, path.utilisation.tolist(), strict=True)))

    limits = [Limit(name, at_most=slo.response_time_s_p99) for name, slo in design.slo.items()]
    found = find_capacity(
        probe,
        limits,
        start_rps=START_SHARE_OF_PEAK * design.workload.peak_rate_rps,
        precision=precision,
        progress=lambda _: advance(None),
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
        "probes": [_probe_row(probe) for probe in found.probes],
    }


def _probe_row(probe: Probe) -> dict[str, Any]:
    by_tier: dict[str, float] = {}
    for station, utilisation in probe.result.utilisation.items():
        tier = results.tier_of(station)
        by_tier[tier] = max(by_tier.get(tier, 0.0), utilisation)
    return {
        "rate_rps": probe.rate_rps,
        "meets_slos": probe.passes,
        "response_time_s_p99": dict(probe.result.measures),
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
) -> dict[str, Any]:
    """Percentiles of all operations together at steady Poisson rates up to the highest."""
    curve: dict[str, Any] = {"deployment": deployment, "rate_rps": [], "utilisation": [], "busiest": []}
    for share in CURVE_SHARES:
        rate_rps = share * highest_rate_rps
        chosen, path = at_rate(design, calibration, seed, deployment, rate_rps, requests)
        station, utilisation = results.busiest(path)
        times_s = np.sort(path.completed_s - chosen.requests.arrival_s)
        curve["rate_rps"].append(rate_rps)
        curve["utilisation"].append(utilisation)
        curve["busiest"].append(station)
        for p in (50, 95, 99):
            curve.setdefault(f"response_time_s_p{p}", []).append(percentile(times_s, p).value_s)
        advance(None)
    return curve


def at_rate(
    design: Design,
    calibration: Calibration | None,
    seed: int,
    deployment: Deployment,
    rate_rps: float,
    requests: int,
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
    )
    return chosen, simulate(chosen.model, chosen.requests, seed)
