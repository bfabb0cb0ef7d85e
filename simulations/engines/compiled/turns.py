"""A station that takes turns, compiled: an event loop.

It takes up all who wait at once, serves them one after the other, and lets them go together when the last is done. So a
turn has one event, however many are in it: of the one who is served first, or of a slot of the station's own where
tasks can be cancelled.
"""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready, schedule, unschedule
from simulations.engines.compiled.alone import nobody_comes_before, serve_at_once
from simulations.engines.compiled.queues import (
    append,
    book,
    charge,
    come,
    count_until,
    join,
    take_head,
    unlink,
)
from simulations.engines.compiled.start_ups import fall_idle, start_up_s
from simulations.jit import kernel
from simulations.layout import IN_TURN, NONE, RUNNING


@kernel
def ask_for_turn(w: Any, slot: int, instruction: Any, quiet_s: float) -> bool:
    """A task comes for a service, whose time is drawn. Whether that began and ended before anything else happened."""
    record, resource = world.slots(w)[slot], instruction.resource
    if world.queues(w)[resource].busy > 0:
        come(w, resource)
        join(w, resource, slot, instruction.option)
        return False
    record.service_s += start_up_s(w, record, resource, instruction.draw_key)
    if not world.is_full(w) and nobody_comes_before(w, w.now_s + record.service_s, quiet_s):
        serve_at_once(w, slot, resource, record.service_s)
        fall_idle(w, resource)
        return True
    come(w, resource)
    world.queues(w)[resource].busy = 1
    record.waiting_since_s = w.now_s
    _take_up(w, slot, resource)
    _begin_turn(w, resource)
    return False


@kernel
def _take_up(w: Any, slot: int, resource: int) -> None:
    """The task is in the turn that begins."""
    station = world.stations(w)[resource]
    append(w, world.lines(w)[station.serving], slot)
    station.jobs += 1
    if world.is_full(w):
        task = world.tasks(w)[slot]
        task.where = IN_TURN
        task.resource = resource


@kernel
def _begin_turn(w: Any, resource: int) -> None:
    """Serve those who were taken up: book their visits, and schedule the end of the turn."""
    station = world.stations(w)[resource]
    first = int(world.lines(w)[station.serving].head)
    end_s = w.now_s
    slot = first
    while slot != NONE:
        end_s += world.slots(w)[slot].service_s
        slot = world.slots(w)[slot].next
    began_s = w.now_s
    slot = first
    while slot != NONE:
        record = world.slots(w)[slot]
        ended_s = began_s + record.service_s
        charge(w, slot, resource, (began_s - record.waiting_since_s) + (end_s - ended_s), record.service_s)
        began_s = ended_s
        slot = record.next
    station.turn_end_s = end_s
    schedule(w, end_s, station.control if world.is_full(w) else first)


@kernel
def _follow(w: Any, resource: int) -> None:
    """A turn is over: the next one begins with all who wait, or the server falls idle."""
    queue = world.queues(w)[resource]
    if queue.waiting > 0:
        waiting = queue.waiting
        while queue.waiting > 0:
            _take_up(w, take_head(w, queue), resource)
        queue.waiting = waiting - 1
        station = world.stations(w)[resource]
        world.slots(w)[world.lines(w)[station.serving].head].service_s += station.turn_s
        _begin_turn(w, resource)
    else:
        queue.busy = 0
        fall_idle(w, resource)


@kernel
def leave_turn(w: Any, slot: int, resource: int) -> None:
    """One is cancelled during his turn, which goes on if others are in it."""
    station, queue = world.stations(w)[resource], world.queues(w)[resource]
    count_until(w, queue, resource, w.now_s)
    unlink(w, world.lines(w)[station.serving], slot)
    queue.interrupted += 1
    station.jobs -= 1
    early_s = w.now_s - station.turn_end_s
    if station.jobs > 0:
        queue.waiting -= 1
        book(w, slot, resource, early_s, 0.0)
    else:
        book(w, slot, resource, 0.0, early_s)
        unschedule(w, station.control)
        _follow(w, resource)


@kernel
def end_turn(w: Any, resource: int) -> int:
    """The turn's end happens. Those who were in it are ready then, but for the first of them, who runs on: its slot."""
    station, queue = world.stations(w)[resource], world.queues(w)[resource]
    line = world.lines(w)[station.serving]
    count_until(w, queue, resource, w.now_s)
    queue.completions += station.jobs
    queue.waiting -= station.jobs - 1
    first = int(line.head)
    line.head = NONE
    station.jobs = 0
    _follow(w, resource)
    slot = int(world.slots(w)[first].next)
    while slot != NONE:
        after = int(world.slots(w)[slot].next)
        world.slots(w)[slot].instruction += 1
        make_ready(w, slot)
        slot = after
    world.slots(w)[first].instruction += 1
    if world.is_full(w):
        world.tasks(w)[first].where = RUNNING
    return first
