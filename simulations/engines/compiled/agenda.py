"""What happens next, compiled: events in a heap, and who is ready at this instant in a list.

The heap is binary, ordered by (time, order of scheduling). What is pushed was scheduled last, so among equal times it
stays below those already there. A task has one event at most; where events can be cancelled, each task knows where in
the heap its event stands.
"""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.jit import kernel
from simulations.layout import NONE, READY


@kernel
def _place(w: Any, at: int, time_s: float, order: int, slot: int) -> None:
    world.heap_s(w)[at] = time_s
    world.heap_order(w)[at] = order
    world.heap_slot(w)[at] = slot
    if world.is_full(w):
        world.tasks(w)[slot].event_at = at


@kernel
def _move(w: Any, to: int, origin: int) -> None:
    _place(w, to, world.heap_s(w)[origin], world.heap_order(w)[origin], world.heap_slot(w)[origin])


@kernel
def schedule(w: Any, time_s: float, slot: int) -> None:
    """Let the slot's event happen at ``time_s``, after everything scheduled for then so far."""
    child = w.heap_size
    w.heap_size = child + 1
    while child > 0:
        parent = (child - 1) >> 1
        if world.heap_s(w)[parent] <= time_s:
            break
        _move(w, child, parent)
        child = parent
    _place(w, child, time_s, w.scheduled, slot)
    w.scheduled += 1


@kernel
def _sink(w: Any, hole: int, size: int, time_s: float, order: int, slot: int) -> None:
    """Put an event at ``hole`` or below it, where it belongs."""
    child = 2 * hole + 1
    while child < size:
        other = child + 1
        if other < size and (
            world.heap_s(w)[other] < world.heap_s(w)[child]
            or (
                world.heap_s(w)[other] == world.heap_s(w)[child]
                and world.heap_order(w)[other] < world.heap_order(w)[child]
            )
        ):
            child = other
        if time_s < world.heap_s(w)[child] or (time_s == world.heap_s(w)[child] and order < world.heap_order(w)[child]):
            break
        _move(w, hole, child)
        hole, child = child, 2 * child + 1
    _place(w, hole, time_s, order, slot)


@kernel
def next_scheduled(w: Any) -> int:
    """Take the earliest event off the heap and give its slot."""
    first = int(world.heap_slot(w)[0])
    size = w.heap_size - 1
    w.heap_size = size
    _sink(w, 0, size, world.heap_s(w)[size], world.heap_order(w)[size], world.heap_slot(w)[size])
    if world.is_full(w):
        world.tasks(w)[first].event_at = NONE
    return first


@kernel
def unschedule(w: Any, slot: int) -> None:
    """Cancel the slot's event, if it has one."""
    at = world.tasks(w)[slot].event_at
    if at == NONE:
        return
    world.tasks(w)[slot].event_at = NONE
    size = w.heap_size - 1
    w.heap_size = size
    if at == size:
        return
    time_s, order, last = world.heap_s(w)[size], world.heap_order(w)[size], world.heap_slot(w)[size]
    while at > 0:
        parent = (at - 1) >> 1
        above = world.heap_s(w)[parent] < time_s or (
            world.heap_s(w)[parent] == time_s and world.heap_order(w)[parent] < order
        )
        if above:
            break
        _move(w, at, parent)
        at = parent
    _sink(w, at, size, time_s, order, last)


@kernel
def make_ready(w: Any, slot: int) -> None:
    """Let the slot run on at this instant, after those that are ready already."""
    record = world.slots(w)[slot]
    record.next = NONE
    if w.ready_head == NONE:
        w.ready_head = slot
    else:
        world.slots(w)[w.ready_tail].next = slot
    if world.is_full(w):
        record.previous = w.ready_tail if w.ready_head != slot else NONE
        world.tasks(w)[slot].where = READY
    w.ready_tail = slot


@kernel
def next_ready(w: Any) -> int:
    """Take the one that has been ready longest; NONE if nobody is."""
    slot = int(w.ready_head)
    if slot != NONE:
        w.ready_head = world.slots(w)[slot].next
        if world.is_full(w) and w.ready_head != NONE:
            world.slots(w)[w.ready_head].previous = NONE
    return slot


@kernel
def unready(w: Any, slot: int) -> None:
    """Take a slot out of the list of those that are ready."""
    before, after = world.slots(w)[slot].previous, world.slots(w)[slot].next
    if before == NONE:
        w.ready_head = after
    else:
        world.slots(w)[before].next = after
    if after == NONE:
        w.ready_tail = before
    else:
        world.slots(w)[after].previous = before
