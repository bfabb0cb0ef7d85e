"""Arrival processes as a person names them on a command line."""

from __future__ import annotations

import numpy as np
import pytest

from sdlab import arrival_choice, arrivals, varying
from sdlab.arrival_choice import expected_count, times_of
from sdlab.errors import InvalidInput


def test_a_name_and_its_parameters_give_the_process_they_say() -> None:
    crowd = varying.flash_crowd(50, 400, at_s=20, rise_s=5, hold_s=60, decay_s=60, duration_s=100)
    assert np.array_equal(times_of("flash_crowd:peak_rps=400,at_s=20,rise_s=5", 50, 100, 3), crowd.arrivals(3))
    assert np.array_equal(times_of("poisson", 50, 100, 3), arrivals.poisson(50, 100, 3))
    assert np.array_equal(times_of("constant", 50, 100, 3), arrivals.constant(50, 100))
    even = varying.ramp(50, 100, 100).arrivals(0, "constant")
    assert np.array_equal(times_of("ramp:to_rps=100,spacing=constant", 50, 100, 3), even)


def test_the_rate_is_the_long_run_mean_of_an_mmpp() -> None:
    assert expected_count("mmpp:ratios=1/9,sojourns_s=3/1", 50, 100_000, 1) == pytest.approx(5e6, rel=0.02)


@pytest.mark.parametrize("name", arrival_choice.PROCESSES)
def test_the_number_expected_is_about_the_number_that_comes(name: str) -> None:
    choice = arrival_choice.example(name)
    expected = expected_count(choice, 100, 500, 2)
    assert abs(times_of(choice, 100, 500, 2).size - expected) < 4 * np.sqrt(expected)


@pytest.mark.parametrize("name", arrival_choice.PROCESSES)
def test_the_help_names_every_process_and_its_example_works(name: str) -> None:
    assert name in arrival_choice.described()
    assert times_of(arrival_choice.example(name), 100, 60, 1).size > 0


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("uniform", "must be one of constant, poisson, ramp, step, flash_crowd, mmpp, profile"),
        ("poisson:rate=3", "poisson takes nothing, not 'rate=3'"),
        ("step:to_rps=3", "step needs at_s; for example step:to_rps=400,at_s=30"),
        ("step:to_rps=3,at=1", "step takes to_rps=..., at_s=..., spacing=..., not 'at=1'"),
        ("step:to_rps=3,at_s", "not 'at_s'"),
        ("step:to_rps=many,at_s=1", "to_rps must be a number, not 'many'"),
        ("step:to_rps=3/4,at_s=1", "to_rps must be a number, not '3/4'"),
        ("mmpp:ratios=1/x,sojourns_s=1/2", "ratios must be numbers like 1/9, not '1/x'"),
        ("mmpp:ratios=1/2/3,sojourns_s=1/2", "ratios = .* as many as sojourns_s"),
        ("mmpp:ratios=1/0,sojourns_s=0/5", "sojourns_s = .* above 0"),
        ("step:to_rps=-3,at_s=1", "to_rps = -3.0: must be a finite number of at least 0"),
        ("step:to_rps=3,at_s=1,spacing=even", "spacing = 'even': must be one of poisson, constant"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_with_what_could(choice: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        times_of(choice, 10, 10, 1)
