"""Stations, pools, sharing, turns, start-up, and the order of ties."""

from __future__ import annotations

from simulations.model import Delay, Hold, Pool, Release, Serve, Spawn, StartUp, Station, Timeout
from simulations.steps import Step
from tests.unit.simulations.rules.running import Run, booked, c, column, ends, flows, one_flow, outcomes


def test_an_arrival_scheduled_before_an_end_of_service_at_its_time_comes_first(run: Run) -> None:
    model = one_flow(Serve("s", c(1)), stations=[Station("s", 1, queue=0)])
    path = run(model, [0, 1])
    assert outcomes(path) == ["completed", "rejected"]
    assert ends(path) == [1, 1]


def test_an_end_of_service_scheduled_before_an_arrival_at_its_time_comes_first(run: Run) -> None:
    model = one_flow(Serve("s", c(1)), stations=[Station("s", 1, queue=0)])
    path = run(model, [0, 0.5, 1])
    assert outcomes(path) == ["completed", "rejected", "completed"]
    assert ends(path) == [1, 0.5, 2]


def test_those_who_wait_are_served_by_priority_then_by_arrival(run: Run) -> None:
    model = flows({"low": [Serve("s", c(2), priority=1)], "high": [Serve("s", c(2))]}, servers=1)
    path = run(model, [0, 0.5, 1, 1.5], operation=[0, 0, 0, 1])
    assert ends(path) == [2, 6, 8, 4]


def test_a_full_line_rejects(run: Run) -> None:
    path = run(one_flow(Serve("s", c(1)), stations=[Station("s", 1, queue=1)]), [0, 0, 0])
    assert ends(path) == [1, 2, 0]
    assert outcomes(path) == ["completed", "completed", "rejected"]
    assert path.queue.rejected.tolist() == [1]
    assert booked(path, "s") == (1, 2, 2)


def test_a_pool_without_a_queue_limits_concurrency(run: Run) -> None:
    model = one_flow(Hold("p"), Delay("work", c(1)), Release("p"), pools=[Pool("p", 1, queue=0)])
    path = run(model, [0, 0.5, 1])
    assert outcomes(path) == ["completed", "rejected", "completed"]


def test_a_slot_goes_to_the_one_of_highest_priority(run: Run) -> None:
    low: list[Step] = [Hold("p", priority=3), Delay("work", c(2)), Release("p")]
    high: list[Step] = [Hold("p", priority=1), Delay("work", c(2)), Release("p")]
    path = run(flows({"low": low, "high": high}, pools=[Pool("p", 1)]), [0, 0.5, 1], operation=[0, 0, 1])
    assert ends(path) == [2, 6, 4]
    assert booked(path, "p") == (4.5, 6, 3)


def test_a_freed_slot_is_taken_before_the_next_event_at_that_time(run: Run) -> None:
    model = one_flow(Hold("p"), Delay("work", c(1)), Release("p"), Delay("rest", c(0)), pools=[Pool("p", 1)])
    path = run(model, [0, 0.25, 1])
    # At 1 the slot is given back before the third comes (its arrival was scheduled at 0.25, after the delay's end).
    assert ends(path) == [1, 2, 3]
    assert path.queue.max_waiting.tolist() == [1]


def test_start_up_is_charged_by_how_long_the_server_idled_but_not_from_the_line(run: Run) -> None:
    start_up = StartUp([(0, c(1)), (4, c(2))])
    path = run(one_flow(Serve("s", c(1)), stations=[Station("s", 1, start_up=start_up)]), [0, 2.5, 3, 10])
    assert ends(path) == [2, 4.5, 5.5, 13]
    assert booked(path, "s") == (1.5, 8, 4)


def test_of_several_idle_servers_the_one_that_idled_last_is_taken(run: Run) -> None:
    start_up = StartUp([(0, c(0)), (5, c(8))])
    path = run(one_flow(Serve("s", c(1)), stations=[Station("s", 2, start_up=start_up)]), [0, 5.5, 5.75])
    assert ends(path) == [1, 6.5, 14.75]


def test_shared_processors_serve_all_at_equal_rates(run: Run) -> None:
    model = flows({"two": [Serve("s", c(2))], "one": [Serve("s", c(1))]}, stations=[Station("s", 1, shares=True)])
    path = run(model, [0, 1, 8], operation=[0, 1, 1])
    # The first is alone until 1; then each gets half, and both have 1 left.
    assert ends(path) == [3, 3, 9]
    assert path.spans is not None
    assert path.spans[:, column(path, "s")].tolist() == [3, 2, 1]
    assert booked(path, "s") == (2, 4, 3)


def test_shared_processors_serve_at_full_speed_while_there_are_enough(run: Run) -> None:
    path = run(one_flow(Serve("s", c(3)), stations=[Station("s", 2, shares=True)]), [0, 0, 0, 6])
    # Three share two servers: 3 of work at a rate of 2/3.
    assert ends(path) == [4.5, 4.5, 4.5, 9]
    assert path.queue.busy_s.tolist() == [12]
    assert path.queue.queue_s.tolist() == [4.5]
    assert path.queue.max_waiting.tolist() == [1]


def test_of_equal_targets_who_came_first_completes_first(run: Run) -> None:
    steps: list[Step] = [Serve("s", c(2)), Hold("p"), Delay("work", c(1)), Release("p")]
    path = run(one_flow(*steps, stations=[Station("s", 1, shares=True)], pools=[Pool("p", 1)]), [0, 0])
    assert ends(path) == [5, 6]


def test_accounts_are_split_at_the_edges_of_bins(run: Run) -> None:
    path = run(one_flow(Serve("s", c(3)), servers=2), [0.5], bin_s=1)
    assert path.bins is not None
    assert path.bins.busy_s.tolist() == [[0.5], [1], [1], [0.5]]
    assert path.bins.capacity_s.tolist() == [[2], [2], [2], [1]]
    assert path.bins.in_flight_s.tolist() == [0.5, 1, 1, 0.5]
    assert path.bins.arrivals.tolist() == [[1], [0], [0], [0]]


def test_a_spawned_flow_runs_before_the_next_event_and_counts_as_in_flight(run: Run) -> None:
    model = flows({"get": [Spawn("later"), Delay("own", c(1))], "later": [Serve("s", c(2))]}, servers=1)
    path = run(model, [0, 0])
    assert ends(path) == [1, 1]
    assert path.spawned is not None
    assert path.spawned.completed_s.tolist() == [2, 4]
    assert path.max_in_flight == 4
    assert path.end_s == 4


def test_all_who_wait_are_in_the_next_turn_and_leave_together(run: Run) -> None:
    model = one_flow(Serve("s", c(1)), stations=[Station("s", turns=True)])
    path = run(model, [0, 0.5, 0.75, 2, 7])
    assert ends(path) == [1, 3, 3, 4, 8]
    # In the second turn, from 1 to 3: one is served first and waits for the other, who waits for him.
    assert booked(path, "s") == (1.5 + 1.25 + 1, 5, 5)
    assert path.spans is not None
    assert path.spans[:, column(path, "s")].tolist() == [1, 2.5, 2.25, 2, 1]
    assert path.queue.max_waiting.tolist() == [2]
    assert path.utilisation.tolist() == [5 / 8]


def test_the_next_turn_begins_before_those_of_the_last_one_go_on(run: Run) -> None:
    station = Station("s", turns=True)
    path = run(one_flow(Serve("s", c(1)), Serve("s", c(2)), stations=[station]), [0, 0.5, 0.75])
    # At 1 the other two are taken up, to 3; the first comes back at 1 and is alone in the turn after theirs, to 5.
    assert ends(path) == [5, 9, 9]


def test_of_two_who_come_at_once_the_first_has_a_turn_of_his_own(run: Run) -> None:
    station = Station("s", turns=True)
    path = run(one_flow(Serve("s", c(1)), Serve("s", c(2)), stations=[station]), [0, 0])
    # Turns: the first, 0 to 1; the second, 1 to 2; the first again, 2 to 4; the second again, 4 to 6.
    assert ends(path) == [4, 6]


def test_what_a_loop_needs_between_turns_is_only_before_a_turn_that_follows_another_at_once(run: Run) -> None:
    station = Station("s", turns=True, turn_s=0.25)
    path = run(one_flow(Serve("s", c(1)), stations=[station]), [0, 0.5, 0.75, 7])
    # The turn from 1 to 3.25 follows that of the first, and takes 0.25 more; those at 0 and 7 find the loop idle.
    assert ends(path) == [1, 3.25, 3.25, 8]
    assert path.utilisation.tolist() == [4.25 / 8]


def test_a_turn_serves_by_priority_and_its_start_up_is_for_who_finds_the_loop_idle(run: Run) -> None:
    steps: dict[str, list[Step]] = {"low": [Serve("s", c(2), priority=1)], "high": [Serve("s", c(1))]}
    station = Station("s", start_up=StartUp([(0, c(1)), (4, c(2))]), turns=True)
    path = run(flows(steps, stations=[station]), [0, 0.5, 1, 12], operation=[0, 0, 1, 1])
    assert ends(path) == [3, 6, 6, 15]
    # In the turn from 3 to 6 the third is served first, up to 4, and the second then.
    assert booked(path, "s") == (3.5 + (2 + 2), (2 + 1) + 2 + 1 + (1 + 2), 4)


def test_one_who_is_cancelled_during_his_turn_is_served_all_the_same(run: Run) -> None:
    hasty: list[Step] = [Timeout(c(1.75), [Serve("s", c(1))], abandoned="cancel")]
    model = flows({"patient": [Serve("s", c(1))], "hasty": hasty}, stations=[Station("s", turns=True)])
    path = run(model, [0, 0.5, 0.75, 1, 2.75], operation=[0, 1, 0, 1, 0])
    # The second is cancelled at 2.25, in the turn from 1 to 3, which lasts as long; the fourth at 2.75, in the line.
    assert outcomes(path) == ["completed", "timed_out", "completed", "timed_out", "completed"]
    assert ends(path) == [1, 2.25, 3, 2.75, 4]
    # The second waited and was served from 0.5 to 2.25 in all; for what was left of his turn it is as if he had not.
    assert booked(path, "s") == ((1.5 - 0.75) + 1.25 + 1.75 + 0.25, 4, 4)
    queue = path.queue
    assert [each.tolist() for each in (queue.completions, queue.interrupted, queue.abandoned)] == [[3], [1], [1]]


def test_a_turn_in_which_nobody_is_left_is_over(run: Run) -> None:
    hasty: list[Step] = [Timeout(c(1), [Serve("s", c(4))], abandoned="cancel")]
    model = flows({"patient": [Serve("s", c(1))], "hasty": hasty}, stations=[Station("s", turns=True)])
    path = run(model, [0, 0.5], operation=[1, 0])
    assert outcomes(path) == ["timed_out", "completed"]
    assert ends(path) == [1, 2]
    assert booked(path, "s") == (0.5, 1 + 1, 2)
