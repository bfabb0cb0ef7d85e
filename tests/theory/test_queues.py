"""The compiled engine against closed forms: a million requests each, the mean within a 99 % confidence interval.

The intervals are of batch means; seeds are fixed. That a batch is long against the time over which waits depend on
each other is shown by the correlation of neighbouring batches.
"""

from __future__ import annotations

import numpy as np
import pytest

from simulations import theory
from simulations.distributions import (
    Constant,
    Distribution,
    Erlang,
    Exponential,
    Hyperexponential,
    LogNormal,
)
from simulations.engines import simulate
from simulations.model import Branch, Flow, Model, Serve, Station
from simulations.sample_path import SamplePath
from simulations.study import Interval, batch_means, lag1, means_of_batches
from tests.unit.simulations.builders import one_station, poisson

REQUESTS = 1_000_000
WARM_UP = 50_000
BATCHES = 40
CONFIDENCE = 0.99


def run(service: Distribution, rate_rps: float, servers: int = 1, seed: int = 11) -> SamplePath:
    return simulate(one_station(service, servers), poisson(REQUESTS, rate_rps, seed), seed)


def mean_of(values: np.ndarray) -> Interval:
    steady = values[WARM_UP:]
    assert abs(lag1(means_of_batches(steady, BATCHES))) < 0.5
    return batch_means(steady, CONFIDENCE, BATCHES)


@pytest.mark.parametrize(
    ("servers", "rate_rps"), [(1, 0.5), (1, 0.8), (2, 1.6), (8, 6.8), (64, 60.0)], ids=lambda value: f"{value:g}"
)
def test_mean_response_time_of_m_m_c_is_erlangs(servers: int, rate_rps: float) -> None:
    path = run(Exponential(1.0), rate_rps, servers)
    expected = theory.mmc(rate_rps, 1.0, servers)
    found = mean_of(path.response_time_s)
    assert found.contains(expected.response_time_s), (found, expected)
    assert found.half_width < 0.05 * expected.response_time_s
    assert path.utilisation[0] == pytest.approx(expected.utilisation, rel=0.01)


@pytest.mark.parametrize(
    "service",
    [
        Constant(1.0),
        Erlang(1.0, 4),
        Exponential(1.0),
        LogNormal(1.0, 0.8),
        Hyperexponential((0.9, 0.1), (0.5, 5.5)),
    ],
    ids=lambda service: type(service).__name__,
)
def test_mean_wait_of_m_g_1_is_pollaczeks_and_khinchines(service: Distribution) -> None:
    rate_rps = 0.7 / service.mean_s
    path = run(service, rate_rps)
    expected = theory.mg1(rate_rps, service.mean_s, service.scv)
    found = mean_of(path.response_time_s)
    assert found.contains(expected.response_time_s), (found, expected)
    assert found.half_width < 0.05 * expected.response_time_s


def test_percentiles_of_m_m_1_and_m_m_8_are_those_of_the_closed_form() -> None:
    """Within what five times the spread between replications of such a run comes to."""
    for rate_rps, servers in ((0.8, 1), (6.8, 8)):
        times = run(Exponential(1.0), rate_rps, servers).response_time_s[WARM_UP:]
        for probability, tolerance in ((0.5, 0.015), (0.95, 0.03), (0.99, 0.05)):
            expected = theory.mmc_response_time_quantile_s(rate_rps, 1.0, servers, probability)
            assert np.quantile(times, probability) == pytest.approx(expected, rel=tolerance)


def test_an_open_network_has_jacksons_mean_response_time() -> None:
    """Poisson -> M/M/4 -> with 0.7 M/M/1, with 0.3 M/M/2: each station is as if alone (Jackson 1957)."""
    model = Model(
        "network",
        [
            Flow(
                "get",
                [
                    Serve("api", Exponential(3.0)),
                    Branch([(0.7, [Serve("cache", Exponential(0.9))]), (0.3, [Serve("database", Exponential(5.0))])]),
                ],
            )
        ],
        [Station("api", 4), Station("cache", 1), Station("database", 2)],
    )
    path = simulate(model, poisson(REQUESTS, 1.0, 3), 3)
    expected = (
        theory.mmc(1.0, 3.0, 4).response_time_s
        + 0.7 * theory.mm1(0.7, 0.9).response_time_s
        + 0.3 * theory.mmc(0.3, 5.0, 2).response_time_s
    )
    assert mean_of(path.response_time_s).contains(expected)
