"""The compiled event loop: executes a program's instructions on the arrays of `layout`.

The rule it follows is "What happens when" in `simulations.model`. All state lives in arrays, so the loop can stop
after any event, or before a step for which memory has run out, and go on later from the same point.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations import caches
from simulations.draws import child_identity, draw
from simulations.jit import entry_point, kernel, source_digest
from simulations.layout import (
    BRANCH,
    DELAY,
    END,
    HOLD,
    INVALIDATE,
    JUMP,
    LOOKUP,
    NONE,
    RELEASE,
    SERVE,
    SPAWN,
    STORE,
    SWITCH_KEY,
    SWITCH_OPERATION,
)
from simulations.sampling import DistributionTable, sample

DONE, PAUSED, SLOTS_FULL, SPAWNED_FULL, BINS_FULL = range(5)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[np.void]


class Code(NamedTuple):
    """What is executed; never written to."""

    instructions: Records
    ways: Records
    first_instruction: Ints
    distributions: DistributionTable
    stations: int  # resources below this index are stations; pools follow
    seed: int


class Arrivals(NamedTuple):
    """The requests; ``flow`` and ``region`` translate the table's indices into the model's."""

    arrival_s: Floats
    operation: NDArray[np.int16]
    key: Ints
    region: NDArray[np.int16]
    flow_of_operation: Ints
    region_of_region: Ints


class State(NamedTuple):
    """What changes, as described in `layout`; arrays for what is not recorded have no rows."""

    loop: Records
    heap_s: Floats
    heap_order: Ints
    heap_slot: Ints
    slots: Records
    held_since_s: Floats
    queues: Records
    wait_s: Floats
    service_s: Floats
    visits: Ints
    completed_s: Floats
    cache_hit: NDArray[np.int8]
    spans: Floats
    background: Records
    spawned_flow: Ints
    spawned_s: Floats
    spawned_completed_s: Floats
    bin_arrivals: Ints
    bin_busy_s: Floats
    bin_queue_s: Floats
    bin_lookups: Ints
    bin_hits: Ints
    caches: Records
    buckets: Records
    entries: Records


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
def make_ready(loop: Any, state: State, slot: int) -> None:
    """Let the slot run on at this instant, after those that are ready already."""
    state.slots[slot].next = NONE
    if loop.ready_head == NONE:
        loop.ready_head = slot
    else:
        state.slots[loop.ready_tail].next = slot
    loop.ready_tail = slot


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


@kernel
def choose(code: Code, instruction: Any, slot: Any) -> int:
    """The instruction at which a branch or a switch goes on."""
    last = instruction.first + instruction.count - 1
    way = instruction.first
    if instruction.code == BRANCH:
        uniform = draw(code.seed, slot.identity, instruction.draw_key)
        while way < last and uniform >= code.ways[way].bound:
            way += 1
    else:
        if instruction.code == SWITCH_KEY:
            value = slot.key
        elif instruction.code == SWITCH_OPERATION:
            value = slot.operation
        else:
            value = slot.region
        while way < last and value != code.ways[way].value:
            way += 1
    return int(code.ways[way].target)


@kernel
def look_up(loop: Any, state: State, which: int, slot: Any) -> bool:
    hit = caches.lookup(state.caches[which], state.buckets, state.entries, slot.key)
    if slot.request != NONE:
        state.cache_hit[slot.request] = hit
    if state.bin_lookups.shape[0] > 0:
        state.bin_lookups[loop.bin, which] += 1
        state.bin_hits[loop.bin, which] += hit
    return hit


@kernel
def new_slot(loop: Any, state: State) -> int:
    slot = int(loop.free_head)
    loop.free_head = state.slots[slot].next
    loop.in_flight += 1
    loop.max_in_flight = max(loop.max_in_flight, loop.in_flight)
    return slot


@kernel
def admit(loop: Any, code: Code, arrivals: Arrivals, state: State) -> int:
    """The next arrival happens: the one after it is scheduled, and this one gets a slot."""
    request = loop.next_arrival
    loop.next_arrival = request + 1
    loop.next_arrival_order = loop.scheduled
    loop.scheduled += 1
    slot = new_slot(loop, state)
    record = state.slots[slot]
    flow = arrivals.flow_of_operation[arrivals.operation[request]]
    record.instruction = code.first_instruction[flow]
    record.request = request
    record.identity = request
    record.key = arrivals.key[request]
    record.started_s = loop.now_s
    record.spawned = NONE
    record.flow = flow
    record.operation = flow
    record.region = arrivals.region_of_region[arrivals.region[request]]
    return slot


@kernel
def spawn(loop: Any, code: Code, state: State, parent: Any, flow: int, draw_key: int) -> None:
    slot = new_slot(loop, state)
    record = state.slots[slot]
    record.instruction = code.first_instruction[flow]
    record.request = NONE
    record.identity = child_identity(parent.identity, draw_key)
    record.key = parent.key
    record.started_s = loop.now_s
    record.flow = flow
    record.operation = parent.operation
    record.region = parent.region
    record.spawned = loop.spawned
    if state.spawned_s.shape[0] > 0:
        state.spawned_flow[loop.spawned] = flow
        state.spawned_s[loop.spawned] = loop.now_s
    loop.spawned += 1
    state.background[flow].spawned += 1
    make_ready(loop, state, slot)


@kernel
def finish(loop: Any, state: State, slot: int) -> None:
    """The flow is done: record it and free its slot."""
    record = state.slots[slot]
    if record.request != NONE:
        state.completed_s[record.request] = loop.now_s
    else:
        background = state.background[record.flow]
        response_s = loop.now_s - record.started_s
        background.completed += 1
        background.response_s += response_s
        background.max_response_s = max(background.max_response_s, response_s)
        if state.spawned_s.shape[0] > 0:
            state.spawned_completed_s[record.spawned] = loop.now_s
    record.next = loop.free_head
    loop.free_head = slot
    loop.in_flight -= 1


@kernel
def run_on(loop: Any, code: Code, state: State, slot: int) -> int:  # noqa: PLR0912, PLR0915  one case a step
    """Run the slot's flow until it waits or ends. DONE, or why it must stop before its next instruction."""
    record = state.slots[slot]
    at = record.instruction
    while True:
        instruction = code.instructions[at]
        step = instruction.code
        resource = instruction.resource
        if step == SERVE:
            record.service_s = sample(
                code.distributions, instruction.distribution, code.seed, record.identity, instruction.draw_key
            )
            if arrive(loop, state, resource):
                begin_service(loop, state, slot, resource, 0.0)
            else:
                join(loop, state, resource, slot)
            break
        if step == END:
            finish(loop, state, slot)
            break
        if step == DELAY:
            delay_s = sample(
                code.distributions, instruction.distribution, code.seed, record.identity, instruction.draw_key
            )
            charge(state, slot, resource, 0.0, delay_s)
            schedule(loop, state, loop.now_s + delay_s, slot)
            break
        if step == HOLD:
            if not arrive(loop, state, resource):
                join(loop, state, resource, slot)
                break
            take_slot(loop, state, code.stations, slot, resource, 0.0)
            at += 1
        elif step == RELEASE:
            release(loop, state, code.stations, slot, resource)
            at += 1
        elif step == JUMP:
            at = instruction.target
        elif step == LOOKUP:
            at = at + 1 if look_up(loop, state, resource, record) else instruction.target
        elif step == STORE:
            caches.store(state.caches[resource], state.buckets, state.entries, record.key)
            at += 1
        elif step == INVALIDATE:
            caches.invalidate(state.caches[resource], state.buckets, state.entries, record.key)
            at += 1
        elif step == SPAWN:
            full = NONE
            if loop.free_head == NONE:
                full = SLOTS_FULL
            elif 0 < state.spawned_s.shape[0] <= loop.spawned:
                full = SPAWNED_FULL
            if full != NONE:
                record.instruction = at
                return full
            spawn(loop, code, state, record, resource, instruction.draw_key)
            at += 1
        else:
            at = choose(code, instruction, record)
    record.instruction = at
    return DONE


@kernel
def next_event(loop: Any, code: Code, arrivals: Arrivals, state: State, bin_s: float) -> int:
    """Move the clock to the next event and let it happen; the request it concerns becomes current."""
    arrival_left = loop.next_arrival < arrivals.arrival_s.shape[0]
    if not arrival_left and loop.heap_size == 0:
        return DONE
    is_arrival = arrival_left
    if arrival_left and loop.heap_size > 0:
        arrival_s, end_s = arrivals.arrival_s[loop.next_arrival], state.heap_s[0]
        is_arrival = arrival_s < end_s or (arrival_s == end_s and loop.next_arrival_order < state.heap_order[0])
    time_s = arrivals.arrival_s[loop.next_arrival] if is_arrival else state.heap_s[0]
    if is_arrival and loop.free_head == NONE:
        return SLOTS_FULL
    if bin_s > 0.0 and not enter_bin(loop, state, bin_s, time_s):
        return BINS_FULL
    loop.now_s = time_s
    if is_arrival:
        loop.current = admit(loop, code, arrivals, state)
    else:
        slot = next_scheduled(loop, state)
        instruction = code.instructions[state.slots[slot].instruction]
        if instruction.code == SERVE:
            end_service(loop, state, instruction.resource)
        state.slots[slot].instruction += 1
        loop.current = slot
    return PAUSED


@kernel
def run_events(code: Code, arrivals: Arrivals, state: State, bin_s: float, events: int) -> int:
    """Handle up to so many events: DONE, PAUSED, or which memory must grow before it can go on."""
    loop = state.loop[0]
    while True:
        while loop.current != NONE:
            stopped = run_on(loop, code, state, loop.current)
            if stopped != DONE:
                return stopped
            loop.current = loop.ready_head
            if loop.current != NONE:
                loop.ready_head = state.slots[loop.current].next
        if events == 0:
            return PAUSED
        events -= 1
        happened = next_event(loop, code, arrivals, state, bin_s)
        if happened != PAUSED:
            return happened


def _entry_points(sources: str):  # type: ignore[no-untyped-def]
    @entry_point
    def run_chunk(code, arrivals, state, bin_s, events):  # type: ignore[no-untyped-def]
        sources  # noqa: B018  the cache's key holds the sources
        return run_events(code, arrivals, state, bin_s, events)

    @entry_point
    def fill_cache(state, which, keys):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        cache = state.caches[which]
        for key in keys:
            caches.store(cache, state.buckets, state.entries, key)
        cache.stores = 0

    return run_chunk, fill_cache


run_chunk, fill_cache = _entry_points(source_digest())
