"""What happens next, compiled: ends of services and delays in a heap, and who is ready at this instant in a list.

The heap is binary, ordered by (time, order of scheduling). What is pushed was scheduled last, so among equal times it
stays below those already there.
"""

from __future__ import annotations

from typing import Any

from simulations.engines.state import State
from simulations.jit import kernel
from simulations.layout import NONE


@kernel
def schedule(loop: Any, state: State, time_s: float, slot: int) -> None:
    """Let the slot's end of service or delay happen at ``time_s``, after everything scheduled for then so far."""
    child = loop.heap_size
    loop.heap_size = child + 1
    while child > 0:
        parent = (child - 1) >> 1
        if state.heap_s[parent] <= time_s:
            break
        state.heap_s[child] = state.heap_s[parent]
        state.heap_order[child] = state.heap_order[parent]
        state.heap_slot[child] = state.heap_slot[parent]
        child = parent
    state.heap_s[child] = time_s
    state.heap_order[child] = loop.scheduled
    state.heap_slot[child] = slot
    loop.scheduled += 1


@kernel
def next_scheduled(loop: Any, state: State) -> int:
    """Take the earliest end off the heap and give its slot."""
    first = int(state.heap_slot[0])
    size = loop.heap_size - 1
    loop.heap_size = size
    time_s, order = state.heap_s[size], state.heap_order[size]
    hole, child = 0, 1
    while child < size:
        other = child + 1
        if other < size and (
            state.heap_s[other] < state.heap_s[child]
            or (state.heap_s[other] == state.heap_s[child] and state.heap_order[other] < state.heap_order[child])
        ):
            child = other
        if time_s < state.heap_s[child] or (time_s == state.heap_s[child] and order < state.heap_order[child]):
            break
        state.heap_s[hole] = state.heap_s[child]
        state.heap_order[hole] = state.heap_order[child]
        state.heap_slot[hole] = state.heap_slot[child]
        hole, child = child, 2 * child + 1
    state.heap_s[hole] = time_s
    state.heap_order[hole] = order
    state.heap_slot[hole] = state.heap_slot[size]
    return first


@kernel
def make_ready(loop: Any, state: State, slot: int) -> None:
    """Let the slot run on at this instant, after those that are ready already."""
    state.slots[slot].next = NONE
    if loop.ready_head == NONE:
        loop.ready_head = slot
    else:
        state.slots[loop.ready_tail].next = slot
    loop.ready_tail = slot
