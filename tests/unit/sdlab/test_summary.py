"""Percentiles are order statistics with honest intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdlab.summary import order_statistics, outcomes, percentile, percentiles, response_times, summarise


def table(response_s: list[float], outcome: list[str] | None = None) -> pd.DataFrame:
    intended = np.arange(len(response_s)) / 10
    return pd.DataFrame(
        {
            "operation": pd.Categorical(["redirect"] * len(response_s)),
            "intended_s": intended,
            "sent_s": intended + 0.001,
            "completed_s": intended + np.asarray(response_s),
            "outcome": pd.Categorical(outcome or ["completed"] * len(response_s)),
        }
    )


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=300), st.floats(0.1, 99.9))
def test_a_percentile_is_the_smallest_value_that_covers_its_share(values: list[float], percent: float) -> None:
    ordered = np.sort(np.asarray(values))
    found = percentile(ordered, percent)
    assert found.value_s in ordered
    assert np.mean(ordered <= found.value_s) >= percent / 100 - 1e-12
    assert np.mean(ordered < found.value_s) < percent / 100 + 1e-12
    assert found.low_s <= found.value_s <= found.high_s


def test_the_interval_of_a_percentile_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    truth = -np.log(0.05)
    samples = np.sort(generator.exponential(size=(2000, 500)), axis=1)
    covered = [(p := percentile(sample, 95)).low_s <= truth <= p.high_s for sample in samples]
    assert 0.94 <= np.mean(covered) <= 0.985


def test_a_sample_too_small_for_a_percentile_has_no_upper_end() -> None:
    assert percentile(np.linspace(0, 1, 50), 99).high_s == float("inf")
    assert np.isnan(percentile(np.array([]), 50).value_s)


def test_response_time_counts_from_the_intended_start_of_completed_requests() -> None:
    records = table([0.5, 0.2, 0.3], ["completed", "failed", "completed"])
    assert response_times(records) == pytest.approx([0.5, 0.3])


def test_a_summary_has_all_first_and_counts_what_failed_against_availability() -> None:
    everything, redirect = summarise(table([0.1] * 98 + [0.2] * 2, ["completed"] * 99 + ["timed_out"]), duration_s=10)
    assert everything.operation == "all"
    assert redirect.operation == "redirect"
    assert everything.requests == 100
    assert everything.completed == 99
    assert everything.availability == 0.99
    assert everything.rate_rps == 10
    assert everything.response_time_s_p50 == pytest.approx(0.1)
    assert everything.response_time_s_p99 == pytest.approx(0.2, abs=0.11)
    assert everything.response_time_s_max == pytest.approx(0.2)


def test_a_summary_of_nothing_completed_has_no_percentile() -> None:
    (everything, _) = summarise(table([0.1], ["failed"]))
    assert everything.availability == 0
    assert np.isnan(everything.response_time_s_p99)


@given(st.lists(st.floats(0, 1e3), max_size=300), st.lists(st.floats(0.1, 99.9), min_size=1, max_size=4))
def test_several_percentiles_of_unsorted_values_are_those_of_the_sorted(
    values: list[float], percents: list[float]
) -> None:
    array = np.asarray(values, dtype=np.float64)
    one_by_one = [percentile(np.sort(array), percent) for percent in percents]
    assert repr(percentiles(array, percents)) == repr(one_by_one)


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=300), st.lists(st.floats(0.1, 99.9), min_size=1, max_size=4))
def test_order_statistics_are_the_percentiles_without_their_intervals(
    values: list[float], percents: list[float]
) -> None:
    array = np.asarray(values, dtype=np.float64)
    assert order_statistics(array, percents) == [one.value_s for one in percentiles(array, percents)]


def test_a_summary_counts_each_outcome_and_what_was_retried() -> None:
    ended = ["completed", "rejected", "timed_out", "failed", "dropped", "completed"]
    records = table([0.1, 0.0, 3.0, 0.5, 0.0, 0.2], ended).assign(retries=[0, 0, 2, 1, 0, 1])
    row = summarise(records, duration_s=2)[0]
    assert (row.completed, row.rejected, row.timed_out, row.failed, row.dropped) == (2, 1, 1, 1, 1)
    assert (row.retried, row.retries) == (3, 4)
    assert (row.rate_rps, row.goodput_rps) == (3.0, 1.0)
    assert row.response_time_s_max == pytest.approx(0.2)


def test_each_outcome_has_response_times_of_its_own() -> None:
    records = table([0.1, 0.3, 3.0], ["completed", "completed", "timed_out"])
    found = {(row["operation"], row["outcome"]): row for row in outcomes(records)}
    assert set(found) == {(name, ended) for name in ("all", "redirect") for ended in ("completed", "timed_out")}
    assert found["all", "timed_out"]["response_time_s_p50"] == pytest.approx(3.0)
    assert found["redirect", "completed"]["share"] == pytest.approx(2 / 3)
    assert found["redirect", "completed"]["response_time_s_mean"] == pytest.approx(0.2)
