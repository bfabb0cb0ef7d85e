"""Tasks, compiled: their slots, how they begin, and what is recorded when they end."""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.engines.compiled.queues import one_less, one_more
from simulations.histograms import bucket
from simulations.jit import kernel
from simulations.layout import COMPLETED, NONE, RUNNING


@kernel
def new_slot(w: Any) -> int:
    """A free slot."""
    slot = int(w.free_head)
    w.free_head = world.slots(w)[slot].next
    return slot


@kernel
def new_task(w: Any, kind: int) -> int:
    """A slot for a task of some kind, with nothing known of it yet; only in programs of the whole vocabulary."""
    slot = new_slot(w)
    w.free -= 1
    w.alive += 1
    task = world.tasks(w)[slot]
    task.kind = kind
    task.where = RUNNING
    task.outcome = COMPLETED
    task.parent = NONE
    task.first_part = NONE
    task.last_part = NONE
    task.event_at = NONE
    task.items = 1
    task.first_item = NONE
    task.last_item = NONE
    for pool in range(w.pools):
        world.held_since_s(w)[slot, pool] = -1.0
    for balancer in range(w.balancers_asked):
        world.target_of(w)[slot, balancer] = NONE
    for cache in range(w.flown):
        world.leads(w)[slot, cache] = NONE
    return slot


@kernel
def free_task(w: Any, slot: int) -> None:
    """The slot of a task that has ended is free."""
    world.slots(w)[slot].next = w.free_head
    w.free_head = slot
    w.free += 1
    w.alive -= 1


@kernel
def copy_who(w: Any, slot: int, other: int) -> None:
    """Make a task be about the same request as another: its row, key, operation, region and place."""
    record, origin = world.slots(w)[slot], world.slots(w)[other]
    record.request = origin.request
    record.identity = origin.identity
    record.key = origin.key
    record.flow = origin.flow
    record.operation = origin.operation
    record.region = origin.region
    world.tasks(w)[slot].place = world.tasks(w)[other].place


@kernel
def begin_task(w: Any, slot: int) -> None:
    """A spawned flow begins now, or an item was left."""
    record = world.slots(w)[slot]
    record.started_s = w.now_s
    record.spawned = w.spawned
    if w.spawned_made > 0:
        world.spawned_flow(w)[w.spawned] = record.flow
        world.spawned_s(w)[w.spawned] = w.now_s
    w.spawned += 1
    world.background(w)[record.flow].spawned += 1
    one_more(w)


@kernel
def end_spawned(w: Any, slot: int, outcome: int) -> None:
    """A spawned flow, or an item, has ended."""
    record = world.slots(w)[slot]
    background = world.background(w)[record.flow]
    response_s = w.now_s - record.started_s
    background.completed += 1
    background.failed += outcome != COMPLETED
    background.response_s += response_s
    background.max_response_s = max(background.max_response_s, response_s)
    if w.spawned_made > 0:
        world.spawned_completed_s(w)[record.spawned] = w.now_s
        world.spawned_outcome(w)[record.spawned] = outcome
    one_less(w)


@kernel
def end_request(w: Any, slot: int, outcome: int) -> None:
    """A request has ended: it gets its record, or is counted."""
    record = world.slots(w)[slot]
    if w.rows_kept == 1:
        world.completed_s(w)[record.request] = w.now_s
        if world.is_full(w):
            world.outcome(w)[record.request] = outcome  # which is COMPLETED already
    else:
        world.ended(w)[record.flow, outcome] += 1
        if outcome == COMPLETED:
            response_s = w.now_s - record.started_s
            world.histogram(w)[record.flow, bucket(response_s)] += 1
            world.total_s(w)[record.flow] += response_s
    one_less(w)
