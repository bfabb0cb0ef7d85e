"""Time-outs, forks, retries, hedges, attempts; and how what they started is cancelled."""

from __future__ import annotations

from simulations.model import (
    Attempt,
    Backoff,
    Delay,
    Fail,
    Fork,
    Hedge,
    Hold,
    Limit,
    Pool,
    Release,
    Retry,
    RetryBudget,
    Serve,
    Station,
    Timeout,
    TokenBucket,
)
from simulations.steps import Step
from tests.unit.simulations.rules.running import Run, booked, c, column, ends, flows, one_flow, outcomes


def test_a_time_out_that_cancels_frees_the_server_at_once(run: Run) -> None:
    path = run(one_flow(Timeout(c(2), [Serve("s", c(10))], "cancel"), servers=1), [0, 1])
    assert ends(path) == [2, 3]
    assert outcomes(path) == ["timed_out", "timed_out"]
    assert path.queue.interrupted.tolist() == [2]
    assert booked(path, "s") == (1, 3, 2)
    assert path.end_s == 3


def test_abandoned_work_that_continues_keeps_its_server(run: Run) -> None:
    model = flows({"hasty": [Timeout(c(2), [Serve("s", c(10))])], "plain": [Serve("s", c(1))]}, servers=1)
    path = run(model, [0, 1], operation=[0, 1])
    assert ends(path) == [2, 11]
    assert outcomes(path) == ["timed_out", "completed"]
    assert booked(path, "s") == (9, 11, 2)
    assert path.spans is not None
    assert path.spans[0, column(path, "s")] == 10, "the span of what was left alone is the request's"


def test_a_time_out_that_cancels_leaves_the_line(run: Run) -> None:
    model = flows({"plain": [Serve("s", c(5))], "hasty": [Timeout(c(2), [Serve("s", c(5))], "cancel")]}, servers=1)
    path = run(model, [0, 1, 2], operation=[0, 1, 0])
    assert ends(path) == [5, 3, 10]
    assert path.queue.abandoned.tolist() == [1]
    assert booked(path, "s") == (2 + 3, 10, 2)


def test_abandoned_work_in_the_line_is_served_in_its_turn(run: Run) -> None:
    model = flows({"plain": [Serve("s", c(5))], "hasty": [Timeout(c(2), [Serve("s", c(5))], "continue")]}, servers=1)
    path = run(model, [0, 1, 2], operation=[0, 1, 0])
    assert ends(path) == [5, 3, 15]


def test_a_cancelled_delay_does_not_move_the_clock(run: Run) -> None:
    path = run(one_flow(Timeout(c(2), [Delay("far", c(5))], "cancel")), [0])
    assert ends(path) == [2]
    assert path.end_s == 2
    assert booked(path, "far") == (0, 2, 1)


def test_a_delay_that_is_left_alone_goes_on(run: Run) -> None:
    path = run(one_flow(Timeout(c(2), [Delay("far", c(5))], "continue")), [0])
    assert ends(path) == [2]
    assert path.end_s == 5
    assert booked(path, "far") == (0, 5, 1)


def test_the_timer_of_what_ended_in_time_does_not_move_the_clock(run: Run) -> None:
    path = run(one_flow(Timeout(c(5), [Delay("near", c(1))])), [0])
    assert outcomes(path) == ["completed"]
    assert path.end_s == 1


def test_a_timer_goes_before_the_end_at_the_same_time_as_it_was_scheduled_first(run: Run) -> None:
    assert outcomes(run(one_flow(Timeout(c(1), [Delay("near", c(1))])), [0])) == ["timed_out"]


def test_a_cancelled_task_gives_its_slot_back(run: Run) -> None:
    steps: list[Step] = [Hold("p"), Delay("far", c(5)), Release("p")]
    path = run(one_flow(Timeout(c(1), steps, "cancel"), pools=[Pool("p", 1)]), [0, 0.5])
    assert ends(path) == [1, 1.5]
    assert booked(path, "p") == (0.5, 1.5, 2)
    assert path.queue.completions.tolist() == [2]


def test_one_who_is_cancelled_in_a_pools_line_leaves_it(run: Run) -> None:
    plain: list[Step] = [Hold("p"), Delay("far", c(5)), Release("p")]
    model = flows({"plain": plain, "hasty": [Timeout(c(1), plain, "cancel")]}, pools=[Pool("p", 1)])
    path = run(model, [0, 1, 2], operation=[0, 1, 0])
    assert ends(path) == [5, 2, 10]
    assert path.queue.abandoned.tolist() == [1]
    assert booked(path, "p") == (1 + 3, 10, 2)


def test_what_is_left_alone_keeps_its_slot(run: Run) -> None:
    plain: list[Step] = [Hold("p"), Delay("far", c(5)), Release("p")]
    model = flows({"plain": plain, "hasty": [Timeout(c(1), plain, "continue")]}, pools=[Pool("p", 1)])
    path = run(model, [0, 0.5], operation=[1, 0])
    assert ends(path) == [1, 10]


def test_a_failing_request_gives_its_slot_back(run: Run) -> None:
    plain: list[Step] = [Hold("p"), Delay("work", c(2)), Release("p")]
    bad: list[Step] = [Hold("p"), Timeout(c(1), [Delay("far", c(9))], "cancel"), Release("p")]
    path = run(flows({"plain": plain, "bad": bad}, pools=[Pool("p", 1)]), [0, 0.5], operation=[1, 0])
    assert ends(path) == [1, 3]
    assert booked(path, "p") == (0.5, 3, 2)


def test_a_shared_station_corrects_what_a_cancelled_task_was_booked(run: Run) -> None:
    model = flows(
        {"plain": [Serve("s", c(4))], "hasty": [Timeout(c(2), [Serve("s", c(4))], "cancel")]},
        stations=[Station("s", 1, shares=True)],
    )
    path = run(model, [0, 0], operation=[0, 1])
    # Both get half until 2, when the second leaves with 1 done; the first has 3 left.
    assert ends(path) == [5, 2]
    assert booked(path, "s") == (2, 5, 2)
    assert path.spans is not None
    assert path.spans[:, column(path, "s")].tolist() == [5, 2]


def test_a_fork_waits_for_all(run: Run) -> None:
    path = run(one_flow(Fork([[Delay("a", c(1))], [Delay("b", c(3))]])), [0])
    assert ends(path) == [3]
    assert path.max_in_flight == 1, "parts are not counted"


def test_a_fork_waits_for_some_and_cancels_the_rest(run: Run) -> None:
    parts = [[Serve("s", c(time_s))] for time_s in (3, 1, 2)]
    path = run(one_flow(Fork(parts, wait_for=2), servers=3), [0])
    assert ends(path) == [2]
    assert path.end_s == 2
    assert path.queue.interrupted.tolist() == [1]
    assert booked(path, "s") == (0, 5, 3)


def test_a_fork_leaves_the_rest_alone_if_told_to(run: Run) -> None:
    parts = [[Serve("s", c(time_s))] for time_s in (3, 1, 2)]
    path = run(one_flow(Fork(parts, wait_for=2, rest="continue"), servers=3), [0])
    assert ends(path) == [2]
    assert path.end_s == 3
    assert path.queue.completions.tolist() == [3]


def test_a_fork_fails_with_the_outcome_that_decided_it(run: Run) -> None:
    parts: list[list[Step]] = [[Fail()], [Delay("a", c(1)), Fail("timed_out")], [Delay("b", c(3))]]
    path = run(one_flow(Fork(parts, wait_for=2)), [0])
    assert outcomes(path) == ["timed_out"]
    assert ends(path) == [1]
    assert path.end_s == 1


def test_a_part_that_is_ready_can_be_cancelled_before_it_runs(run: Run) -> None:
    fork = Fork([[Limit("b")], [Serve("s", c(1))]], wait_for=1)
    path = run(one_flow(fork, servers=1, buckets=[TokenBucket("b", 1)]), [0])
    assert ends(path) == [0]
    assert path.queue.arrivals.tolist() == [0]


def test_a_part_that_is_ready_and_left_alone_runs(run: Run) -> None:
    fork = Fork([[Limit("b")], [Serve("s", c(1))]], wait_for=1, rest="continue")
    path = run(one_flow(fork, servers=1, buckets=[TokenBucket("b", 1)]), [0])
    assert ends(path) == [0]
    assert path.end_s == 1


def test_who_is_cancelled_with_a_slot_just_granted_hands_it_on(run: Run) -> None:
    holding: list[Step] = [Hold("p"), Delay("far", c(9)), Release("p")]
    model = flows(
        {"two": [Timeout(c(1), [Fork([holding, holding])], "cancel")], "one": [Hold("p"), Release("p")]},
        pools=[Pool("p", 1)],
    )
    path = run(model, [0, 0.5], operation=[0, 1])
    # At 1 the first part hands the slot to the second, which is cancelled while ready, and hands it to the other.
    assert ends(path) == [1, 1]
    assert path.queue.abandoned.tolist() == [0]
    assert booked(path, "p") == (1 + 0.5, 1, 3)


def test_cancelling_reaches_parts_of_parts(run: Run) -> None:
    inner = Fork([[Serve("s", c(9))], [Retry([Timeout(c(5), [Serve("s", c(9))], "cancel")])]])
    model = flows({"deep": [Timeout(c(2), [inner], "cancel")], "plain": [Serve("s", c(1))]}, servers=2)
    path = run(model, [0, 1, 1], operation=[0, 1, 1])
    assert ends(path) == [2, 3, 3]
    assert path.queue.interrupted.tolist() == [2]
    assert path.end_s == 3


def test_retries_back_off_by_a_factor_up_to_a_bound(run: Run) -> None:
    retry = Retry([Delay("try", c(1)), Fail()], attempts=4, backoff=Backoff(first_s=1, factor=3, most_s=5))
    path = run(one_flow(retry), [0])
    # Tries end at 1, 3, 7 and 13, after waiting 1, 3 and 5.
    assert ends(path) == [13]
    assert outcomes(path) == ["failed"]
    assert path.retries.tolist() == [3]


def test_a_retry_waits_for_its_time_out_and_tries_again(run: Run) -> None:
    path = run(one_flow(Retry([Timeout(c(1), [Delay("far", c(5))], "cancel")], attempts=2)), [0])
    assert ends(path) == [2]
    assert outcomes(path) == ["timed_out"]
    assert path.end_s == 2


def test_an_outcome_that_is_not_listed_is_not_retried(run: Run) -> None:
    path = run(one_flow(Retry([Fail("rejected")], on=["failed"])), [0])
    assert ends(path) == [0]
    assert outcomes(path) == ["rejected"]
    assert path.retries.tolist() == [0]


def test_a_retry_budget_that_is_used_up_refuses(run: Run) -> None:
    retry = Retry([Delay("try", c(1)), Fail()], attempts=2, budget="b")
    path = run(one_flow(retry, budgets=[RetryBudget("b", ratio=0.5, most=1)]), [0, 10, 20])
    assert path.retries.tolist() == [1, 0, 1]
    assert ends(path) == [2, 11, 22]
    assert path.guards.budget_taken.tolist() == [2]
    assert path.guards.budget_refused.tolist() == [1]


def test_a_retry_is_cancelled_in_its_back_off(run: Run) -> None:
    retry = Retry([Fail()], attempts=2, backoff=Backoff(first_s=5))
    path = run(one_flow(Timeout(c(1), [retry], "cancel")), [0])
    assert outcomes(path) == ["timed_out"]
    assert path.end_s == 1
    assert path.retries.tolist() == [1]


def test_a_hedge_cancels_the_slower_copies(run: Run) -> None:
    path = run(one_flow(Hedge(c(1), [Serve("s", c(3))], extra=2), servers=2), [0])
    # Copies at 0, 1 and 2; at 3 the third gets the first's server, and is cancelled with the second.
    assert ends(path) == [3]
    assert path.end_s == 3
    assert path.queue.interrupted.tolist() == [2]
    assert booked(path, "s") == (1, 3 + 2 + 0, 3)


def test_a_hedge_starts_no_copy_after_an_answer(run: Run) -> None:
    path = run(one_flow(Hedge(c(2), [Serve("s", c(1))]), servers=2), [0])
    assert ends(path) == [1]
    assert path.end_s == 1
    assert path.queue.arrivals.tolist() == [1]


def test_a_hedge_fails_when_the_last_copy_that_runs_fails(run: Run) -> None:
    path = run(one_flow(Hedge(c(1), [Delay("try", c(2)), Fail("rejected")])), [0])
    assert ends(path) == [3]
    assert outcomes(path) == ["rejected"]


def test_a_hedge_whose_only_copy_fails_starts_no_other(run: Run) -> None:
    path = run(one_flow(Hedge(c(5), [Delay("try", c(2)), Fail()])), [0])
    assert ends(path) == [2]
    assert path.end_s == 2


def test_an_attempt_does_something_else_on_a_failure_that_it_handles(run: Run) -> None:
    attempt = Attempt([Delay("try", c(1)), Fail("rejected")], otherwise=[Delay("other", c(2))])
    path = run(one_flow(attempt, Delay("after", c(1))), [0])
    assert ends(path) == [4]
    assert outcomes(path) == ["completed"]


def test_an_attempt_fails_on_a_failure_that_it_does_not_handle(run: Run) -> None:
    attempt = Attempt([Delay("try", c(1)), Fail("rejected")], otherwise=[Delay("other", c(2))], on=["failed"])
    path = run(one_flow(attempt), [0])
    assert ends(path) == [1]
    assert outcomes(path) == ["rejected"]


def test_an_attempt_that_completes_skips_the_other_way(run: Run) -> None:
    path = run(one_flow(Attempt([Delay("try", c(1))], otherwise=[Delay("other", c(2))])), [0])
    assert ends(path) == [1]
    assert booked(path, "other") == (0, 0, 0)
