"""The search for the highest rate within the limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdlab.errors import InvalidInput
from simulations import theory
from simulations.capacity import Capacity, Limit, Probe, ProbeResult, find_capacity

SLO = [Limit("p99", at_most=1.0)]


def cliff(at_rps: float) -> Capacity:
    """Search a system that breaks above a rate."""

    def probe(rate: float) -> ProbeResult:
        return ProbeResult({"p99": 0.5 if rate <= at_rps else 2.0}, {"api": rate / at_rps, "cache": 0.1})

    return find_capacity(probe, SLO, start_rps=10.0)


@given(st.floats(1e-3, 1e9))
def test_the_bracket_holds_the_cliff_within_the_precision(at_rps: float) -> None:
    found = cliff(at_rps)
    assert found.rate_rps <= at_rps < found.failing_rate_rps
    assert found.failing_rate_rps - found.rate_rps <= 0.01 * found.rate_rps
    assert len(found.probes) < 60


def test_it_doubles_to_the_first_failure_and_then_bisects() -> None:
    rates = [probe.rate_rps for probe in cliff(100.0).probes]
    assert rates[:5] == [10.0, 20.0, 40.0, 80.0, 160.0]
    assert rates[5] == 120.0
    assert rates[6] == 100.0


def test_the_first_station_to_saturate_is_the_busiest_at_the_failing_rate() -> None:
    found = cliff(100.0)
    assert found.first_to_saturate == "api"
    assert found.utilisation_at_failure == pytest.approx(1.0, abs=0.02)


def test_the_capacity_of_m_m_1_is_that_of_the_closed_form() -> None:
    def probe(rate: float) -> ProbeResult:
        stable = rate < 99.999
        p99 = theory.mm1_response_time_quantile_s(rate, 0.01, 0.99) if stable else math.inf
        return ProbeResult({"p99": p99}, {"server": min(1.0, rate * 0.01)})

    found = find_capacity(probe, [Limit("p99", at_most=0.2)], start_rps=1.0, precision=1e-4)
    assert found.rate_rps == pytest.approx(100 - math.log(100) / 0.2, rel=2e-4)


def test_a_system_that_never_breaks_is_probed_up_to_the_maximum() -> None:
    seen: list[Probe] = []
    found = find_capacity(
        lambda rate: ProbeResult({"p99": 0.1}, {"api": rate / 1000}),
        SLO,
        start_rps=3.0,
        max_rps=100.0,
        progress=seen.append,
    )
    assert (found.rate_rps, found.failing_rate_rps) == (100.0, math.inf)
    assert found.first_to_saturate == "api"
    assert tuple(seen) == found.probes


def test_a_system_that_always_breaks_has_no_capacity() -> None:
    found = find_capacity(lambda _: ProbeResult({"p99": math.nan}), SLO, start_rps=1.0)
    assert found.rate_rps == 0.0
    assert found.first_to_saturate is None


def test_every_limit_must_hold_and_the_probe_says_which_broke() -> None:
    limits = [Limit("p99", at_most=1.0), Limit("availability", at_least=0.999)]
    found = find_capacity(
        lambda rate: ProbeResult({"p99": 0.1, "availability": 1.0 if rate < 50 else 0.5}), limits, start_rps=10.0
    )
    assert 49 < found.rate_rps < 50
    assert {limit.measure for probe in found.probes for limit in probe.broken} == {"availability"}


def test_an_error_of_the_probe_is_not_taken_for_a_broken_limit() -> None:
    def probe(_: float) -> ProbeResult:
        raise ConnectionError("the service is gone")

    with pytest.raises(ConnectionError):
        find_capacity(probe, SLO, start_rps=1.0)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"start_rps": 0.0}, "start_rps"),
        ({"start_rps": 1.0, "precision": 0.0}, "precision"),
        ({"start_rps": 1.0, "max_rps": 0.0}, "max_rps"),
    ],
)
def test_a_search_out_of_bounds_is_refused(arguments: dict[str, float], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        find_capacity(lambda _: ProbeResult({"p99": 0.0}), SLO, **arguments)  # type: ignore[arg-type]
    assert error.value.field == field


def test_limits_on_nothing_measured_are_refused() -> None:
    with pytest.raises(InvalidInput, match="p42"):
        find_capacity(lambda _: ProbeResult({"p99": 0.0}), [Limit("p42", 1.0)], start_rps=1.0)
    with pytest.raises(InvalidInput, match="limits"):
        find_capacity(lambda _: ProbeResult({}), [], start_rps=1.0)
