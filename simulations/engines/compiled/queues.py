"""Stations and pools, compiled: who waits, who is served, and the accounts of both."""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready, schedule
from simulations.engines.compiled.start_ups import fall_idle
from simulations.jit import kernel
from simulations.layout import LINED, NONE, SERVED


@kernel
def count_until(w: Any, queue: Any, resource: int, time_s: float) -> None:
    """Bring a queue's integrals over time up to ``time_s``; called before each change of it."""
    elapsed_s = time_s - queue.changed_s
    busy_s = queue.busy * elapsed_s
    queue_s = queue.waiting * elapsed_s
    queue.busy_s += busy_s
    queue.queue_s += queue_s
    queue.changed_s = time_s
    if w.bins_made > 0:
        world.bin_busy_s(w)[w.bin, resource] += busy_s
        world.bin_queue_s(w)[w.bin, resource] += queue_s
    if world.is_full(w) and resource < w.station_count and world.stations(w)[resource].changes:
        capacity_s = queue.capacity * elapsed_s
        queue.capacity_s += capacity_s
        if w.bins_made > 0:
            world.bin_capacity_s(w)[w.bin, resource] += capacity_s


@kernel
def count_in_flight(w: Any, time_s: float) -> None:
    """Bring the integral of the flows under way up to ``time_s``; called before each change of their number."""
    if w.bins_made > 0:
        world.bin_in_flight_s(w)[w.bin] += w.in_flight * (time_s - w.in_flight_changed_s)
        w.in_flight_changed_s = time_s


@kernel
def one_more(w: Any) -> None:
    """A flow begins."""
    count_in_flight(w, w.now_s)
    w.in_flight += 1
    w.max_in_flight = max(w.max_in_flight, w.in_flight)


@kernel
def one_less(w: Any) -> None:
    """A flow has ended."""
    count_in_flight(w, w.now_s)
    w.in_flight -= 1


@kernel
def enter_bin(w: Any, time_s: float) -> bool:
    """Close every bin that ends by ``time_s``. False if there is no room for the next one."""
    while time_s >= (w.bin + 1) * w.bin_s:
        if w.bin + 1 >= w.bins_made:
            return False
        boundary_s = (w.bin + 1) * w.bin_s
        for resource in range(w.lined):
            count_until(w, world.queues(w)[resource], resource, boundary_s)
        count_in_flight(w, boundary_s)
        w.bin += 1
    return True


@kernel
def come(w: Any, resource: int) -> None:
    """Someone comes to a station, pool or queue."""
    queue = world.queues(w)[resource]
    count_until(w, queue, resource, w.now_s)
    queue.arrivals += 1
    if w.bins_made > 0:
        world.bin_arrivals(w)[w.bin, resource] += 1


@kernel
def take(w: Any, resource: int) -> bool:
    """Take a server or slot if one is free: whether it was."""
    queue = world.queues(w)[resource]
    if queue.busy < queue.capacity:
        queue.busy += 1
        return True
    return False


@kernel
def join(w: Any, resource: int, slot: int, priority: int) -> None:
    """Put the slot at the end of a line."""
    queue = world.queues(w)[resource]
    line = world.lines(w)[queue.first_line + priority]
    record = world.slots(w)[slot]
    record.next = NONE
    if line.head == NONE:
        line.head = slot
    else:
        world.slots(w)[line.tail].next = slot
    if world.is_full(w):
        record.previous = line.tail if line.head != slot else NONE
        task = world.tasks(w)[slot]
        task.where = LINED
        task.resource = resource
        task.line = queue.first_line + priority
    line.tail = slot
    queue.waiting += 1
    queue.max_waiting = max(queue.max_waiting, queue.waiting)
    record.waiting_since_s = w.now_s


@kernel
def take_head(w: Any, queue: Any) -> int:
    """Take the slot at the head of the first line that is not empty; there must be one."""
    which = queue.first_line
    while world.lines(w)[which].head == NONE:
        which += 1
    line = world.lines(w)[which]
    slot = int(line.head)
    line.head = world.slots(w)[slot].next
    if world.is_full(w) and line.head != NONE:
        world.slots(w)[line.head].previous = NONE
    queue.waiting -= 1
    return slot


@kernel
def unlink(w: Any, line: Any, slot: int) -> None:
    """Take a slot out of a line, wherever it stands."""
    before, after = world.slots(w)[slot].previous, world.slots(w)[slot].next
    if before == NONE:
        line.head = after
    else:
        world.slots(w)[before].next = after
    if after == NONE:
        line.tail = before
    else:
        world.slots(w)[after].previous = before


@kernel
def append(w: Any, line: Any, slot: int) -> None:
    """Put a slot at the end of a list that is not a queue's."""
    record = world.slots(w)[slot]
    record.next = NONE
    if line.head == NONE:
        line.head = slot
        record.previous = NONE
    else:
        world.slots(w)[line.tail].next = slot
        record.previous = line.tail
    line.tail = slot


@kernel
def charge(w: Any, slot: int, resource: int, wait_s: float, service_s: float) -> None:
    """Book a visit's wait and service."""
    world.visits(w)[world.slots(w)[slot].flow, resource] += 1
    book(w, slot, resource, wait_s, service_s)


@kernel
def book(w: Any, slot: int, resource: int, wait_s: float, service_s: float) -> None:
    """Book seconds of wait and service, which may correct what was booked before."""
    flow = world.slots(w)[slot].flow
    world.wait_s(w)[flow, resource] += wait_s
    world.service_s(w)[flow, resource] += service_s
    request = world.slots(w)[slot].request
    if w.spans_kept > 0 and request != NONE:
        world.spans(w)[request, resource] += wait_s + service_s


@kernel
def begin_service(w: Any, slot: int, resource: int, wait_s: float) -> None:
    """The slot is served from now on."""
    service_s = world.slots(w)[slot].service_s
    charge(w, slot, resource, wait_s, service_s)
    schedule(w, w.now_s + service_s, slot)
    if world.is_full(w):
        task = world.tasks(w)[slot]
        task.where = SERVED
        task.resource = resource
        task.began_s = w.now_s
        serving = world.stations(w)[resource].serving
        if serving != NONE:
            append(w, world.lines(w)[serving], slot)


@kernel
def end_service(w: Any, resource: int) -> None:
    """A server falls free: it goes to the head of the queue, whose service begins."""
    queue = world.queues(w)[resource]
    count_until(w, queue, resource, w.now_s)
    queue.completions += 1
    hand_on_server(w, resource)


@kernel
def hand_on_server(w: Any, resource: int) -> None:
    """A busy server, up to now counted, goes to the head of the line or falls idle."""
    queue = world.queues(w)[resource]
    if queue.waiting > 0 and (not world.is_full(w) or queue.busy <= queue.capacity):
        slot = take_head(w, queue)
        begin_service(w, slot, resource, w.now_s - world.slots(w)[slot].waiting_since_s)
    else:
        queue.busy -= 1
        if world.is_full(w) and queue.busy < queue.capacity:
            fall_idle(w, resource)


@kernel
def take_slot(w: Any, stations: int, slot: int, resource: int, wait_s: float) -> None:
    """A request gets a pool's slot."""
    charge(w, slot, resource, wait_s, 0.0)
    world.held_since_s(w)[slot, resource - stations] = w.now_s


@kernel
def release(w: Any, stations: int, slot: int, resource: int) -> None:
    """Give a pool's slot to the head of its queue, which becomes ready, or back to the pool."""
    world.service_s(w)[world.slots(w)[slot].flow, resource] += (
        w.now_s - world.held_since_s(w)[slot, resource - stations]
    )
    if world.is_full(w):
        world.held_since_s(w)[slot, resource - stations] = -1.0
    queue = world.queues(w)[resource]
    count_until(w, queue, resource, w.now_s)
    queue.completions += 1
    if queue.waiting > 0:
        head = take_head(w, queue)
        take_slot(w, stations, head, resource, w.now_s - world.slots(w)[head].waiting_since_s)
        world.slots(w)[head].instruction += 1
        make_ready(w, head)
    else:
        queue.busy -= 1
