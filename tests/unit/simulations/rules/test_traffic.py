"""Balancers, regions, closed populations."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from sdlab.errors import InvalidInput
from simulations.draw_keys import ring_of
from simulations.model import (
    Attempt,
    Balance,
    Balancer,
    Cache,
    Delay,
    Fail,
    Lookup,
    Model,
    Population,
    Serve,
    Timeout,
    Travel,
)
from simulations.program import compile_model
from simulations.resources.traffic import BALANCING
from simulations.sampling import child_identity_of
from simulations.steps import Step
from tests.unit.simulations.rules.running import Run, booked, c, column, ends, flows, one_flow, outcomes


def balanced(policy: str, *times_s: float) -> Model:
    """A balancer over targets that take these times."""
    ways = {f"t{number}": [Delay(f"d{number}", c(time_s))] for number, time_s in enumerate(times_s)}
    return one_flow(Balance("b", ways), balancers=[Balancer("b", list(ways), policy)])  # type: ignore[arg-type]


def test_round_robin_goes_round(run: Run) -> None:
    path = run(balanced("round_robin", 1, 2, 3), [0, 0, 0, 0])
    assert ends(path) == [1, 2, 3, 1]
    assert path.guards.sent.tolist() == [2, 1, 1]


def test_least_connections_takes_the_fewest_and_of_several_the_next(run: Run) -> None:
    path = run(balanced("least_connections", 10, 1, 10), [0, 0.25, 0.5, 2, 3.5])
    # Targets 0, 1 and 2 in turn; 1 is free again at 1.25, and at 3.
    assert ends(path) == [10, 1.25, 10.5, 3, 4.5]
    assert path.guards.sent.tolist() == [1, 3, 1]


def test_of_two_choices_the_less_busy_is_taken(run: Run) -> None:
    path = run(balanced("two_choices", 9, 9), [0, 0, 1, 1])
    assert path.guards.sent.tolist() == [2, 2]


@pytest.mark.parametrize("policy", BALANCING)
def test_a_balancer_of_one_target_sends_all_there(run: Run, policy: str) -> None:
    assert run(balanced(policy, 1), [0, 1, 2]).guards.sent.tolist() == [3]


def test_random_balancing_is_even_in_the_long_run(run: Run) -> None:
    sent = run(balanced("random", 1, 1, 1, 1), [float(row) for row in range(2000)]).guards.sent
    # Each is binomial(2000, 1/4), of standard deviation 19.4; six of them are never seen.
    assert sent.sum() == 2000
    assert abs(sent - 500).max() < 116


def test_consistent_hashing_takes_the_next_point_of_the_ring(run: Run) -> None:
    model = balanced("consistent_hash", 1, 1, 1)
    keys = [7, 3, 7, 11, 500, 3]
    points, owners = ring_of(model, "b")
    hash_key = compile_model(model).keys["balancer", "b"]
    sent = [0, 0, 0]
    for key in keys:
        point = bisect_left(points, int(child_identity_of(key, hash_key)))
        sent[owners[point % len(points)]] += 1
    assert run(model, [float(row) for row in range(6)], key=keys).guards.sent.tolist() == sent


def test_a_place_at_a_balancer_is_given_back_on_failing_and_on_being_cancelled(run: Run) -> None:
    ways: dict[str, list[Step]] = {
        "bad": [Delay("bad", c(1)), Fail()],
        "slow": [Timeout(c(3), [Delay("slow", c(9))], "cancel")],
    }
    model = one_flow(Balance("b", ways), balancers=[Balancer("b", list(ways), "least_connections")])
    path = run(model, [0, 0.5, 1.25, 4])
    # At 1.25 bad is free; at 4 both are, and the one after bad is next.
    assert outcomes(path) == ["failed", "timed_out", "failed", "timed_out"]
    cancelled = one_flow(
        Attempt([Timeout(c(1), [Balance("b", {"x": [Delay("x", c(9))], "y": [Delay("y", c(9))]})], "cancel")]),
        balancers=[Balancer("b", ["x", "y"], "least_connections")],
    )
    assert run(cancelled, [0, 2, 4]).guards.sent.tolist() == [2, 1]


def test_travel_takes_half_of_the_round_trip_each_way(run: Run) -> None:
    model = one_flow(
        Travel("us"), Serve("s", c(1)), Travel(), servers=9, regions=["eu", "us"], round_trip_s={("us", "eu"): 0.5}
    )
    path = run(model, [0, 0], region=[0, 1])
    assert ends(path) == [1.5, 1]
    assert path.spans is not None
    assert path.spans[:, column(path, "network")].tolist() == [0.5, 0]
    assert booked(path, "network") == (0, 0.5, 2)


def test_a_travel_that_is_cancelled_books_what_it_took(run: Run) -> None:
    model = one_flow(Timeout(c(1), [Travel("us")], "cancel"), regions=["eu", "us"], round_trip_s={("us", "eu"): 8})
    path = run(model, [0])
    assert path.end_s == 1
    assert booked(path, "network") == (0, 1, 1)


def test_users_think_send_and_think_again_until_their_time_is_over(run: Run) -> None:
    crowd = Population("crowd", "get", users=2, think=c(1), until_s=4)
    path = run(one_flow(Serve("s", c(2)), servers=1, populations=[crowd]), [])
    # Both send at 1; the first again at 4, when it is not yet over; he stops when he has thought until 8.
    assert path.arrival_s.tolist() == [1, 1, 4]
    assert ends(path) == [3, 5, 7]
    assert path.closed.user.tolist() == [0, 1, 0]
    assert path.closed.population.tolist() == [0, 0, 0]
    assert path.end_s == 8
    assert path.max_in_flight == 2


def test_users_stop_after_the_last_open_arrival_and_stand_below_it(run: Run) -> None:
    crowd = Population("crowd", "get", users=1, think=c(1))
    path = run(one_flow(Serve("s", c(0.25)), servers=1, populations=[crowd]), [0, 3])
    assert path.arrival_s.tolist() == [0, 3, 1, 2.25]
    assert ends(path) == [0.25, 3.25, 1.25, 2.5]
    assert path.spans is not None
    assert path.spans.shape == (4, 1)


def test_a_user_whose_request_fails_thinks_again(run: Run) -> None:
    crowd = Population("crowd", "get", users=1, think=c(1), until_s=3)
    path = run(one_flow(Delay("work", c(1)), Fail("rejected"), populations=[crowd]), [])
    assert outcomes(path) == ["rejected", "rejected"]
    assert ends(path) == [2, 4]


def test_users_ask_for_keys_of_their_own(run: Run) -> None:
    lookup = Lookup("links", miss=[Delay("load", c(1))])
    crowd = Population("crowd", "get", users=1, think=c(1), until_s=5, keys=[9])
    path = run(one_flow(lookup, caches=[Cache("links", 4)], populations=[crowd]), [])
    assert path.arrival_s.tolist() == [1, 3, 4, 5]
    assert path.cache_hit.tolist() == [0, 1, 1, 1]


def test_a_population_alone_must_be_told_when_to_stop(run: Run) -> None:
    crowd = Population("crowd", "get", users=1, think=c(1))
    with pytest.raises(InvalidInput, match="population crowd, until_s"):
        run(one_flow(Delay("work", c(1)), populations=[crowd]), [])


def test_consistent_hashing_needs_keys(run: Run) -> None:
    with pytest.raises(InvalidInput, match="balancer b"):
        run(balanced("consistent_hash", 1, 1), [0], key=-1)


def test_nothing_happens_without_tasks(run: Run) -> None:
    path = run(flows({"get": [Serve("s", c(1))]}, servers=1), [])
    assert path.end_s == 0
    assert path.queue.capacity_s.tolist() == [0]
