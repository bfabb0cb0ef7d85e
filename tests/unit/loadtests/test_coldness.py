"""How much more a rare operation costs, from records in which that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadtests import coldness, waking
from loadtests.coldness import Coldness

OWN_S, AWAITED_S = 0.0004, 0.002


def window(rare: int, count: int = 1200, cold: float = 1.0, awaited: float = 1.0) -> pd.DataFrame:
    """``rare`` of ``count`` requests are writes, ``cold`` times as dear and waiting ``awaited`` times as long."""
    label = np.where(np.arange(count) < rare, "write", "read")
    own_s = np.where(label == "write", OWN_S * cold, OWN_S)
    return pd.DataFrame(
        {
            "label": label,
            "alone": np.arange(count) % 2 == 0,
            "span_own_s": own_s,
            "span_cpu_s": own_s,
            "span_app_s": own_s + np.where(label == "write", AWAITED_S * awaited, AWAITED_S),
        }
    )


def test_a_rare_operation_is_as_much_dearer_as_it_was_where_it_was_rare() -> None:
    found = coldness.measure([window(60, count=300), window(36, cold=1.3, awaited=1.5)], ["read", "write"])
    assert set(found) == {"write"}
    assert (found["write"].cpu, found["write"].awaited) == pytest.approx((1.3, 1.5))


def test_what_is_rare_is_no_warmer_and_what_was_hardly_seen_costs_the_same() -> None:
    assert coldness.measure([window(60, count=300), window(36, cold=0.8)], ["write"]) == {"write": Coldness()}
    assert coldness.measure([window(60, count=300), window(10, cold=2.0)], ["write"]) == {"write": Coldness()}


def test_only_what_is_rare_in_all_windows_together_is_a_rare_operation() -> None:
    assert coldness.measure([window(600), window(36, cold=2.0)], ["read", "write"]) == {}


def test_where_it_comes_often_a_request_has_its_demand_once() -> None:
    known = {"write": Coldness(1.3, 1.5)}
    assert set(coldness.with_coldness(window(60, count=300), known)[waking.COLDNESS]) == {1.0}
    rare = coldness.with_coldness(window(36), known)
    assert set(rare.loc[rare["label"] == "write", waking.COLDNESS]) == {1.3}
    assert set(rare.loc[rare["label"] == "read", waking.COLDNESS]) == {1.0}
