"""The compiled engine against closed forms: inside a 99 % interval whose half-width is under 0.5 % of the value.

Each case is some independent runs with fixed seeds, their mean corrected by control variates, several million requests
in all (`simulations.proof.evidence`): as many as make it sharp, where `lab prove` takes more of some. The table of what
was found is printed after the tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simulations import theory
from simulations.distributions import Exponential
from simulations.engines import simulate
from simulations.model import Flow, Fork, Model, Serve, Station
from simulations.proof import network_cases, station_cases
from simulations.proof.evidence import Case
from simulations.proof.station_cases import one_station
from simulations.study import batch_means
from tests.unit.simulations.builders import poisson

WARM_UP = 50_000


CASES = [*station_cases.cases(), *network_cases.cases()]
REPLICATIONS = {
    **dict.fromkeys(
        (
            "M/D/1 at 60%",
            "M/E4/1 at 60%",
            "M/M/2/5: response time",
            "M/M/5/5, 4 Erlang: loss",
            "M/H2/5/5, 4 Erlang: loss",
            "M/M/2 + M: time-outs",
            "M/D/1-PS at 60%",
            "M/M/1 with exponential set-up",
            "M/M/1 with constant set-up",
            "M/M/3 as a pool",
            "closed network, 8 users",
            "machine repair, M/M/2//10",
            "three of five",
        ),
        16,
    ),
    **dict.fromkeys(
        (
            "M/M/1 at 50%",
            "M/LN/1 at 60%",
            "M/M/1-PS at 60%",
            "M/M/3-PS at 70%",
            "M/M/1 with priorities: the first",
            "retries until it completes",
        ),
        24,
    ),
}
"""Of the cases that fewer runs than those of `lab prove` make sharp, a quarter more than they have to be."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_exact_value_lies_in_a_sharp_interval(case: Case, note: Callable[[object], None]) -> None:
    finding = case.find(REPLICATIONS.get(case.name))
    note(finding)
    assert finding.sharp, finding
    assert finding.inside, finding


def test_cases_with_fewer_replications_are_cases() -> None:
    assert {case.name for case in CASES} >= set(REPLICATIONS)


def test_percentiles_of_m_m_1_and_m_m_8_are_those_of_the_closed_form() -> None:
    """Within what five times the spread between replications of such a run comes to."""
    for rate_rps, servers in ((0.8, 1), (6.8, 8)):
        path = simulate(one_station(Exponential(1.0), servers), poisson(1_000_000, rate_rps, 11), 11)
        times = path.response_time_s[WARM_UP:]
        for probability, tolerance in ((0.5, 0.015), (0.95, 0.03), (0.99, 0.05)):
            expected = theory.mmc_response_time_quantile_s(rate_rps, 1.0, servers, probability)
            assert np.quantile(times, probability) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("parts", [3, 8])
@pytest.mark.parametrize("rate_rps", [0.3, 0.7])
def test_a_fork_to_several_stations_lies_between_its_bounds_and_near_the_approximation(
    parts: int, rate_rps: float
) -> None:
    """Nelson & Tantawi found their approximation within 5 % up to 32 parts."""
    names = [f"s{number}" for number in range(parts)]
    fork = Fork([[Serve(name, Exponential(1.0))] for name in names])
    model = Model("fork", [Flow("get", [fork])], [Station(name) for name in names])
    times = simulate(model, poisson(200_000, rate_rps, 3), 3).response_time_s[10_000:]
    found, expected = batch_means(times, 0.99), theory.fork_join(rate_rps, 1.0, parts)
    assert expected.lower_s < found.low
    assert found.high < expected.upper_s
    assert found.mean == pytest.approx(expected.approximation_s, rel=0.05)
