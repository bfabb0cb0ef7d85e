"""Distributions: their own mean and scv against samples, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from sdlab.errors import InvalidInput
from simulations.distributions import (
    Constant,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    LogNormal,
)
from simulations.sampling import DistributionTable, normal_quantile, sample, sample_one, tabulate


@numba.njit
def samples(table: DistributionTable, row: int, seed: int, count: int) -> np.ndarray:
    drawn = np.empty(count)
    for request in range(count):
        drawn[request] = sample(table, row, seed, request, 99)
    return drawn


@numba.njit
def normal_quantiles(probabilities: np.ndarray) -> np.ndarray:
    values = np.empty_like(probabilities)
    for i in range(probabilities.size):
        values[i] = normal_quantile(probabilities[i])
    return values


def draw_many(distribution: Distribution, count: int = 200_000, seed: int = 1) -> np.ndarray:
    drawn: np.ndarray = samples(tabulate([distribution]), 0, seed, count)
    return drawn


positive = st.floats(1e-6, 1e3)
# Within these bounds a sample of 100,000 tells the variance: none hangs on a value drawn once in a million times.
distributions: st.SearchStrategy[Distribution] = st.one_of(
    positive.map(Constant),
    positive.map(Exponential),
    st.builds(Erlang, positive, st.integers(1, 20)),
    st.builds(LogNormal, positive, st.floats(0, 0.7)),
    st.builds(
        lambda p, scale, ratio: Hyperexponential((p, 1 - p), (scale, scale * ratio)),
        st.floats(0.05, 0.95),
        positive,
        st.floats(0.1, 10),
    ),
    st.lists(positive, min_size=2, max_size=30).map(lambda values: Empirical(tuple(sorted(values)))),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(distributions, st.integers(0, 2**63 - 1))
def test_samples_have_the_mean_and_scv_that_the_distribution_states(distribution: Distribution, seed: int) -> None:
    drawn = draw_many(distribution, 100_000, seed)
    sigma_s = math.sqrt(distribution.scv) * distribution.mean_s
    assert abs(drawn.mean() - distribution.mean_s) <= 5.5 * sigma_s / math.sqrt(drawn.size) + 1e-9 * distribution.mean_s
    assert drawn.min() >= 0
    centred = (drawn - drawn.mean()) ** 2
    spread = float(centred.std()) / math.sqrt(drawn.size)
    assert abs(centred.mean() - sigma_s**2) <= 6.5 * spread + 1e-9 * distribution.mean_s**2


@pytest.mark.parametrize(
    ("distribution", "cdf"),
    [
        (Exponential(2.0), stats.expon(scale=2.0).cdf),
        (Erlang(2.0, 3), stats.gamma(3, scale=2 / 3).cdf),
        (Erlang(2.0, 4), stats.gamma(4, scale=2 / 4).cdf),
        (LogNormal(2.0, 0.7), stats.lognorm(0.7, scale=2 * math.exp(-0.245)).cdf),
        (
            Hyperexponential((0.3, 0.7), (1.0, 4.0)),
            lambda x: 0.3 * stats.expon(scale=1).cdf(x) + 0.7 * stats.expon(scale=4).cdf(x),
        ),
        (Empirical((0.0, 1.0, 3.0)), lambda x: np.interp(x, [0, 1, 3], [0, 0.5, 1])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_samples_follow_the_distribution_function(
    distribution: Distribution, cdf: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert stats.kstest(draw_many(distribution), cdf).pvalue > 1e-3


def test_the_normal_quantile_is_scipys_to_the_last_digits() -> None:
    probabilities = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 10_001), 10.0 ** -np.arange(1, 300)])
    exact = ndtri(probabilities)
    assert np.max(np.abs(normal_quantiles(probabilities) - exact) / np.maximum(1, np.abs(exact))) < 4e-15


def test_a_larger_mean_gives_each_request_a_larger_time_from_the_same_numbers() -> None:
    """Common random numbers: variants of a model are compared request by request."""
    for slow, fast in (
        (Exponential(2.0), Exponential(1.0)),
        (LogNormal(2.0, 1.0), LogNormal(1.0, 1.0)),
        (Erlang(2.0, 3), Erlang(1.0, 3)),
        (Empirical((1.0, 2.0, 5.0)), Empirical((0.5, 1.0, 2.5))),
    ):
        assert np.allclose(draw_many(slow, 1000), 2 * draw_many(fast, 1000))


def test_a_sample_called_from_python_is_the_one_drawn_in_compiled_code() -> None:
    every: list[Distribution] = [
        Constant(1.0),
        Exponential(1.0),
        Erlang(1.0, 7),
        LogNormal(1.0, 1.0),
        Empirical((0.0, 1.0)),
    ]
    table = tabulate(every)
    for row in range(len(every)):
        assert [sample_one(table, row, 5, request, 99) for request in range(20)] == samples(table, row, 5, 20).tolist()


def test_quantiles_of_measurements_give_back_their_distribution() -> None:
    measured = np.random.default_rng(1).gamma(3.0, 0.01, 20_000)
    summary = Empirical.from_measurements(measured)
    assert summary.mean_s == pytest.approx(measured.mean(), rel=0.01)
    assert summary.scv == pytest.approx(measured.var() / measured.mean() ** 2, rel=0.1)
    assert summary.quantiles_s[0] == measured.min()
    assert summary.quantiles_s[-1] == measured.max()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Constant(-1.0), "value_s"),
        (lambda: Constant(math.nan), "value_s"),
        (lambda: Exponential(0.0), "mean_s"),
        (lambda: Exponential(math.inf), "mean_s"),
        (lambda: Erlang(1.0, 0), "stages"),
        (lambda: Erlang(1.0, 2.5), "stages"),  # type: ignore[arg-type]
        (lambda: LogNormal(1.0, -0.1), "sigma"),
        (lambda: Hyperexponential((0.5, 0.6), (1.0, 2.0)), "probabilities"),
        (lambda: Hyperexponential((1.0,), (1.0, 2.0)), "probabilities"),
        (lambda: Hyperexponential((1.2, -0.2), (1.0, 2.0)), "probabilities"),
        (lambda: Hyperexponential((1.0,), (0.0,)), "means_s"),
        (lambda: Empirical((1.0,)), "quantiles_s"),
        (lambda: Empirical((2.0, 1.0)), "quantiles_s"),
        (lambda: Empirical((-1.0, 1.0)), "quantiles_s"),
        (lambda: Empirical.from_measurements(np.array([])), "times_s"),
    ],
)
def test_a_parameter_out_of_bounds_is_refused_by_name(make: Callable[[], Distribution], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        make()
    assert error.value.field == field
