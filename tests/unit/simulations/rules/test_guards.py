"""Token buckets, circuit breakers, and one flight per key."""

from __future__ import annotations

from simulations.model import Break, Breaker, Cache, Delay, Fail, Limit, Lookup, Model, Switch, Timeout, TokenBucket
from tests.unit.simulations.rules.running import Run, booked, c, ends, flows, one_flow, outcomes


def test_a_token_bucket_starts_full_and_fills_at_its_rate(run: Run) -> None:
    path = run(one_flow(Limit("b"), buckets=[TokenBucket("b", rate_rps=0.5, burst=2)]), [0, 0, 0, 2, 3, 4])
    done, rejected = "completed", "rejected"
    assert outcomes(path) == [done, done, rejected, done, rejected, done]
    assert path.guards.bucket_taken.tolist() == [4]
    assert path.guards.bucket_rejected.tolist() == [2]


GOOD, BAD, SLOW, HASTY = range(4)


def guarded(probes: int = 1) -> Model:
    """Four ways to call through a breaker that opens for 10 s when both of two calls failed."""
    return flows(
        {
            "good": [Break("b", [Delay("call", c(1))])],
            "bad": [Break("b", [Fail()])],
            "slow": [Break("b", [Delay("slow", c(12)), Fail()])],
            "hasty": [Timeout(c(0.25), [Break("b", [Delay("call", c(1))])], "cancel")],
        },
        breakers=[Breaker("b", window=2, failure_ratio=1, least_calls=2, open_s=10, probes=probes)],
    )


def test_a_breaker_opens_lets_a_probe_through_and_closes(run: Run) -> None:
    path = run(guarded(), [0, 1, 2, 11, 11.5, 13], operation=[BAD, BAD, GOOD, GOOD, GOOD, GOOD])
    assert outcomes(path) == ["failed", "failed", "rejected", "completed", "rejected", "completed"]
    assert path.guards.breaker_opened.tolist() == [1]
    assert path.guards.breaker_rejected.tolist() == [2]


def test_a_breaker_does_not_open_while_enough_calls_complete(run: Run) -> None:
    path = run(guarded(), [0, 2, 3.5, 5], operation=[BAD, GOOD, BAD, GOOD])
    assert outcomes(path) == ["failed", "completed", "failed", "completed"]
    path = run(guarded(), [0, 2, 4, 5.5, 6, 7], operation=[GOOD, BAD, GOOD, BAD, BAD, GOOD])
    assert outcomes(path) == ["completed", "failed", "completed", "failed", "failed", "rejected"]
    assert path.guards.breaker_opened.tolist() == [1]


def test_a_probe_that_fails_opens_the_breaker_again(run: Run) -> None:
    path = run(guarded(), [0, 1, 11, 12, 21], operation=[BAD, BAD, BAD, GOOD, GOOD])
    assert outcomes(path) == ["failed", "failed", "failed", "rejected", "completed"]
    assert path.guards.breaker_opened.tolist() == [2]


def test_a_call_of_an_earlier_generation_is_ignored(run: Run) -> None:
    path = run(guarded(), [0.5, 1, 2, 12, 13.5], operation=[SLOW, BAD, BAD, GOOD, GOOD])
    # The slow call fails at 12.5, while the probe of 12 is under way.
    assert ends(path) == [12.5, 1, 2, 13, 14.5]
    assert outcomes(path) == ["failed", "failed", "failed", "completed", "completed"]
    assert path.guards.breaker_opened.tolist() == [1]


def test_a_cancelled_probe_is_given_back(run: Run) -> None:
    path = run(guarded(), [0, 1, 11, 11.125, 11.5], operation=[BAD, BAD, HASTY, GOOD, GOOD])
    assert outcomes(path) == ["failed", "failed", "timed_out", "rejected", "completed"]


def test_a_breaker_closes_when_all_its_probes_have_completed(run: Run) -> None:
    path = run(guarded(probes=2), [0, 1, 11, 11, 11, 13], operation=[BAD, BAD, GOOD, GOOD, GOOD, GOOD])
    assert outcomes(path)[2:] == ["completed", "completed", "rejected", "completed"]
    path = run(guarded(probes=2), [0, 1, 11, 13, 15], operation=[BAD, BAD, GOOD, GOOD, GOOD])
    assert outcomes(path)[2:] == ["completed"] * 3


def cached(**kinds: float | None) -> Model:
    """Flows that look one key up; a kind with a time gives up after it. The miss of the flow "bad" fails."""
    failing = [Switch("operation", {"bad": [Fail()]})] if "bad" in kinds else []
    lookup = Lookup("links", miss=[Delay("load", c(2)), *failing])
    return flows(
        {
            kind: [lookup if after_s is None else Timeout(c(after_s), [lookup], "cancel")]
            for kind, after_s in kinds.items()
        },
        caches=[Cache("links", 10, single_flight=True)],
    )


def test_those_who_miss_a_key_in_flight_wait_for_its_leader(run: Run) -> None:
    path = run(cached(get=None), [0, 1, 3])
    assert ends(path) == [2, 2, 3]
    assert path.cache_hit.tolist() == [0, 0, 1]
    assert booked(path, "load") == (0, 2, 1)
    assert (path.cache.lookups[0], path.cache.hits[0], path.cache.stores[0]) == (3, 1, 1)


def test_keys_fly_apart(run: Run) -> None:
    assert ends(run(cached(get=None), [0, 1], key=[4, 5])) == [2, 3]


def test_when_a_leader_fails_the_next_leads(run: Run) -> None:
    path = run(cached(get=None, bad=None), [0, 1, 1.5], operation=[1, 0, 0])
    assert ends(path) == [2, 4, 4]
    assert outcomes(path) == ["failed", "completed", "completed"]


def test_when_a_leader_is_cancelled_the_next_leads(run: Run) -> None:
    path = run(cached(get=None, hasty=1.5), [0, 1, 1.25], operation=[1, 0, 0])
    assert ends(path) == [1.5, 3.5, 3.5]
    assert booked(path, "load") == (0, 1.5 + 2, 2)


def test_who_waits_for_a_leader_can_be_cancelled(run: Run) -> None:
    path = run(cached(get=None, hasty=0.5), [0, 1, 1.25], operation=[0, 1, 0])
    assert ends(path) == [2, 1.5, 2]
    path = run(cached(bad=None, hasty=0.5, get=None), [0, 1, 1.25], operation=[0, 1, 2])
    assert ends(path) == [2, 1.5, 4]


def test_without_one_flight_each_miss_does_the_work(run: Run) -> None:
    lookup = Lookup("links", hit=[Delay("hit", c(1))], miss=[Delay("load", c(2))])
    path = run(one_flow(lookup, caches=[Cache("links", 10)]), [0, 1, 3])
    assert ends(path) == [2, 3, 4]
    assert path.cache_hit.tolist() == [0, 0, 1]
