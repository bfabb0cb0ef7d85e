"""Distributions: their own mean and scv against samples, and what they refuse."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import simulations.distributions as package
from sdlab.errors import InvalidInput
from simulations.distributions import (
    Constant,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Hyperexponential,
    LogNormal,
    Mixture,
    Pareto,
    Uniform,
    Weibull,
    measured,
    mixed,
    simple,
    tails,
)
from simulations.sampling import DistributionTable, sample, sample_many, sample_one, tabulate


@numba.njit
def samples(table: DistributionTable, row: int, seed: int, count: int) -> np.ndarray:
    drawn = np.empty(count)
    for request in range(count):
        drawn[request] = sample(table, row, seed, request, 99)
    return drawn


def draw_many(distribution: Distribution, count: int = 200_000, seed: int = 1) -> np.ndarray:
    drawn = np.empty(count)
    sample_many(tabulate([distribution]), 0, seed, np.arange(count), 99, drawn)
    return drawn


positive = st.floats(1e-6, 1e3)
# Within these bounds a sample of 100,000 tells the variance: none hangs on a value drawn once in a million times.
plain: st.SearchStrategy[Distribution] = st.one_of(
    positive.map(Constant),
    st.builds(lambda low, width: Uniform(low, low + width), positive, positive),
    st.builds(Gamma, positive, st.floats(0.3, 50)),
    st.builds(Weibull, positive, st.floats(0.7, 20)),
    st.builds(Pareto, positive, st.floats(8.5, 50)),
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
shares = st.floats(0.2, 0.8)
mixtures = st.builds(lambda one, two, p: Mixture((p, 1 - p), (one, two)), plain, plain, shares)
nested = st.builds(lambda one, two, p: Mixture((p, 1 - p), (one, two)), mixtures, plain, shares)
distributions = st.one_of(plain, mixtures, nested)


@settings(max_examples=100, deadline=None, derandomize=True)
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
        (Erlang(2.0, 30), stats.gamma(30, scale=2 / 30).cdf),
        (Gamma(2.0, 0.05), stats.gamma(0.05, scale=40).cdf),
        (Gamma(2.0, 0.6), stats.gamma(0.6, scale=2 / 0.6).cdf),
        (Gamma(2.0, 1.0), stats.expon(scale=2).cdf),
        (Gamma(2.0, 7.3), stats.gamma(7.3, scale=2 / 7.3).cdf),
        (Gamma(2.0, 5000.0), stats.gamma(5000, scale=2 / 5000).cdf),
        (Uniform(1.0, 3.0), stats.uniform(1, 2).cdf),
        (Weibull(2.0, 0.4), stats.weibull_min(0.4, scale=2 / math.gamma(3.5)).cdf),
        (Weibull(2.0, 3.0), stats.weibull_min(3, scale=2 / math.gamma(4 / 3)).cdf),
        (Pareto(2.0, 1.2), stats.pareto(1.2, scale=1 / 3).cdf),
        (Pareto(2.0, 3.0), stats.pareto(3, scale=4 / 3).cdf),
        (
            Mixture((0.2, 0.3, 0.5), (Uniform(1.0, 3.0), Erlang(2.0, 3), Gamma(1.0, 0.5))),
            lambda x: (
                0.2 * stats.uniform(1, 2).cdf(x)
                + 0.3 * stats.gamma(3, scale=2 / 3).cdf(x)
                + 0.5 * stats.gamma(0.5, scale=2).cdf(x)
            ),
        ),
        (
            Mixture((0.5, 0.5), (Mixture((0.2, 0.8), (Exponential(1.0), Weibull(1.0, 2.0))), Pareto(1.0, 2.0))),
            lambda x: (
                0.1 * stats.expon.cdf(x)
                + 0.4 * stats.weibull_min(2, scale=1 / math.gamma(1.5)).cdf(x)
                + 0.5 * stats.pareto(2, scale=0.5).cdf(x)
            ),
        ),
        (LogNormal(2.0, 0.7), stats.lognorm(0.7, scale=2 * math.exp(-0.245)).cdf),
        (
            Hyperexponential((0.3, 0.7), (1.0, 4.0)),
            lambda x: 0.3 * stats.expon(scale=1).cdf(x) + 0.7 * stats.expon(scale=4).cdf(x),
        ),
        (Empirical((0.0, 1.0, 3.0)), lambda x: np.interp(x, [0, 1, 3], [0, 0.5, 1])),
    ],
    ids=lambda value: repr(value) if hasattr(value, "scv") else "",
)
def test_a_million_samples_follow_the_distribution_function(
    distribution: Distribution, cdf: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert stats.kstest(draw_many(distribution, 1_000_000), cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "distribution",
    [
        Exponential(0.003),
        Uniform(0.001, 0.004),
        Erlang(0.003, 3),
        Erlang(0.003, 40),
        Gamma(0.003, 0.7),
        Gamma(0.003, 12.5),
        LogNormal(0.05, 0.5),
        Weibull(0.003, 1.7),
        Pareto(0.003, 9.0),
        Hyperexponential((0.9, 0.1), (0.001, 0.01)),
        Mixture((0.9, 0.1), (Gamma(0.001, 2.0), Mixture((0.5, 0.5), (Constant(0.02), Uniform(0.0, 0.01))))),
    ],
    ids=repr,
)
def test_a_million_samples_have_the_mean_and_the_variance(distribution: Distribution) -> None:
    """Within 4 standard errors, which are below 0.5 % of the mean and 5 % of the variance for these."""
    drawn = draw_many(distribution, 1_000_000, seed=11)
    squares = (drawn - distribution.mean_s) ** 2
    error_s = drawn.std() / 1000
    assert abs(drawn.mean() - distribution.mean_s) < 4 * error_s < 4 * 0.005 * distribution.mean_s
    variance = distribution.scv * distribution.mean_s**2
    assert abs(squares.mean() - variance) < 4 * squares.std() / 1000 < 4 * 0.05 * variance


def test_a_larger_mean_gives_each_request_a_larger_time_from_the_same_numbers() -> None:
    """Common random numbers: variants of a model are compared request by request."""
    for slow, fast in (
        (Exponential(2.0), Exponential(1.0)),
        (LogNormal(2.0, 1.0), LogNormal(1.0, 1.0)),
        (Erlang(2.0, 3), Erlang(1.0, 3)),
        (Empirical((1.0, 2.0, 5.0)), Empirical((0.5, 1.0, 2.5))),
        (Gamma(2.0, 0.6), Gamma(1.0, 0.6)),
        (Weibull(2.0, 0.6), Weibull(1.0, 0.6)),
        (Pareto(2.0, 1.6), Pareto(1.0, 1.6)),
    ):
        assert np.allclose(draw_many(slow, 1000), 2 * draw_many(fast, 1000))


EVERY: list[Distribution] = [
    Constant(1.0),
    Uniform(0.5, 1.5),
    Exponential(1.0),
    Erlang(1.0, 3),
    Erlang(1.0, 7),
    Gamma(1.0, 0.3),
    Gamma(1.0, 3.3),
    LogNormal(1.0, 1.0),
    Weibull(1.0, 0.6),
    Pareto(1.0, 1.7),
    Hyperexponential((0.3, 0.7), (1.0, 3.0)),
    Mixture(
        (0.3, 0.2, 0.5), (Exponential(1.0), Mixture((0.5, 0.5), (Gamma(1.0, 3.3), Constant(0.0))), Pareto(1.0, 3.0))
    ),
    Empirical(tuple(float(value) for value in np.linspace(0, 3, 201) ** 2)),
    Mixture((1.0, 0.0), (Empirical((0.0, 1.0)), Exponential(1.0))),
]


@pytest.mark.parametrize("row", range(len(EVERY)), ids=lambda row: repr(EVERY[row])[:40])
def test_a_sample_is_the_same_to_the_last_bit_alone_inlined_in_a_loop_and_in_a_batch(row: int) -> None:
    table = tabulate(EVERY)
    inlined = samples(table, row, 5, 100_000)
    batch = np.empty(100_000)
    sample_many(table, row, 5, np.arange(100_000), 99, batch)
    assert np.array_equal(inlined, batch)
    for first, count in ((0, 1), (1, 7), (99, 16), (1003, 1000)):
        piece = np.empty(count)
        sample_many(table, row, 5, np.arange(first, first + count), 99, piece)
        assert np.array_equal(piece, inlined[first : first + count])
    assert [sample_one(table, row, 5, request, 99) for request in range(5000)] == inlined[:5000].tolist()


def test_every_kind_of_distribution_is_in_the_list_that_these_tests_draw_from() -> None:
    assert {type(distribution) for distribution in EVERY} == set(Distribution.__args__)


def test_a_part_of_a_mixture_is_drawn_as_if_it_stood_alone() -> None:
    """So the times of requests that take one way stay as they are when the other way changes."""
    alone = draw_many(Exponential(2.0))
    mixed_with = draw_many(Mixture((0.5, 0.5), (Exponential(2.0), Constant(0.0))))
    other = draw_many(Mixture((0.5, 0.5), (Exponential(2.0), Gamma(5.0, 0.5))))
    chosen = mixed_with > 0
    assert 0.49 < chosen.mean() < 0.51
    assert np.array_equal(mixed_with[chosen], alone[chosen])
    assert np.array_equal(other[chosen], alone[chosen])


def test_distributions_of_one_uniform_are_long_and_short_for_the_same_requests() -> None:
    inverted: list[Distribution] = [
        Exponential(1.0),
        Uniform(0, 1),
        LogNormal(1.0, 1.0),
        Weibull(1.0, 0.5),
        Pareto(1.0, 3.0),
        Empirical((0, 1)),
    ]
    order = np.argsort(draw_many(inverted[0], 10_000))
    for distribution in inverted[1:]:
        assert np.all(np.diff(draw_many(distribution, 10_000)[order]) >= 0)


def test_a_branch_of_probability_zero_is_never_taken() -> None:
    certain = Mixture((0.1, 0.2, 0.7 - 1e-12, 0.0), (Constant(1), Constant(2), Constant(3), Constant(9)))
    assert set(draw_many(certain)) == {1.0, 2.0, 3.0}
    assert draw_many(Hyperexponential((1.0, 0.0), (1e-9, 1e9))).max() < 1e-6


@pytest.mark.parametrize("module", [package, simple, tails, mixed, measured], ids=lambda module: module.__name__)
def test_the_examples_of_the_docstrings_are_true(module: object) -> None:
    names = {name: getattr(package, name) for name in package.__all__}
    failed, ran = doctest.testmod(module, extraglobs=names)  # type: ignore[arg-type]
    assert failed == 0
    assert ran or module is package


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
        (lambda: Uniform(-1.0, 1.0), "low_s"),
        (lambda: Uniform(1.0, 1.0), "high_s"),
        (lambda: Gamma(1.0, 0.0), "shape"),
        (lambda: Gamma(1.0, math.nan), "shape"),
        (lambda: Weibull(0.0, 1.0), "mean_s"),
        (lambda: Weibull(1.0, 0.01), "shape"),
        (lambda: Pareto(1.0, 1.0), "alpha"),
        (lambda: Mixture((1.0,), (1.0,)), "parts"),  # type: ignore[arg-type]
        (lambda: Mixture((0.5,), (Constant(1.0),)), "probabilities"),
        (lambda: Mixture((), ()), "probabilities"),
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
