"""How tasks end, compiled: those who completed or failed, and those who are cancelled, off the stack of work."""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready, unready, unschedule
from simulations.engines.compiled.batches import end_batch, leave_batch, look
from simulations.engines.compiled.changes import leave_service
from simulations.engines.compiled.flights import leave_flight, pass_flight
from simulations.engines.compiled.guards import leave_target
from simulations.engines.compiled.parts import cancel, told
from simulations.engines.compiled.queues import book, count_until, hand_on_server, release, unlink
from simulations.engines.compiled.sharing import leave_shared
from simulations.engines.compiled.tasks import end_request, end_spawned, free_task
from simulations.engines.compiled.turns import leave_turn
from simulations.engines.compiled.users import think
from simulations.jit import kernel
from simulations.layout import (
    BATCH,
    BATCHED,
    CANCEL,
    ENDING,
    FLYING,
    IN_TURN,
    LINED,
    NONE,
    PART,
    PARTED,
    READY,
    REMOVE,
    RESUME,
    SERVED,
    SHARED,
    SPAWNED,
    USER,
    WAITING,
)


@kernel
def _leave_line(w: Any, slot: int) -> None:
    task = world.tasks(w)[slot]
    resource = task.resource
    queue = world.queues(w)[resource]
    count_until(w, queue, resource, w.now_s)
    unlink(w, world.lines(w)[task.line], slot)
    queue.waiting -= 1
    queue.abandoned += 1
    book(w, slot, resource, w.now_s - world.slots(w)[slot].waiting_since_s, 0.0)
    if resource >= w.station_count + w.pools:
        look(w, resource - w.station_count - w.pools)


@kernel
def _leave(w: Any, slot: int) -> None:
    """A task that is cancelled leaves where it is."""
    task = world.tasks(w)[slot]
    where = task.where
    if where == LINED:
        _leave_line(w, slot)
    elif where == SERVED:
        leave_service(w, slot, task.resource)
        hand_on_server(w, task.resource)
    elif where == SHARED:
        leave_shared(w, slot, task.resource)
    elif where == IN_TURN:
        leave_turn(w, slot, task.resource)
    elif where == READY:
        unready(w, slot)
    elif where == FLYING:
        leave_flight(w, slot)
    elif where == BATCHED:
        leave_batch(w, slot)
    elif where == WAITING:
        unschedule(w, slot)
        book(w, slot, task.resource, 0.0, (w.now_s - task.began_s) - world.slots(w)[slot].service_s)
    elif where == PARTED:
        unschedule(w, slot)


@kernel
def _give_back(w: Any, slot: int) -> None:
    """A task that fails or is cancelled gives back what it holds."""
    for pool in range(w.pools):
        if world.held_since_s(w)[slot, pool] >= 0.0:
            release(w, w.station_count, slot, w.station_count + pool)
    for balancer in range(w.balancers_asked):
        if world.target_of(w)[slot, balancer] != NONE:
            leave_target(w, balancer, slot)
    for cache in range(w.flown):
        if world.leads(w)[slot, cache] != NONE:
            pass_flight(w, slot, cache)


@kernel
def _ended(w: Any, slot: int) -> None:
    """A task has ended with its outcome: whoever asked for it learns it."""
    task = world.tasks(w)[slot]
    outcome = task.outcome
    if task.kind == BATCH:
        end_batch(w, slot, outcome)
        return
    if task.kind == PART:
        told(w, slot, outcome)
    elif task.kind == SPAWNED:
        end_spawned(w, slot, outcome)
    else:
        end_request(w, slot, outcome)
        if task.kind == USER:
            task.cycle += 1
            think(w, slot)
            return
    free_task(w, slot)


@kernel
def do_work(w: Any) -> None:
    """Do what is on top of the stack of work."""
    w.work_left -= 1
    what, slot = world.work(w)[w.work_left].what, world.work(w)[w.work_left].slot
    if what == CANCEL:
        cancel(w, slot)
    elif what == RESUME:
        make_ready(w, slot)
    else:
        if what == REMOVE:
            _leave(w, slot)
        if what != ENDING:
            _give_back(w, slot)
        if what == REMOVE:
            free_task(w, slot)
        else:
            _ended(w, slot)
