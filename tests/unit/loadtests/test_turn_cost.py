"""What a turn costs is recovered from requests that were alone, and from nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from loadtests import turn_cost, waking
from loadtests.waking import Fitted

CPU_S, OUTSIDE_S, TURN_S, BACKGROUND = 0.0002, 0.00006, 0.000017, 0.01
FITTED = Fitted({}, [], 0)


def records(**columns: Any) -> pd.DataFrame:
    """A hundred requests, 2 ms apart, of which each was alone."""
    at_s = 0.002 * np.arange(100)
    used_s = np.concatenate([[0.0], np.cumsum(np.full(99, CPU_S + OUTSIDE_S + TURN_S))])
    table = pd.DataFrame(
        {
            "label": "read",
            "alone": True,
            "sent_s": at_s - 0.00004,
            "completed_s": at_s + CPU_S + OUTSIDE_S - 0.00004,
            "span_at_s": at_s,
            "span_app_s": CPU_S,
            "span_cpu_s": CPU_S,
            "span_clock_s": used_s + BACKGROUND * at_s,
            "span_gap_s": waking.LEVELS_S[0] / 2,
            waking.TURNS: 2.0,
        }
    )
    return table.assign(**columns)


def measured_s(*tables: pd.DataFrame, fitted: Fitted = FITTED) -> float:
    return turn_cost.measure(tables, "read", fitted, BACKGROUND).seconds


def test_it_is_what_the_thread_uses_beyond_the_application_and_the_answers_way() -> None:
    assert measured_s(records()) == pytest.approx(TURN_S)
    assert measured_s(records(), records()) == pytest.approx(TURN_S)


def test_the_client_counts_as_the_answers_way_so_a_slow_one_makes_it_nothing() -> None:
    assert measured_s(records(completed_s=records()["completed_s"] + 0.001)) == 0


def test_only_pairs_of_one_label_that_were_alone_and_awake_tell_it() -> None:
    spoilt = np.arange(100) % 4 == 0
    clock_s = records()["span_clock_s"] + 0.0005 * np.cumsum(spoilt)
    for column, value in (("alone", False), ("label", "write"), ("span_gap_s", waking.LEVELS_S[0])):
        told = records(span_clock_s=clock_s)
        told.loc[spoilt, column] = value
        assert measured_s(told) == pytest.approx(TURN_S)


def test_it_is_of_the_mean_speed() -> None:
    slow = Fitted({}, [], 0, elasticity=0.5)
    assert measured_s(records(**{waking.SPIN: 1.4}), fitted=slow) == pytest.approx(TURN_S / 1.2)


def test_where_nobody_counted_turns_they_cost_nothing() -> None:
    assert measured_s(records(**{waking.TURNS: 0.0})) == 0
