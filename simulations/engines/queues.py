"""Stations and pools, compiled: who waits, who is served, and the accounts of both."""

from __future__ import annotations

from typing import Any

from simulations.engines.agenda import make_ready, schedule
from simulations.engines.state import State
from simulations.jit import kernel
from simulations.layout import NONE


@kernel
def count_until(queue: Any, state: State, resource: int, current_bin: int, time_s: float) -> None:
    """Bring a queue's integrals over time up to ``time_s``; called before each change of it."""
    elapsed_s = time_s - queue.changed_s
    busy_s = queue.busy * elapsed_s
    queue_s = queue.waiting * elapsed_s
    queue.busy_s += busy_s
    queue.queue_s += queue_s
    queue.changed_s = time_s
    if state.bin_busy_s.shape[0] > 0:
        state.bin_busy_s[current_bin, resource] += busy_s
        state.bin_queue_s[current_bin, resource] += queue_s


@kernel
def enter_bin(loop: Any, state: State, bin_s: float, time_s: float) -> bool:
    """Close every bin that ends by ``time_s``. False if there is no room for the next one."""
    while time_s >= (loop.bin + 1) * bin_s:
        if loop.bin + 1 >= state.bin_busy_s.shape[0]:
            return False
        boundary_s = (loop.bin + 1) * bin_s
        for resource in range(state.queues.shape[0]):
            count_until(state.queues[resource], state, resource, loop.bin, boundary_s)
        loop.bin += 1
    return True


@kernel
def arrive(loop: Any, state: State, resource: int) -> bool:
    """Come to a station or pool and take a server or slot if one is free: whether it was."""
    queue = state.queues[resource]
    count_until(queue, state, resource, loop.bin, loop.now_s)
    queue.arrivals += 1
    if state.bin_arrivals.shape[0] > 0:
        state.bin_arrivals[loop.bin, resource] += 1
    if queue.busy < queue.capacity:
        queue.busy += 1
        return True
    return False


@kernel
def join(loop: Any, state: State, resource: int, slot: int) -> None:
    """Put the slot at the end of a queue."""
    queue = state.queues[resource]
    if queue.waiting == 0:
        queue.head = slot
    else:
        state.slots[queue.tail].next = slot
    queue.tail = slot
    queue.waiting += 1
    queue.max_waiting = max(queue.max_waiting, queue.waiting)
    state.slots[slot].waiting_since_s = loop.now_s


@kernel
def take_head(state: State, queue: Any) -> int:
    """Take the slot at the head of a queue that is not empty."""
    slot = int(queue.head)
    queue.head = state.slots[slot].next
    queue.waiting -= 1
    return slot


@kernel
def charge(state: State, slot: int, resource: int, wait_s: float, service_s: float) -> None:
    """Book a visit's wait and service."""
    flow = state.slots[slot].flow
    state.visits[flow, resource] += 1
    state.wait_s[flow, resource] += wait_s
    state.service_s[flow, resource] += service_s
    request = state.slots[slot].request
    if state.spans.shape[0] > 0 and request != NONE:
        state.spans[request, resource] += wait_s + service_s


@kernel
def begin_service(loop: Any, state: State, slot: int, resource: int, wait_s: float) -> None:
    service_s = state.slots[slot].service_s
    charge(state, slot, resource, wait_s, service_s)
    schedule(loop, state, loop.now_s + service_s, slot)


@kernel
def end_service(loop: Any, state: State, resource: int) -> None:
    """A server falls free: it goes to the head of the queue, whose service begins."""
    queue = state.queues[resource]
    count_until(queue, state, resource, loop.bin, loop.now_s)
    queue.completions += 1
    if queue.waiting > 0:
        slot = take_head(state, queue)
        begin_service(loop, state, slot, resource, loop.now_s - state.slots[slot].waiting_since_s)
    else:
        queue.busy -= 1


@kernel
def take_slot(loop: Any, state: State, stations: int, slot: int, resource: int, wait_s: float) -> None:
    """A request gets a pool's slot."""
    charge(state, slot, resource, wait_s, 0.0)
    state.held_since_s[slot, resource - stations] = loop.now_s


@kernel
def release(loop: Any, state: State, stations: int, slot: int, resource: int) -> None:
    """Give a pool's slot to the head of its queue, which becomes ready, or back to the pool."""
    state.service_s[state.slots[slot].flow, resource] += loop.now_s - state.held_since_s[slot, resource - stations]
    queue = state.queues[resource]
    count_until(queue, state, resource, loop.bin, loop.now_s)
    queue.completions += 1
    if queue.waiting > 0:
        head = take_head(state, queue)
        take_slot(loop, state, stations, head, resource, loop.now_s - state.slots[head].waiting_since_s)
        state.slots[head].instruction += 1
        make_ready(loop, state, head)
    else:
        queue.busy -= 1
