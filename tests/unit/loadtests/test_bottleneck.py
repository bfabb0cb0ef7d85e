"""Naming the resource that saturated, from what two probes used."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loadtests.bottleneck import lag_rows, name_bottleneck, times_s, utilisations

LOW: dict[str, Any] = {
    "rate_rps": 100.0,
    "utilisation": {"api-1": 0.2, "machine": 0.2, "pool": 0.01},
    "times_s": {"db": 0.001},
}


def failing(times: dict[str, float] | None = None, **utilisation: float) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in utilisation.items()}
    return {"rate_rps": 600.0, "utilisation": named, "times_s": times or {}}


def test_the_busiest_process_is_named_with_its_numbers() -> None:
    found = name_bottleneck(LOW, failing(api_1=0.97, machine=0.8, pool=0.05))
    assert (found.resource, found.at_limit, found.also) == ("api-1", True, ())
    assert "97% of its limit at 600/s (20% at 100/s)" in found.words


def test_the_machine_is_named_where_no_part_of_it_is_as_busy() -> None:
    assert name_bottleneck(LOW, failing(api_1=0.8, machine=0.99)).resource == "machine"


def test_a_part_as_busy_as_the_machine_is_the_narrower_place() -> None:
    found = name_bottleneck(LOW, failing(api_1=0.97, machine=0.99))
    assert (found.resource, found.also) == ("api-1", ("machine",))


def test_cores_used_up_behind_a_process_at_its_limit_are_told() -> None:
    assert "cores were used up as well (92%)" in name_bottleneck(LOW, failing(api_1=0.99, machine=0.92)).words


def test_a_pool_of_connections_can_be_what_saturates() -> None:
    found = name_bottleneck(LOW, failing({"pool": 0.2, "db": 0.002}, api_1=0.3, pool=1.0))
    assert found.resource == "pool"
    assert "waiting for a database connection: mean 0.00 ms, then 200.00 ms" in found.words


def test_the_generator_is_told_apart_from_the_service() -> None:
    assert "the load generator, not the service" in name_bottleneck(LOW, failing(api_1=0.5, generator=1.2)).words


def test_nothing_is_named_when_nothing_was_near_its_limit() -> None:
    found = name_bottleneck(LOW, failing(api_1=0.5, machine=0.4))
    assert found.resource is None
    assert "no resource was near its limit; the busiest was api-1" in found.words
    assert name_bottleneck(LOW, failing()).resource is None


def lag(mean_s: float, over: int = 0, p90_s: float | None = None) -> dict[str, Any]:
    found = {"count": 200, "mean_s": mean_s, "p90_s": p90_s, "p99_s": None, "bound_s": 0.05, "over_bound": over}
    return {"event_loop_lag": found}


def test_the_lag_of_an_api_process_that_saturated_is_told_beside_its_utilisation() -> None:
    found = name_bottleneck(LOW | lag(0.0003), failing(api_1=0.97) | lag(0.014, over=90))
    assert found.resource == "api-1"
    assert "(20% at 100/s); its event loop's mean lag 0.30 ms at 100/s, then 14.00 ms; " in found.words


def test_the_lag_is_not_said_to_be_of_a_resource_that_is_not_the_api_or_of_one_process_of_several() -> None:
    elsewhere = name_bottleneck(LOW | lag(0.0003), failing(pool=0.99, api_1=0.4) | lag(0.0009))
    assert elsewhere.resource == "pool"
    assert "; the API's event loop's mean lag 0.30 ms at 100/s, then 0.90 ms" in elsewhere.words
    several = name_bottleneck(LOW, failing(api_1=0.99, api_2=0.4) | lag(0.014))
    assert "; the API's event loops' mean lag 14.00 ms at 600/s; " in several.words


@pytest.mark.parametrize(("over", "is_told"), [(2, False), (3, True)])
def test_a_loop_that_is_late_while_nothing_is_near_its_limit_is_told_and_not_named(over: int, is_told: bool) -> None:
    """A p99 allows 1 %: 2 of 200 instants."""
    found = name_bottleneck(LOW | lag(0.0003), failing(api_1=0.5) | lag(0.004, over))
    words = f"but the API's event loop's lag was more than 50 ms, the tightest SLO, at {over} of 200 random instants"
    assert found.resource is None
    assert (words in found.words) is is_told
    assert words not in name_bottleneck(LOW, failing(api_1=0.97) | lag(0.004, over)).words


def test_without_a_measured_lag_nothing_is_said_of_it() -> None:
    for one in ({}, {"event_loop_lag": None}):
        assert "lag" not in name_bottleneck(LOW | one, failing(api_1=0.97) | one).words
        assert lag_rows(LOW | one, failing(api_1=0.97) | one) == []


def test_the_table_has_a_row_of_each_statistic_that_either_probe_has() -> None:
    rows = lag_rows(LOW, failing(api_1=0.97) | lag(0.014, p90_s=0.03))
    assert [(name, math.isnan(before), after) for name, before, after in rows] == [
        ("event loop's lag, mean", True, 0.014),
        ("event loop's lag, p90", True, 0.03),
    ]


def records() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "outcome": ["completed", "completed", "failed"],
            "sent_s": [0.0, 1.0, 2.0],
            "completed_s": [0.010, 1.020, 2.5],
            "span_app_s": [0.008, 0.012, np.nan],
            "span_db_s": [0.004, np.nan, np.nan],
            "span_pool_s": [0.001, np.nan, np.nan],
        }
    )


def test_a_requests_time_falls_into_parts_that_add_up() -> None:
    found = times_s(records())
    assert found == pytest.approx({"outside": 0.005, "loop": 0.0075, "db": 0.002, "pool": 0.0005})
    assert sum(found.values()) == pytest.approx(0.015)


def test_each_resource_is_held_against_its_own_limit() -> None:
    """A database of several processes against all cores, a pool by Little's law, the generator against 70 %."""
    resources = {
        "processes": {name: {"utilisation": 0.7} for name in ("api-1", "postgres", "valkey", "generator")},
        "machine": {"cores": 2, "utilisation": 0.9},
    }
    found = utilisations(resources, records(), rate_rps=300.0, slots=10)
    expected = {"api-1": 0.7, "postgres": 0.35, "valkey": 0.7, "generator": 1.0, "machine": 0.9}
    assert found == pytest.approx(expected | {"pool": 300 * 0.004 / 3 / 10})
