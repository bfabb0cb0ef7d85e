"""Laws of the arrival processes and of key popularity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sdlab import arrival_choice, arrivals, workload
from sdlab.errors import InvalidInput
from sdlab.popularity import zipf_ranks
from sdlab.spec import SECONDS_PER_DAY, Design


@given(
    st.sampled_from([arrival_choice.example(name) for name in arrival_choice.PROCESSES]),
    st.floats(0.5, 900),
    st.floats(0.1, 60),
    st.integers(0, 2**31),
)
def test_arrivals_are_sorted_inside_the_duration_and_repeat_with_their_seed(
    process: str, rate: float, duration: float, seed: int
) -> None:
    times = arrival_choice.times_of(process, rate, duration, seed)
    assert np.all(np.diff(times) >= 0)
    assert np.all((times >= 0) & (times < duration))
    assert np.array_equal(times, arrival_choice.times_of(process, rate, duration, seed))


def test_poisson_gaps_are_exponential_with_the_rate() -> None:
    gaps = np.diff(arrivals.poisson(50, 4000, seed=3))
    assert stats.kstest(gaps, "expon", args=(0, 1 / 50)).pvalue > 0.01


@pytest.mark.parametrize("chunk", [1, 7, 1000, 4096, 10**6])
def test_arrivals_in_chunks_are_those_of_the_whole_whatever_the_chunk(chunk: int) -> None:
    whole = arrivals.poisson(50, 400, seed=3)
    pieces = list(arrivals.poisson_chunks(50, 3, whole.size, chunk))
    assert {piece.size for piece in pieces[:-1]} <= {chunk}
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize(("count", "chunk", "field"), [(0, 1, "count"), (1, 0, "chunk")])
def test_chunks_of_nothing_are_refused(count: int, chunk: int, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        next(arrivals.poisson_chunks(1.0, 1, count, chunk))
    assert error.value.field == field


def test_another_seed_gives_other_arrivals() -> None:
    assert not np.array_equal(arrivals.poisson(10, 10, seed=1)[:20], arrivals.poisson(10, 10, seed=2)[:20])


def test_the_day_has_its_mean_and_its_peak(design: Design) -> None:
    curve = design.workload.day_curve
    times = arrivals.day(20.0, curve, seed=5)
    assert times.size == pytest.approx(20 * SECONDS_PER_DAY, rel=0.005)
    grid = np.arange(0, SECONDS_PER_DAY, 60.0)
    rate = arrivals.relative_rate(curve, grid)
    assert rate.mean() == pytest.approx(1, abs=1e-9)
    assert rate.max() == pytest.approx(curve.peak_to_mean_ratio, abs=1e-9)
    assert grid[rate.argmax()] == curve.peak_hour_utc * 3600
    counted = np.histogram(times, bins=24, range=(0, SECONDS_PER_DAY))[0]
    expected = rate.reshape(24, 60).mean(axis=1) * 20 * 3600
    assert stats.chisquare(counted, expected * counted.sum() / expected.sum()).pvalue > 0.01


@pytest.mark.parametrize(("keys", "exponent"), [(50, 1.0), (6000, 0.0), (6000, 0.83), (6000, 1.0), (20_000, 1.3)])
def test_key_ranks_follow_zipf_exactly_across_the_end_of_the_table(keys: int, exponent: float) -> None:
    counted = np.bincount(zipf_ranks(400_000, keys, exponent, seed=11), minlength=keys)
    weights = np.arange(1, keys + 1) ** -exponent
    expected = 400_000 * weights / weights.sum()
    enough = expected > 10
    observed = np.append(counted[enough], counted[~enough].sum())
    wanted = np.append(expected[enough], expected[~enough].sum())
    keep = wanted > 0
    assert counted.size == keys
    assert stats.chisquare(observed[keep], wanted[keep]).pvalue > 0.01


@given(st.integers(1, 10**11), st.floats(0, 3), st.integers(0, 2**31))
def test_key_ranks_stay_in_range(keys: int, exponent: float, seed: int) -> None:
    ranks = zipf_ranks(200, keys, exponent, seed)
    assert ranks.min() >= 0
    assert ranks.max() < keys


def test_changing_the_operations_leaves_keys_and_regions_as_they_are(design: Design) -> None:
    from sdlab.catalog import load_design  # noqa: PLC0415 - the subject of this test

    changed = load_design(
        "url_shortener", ["workload.operations.redirect.share=0.5", "workload.operations.create.share=0.48"]
    )
    before = workload.steady(design, "poisson", 100, 10, seed=4)
    after = workload.steady(changed, "poisson", 100, 10, seed=4)
    assert np.array_equal(before.key, after.key)
    assert np.array_equal(before.region, after.region)
    assert np.array_equal(before.arrival_s, after.arrival_s)
    assert not np.array_equal(before.operation, after.operation)


def test_operations_come_by_their_shares(design: Design) -> None:
    requests = workload.steady(design, "poisson", 2000, 60, seed=9)
    shares = np.array([operation.share for operation in design.workload.operations.values()])
    counted = np.bincount(requests.operation, minlength=shares.size)
    assert stats.chisquare(counted, shares * len(requests)).pvalue > 0.01


@pytest.mark.parametrize(("rate", "duration"), [(0, 1), (-1, 1), (float("nan"), 1), (1, 0), (1, float("inf"))])
def test_a_rate_or_duration_out_of_bounds_is_refused(rate: float, duration: float) -> None:
    with pytest.raises(InvalidInput, match="must be a finite number"):
        arrivals.poisson(rate, duration, 1)


def test_a_shortened_day_has_every_rate_for_a_shorter_time(design: Design) -> None:
    curve = design.workload.day_curve
    times = arrivals.day(2000.0, curve, seed=5, day_s=86.4)
    counted = np.histogram(times, bins=24, range=(0, 86.4))[0] / (86.4 / 24)
    whole = arrivals.relative_rate(curve, np.arange(0, SECONDS_PER_DAY, 60.0)).reshape(24, 60).mean(axis=1) * 2000
    assert counted == pytest.approx(whole, rel=0.1)
