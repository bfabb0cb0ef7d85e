"""Threshold expressions: what can be read, what a run's records say of them, and when a load may end early."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.early_abort import is_lost
from loadtests.recorder import COMPLETED, DROPPED, ERRORS, FAILED, NO_ERROR, PENDING, TIMED_OUT
from loadtests.thresholds import Threshold, evaluate, parse
from sdlab.errors import InvalidInput
from sdlab.runs import records
from sdlab.workload import Requests

OPERATIONS = ("redirect", "create")


def one(text: str, *, abort: bool = False) -> Threshold:
    [threshold] = parse([text], OPERATIONS, abort=abort)
    return threshold


def table(
    response_s: list[float], outcome: list[int] | None = None, operation: list[int] | None = None
) -> pd.DataFrame:
    count = len(response_s)
    intended_s = np.arange(1, count + 1) / 10
    zeros = np.zeros(count, dtype=np.int16)
    codes = zeros if operation is None else np.array(operation, dtype=np.int16)
    requests = Requests(intended_s, codes, np.zeros(count, dtype=np.int64), zeros, OPERATIONS, ("eu",))
    started_s = intended_s + 0.001
    return records(
        requests,
        sent_s=started_s,
        completed_s=intended_s + np.array(response_s),
        outcome=np.array(outcome or [COMPLETED] * count, dtype=np.int8),
        started_s=started_s,
        error=pd.Categorical.from_codes([NO_ERROR] * count, categories=pd.Index(ERRORS)),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("text", "metric", "comparison", "bound", "operation"),
    [
        ("p99 < 50ms @ redirect", "p99", "<", 0.05, "redirect"),
        ("p99.9<=0.5s@create", "p99.9", "<=", 0.5, "create"),
        ("  p50 < 800 us  ", "p50", "<", 0.0008, "all"),
        ("mean < 1e1ms @ all", "mean", "<", 0.01, "all"),
        ("max < 2s", "max", "<", 2.0, "all"),
        ("errors < 0.1%", "errors", "<", 0.001, "all"),
        ("errors <= 3", "errors", "<=", 3, "all"),
        ("drops < 1", "drops", "<", 1, "all"),
        ("rate >= 290/s", "rate", ">=", 290, "all"),
        ("lateness < 1ms", "lateness", "<", 0.001, "all"),
        ("abort: p95 < 1s", "p95", "<", 1.0, "all"),
    ],
)
def test_an_expression_is_read_in_base_units(
    text: str, metric: str, comparison: str, bound: float, operation: str
) -> None:
    threshold = one(text)
    assert (threshold.metric, threshold.comparison, threshold.operation) == (metric, comparison, operation)
    assert threshold.bound == pytest.approx(bound)
    assert threshold.aborts == text.startswith("abort:")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must look like 'p99 < 50ms @ redirect'"),
        ("p99", "must look like"),
        ("p99 = 50ms", "must look like"),
        ("p99 < 50ms @", "must look like"),
        ("p100 < 50ms", "the metric must be one of p50"),
        ("p0 < 50ms", "the metric must be one of p50"),
        ("latency < 50ms", "not 'latency'"),
        ("p99 < 50", "the bound of p99 is a time with its unit: 50ms"),
        ("p99 < 50%", "the bound of p99 is a time with its unit"),
        ("p99 < fast", "the bound must be a finite number of at least 0, not 'fast'"),
        ("p99 < -5ms", "the bound must be a finite number of at least 0, not '-5ms'"),
        ("p99 < 1e999ms", "the bound must be a finite number of at least 0"),
        ("errors < 0.001", "a share up to 100% or a whole number of requests"),
        ("errors < 101%", "a share up to 100%"),
        ("drops < 5ms", "a share up to 100%"),
        ("rate > 290ms", "in requests a second"),
        ("p99 < 50ms @ delete", "the operation must be one of all, redirect, create"),
        ("abort: p99 > 5ms", "only an upper bound"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_bound(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        one(text)
    assert str(refused.value).startswith(f"--threshold = {text!r}: ")
    assert said in str(refused.value)


def test_values_are_those_of_completed_requests_from_their_intended_start() -> None:
    found = table([0.010, 0.020, 0.030, 9.0, 9.0], [COMPLETED, COMPLETED, COMPLETED, FAILED, DROPPED], [0, 0, 1, 0, 1])
    texts = {
        "p50 < 1s": 0.020,
        "mean < 1s": 0.020,
        "max < 1s": 0.030,
        "max < 1s @ redirect": 0.020,
        "errors < 10%": 0.2,
        "errors < 10": 1,
        "errors < 50% @ redirect": 1 / 3,
        "drops < 1 @ create": 1,
        "rate > 5": 3 / 0.5,
        "lateness < 5ms": 0.001,
    }
    findings = evaluate(parse(list(texts), OPERATIONS), found)
    assert [finding.value for finding in findings] == pytest.approx(list(texts.values()))
    missed = [finding.threshold.text for finding in findings if not finding.is_met]
    assert missed == ["errors < 10%", "drops < 1 @ create"]


def test_a_value_that_does_not_exist_meets_nothing() -> None:
    for text in ("p99 < 1s", "p99 > 0s", "mean < 1s"):
        [finding] = evaluate([one(text)], table([1.0], [TIMED_OUT]))
        assert math.isnan(finding.value)
        assert not finding.is_met
        assert finding.as_dict()["value"] is None


@pytest.mark.parametrize(("comparison", "met"), [("<", False), ("<=", True), (">", False), (">=", True)])
def test_a_value_on_the_bound_meets_what_includes_it(comparison: str, met: bool) -> None:
    [finding] = evaluate([one(f"errors {comparison} 1")], table([1.0, 1.0], [FAILED, COMPLETED]))
    assert finding.is_met == met


def lost(text: str, response_s: list[float], outcome: list[int]) -> bool:
    count = len(outcome)
    intended_s = np.arange(1, count + 1) / 10
    started_s = np.where(np.array(outcome) == PENDING, np.nan, intended_s + 0.001)
    return is_lost(
        one(text),
        outcome=np.array(outcome, dtype=np.int8),
        intended_s=intended_s,
        started_s=started_s,
        completed_s=intended_s + np.array(response_s),
        span_s=count / 10,
    )


@pytest.mark.parametrize(
    ("text", "slow", "expected"),
    [
        ("p90 < 50ms", 2, False),  # of 20, 2 may lie above the p90
        ("p90 < 50ms", 3, True),
        ("mean < 50ms", 1, False),  # 0.9 s of the 1.0 s that 20 may take
        ("mean < 50ms", 2, True),
        ("max < 2s", 3, False),
        ("max < 50ms", 1, True),
        ("lateness < 5ms", 20, False),
        ("p90 > 50ms", 20, False),
    ],
)
def test_slow_answers_lose_a_threshold_when_their_number_settles_it(text: str, slow: int, expected: bool) -> None:
    ended = [COMPLETED] * slow + [PENDING] * (20 - slow)
    assert lost(text, [0.9] * 20, ended) == expected


@pytest.mark.parametrize(
    ("text", "ended", "expected"),
    [
        ("errors < 10%", [FAILED], False),
        ("errors < 10%", [FAILED, TIMED_OUT], True),
        ("errors < 1", [], False),
        ("errors < 1", [FAILED], True),
        ("errors < 1", [DROPPED], False),
        ("drops <= 1", [DROPPED], False),
        ("drops <= 1", [DROPPED, DROPPED], True),
        ("rate >= 9", [FAILED, DROPPED], False),  # 18 of 20 in 2 s are still possible
        ("rate >= 9", [FAILED, DROPPED, TIMED_OUT], True),
    ],
)
def test_errors_and_drops_lose_a_threshold_when_the_rest_cannot_make_up_for_them(
    text: str, ended: list[int], expected: bool
) -> None:
    assert lost(text, [0.01] * 20, ended + [PENDING] * (20 - len(ended))) == expected


_TEXTS = (
    "p50 < 50ms",
    "p90 <= 50ms",
    "p99 < 50ms",
    "mean < 50ms",
    "max <= 50ms",
    "errors < 20%",
    "errors <= 1",
    "rate > 7",
)


@given(data=st.data(), text=st.sampled_from(_TEXTS), count=st.integers(1, 30))
def test_what_is_called_lost_is_missed_at_the_end_however_the_rest_ends(data: Any, text: str, count: int) -> None:
    response_s = data.draw(st.lists(st.sampled_from([0.01, 0.05, 0.4]), min_size=count, max_size=count))
    ends = data.draw(st.lists(st.sampled_from([COMPLETED, FAILED, DROPPED]), min_size=count, max_size=count))
    by_then = data.draw(st.integers(0, count))
    so_far = ends[:by_then] + [PENDING] * (count - by_then)
    if lost(text, response_s, so_far):
        [finding] = evaluate([one(text)], table(response_s, ends))
        assert not finding.is_met


def test_every_metric_with_an_upper_bound_can_be_lost() -> None:
    """With everything slow, wrong and dropped, nothing is left that a bound could still hope for."""
    for text, end in itertools.product(("p99 < 1ms", "mean < 1ms", "max < 1ms", "lateness < 1us"), (COMPLETED,)):
        assert lost(text, [1.0] * 10, [end] * 10)
