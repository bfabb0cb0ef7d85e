"""Queues with batch workers, compiled."""

from __future__ import annotations

from typing import Any

from simulations.draws import child_identity
from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready, schedule, unschedule
from simulations.engines.compiled.queues import charge, come, count_until, join, one_less, one_more, take_head
from simulations.engines.compiled.tasks import begin_task, copy_who, end_spawned, free_task, new_task
from simulations.jit import kernel
from simulations.layout import BATCH, BATCHED, ITEM, NONE


@kernel
def full(w: Any, which: int) -> bool:
    """Whether a queue has no room for one more item."""
    queue = world.queues(w)[world.batchers(w)[which].resource]
    return bool(queue.limit != NONE and queue.waiting >= queue.limit)


@kernel
def leave_item(w: Any, parent: int, which: int, draw_key: int) -> int:
    """Make an item of its own that the parent leaves in a queue."""
    slot = new_task(w, ITEM)
    copy_who(w, slot, parent)
    record = world.slots(w)[slot]
    record.identity = child_identity(world.slots(w)[parent].identity, draw_key)
    record.request = NONE
    record.flow = world.batchers(w)[which].flow
    begin_task(w, slot)
    return slot


@kernel
def enqueue(w: Any, slot: int, which: int) -> None:
    """An item joins the line; the queue is looked at."""
    join(w, world.batchers(w)[which].resource, slot, 0)
    look(w, which)


@kernel
def _start_batch(w: Any, which: int) -> None:
    batcher = world.batchers(w)[which]
    queue = world.queues(w)[batcher.resource]
    count_until(w, queue, batcher.resource, w.now_s)
    queue.busy += 1
    slot = new_task(w, BATCH)
    task = world.tasks(w)[slot]
    items = min(batcher.batch, queue.waiting)
    for number in range(items):
        item = take_head(w, queue)
        charge(w, item, batcher.resource, w.now_s - world.slots(w)[item].waiting_since_s, 0.0)
        if number == 0:
            copy_who(w, slot, item)
            task.first_item = item
            world.slots(w)[item].previous = NONE
        else:
            world.slots(w)[task.last_item].next = item
            world.slots(w)[item].previous = task.last_item
        world.slots(w)[item].next = NONE
        task.last_item = item
        world.tasks(w)[item].where = BATCHED
        world.tasks(w)[item].batch = slot
    record = world.slots(w)[slot]
    record.identity = child_identity(batcher.batches, batcher.key)
    batcher.batches += 1
    record.request = NONE
    record.flow = batcher.flow
    record.instruction = world.first_instruction(w)[batcher.flow]
    record.started_s = w.now_s
    task.items = items
    task.queue = which
    one_more(w)
    make_ready(w, slot)


@kernel
def look(w: Any, which: int) -> None:
    """Start the batches that can start now, and see to the timer for the next."""
    batcher = world.batchers(w)[which]
    queue = world.queues(w)[batcher.resource]
    line = world.lines(w)[queue.first_line]
    due_s = 0.0
    while queue.busy < queue.capacity and queue.waiting > 0:
        due_s = world.slots(w)[line.head].waiting_since_s + batcher.wait_s
        if queue.waiting < batcher.batch and w.now_s < due_s:
            break
        _start_batch(w, which)
    control = batcher.control
    needed = queue.busy < queue.capacity and queue.waiting > 0
    if not needed or due_s != batcher.due_s:
        unschedule(w, control)
    if needed and world.tasks(w)[control].event_at == NONE:
        schedule(w, due_s, control)
        batcher.due_s = due_s


@kernel
def end_batch(w: Any, slot: int, outcome: int) -> None:
    """A batch has ended: so do its items, and its worker looks for more."""
    task = world.tasks(w)[slot]
    which = task.queue
    batcher = world.batchers(w)[which]
    queue = world.queues(w)[batcher.resource]
    world.service_s(w)[batcher.flow, batcher.resource] += w.now_s - world.slots(w)[slot].started_s
    item = task.first_item
    while item != NONE:
        following = world.slots(w)[item].next
        if world.tasks(w)[item].kind == ITEM:
            end_spawned(w, item, outcome)
            free_task(w, item)
        else:
            world.slots(w)[item].instruction += 1
            world.tasks(w)[item].outcome = outcome
            make_ready(w, item)
        item = following
    queue.completions += task.items
    one_less(w)
    free_task(w, slot)
    count_until(w, queue, batcher.resource, w.now_s)
    queue.busy -= 1
    look(w, which)


@kernel
def leave_batch(w: Any, slot: int) -> None:
    """A task that waits for its batch is cancelled: the batch runs on without it."""
    task, record = world.tasks(w)[slot], world.slots(w)[slot]
    batch = world.tasks(w)[task.batch]
    if record.previous == NONE:
        batch.first_item = record.next
    else:
        world.slots(w)[record.previous].next = record.next
    if record.next == NONE:
        batch.last_item = record.previous
    else:
        world.slots(w)[record.next].previous = record.previous


@kernel
def come_to_queue(w: Any, which: int) -> None:
    """Someone brings an item."""
    come(w, world.batchers(w)[which].resource)
