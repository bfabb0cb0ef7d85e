"""Each run's checks of itself: they hold for what the engines give, and fail for what they could not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sdlab.errors import InvalidInput
from simulations.checks import Check, check, everything_in_flight
from simulations.distributions import Constant, Exponential
from simulations.engines import simulate
from simulations.model import Flow, Hold, Model, Pool, Release, Serve, Spawn, Station, Step, Timeout
from simulations.sample_path import SamplePath
from tests.unit.simulations.builders import poisson


@pytest.fixture(scope="module")
def path() -> SamplePath:
    steps: list[Step] = [Hold("pool"), Serve("cpu", Exponential(0.9)), Release("pool"), Spawn("job")]
    model = Model(
        "checked",
        [Flow("get", steps), Flow("job", [Serve("cpu", Exponential(0.5))])],
        [Station("cpu", 2)],
        [Pool("pool", 2)],
    )
    return simulate(model, poisson(5000, 1.0), 1)


def broken(path: SamplePath) -> list[tuple[str, str]]:
    return [(row.law, row.resource) for row in check(path) if not row.ok]


def test_a_run_obeys_every_law(path: SamplePath) -> None:
    assert broken(path) == []
    rows = check(path)
    assert {(row.law, row.resource) for row in rows} >= {
        ("Little's law", "cpu"),
        ("Little's law", "pool"),
        ("utilisation law", "pool"),
        ("flow balance", "requests"),
        ("flow balance", "spawned job"),
    }
    assert all(row.left > 0 for row in rows)


def test_a_wrong_queue_area_breaks_littles_law(path: SamplePath) -> None:
    queue = dataclasses.replace(path.queue, queue_s=path.queue.queue_s * [1.001, 1.0])
    assert broken(dataclasses.replace(path, queue=queue)) == [("Little's law", "cpu")]


def test_wrong_busy_time_breaks_the_utilisation_law(path: SamplePath) -> None:
    queue = dataclasses.replace(path.queue, busy_s=path.queue.busy_s * [1.0, 0.999])
    assert broken(dataclasses.replace(path, queue=queue)) == [("utilisation law", "pool")]


def test_a_request_that_never_ends_breaks_flow_balance(path: SamplePath) -> None:
    completed = path.completed_s.copy()
    completed[17] = np.nan
    assert broken(dataclasses.replace(path, completed_s=completed)) == [("flow balance", "requests")]


def test_a_check_is_a_row_of_a_table() -> None:
    assert Check("flow balance", "cpu", 4, 5).as_dict() == {
        "law": "flow balance",
        "resource": "cpu",
        "left": 4,
        "right": 5,
        "relative_difference": 0.2,
        "ok": False,
    }
    assert Check("flow balance", "idle", 0, 0).ok


def test_who_was_rejected_left_the_line_or_was_interrupted_has_left_too(path: SamplePath) -> None:
    queue, one, three = path.queue, np.array([1, 0]), np.array([3, 0])
    moved = dataclasses.replace(
        queue,
        completions=np.subtract(queue.completions, three),
        rejected=np.add(queue.rejected, one),
        abandoned=np.add(queue.abandoned, one),
        interrupted=np.add(queue.interrupted, one),
    )
    assert broken(dataclasses.replace(path, queue=moved)) == []
    lost = dataclasses.replace(moved, interrupted=queue.interrupted)
    assert broken(dataclasses.replace(path, queue=lost)) == [("flow balance", "cpu")]


def test_everything_in_flight_obeys_littles_law() -> None:
    model = Model(
        "one",
        [Flow("get", [Serve("s", Exponential(0.5)), Spawn("job")]), Flow("job", [Serve("s", Exponential(0.2))])],
        [Station("s")],
    )
    path = simulate(model, poisson(1000, 1.0), 1, bin_s=10.0)
    assert everything_in_flight(path, 0).ok
    assert path.bins is not None
    wrong = dataclasses.replace(path.bins, in_flight_s=path.bins.in_flight_s * 1.001)
    assert not everything_in_flight(dataclasses.replace(path, bins=wrong), 0).ok
    with pytest.raises(InvalidInput, match="bins"):
        everything_in_flight(dataclasses.replace(path, bins=None), 0)


def test_rounding_of_a_difference_is_judged_by_what_it_is_a_difference_of() -> None:
    assert Check("Little's law", "shared", 0.0, 1e-12, scale=2.0).ok
    assert not Check("Little's law", "shared", 0.0, 1e-12).ok


def test_services_interrupted_before_anything_was_done_leave_rounding_only() -> None:
    """A time-out of 0 s takes off again all of the service that was booked."""
    steps = [Timeout(Constant(0.0), [Serve("s", Exponential(1.0))], abandoned="cancel")]
    path = simulate(Model("none", [Flow("get", steps)], [Station("s", 3)]), poisson(1000, 1.0), 1)
    assert path.queue.interrupted[0] == 1000
    assert path.queue.busy_s[0] == 0
    assert broken(path) == []
