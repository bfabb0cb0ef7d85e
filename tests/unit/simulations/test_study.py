"""Warm-up and intervals, on series whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from sdlab.errors import InvalidInput
from simulations import study


def test_mser5_cuts_a_transient_and_no_more_than_it_must() -> None:
    rng = np.random.default_rng(1)
    series = np.concatenate([np.linspace(50, 0, 500), np.zeros(4500)]) + rng.normal(0, 1, 5000)
    found = study.mser5(series)
    assert found.settled
    assert 400 <= found.observations <= 600
    assert found.observations % 5 == 0


def test_mser5_cuts_next_to_nothing_from_a_stationary_series() -> None:
    cuts = [study.mser5(np.random.default_rng(seed).exponential(1.0, 5000)).observations for seed in range(20)]
    assert np.median(cuts) < 500


def test_mser5_says_when_a_run_never_settles() -> None:
    assert not study.mser5(np.linspace(0, 1, 1000)).settled


def test_mser5_is_the_minimum_of_its_definition() -> None:
    series = np.random.default_rng(3).normal(1e6, 1, 400) + 30 * np.exp(-np.arange(400) / 20)
    y = series.reshape(-1, 5).mean(axis=1)
    by_definition = [((y[d:] - y[d:].mean()) ** 2).sum() / (len(y) - d) ** 2 for d in range(len(y) // 2 + 1)]
    assert study.mser5(series).observations == 5 * int(np.argmin(by_definition))


def test_intervals_of_normal_values_cover_the_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    covered = sum(study.interval(rng.normal(5, 2, 8), 0.9).contains(5.0) for _ in range(2000))
    assert 0.87 < covered / 2000 < 0.93


def test_the_interval_is_students() -> None:
    found = study.interval([1.0, 2.0, 3.0], 0.95)
    assert found.mean == 2.0
    assert found.half_width == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert (found.low, found.high) == (found.mean - found.half_width, found.mean + found.half_width)


def test_batch_means_cover_the_mean_of_a_correlated_series_where_single_values_would_not() -> None:
    def series(seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, 1, 20_000)
        values = np.empty_like(noise)
        level = 0.0
        for i, shock in enumerate(noise):
            level = 0.9 * level + shock
            values[i] = level
        return values

    runs = [series(seed) for seed in range(60)]
    assert sum(study.batch_means(run, 0.95).contains(0.0) for run in runs) >= 52
    assert sum(study.interval(run, 0.95).contains(0.0) for run in runs) < 40


def test_batches_leave_out_the_start() -> None:
    assert study.means_of_batches(np.arange(11.0), 5).tolist() == [1.5, 3.5, 5.5, 7.5, 9.5]


def test_lag1_tells_dependence() -> None:
    assert abs(study.lag1(np.random.default_rng(1).normal(size=10_000))) < 0.05
    assert study.lag1(np.sin(np.arange(1000) / 50)) > 0.9
    assert np.isnan(study.lag1(np.ones(5)))


def test_replications_run_once_a_seed() -> None:
    found, values = study.replications(lambda seed: seed * 2.0, [1, 2, 3])
    assert values == [2.0, 4.0, 6.0]
    assert found.mean == 4.0
    with pytest.raises(InvalidInput, match="seeds"):
        study.replications(float, [1, 1])


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: study.interval([1.0]), "values"),
        (lambda: study.interval([1.0, np.nan]), "values"),
        (lambda: study.interval([1.0, 2.0], 1.0), "confidence"),
        (lambda: study.mser5(np.arange(10.0)), "observations"),
        (lambda: study.batch_means(np.arange(10.0), batches=1), "batches"),
        (lambda: study.batch_means(np.arange(10.0), batches=30), "observations"),
    ],
)
def test_too_little_to_go_on_is_refused(call: object, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        call()  # type: ignore[operator]
    assert error.value.field == field
