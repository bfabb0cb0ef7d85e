from __future__ import annotations

import math

import pytest

from reports import numbers as n


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (1, "1.00"), (9.996, "10.0"), (999.6, "1,000"), (1234.5, "1,230"), (0.012345, "0.0123"),
    (-2.5, "−2.50"), (5.58e-8, "5.6e-8"), (-2e-5, "−2.0e-5"), (math.nan, "–"), (math.inf, "∞"),
])  # fmt: skip
def test_three_significant_digits(value: float, text: str) -> None:
    assert n.significant(value) == text


@pytest.mark.parametrize(("value_s", "text"), [
    (0.0, "0 ms"), (2e-9, "< 0.1 µs"), (0.00002, "20.0 µs"),
    (0.00123, "1.23 ms"), (0.4, "400 ms"), (2.5, "2,500 ms"), (75.0, "75.0 s"),
])  # fmt: skip
def test_durations_are_in_the_unit_that_reads_best(value_s: float, text: str) -> None:
    assert n.duration(value_s) == text


@pytest.mark.parametrize(("share", "text"), [
    (0.5, "50.0 %"), (0.9995, "99.95 %"), (0.999, "99.9 %"), (0.99999, "99.999 %"), (1.0, "100 %"), (0.0, "0 %"),
])  # fmt: skip
def test_shares_near_one_keep_the_digits_that_matter(share: float, text: str) -> None:
    assert n.percent(share) == text


@pytest.mark.parametrize(("share", "text"), [
    (0.0512, "+5.1 %"), (-0.0512, "−5.1 %"), (-0.214, "−21 %"), (0.0, "0.0 %"), (-0.0001, "0.0 %"), (1.5, "+150 %"),
    (0.0996, "+10 %"), (math.nan, "–"),
])  # fmt: skip
def test_errors_carry_their_sign(share: float, text: str) -> None:
    assert n.signed_percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (1234, "1,234"), (1e7, "10 M"), (8.64e6, "8.64 M"), (1e9, "1 G")]
)
def test_counts_are_short(value: float, text: str) -> None:
    assert n.count(value) == text


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_joined_as_people_do(items: list[str], text: str) -> None:
    assert n.words(items) == text
