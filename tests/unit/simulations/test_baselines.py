"""The naive queues that the model must beat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdlab.arrivals import FloatArray
from simulations.baselines import NaiveDemand, of_mg1, of_mm1

PERCENTS = (50, 99)


def demand(sample_s: FloatArray, beside_s: float = 0.0) -> NaiveDemand:
    mean_s = float(sample_s.mean())
    return NaiveDemand(mean_s, float(sample_s.var()) / mean_s**2, beside_s, sample_s)


def test_with_exponential_demands_both_queues_are_the_same() -> None:
    exponential = demand(-0.01 * np.log1p(-(np.arange(400_000) + 0.5) / 400_000))
    mm1, mg1 = of_mm1(exponential, 80.0, PERCENTS), of_mg1(exponential, 80.0, PERCENTS)
    assert mm1["mean"] == pytest.approx(0.05, rel=1e-3)
    assert mg1["mean"] == pytest.approx(mm1["mean"], rel=1e-3)
    assert mg1["p99"] == pytest.approx(mm1["p99"], rel=0.02)  # 400,000 draws: its standard error is 0.7 %


def test_constant_demands_wait_half_as_long() -> None:
    constant = demand(np.full(1000, 0.01))
    assert of_mg1(constant, 80.0, PERCENTS)["mean"] == pytest.approx(0.01 + 0.02)


def test_what_is_beside_the_queue_is_added_to_each_statistic() -> None:
    sample_s = np.full(1000, 0.01)
    for of in (of_mm1, of_mg1):
        without, beside = of(demand(sample_s), 50.0, PERCENTS), of(demand(sample_s, 0.003), 50.0, PERCENTS)
        assert {name: value + 0.003 for name, value in without.items()} == pytest.approx(beside)


def test_a_queue_from_saturation_on_waits_for_ever() -> None:
    for of in (of_mm1, of_mg1):
        assert set(of(demand(np.full(10, 0.01)), 101.0, PERCENTS).values()) == {math.inf}
