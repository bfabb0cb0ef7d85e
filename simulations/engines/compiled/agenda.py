"""What happens next, compiled: events in a heap and one beside it, and who is ready at this instant in a list.

The heap is binary, ordered by (time, order of scheduling). One event stands aside, the earlier of the last two that
were scheduled: where it is the next of all, which is common, it never enters the heap; where it is not, it takes the
place of the one that is. A task has one event at most; where events can be cancelled, each task knows where its event
stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulations.engines.compiled import world
from simulations.jit import kernel, outlined, routine
from simulations.layout import ASIDE, LATEST, NONE, READY


@kernel
def _place(w: Any, at: int, time_s: float, order: int, slot: int) -> None:
    event = world.heap(w)[at]
    event.time_s = time_s
    event.order = order
    event.slot = slot
    if world.is_full(w):
        world.tasks(w)[slot].event_at = at


@kernel
def _move(w: Any, to: int, origin: int) -> None:
    event = world.heap(w)[origin]
    _place(w, to, event.time_s, event.order, event.slot)


@kernel
def _is_before(w: Any, time_s: float, order: int, at: int) -> bool:
    """Whether an event comes before the one in the heap at ``at``."""
    other = world.heap(w)[at]
    return bool(time_s < other.time_s or (time_s == other.time_s and order < other.order))


@routine
def _rise(w: Any, hole: int, time_s: float, order: int, slot: int) -> None:
    """Put an event at ``hole`` or above it, where it belongs."""
    outlined()
    while hole > 0:
        parent = (hole - 1) >> 1
        if not _is_before(w, time_s, order, parent):
            break
        _move(w, hole, parent)
        hole = parent
    _place(w, hole, time_s, order, slot)


@kernel
def _sink(w: Any, hole: int, time_s: float, order: int, slot: int) -> None:
    """Put an event at ``hole`` or below it, where it belongs."""
    size = w.heap_size
    child = 2 * hole + 1
    while child < size:
        other = child + 1
        if other < size and _is_before(w, world.heap(w)[other].time_s, world.heap(w)[other].order, child):
            child = other
        if _is_before(w, time_s, order, child):
            break
        _move(w, hole, child)
        hole, child = child, 2 * child + 1
    _place(w, hole, time_s, order, slot)


@kernel
def put(w: Any, time_s: float, order: int, slot: int) -> None:
    """Put an event among the others: aside, or into the heap if it is later than the one that stands there."""
    if w.aside != NONE:
        other_s, other_order, other = w.aside_s, w.aside_order, w.aside
        if other_s < time_s or (other_s == time_s and other_order < order):
            time_s, order, slot, other_s, other_order, other = other_s, other_order, other, time_s, order, slot
        w.heap_size += 1
        _rise(w, w.heap_size - 1, other_s, other_order, other)
    w.aside_s = time_s
    w.aside_order = order
    w.aside = slot
    if world.is_full(w):
        world.tasks(w)[slot].event_at = ASIDE


@kernel
def schedule(w: Any, time_s: float, slot: int) -> None:
    """Let the slot's event happen at ``time_s``, after everything scheduled for then so far."""
    order = w.scheduled
    w.scheduled = order + 1
    put(w, time_s, order, slot)


@kernel
def nothing_scheduled(w: Any) -> bool:
    """Whether no event is scheduled."""
    return bool(w.aside == NONE and w.heap_size == 0)


@kernel
def next_scheduled_s(w: Any) -> float:
    """When the earliest scheduled event happens; infinite if there is none."""
    return float(min(w.aside_s, world.heap(w)[0].time_s))


@kernel
def _aside_is_next(w: Any) -> bool:
    return _is_before(w, w.aside_s, w.aside_order, 0)


@kernel
def next_scheduled_order(w: Any) -> int:
    """The order of the earliest scheduled event."""
    return int(w.aside_order if _aside_is_next(w) else world.heap(w)[0].order)


@kernel
def _nothing_aside(w: Any) -> None:
    w.aside = NONE
    w.aside_s = np.inf
    w.aside_order = LATEST


@kernel
def _close(w: Any) -> None:
    """Let an empty heap's first place look like an event that never happens."""
    if w.heap_size == 0:
        world.heap(w)[0].time_s = np.inf
        world.heap(w)[0].order = LATEST


@kernel
def next_scheduled(w: Any) -> int:
    """Take the earliest event and give its slot; there must be one."""
    if _aside_is_next(w):
        first = int(w.aside)
        _nothing_aside(w)
    else:
        first = int(world.heap(w)[0].slot)
        time_s, order, slot = w.aside_s, w.aside_order, w.aside
        if slot == NONE:
            w.heap_size -= 1
            last = world.heap(w)[w.heap_size]
            time_s, order, slot = last.time_s, last.order, last.slot
        else:
            _nothing_aside(w)
        _sink(w, 0, time_s, order, slot)
        _close(w)
    if world.is_full(w):
        world.tasks(w)[first].event_at = NONE
    return first


@routine
def unschedule(w: Any, slot: int) -> None:
    """Cancel the slot's event, if it has one."""
    outlined()
    at = world.tasks(w)[slot].event_at
    if at == NONE:
        return
    world.tasks(w)[slot].event_at = NONE
    if at == ASIDE:
        _nothing_aside(w)
        return
    w.heap_size -= 1
    if at != w.heap_size:
        last = world.heap(w)[w.heap_size]
        time_s, order, other = last.time_s, last.order, last.slot
        if at > 0 and _is_before(w, time_s, order, (at - 1) >> 1):
            _rise(w, at, time_s, order, other)
        else:
            _sink(w, at, time_s, order, other)
    _close(w)


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
