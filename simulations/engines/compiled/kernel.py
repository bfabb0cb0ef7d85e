"""The compiled event loop: executes a program's instructions on the arrays of `layout`.

The rules it follows are docs/what-happens-when.md. All state lives in arrays, so the loop can stop after any event, or
before a step for which memory has run out, and go on later from the same point. What only the whole vocabulary needs
stands behind ``world.is_full(w)``, which numba decides when it compiles.
"""

from __future__ import annotations

from typing import Any

from simulations.draws import draw
from simulations.engines.compiled import more, world
from simulations.engines.compiled.agenda import (
    next_ready,
    next_scheduled,
    next_scheduled_order,
    next_scheduled_s,
    nothing_scheduled,
    schedule,
)
from simulations.engines.compiled.alone import quiet_until_s, serves_alone, waits_alone
from simulations.engines.compiled.beginnings import admit, spawn
from simulations.engines.compiled.ends import do_work
from simulations.engines.compiled.lanes import enter_lane, leave_lane
from simulations.engines.compiled.lookups import drop, look_up, put
from simulations.engines.compiled.queues import (
    begin_service,
    charge,
    come,
    end_service,
    enter_bin,
    join,
    release,
    take,
    take_slot,
)
from simulations.engines.compiled.tasks import end_request, end_spawned
from simulations.engines.compiled.turns import ask_for_turn, end_turn
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
    SWITCH_REGION,
    TURN,
)
from simulations.sampling import sample

DONE, PAUSED, SLOTS_FULL, SPAWNED_FULL, BINS_FULL, ROWS_FULL, STUCK, ARRIVALS_NEEDED, WAITS, FAILS, ENDS = range(11)
"""How a chunk, or (the last three) a task's running on, came to its end."""


@kernel
def choose_by(w: Any, instruction: Any, uniform: float) -> int:
    """The instruction at which a branch goes on for what was drawn."""
    way = instruction.first
    for other in range(instruction.first, instruction.first + instruction.count - 1):
        way += uniform >= world.ways(w)[other].bound  # bounds rise; to count them needs no guess at which is taken
    return int(world.ways(w)[way].target)


@kernel
def choose(w: Any, instruction: Any, slot: Any) -> int:
    """The instruction at which a branch or a switch goes on."""
    if instruction.code == BRANCH:
        return choose_by(w, instruction, draw(w.seed, slot.identity, instruction.draw_key))
    last = instruction.first + instruction.count - 1
    way = instruction.first
    if instruction.code == SWITCH_KEY:
        value = slot.key
    elif instruction.code == SWITCH_OPERATION:
        value = slot.operation
    else:
        value = slot.region
    while way < last and value != world.ways(w)[way].value:
        way += 1
    return int(world.ways(w)[way].target)


@kernel
def finish(w: Any, slot: int) -> None:
    """A flow is done, where nothing can fail: record it and free its slot."""
    record = world.slots(w)[slot]
    if record.request != NONE:
        end_request(w, slot, 0)
    else:
        end_spawned(w, slot, 0)
    record.next = w.free_head
    w.free_head = slot


@kernel
def no_room(w: Any) -> int:
    """Which memory must grow before another task is made, or NONE."""
    if not world.is_full(w):
        if w.free_head == NONE:
            return SLOTS_FULL
    elif w.free < w.reserve:
        return SLOTS_FULL
    if 0 < w.spawned_made <= w.spawned:
        return SPAWNED_FULL
    return NONE


@kernel
def run_on(w: Any, slot: int) -> int:  # noqa: PLR0911, PLR0912, PLR0915  one case a step
    """Run the slot's flow until it WAITS, FAILS or ENDS, or memory must grow before its next instruction."""
    record = world.slots(w)[slot]
    at = record.instruction
    quiet_s = 0.0 if world.is_full(w) else quiet_until_s(w)
    while True:
        instruction = world.instructions(w)[at]
        step = instruction.code
        resource = instruction.resource
        if step == SERVE:
            record.service_s = sample(
                world.table(w), instruction.distribution, w.seed, record.identity, instruction.draw_key
            )
            record.instruction = at
            if world.is_full(w):
                return more.serve(w, slot, instruction)
            if serves_alone(w, slot, resource, record.service_s, quiet_s):
                at += 1
                continue
            come(w, resource)
            if take(w, resource):
                begin_service(w, slot, resource, 0.0)
            else:
                join(w, resource, slot, 0)
            return WAITS
        if step == TURN:
            record.service_s = sample(
                world.table(w), instruction.distribution, w.seed, record.identity, instruction.draw_key
            )
            record.instruction = at
            if world.is_full(w):
                return more.serve(w, slot, instruction)
            if ask_for_turn(w, slot, instruction, quiet_s):
                at += 1
                continue
            return WAITS
        if step == END:
            if world.is_full(w):
                return ENDS
            finish(w, slot)
            return WAITS
        if step == DELAY:
            delay_s = sample(world.table(w), instruction.distribution, w.seed, record.identity, instruction.draw_key)
            if not world.is_full(w) and waits_alone(w, slot, resource, delay_s, quiet_s):
                at += 1
                continue
            charge(w, slot, resource, 0.0, delay_s)
            record.instruction = at
            if not world.is_full(w) and instruction.first != NONE:
                enter_lane(w, instruction.first, w.now_s + delay_s, slot)
                return WAITS
            schedule(w, w.now_s + delay_s, slot)
            if world.is_full(w):
                more.wait(w, slot, resource, delay_s)
            return WAITS
        if step == HOLD:
            come(w, resource)
            if not take(w, resource):
                record.instruction = at
                if world.is_full(w) and not more.room(w, resource):
                    return more.turned_away(w, slot, resource)
                join(w, resource, slot, instruction.option)
                return WAITS
            take_slot(w, w.station_count, slot, resource, 0.0)
            at += 1
        elif step == RELEASE:
            release(w, w.station_count, slot, resource)
            at += 1
        elif step == JUMP:
            at = instruction.target
        elif step == LOOKUP:
            if look_up(w, resource, record):
                at += 1
            elif world.is_full(w) and instruction.option == 1:
                record.instruction = at
                if more.joins_flight(w, slot, resource):
                    return WAITS
                at = instruction.target
            else:
                at = instruction.target
        elif step == STORE:
            put(w, resource, record.key)
            at += 1
        elif step == INVALIDATE:
            drop(w, resource, record.key)
            at += 1
        elif step == SPAWN:
            lacking = no_room(w)
            if lacking != NONE:
                record.instruction = at
                return lacking
            child = spawn(w, record, resource, instruction.draw_key)
            if world.is_full(w):
                world.tasks(w)[child].place = world.tasks(w)[slot].place
            at += 1
        elif step == BRANCH or (SWITCH_REGION <= step <= SWITCH_KEY):
            at = choose(w, instruction, record)
        elif world.is_full(w):
            record.instruction = at
            lacking = no_room(w)
            if lacking != NONE:
                return lacking
            came = more.step(w, slot)
            if came != DONE:
                return came
            at = record.instruction


@kernel
def next_event(w: Any) -> int:  # noqa: PLR0911, PLR0912  one return for each memory that may be full
    """Move the clock to the next event and let it happen; the request it concerns becomes current."""
    arrival_left = w.next_arrival < w.requests
    if not arrival_left and w.arrivals_left == 1:
        return ARRIVALS_NEEDED
    if not arrival_left:
        if world.is_full(w):
            if w.alive == 0:
                more.count_to_the_end(w)
                return DONE
            if nothing_scheduled(w):
                return STUCK
        elif nothing_scheduled(w):
            return DONE
    time_s, is_arrival = next_scheduled_s(w), False
    if arrival_left:
        arrival_s = world.arrival_s(w)[w.next_arrival]
        is_arrival = arrival_s < time_s or (arrival_s == time_s and w.next_arrival_order < next_scheduled_order(w))
        if is_arrival:
            time_s = arrival_s
    if not world.is_full(w):
        if is_arrival and w.free_head == NONE:
            return SLOTS_FULL
    elif w.free < w.reserve:
        return SLOTS_FULL
    elif 0 < w.closed_made <= w.rows - w.requests:
        return ROWS_FULL
    if w.bins_made > 0 and not enter_bin(w, time_s):
        return BINS_FULL
    w.now_s = time_s
    if is_arrival:
        w.current = admit(w)
        return PAUSED
    slot = next_scheduled(w)
    if world.is_full(w):
        w.current = more.event(w, slot)
        return PAUSED
    instruction = world.instructions(w)[world.slots(w)[slot].instruction]
    if instruction.code == SERVE:
        end_service(w, instruction.resource)
    elif instruction.code == TURN:
        w.current = end_turn(w, instruction.resource)
        return PAUSED
    elif instruction.first != NONE:
        leave_lane(w, instruction.first, slot)
    world.slots(w)[slot].instruction += 1
    w.current = slot
    return PAUSED


@kernel
def run_events(w: Any, events: int) -> int:
    """Handle up to so many events: DONE, PAUSED, or which memory must grow before it can go on."""
    while True:
        if world.is_full(w):
            while w.work_left > 0:
                do_work(w)
        if w.current != NONE:
            came = FAILS if world.is_full(w) and more.fails(w, w.current) else run_on(w, w.current)
            if came < WAITS:
                return came
            if world.is_full(w) and came != WAITS:
                more.ends(w, w.current, came == FAILS)
            w.current = NONE
            continue
        w.current = next_ready(w)
        if w.current != NONE:
            if world.is_full(w):
                world.tasks(w)[w.current].where = 0
            continue
        if events == 0:
            return PAUSED
        events -= 1
        happened = next_event(w)
        if happened != PAUSED:
            return happened


def _entry_points(sources: str):  # type: ignore[no-untyped-def]
    @entry_point
    def run_chunk(record, events):  # type: ignore[no-untyped-def]
        sources  # noqa: B018  the cache's key holds the sources
        return run_events(record[0], events)

    @entry_point
    def begin(record):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        more.begin(record[0])

    return run_chunk, begin


run_chunk, begin = _entry_points(source_digest())
