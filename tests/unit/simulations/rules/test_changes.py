"""Outages, breakdowns and autoscaling."""

from __future__ import annotations

import pytest

from simulations.model import Autoscaler, Breakdowns, Delay, Model, Outage, Serve, StartUp, Station
from simulations.steps import Step
from tests.unit.simulations.rules.running import Run, booked, c, ends, flows, one_flow, outcomes


def failing(time_s: float, servers: int, *outages: Outage | Breakdowns, shares: bool = False) -> Model:
    """A station with outages, and a service of this time."""
    return one_flow(Serve("s", c(time_s)), stations=[Station("s", servers, outages=outages, shares=shares)])


def test_an_outage_fails_what_is_in_service_and_who_comes_waits(run: Run) -> None:
    path = run(failing(5, 1, Outage(2, 3)), [0, 3])
    assert ends(path) == [2, 10]
    assert outcomes(path) == ["failed", "completed"]
    assert path.queue.interrupted.tolist() == [1]
    assert booked(path, "s") == (2, 7, 2)
    assert path.queue.capacity_s.tolist() == [7]


def test_who_waits_when_an_outage_begins_waits_on(run: Run) -> None:
    path = run(failing(5, 1, Outage(2, 3)), [0, 1])
    assert ends(path) == [2, 10]


def test_an_outage_may_let_work_finish(run: Run) -> None:
    path = run(failing(5, 1, Outage(2, 10, work="finish")), [0, 3])
    assert ends(path) == [5, 17]
    assert outcomes(path) == ["completed", "completed"]


def test_a_station_may_refuse_while_it_is_down(run: Run) -> None:
    path = run(failing(1, 1, Outage(2, 3, refuses=True)), [3, 5])
    assert ends(path) == [3, 6]
    assert outcomes(path) == ["failed", "completed"]
    assert path.queue.rejected.tolist() == [1]


def test_a_station_does_not_refuse_while_a_server_is_up(run: Run) -> None:
    path = run(failing(1, 2, Outage(2, 3, servers=1, refuses=True)), [3, 3])
    assert ends(path) == [4, 5]


def test_of_some_servers_that_fail_those_who_began_first_are_hit(run: Run) -> None:
    path = run(failing(5, 3, Outage(2, 3, servers=2)), [0, 0.5, 1, 3])
    assert ends(path) == [2, 2, 6, 10]
    assert outcomes(path) == ["failed", "failed", "completed", "completed"]


def test_an_idle_server_fails_before_a_busy_one(run: Run) -> None:
    path = run(failing(5, 2, Outage(2, 3, servers=1)), [0, 3])
    assert ends(path) == [5, 10]
    assert outcomes(path) == ["completed", "completed"]


def test_outages_that_overlap_add_up(run: Run) -> None:
    path = run(failing(1, 2, Outage(1, 4, servers=1), Outage(2, 4, servers=1)), [3, 3])
    assert ends(path) == [6, 7]
    assert path.queue.capacity_s.tolist() == [2 + 1 + 0 + 1 + 2]


def test_servers_that_come_back_are_idle_from_then_on(run: Run) -> None:
    start_up = StartUp([(3, c(8))])
    model = one_flow(Serve("s", c(1)), stations=[Station("s", 1, start_up=start_up, outages=[Outage(0, 4)])])
    assert ends(run(model, [5, 10])) == [6, 19]


def test_no_outage_happens_after_the_last_task(run: Run) -> None:
    path = run(failing(1, 1, Outage(2, 3)), [0])
    assert path.end_s == 1
    assert path.queue.capacity_s.tolist() == [1]


def test_breakdowns_come_again_and_again(run: Run) -> None:
    path = run(failing(1.5, 1, Breakdowns(up=c(2), down=c(1))), [0, 1.75, 2.5, 4.75])
    # Down from 2 to 3 and from 5 to 6.
    assert ends(path) == [1.5, 2, 4.5, 5]
    assert outcomes(path) == ["completed", "failed", "completed", "failed"]
    assert path.queue.capacity_s.tolist() == [4]


def test_an_outage_fails_all_at_a_shared_station(run: Run) -> None:
    path = run(failing(4, 1, Outage(2, 3), shares=True), [0, 0, 3])
    assert ends(path) == [2, 2, 9]
    assert outcomes(path) == ["failed", "failed", "completed"]
    assert booked(path, "s") == (2 + 2, 2 + 4, 3)
    assert path.queue.max_waiting.tolist() == [1]


def test_a_shared_station_that_finishes_its_work_stands_still(run: Run) -> None:
    path = run(failing(2, 1, Outage(1, 2, work="finish"), shares=True), [0])
    assert ends(path) == [4]
    assert booked(path, "s") == (2, 2, 1)


def test_an_autoscaler_brings_more_servers_after_a_delay(run: Run) -> None:
    scaler = Autoscaler(target_utilisation=0.5, least=1, most=3, interval_s=4, delay_s=2)
    path = run(one_flow(Serve("s", c(8)), stations=[Station("s", 1, autoscaler=scaler)]), [0, 0])
    # At 4 one server is busy all the time: two from 6 on. At 10, 8 s busy of 12: a third from 12 on.
    assert ends(path) == [8, 14]
    assert path.queue.capacity_s.tolist() == [6 * 1 + 6 * 2 + 2 * 3]


def test_an_autoscaler_takes_idle_servers_away_at_once(run: Run) -> None:
    scaler = Autoscaler(target_utilisation=1, least=1, most=3, interval_s=4)
    path = run(one_flow(Serve("s", c(10)), stations=[Station("s", 3, autoscaler=scaler)]), [0, 5])
    assert ends(path) == [10, 20]
    # At 8: one server, busy all the time, which is the target.
    assert path.queue.capacity_s.tolist() == [4 * 3 + 16 * 1]


def test_an_autoscaler_interrupts_nobody(run: Run) -> None:
    scaler = Autoscaler(target_utilisation=1, least=1, most=4, interval_s=4)
    steps: dict[str, list[Step]] = {"long": [Serve("s", c(10))], "idle": [Delay("idle", c(3.5)), Serve("s", c(10))]}
    model = flows(steps, stations=[Station("s", 4, autoscaler=scaler)])
    path = run(model, [0, 0, 5], operation=[0, 1, 0])
    # At 4, 4.5 s busy of 16: two servers. Both are busy, so the third begins at 10.
    assert ends(path) == [10, 13.5, 20]


@pytest.mark.parametrize("delay_s", [0, 1])
def test_those_who_wait_begin_when_the_autoscalers_servers_come(run: Run, delay_s: float) -> None:
    scaler = Autoscaler(target_utilisation=0.25, least=1, most=4, interval_s=2, delay_s=delay_s)
    path = run(one_flow(Serve("s", c(8)), stations=[Station("s", 1, autoscaler=scaler)]), [0, 0, 0, 0, 0])
    assert ends(path) == [8, 10 + delay_s, 10 + delay_s, 10 + delay_s, 16]
