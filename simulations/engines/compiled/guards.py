"""Balancers, token buckets, breakers and retry budgets, compiled."""

from __future__ import annotations

from typing import Any

from simulations.draws import child_identity, draw, draw_pair
from simulations.engines.compiled import world
from simulations.jit import kernel
from simulations.layout import CLOSED, COMPLETED, HALF_OPEN, NONE, OPEN

RANDOM, ROUND_ROBIN, LEAST_CONNECTIONS, TWO_CHOICES, CONSISTENT_HASH = range(5)
"""The policies in the order of `simulations.resources.BALANCING`."""


@kernel
def _least(w: Any, balancer: Any) -> int:
    chosen = int((balancer.last + 1) % balancer.targets)
    for step in range(2, balancer.targets + 1):
        other = (balancer.last + step) % balancer.targets
        if world.in_flight_at(w)[balancer.first + other] < world.in_flight_at(w)[balancer.first + chosen]:
            chosen = other
    return int(chosen)


@kernel
def _on_ring(w: Any, balancer: Any, key: int) -> int:
    where = child_identity(key, balancer.key)
    low, high = balancer.first_point, balancer.first_point + balancer.points
    while low < high:
        middle = (low + high) >> 1
        if world.ring_hash(w)[middle] < where:
            low = middle + 1
        else:
            high = middle
    if low == balancer.first_point + balancer.points:
        low = balancer.first_point
    return int(world.ring_target(w)[low])


@kernel
def pick(w: Any, which: int, slot: Any, draw_key: int) -> int:
    """The target that a balancer picks for a task."""
    balancer = world.balancers(w)[which]
    targets = balancer.targets
    if balancer.policy == RANDOM:
        chosen = int(draw(w.seed, slot.identity, draw_key) * targets)
    elif balancer.policy == ROUND_ROBIN:
        chosen = (balancer.last + 1) % targets
    elif balancer.policy == LEAST_CONNECTIONS:
        chosen = _least(w, balancer)
    elif balancer.policy == TWO_CHOICES:
        u, v = draw_pair(w.seed, slot.identity, draw_key, 0)
        chosen = int(u * targets)
        if targets > 1:
            other = int(v * (targets - 1))
            if other >= chosen:
                other += 1
            if world.in_flight_at(w)[balancer.first + other] < world.in_flight_at(w)[balancer.first + chosen]:
                chosen = other
    else:
        chosen = _on_ring(w, balancer, slot.key)
    balancer.last = chosen
    return int(chosen)


@kernel
def arrive_at_target(w: Any, which: int, slot: int, target: int) -> None:
    """The task is in flight at a target from now on."""
    place = world.balancers(w)[which].first + target
    world.in_flight_at(w)[place] += 1
    world.sent(w)[place] += 1
    world.target_of(w)[slot, which] = target


@kernel
def leave_target(w: Any, which: int, slot: int) -> None:
    """The task is no longer in flight there."""
    world.in_flight_at(w)[world.balancers(w)[which].first + world.target_of(w)[slot, which]] -= 1
    world.target_of(w)[slot, which] = NONE


@kernel
def take_token(w: Any, which: int) -> bool:
    """Whether the bucket, filled up to now, had a token."""
    bucket = world.tokens(w)[which]
    bucket.tokens = min(bucket.most, bucket.tokens + (w.now_s - bucket.filled_s) * bucket.rate)
    bucket.filled_s = w.now_s
    if bucket.tokens < 1.0:
        bucket.refused += 1
        return False
    bucket.tokens -= 1.0
    bucket.taken += 1
    return True


@kernel
def may_retry(w: Any, which: int) -> bool:
    """Whether a budget has a token for a retry, which is taken; always without a budget."""
    if which == NONE:
        return True
    budget = world.budgets(w)[which]
    if budget.tokens < 1.0:
        budget.refused += 1
        return False
    budget.tokens -= 1.0
    budget.taken += 1
    return True


@kernel
def call(w: Any, which: int) -> bool:
    """Whether a breaker lets a call through."""
    breaker = world.breakers(w)[which]
    if breaker.state == OPEN and w.now_s >= breaker.until_s:
        breaker.state = HALF_OPEN
        breaker.generation += 1
        breaker.permits = breaker.probes
        breaker.succeeded = 0
    if breaker.state == OPEN or (breaker.state == HALF_OPEN and breaker.permits == 0):
        breaker.rejected += 1
        return False
    if breaker.state == HALF_OPEN:
        breaker.permits -= 1
    return True


@kernel
def _open(w: Any, breaker: Any) -> None:
    breaker.state = OPEN
    breaker.generation += 1
    breaker.until_s = w.now_s + breaker.open_s
    breaker.opened += 1


@kernel
def take_note(w: Any, which: int, generation: int, outcome: int) -> None:
    """A call through a breaker has ended."""
    breaker = world.breakers(w)[which]
    if generation != breaker.generation:
        return
    failed = outcome != COMPLETED
    if breaker.state == HALF_OPEN:
        if failed:
            _open(w, breaker)
            return
        breaker.succeeded += 1
        if breaker.succeeded == breaker.probes:
            breaker.state = CLOSED
            breaker.generation += 1
            breaker.calls = breaker.failures = breaker.cursor = 0
        return
    at = breaker.first + breaker.cursor
    if breaker.calls == breaker.window:
        breaker.failures -= world.window(w)[at]
    else:
        breaker.calls += 1
    world.window(w)[at] = failed
    breaker.failures += failed
    breaker.cursor = (breaker.cursor + 1) % breaker.window
    if breaker.calls >= breaker.least_calls and breaker.failures >= breaker.ratio * breaker.calls:
        _open(w, breaker)


@kernel
def call_cancelled(w: Any, which: int, generation: int) -> None:
    """A call through a breaker was cancelled: its probe is given back."""
    breaker = world.breakers(w)[which]
    if generation == breaker.generation and breaker.state == HALF_OPEN:
        breaker.permits += 1
