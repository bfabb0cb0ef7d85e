"""Shared stations (egalitarian processor sharing), compiled.

A station keeps V, the service given so far to a task that is there all the time; a task that comes with work s
completes when V reaches V + s. So the order of completions never changes, and the jobs stand in a heap by target.
"""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready, schedule, unschedule
from simulations.engines.compiled.queues import book, charge, come, count_until
from simulations.jit import kernel
from simulations.layout import FAILED, SHARED


@kernel
def _rate(station: Any, queue: Any) -> float:
    if station.jobs <= queue.capacity:
        return 1.0
    return float(queue.capacity / station.jobs)


@kernel
def _advance(w: Any, station: Any, queue: Any) -> None:
    """Bring V up to now."""
    if station.jobs > 0:
        station.given_s += (w.now_s - station.given_until_s) * _rate(station, queue)
    station.given_until_s = w.now_s


@kernel
def _await_next(w: Any, station: Any, queue: Any) -> None:
    """Schedule the next completion anew."""
    unschedule(w, station.control)
    if station.jobs > 0 and queue.capacity > 0:
        left_s = world.jobs_target_s(w)[station.shares, 0] - station.given_s
        schedule(w, max(w.now_s, w.now_s + left_s / _rate(station, queue)), station.control)


@kernel
def _occupy(w: Any, station: Any, resource: int, jobs: int) -> None:
    """The number of jobs, or of servers, becomes another."""
    queue = world.queues(w)[resource]
    station.jobs = jobs
    queue.busy = min(jobs, queue.capacity)
    queue.waiting = jobs - queue.busy
    queue.max_waiting = max(queue.max_waiting, queue.waiting)


@kernel
def _put(w: Any, row: int, at: int, target_s: float, order: int, slot: int) -> None:
    world.jobs_target_s(w)[row, at] = target_s
    world.jobs_order(w)[row, at] = order
    world.jobs_slot(w)[row, at] = slot
    world.tasks(w)[slot].job_at = at


@kernel
def _before(w: Any, row: int, at: int, target_s: float, order: int) -> bool:
    """Whether the job at a place of the heap completes before another."""
    there_s = world.jobs_target_s(w)[row, at]
    return bool(there_s < target_s or (there_s == target_s and world.jobs_order(w)[row, at] < order))


@kernel
def _shift(w: Any, row: int, to: int, origin: int) -> None:
    _put(
        w,
        row,
        to,
        world.jobs_target_s(w)[row, origin],
        world.jobs_order(w)[row, origin],
        world.jobs_slot(w)[row, origin],
    )


@kernel
def _settle(w: Any, row: int, at: int, size: int, target_s: float, order: int, slot: int) -> None:
    """Put a job into the heap of ``size`` at ``at``, or above or below it, where it belongs."""
    while at > 0 and not _before(w, row, (at - 1) >> 1, target_s, order):
        _shift(w, row, at, (at - 1) >> 1)
        at = (at - 1) >> 1
    child = 2 * at + 1
    while child < size:
        other = child + 1
        if other < size and _before(w, row, other, world.jobs_target_s(w)[row, child], world.jobs_order(w)[row, child]):
            child = other
        if not _before(w, row, child, target_s, order):
            break
        _shift(w, row, at, child)
        at, child = child, 2 * child + 1
    _put(w, row, at, target_s, order, slot)


@kernel
def _take_out(w: Any, station: Any, at: int) -> None:
    """Take the job at a place out of the heap."""
    row, last = station.shares, station.jobs - 1
    if at < last:
        _settle(
            w,
            row,
            at,
            last,
            world.jobs_target_s(w)[row, last],
            world.jobs_order(w)[row, last],
            world.jobs_slot(w)[row, last],
        )


@kernel
def share(w: Any, slot: int, resource: int) -> None:
    """Come to a shared station with the work that was drawn."""
    station, queue = world.stations(w)[resource], world.queues(w)[resource]
    come(w, resource)
    _advance(w, station, queue)
    record = world.slots(w)[slot]
    record.waiting_since_s = w.now_s
    task = world.tasks(w)[slot]
    task.where = SHARED
    task.resource = resource
    charge(w, slot, resource, 0.0, record.service_s)
    target_s = station.given_s + record.service_s
    _settle(w, station.shares, station.jobs, station.jobs + 1, target_s, station.came, slot)
    station.came += 1
    _occupy(w, station, resource, station.jobs + 1)
    _await_next(w, station, queue)


@kernel
def complete_shared(w: Any, resource: int) -> int:
    """The station's next completion happens: the slot that is done."""
    station, queue = world.stations(w)[resource], world.queues(w)[resource]
    row = station.shares
    slot = int(world.jobs_slot(w)[row, 0])
    count_until(w, queue, resource, w.now_s)
    station.given_s = world.jobs_target_s(w)[row, 0]
    station.given_until_s = w.now_s
    _take_out(w, station, 0)
    _occupy(w, station, resource, station.jobs - 1)
    queue.completions += 1
    record = world.slots(w)[slot]
    book(w, slot, resource, (w.now_s - record.waiting_since_s) - record.service_s, 0.0)
    _await_next(w, station, queue)
    return slot


@kernel
def _book_unfinished(w: Any, slot: int, resource: int) -> None:
    """Correct what was booked for a task that leaves before it is done; V is up to now."""
    station, record = world.stations(w)[resource], world.slots(w)[slot]
    target_s = world.jobs_target_s(w)[station.shares, world.tasks(w)[slot].job_at]
    done_s = record.service_s - (target_s - station.given_s)
    book(w, slot, resource, (w.now_s - record.waiting_since_s) - done_s, done_s - record.service_s)
    world.queues(w)[resource].interrupted += 1


@kernel
def leave_shared(w: Any, slot: int, resource: int) -> None:
    """A task leaves before it is done."""
    station, queue = world.stations(w)[resource], world.queues(w)[resource]
    count_until(w, queue, resource, w.now_s)
    _advance(w, station, queue)
    _book_unfinished(w, slot, resource)
    _take_out(w, station, world.tasks(w)[slot].job_at)
    _occupy(w, station, resource, station.jobs - 1)
    _await_next(w, station, queue)


@kernel
def fail_all_shared(w: Any, resource: int) -> None:
    """All at a shared station fail, in the order of their coming."""
    station, queue = world.stations(w)[resource], world.queues(w)[resource]
    count_until(w, queue, resource, w.now_s)
    _advance(w, station, queue)
    while station.jobs > 0:
        first = 0
        for at in range(1, station.jobs):
            if world.jobs_order(w)[station.shares, at] < world.jobs_order(w)[station.shares, first]:
                first = at
        slot = int(world.jobs_slot(w)[station.shares, first])
        _book_unfinished(w, slot, resource)
        _take_out(w, station, first)
        station.jobs -= 1
        world.tasks(w)[slot].outcome = FAILED
        make_ready(w, slot)


@kernel
def change_shared(w: Any, resource: int, capacity: int) -> None:
    """The servers of a shared station become more or fewer."""
    station, queue = world.stations(w)[resource], world.queues(w)[resource]
    _advance(w, station, queue)
    queue.capacity = capacity
    _occupy(w, station, resource, station.jobs)
    _await_next(w, station, queue)
