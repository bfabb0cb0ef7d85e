"""The compiled event loop: executes a program's instructions on the arrays of `layout`.

The rule it follows is "What happens when" in `simulations.model`. All state lives in arrays, so the loop can stop
after any event, or before a step for which memory has run out, and go on later from the same point.
"""

from __future__ import annotations

from typing import Any

from simulations.caches import kernels as caches
from simulations.draws import child_identity, draw
from simulations.engines.agenda import make_ready, next_scheduled, schedule
from simulations.engines.queues import arrive, begin_service, charge, end_service, enter_bin, join, release, take_slot
from simulations.engines.state import Arrivals, Code, State
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
from simulations.sampling import sample

DONE, PAUSED, SLOTS_FULL, SPAWNED_FULL, BINS_FULL = range(5)


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
    hit = caches.lookup(state.caches[which], state.memory, slot.key, loop.now_s)
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
            cache = state.caches[resource]
            size = 1
            if cache.sized:
                size = caches.entry_size(code.entry_bytes, resource, cache.draw_key, record.key)
            caches.store(cache, state.memory, record.key, loop.now_s, size)
            at += 1
        elif step == INVALIDATE:
            caches.invalidate(state.caches[resource], state.memory, record.key)
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

    return run_chunk


run_chunk = _entry_points(source_digest())
