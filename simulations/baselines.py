"""Two naive predictions, to be beaten: the API's workers as one M/M/1 or M/G/1 queue each, with the frozen demand.

Both get the same mean demand of the API's CPU as the model, over the mix that was sent, and the mean of all that a
request does elsewhere as a constant beside the queue; so what they lack is only what the model adds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdlab.arrivals import FloatArray, stream
from sdlab.calibration import Calibration
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from sdlab.workload import Requests
from simulations.demands import Demands
from simulations.distributions import Distribution, Empirical
from simulations.theory.stations import mg1, mm1, mm1_response_time_quantile_s

QUEUED = "api"
_SAMPLES = 200_000


@dataclass(frozen=True)
class NaiveDemand:
    """Of the mix that was sent: the queued demand's mean and squared coefficient of variation, and what is beside it.

    ``sample_s`` are draws of the queued demand.
    """

    mean_s: float
    scv: float
    beside_s: float
    sample_s: FloatArray


def naive_demand(design: Design, calibration: Calibration | None, requests: Requests) -> NaiveDemand:
    """The demand of a mix, by the frozen means and quantiles."""
    demands = Demands(design, calibration)
    counts = np.bincount(requests.operation, minlength=len(requests.operations))
    random = stream(0, "naive demand").random
    samples, beside_s = [], 0.0
    for operation, share in zip(requests.operations, counts / counts.sum(), strict=True):
        parts = (calibration.demands if calibration else design.demands).get(operation, {})
        for name in (part.removesuffix("_s") for part in parts):
            law = demands.time(operation, name)
            if law is None:
                continue
            if name == QUEUED:
                samples.append(_draws(law, random(round(share * _SAMPLES))))
            else:
                beside_s += share * law.mean_s
    sample_s = np.concatenate([np.empty(0), *samples])
    if not sample_s.any():
        raise InvalidInput("demands", QUEUED, "no operation asks anything of it: there is no queue to predict")
    mean_s = float(sample_s.mean())
    return NaiveDemand(mean_s, float(sample_s.var()) / mean_s**2, beside_s, sample_s)


def _draws(law: Distribution, uniform: FloatArray) -> FloatArray:
    """By inversion: of measured quantiles, else of an exponential, which is what assumed demands are."""
    if isinstance(law, Empirical):
        return np.interp(uniform, np.linspace(0, 1, len(law.quantiles_s)), law.quantiles_s)
    return -law.mean_s * np.log1p(-uniform)


def of_mm1(demand: NaiveDemand, rate_rps: float, percents: tuple[int, ...]) -> dict[str, float]:
    """Mean and percentiles in seconds; all infinite from saturation on."""
    if rate_rps * demand.mean_s >= 1:
        return _never(percents)
    found = {"mean": mm1(rate_rps, demand.mean_s).response_time_s + demand.beside_s}
    for percent in percents:
        quantile_s = mm1_response_time_quantile_s(rate_rps, demand.mean_s, percent / 100)
        found[f"p{percent}"] = quantile_s + demand.beside_s
    return found


def of_mg1(demand: NaiveDemand, rate_rps: float, percents: tuple[int, ...]) -> dict[str, float]:
    """Mean by Pollaczek and Khinchine; percentiles of wait + service, the wait taken as exponential where there is one.

    That is exact for exponential demands and right at high load for any (Kingman 1962).
    """
    if rate_rps * demand.mean_s >= 1:
        return _never(percents)
    queue = mg1(rate_rps, demand.mean_s, demand.scv)
    found = {"mean": queue.response_time_s + demand.beside_s}
    random = stream(0, "naive wait")
    count = demand.sample_s.size
    waits_s = np.where(
        random.random(count) < queue.wait_probability,
        random.exponential(queue.wait_s / queue.wait_probability, count),
        0,
    )
    total_s = waits_s + random.permutation(demand.sample_s)
    for percent in percents:
        found[f"p{percent}"] = float(np.quantile(total_s, percent / 100)) + demand.beside_s
    return found


def _never(percents: tuple[int, ...]) -> dict[str, float]:
    return {"mean": math.inf, **{f"p{percent}": math.inf for percent in percents}}
