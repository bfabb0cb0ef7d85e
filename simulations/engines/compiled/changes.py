"""Stations whose servers change while they run, compiled: outages, breakdowns, autoscalers."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready, schedule, unschedule
from simulations.engines.compiled.queues import begin_service, book, count_until, take_head, unlink
from simulations.engines.compiled.sharing import change_shared, fail_all_shared
from simulations.engines.compiled.start_ups import fall_idle
from simulations.jit import kernel
from simulations.layout import FAILED, NONE
from simulations.sampling import sample


@kernel
def leave_service(w: Any, slot: int, resource: int) -> None:
    """A service is interrupted: its event is cancelled and its booking corrected; the server is still taken."""
    queue, task = world.queues(w)[resource], world.tasks(w)[slot]
    count_until(w, queue, resource, w.now_s)
    unschedule(w, slot)
    serving = world.stations(w)[resource].serving
    if serving != NONE:
        unlink(w, world.lines(w)[serving], slot)
    book(w, slot, resource, 0.0, (w.now_s - task.began_s) - world.slots(w)[slot].service_s)
    queue.interrupted += 1


@kernel
def _fail_in_service(w: Any, resource: int) -> None:
    """Those who are more than the station has servers, and began first, fail."""
    queue, station = world.queues(w)[resource], world.stations(w)[resource]
    while queue.busy > queue.capacity:
        slot = int(world.lines(w)[station.serving].head)
        leave_service(w, slot, resource)
        queue.busy -= 1
        world.tasks(w)[slot].outcome = FAILED
        make_ready(w, slot)


@kernel
def servers_now(station: Any) -> int:
    """How many servers a station has now."""
    return 0 if station.closed > 0 else max(0, station.number - station.down)


@kernel
def adapt(w: Any, resource: int) -> None:
    """Give the station the servers it has now: idle ones go or come, those who wait begin on new ones."""
    queue, station = world.queues(w)[resource], world.stations(w)[resource]
    count_until(w, queue, resource, w.now_s)
    capacity = servers_now(station)
    if station.shares != NONE:
        change_shared(w, resource, capacity)
        return
    queue.capacity = capacity
    while queue.waiting > 0 and queue.busy < queue.capacity:
        queue.busy += 1
        slot = take_head(w, queue)
        begin_service(w, slot, resource, w.now_s - world.slots(w)[slot].waiting_since_s)
    if station.start_up == NONE:
        return
    free = max(0, queue.capacity - queue.busy)
    gone = station.idle - free
    if gone > 0:
        for place in range(free):
            world.idle_since_s(w)[resource, place] = world.idle_since_s(w)[resource, place + gone]
        station.idle = free
    while station.idle < free:
        fall_idle(w, resource)


@kernel
def outage_event(w: Any, which: int, control: int) -> None:
    """An outage begins or ends."""
    outage = world.outages(w)[which]
    station = world.stations(w)[outage.station]
    begins = outage.in_force == 0
    sign = 1 if begins else -1
    outage.in_force = 1 if begins else 0
    if outage.servers == NONE:
        station.closed += sign
    else:
        station.down += sign * outage.servers
    station.refusing += sign * outage.refuses
    if begins and outage.fails and station.shares != NONE and servers_now(station) == 0:
        fail_all_shared(w, outage.station)
    adapt(w, outage.station)
    if begins:
        if outage.fails and station.shares == NONE:
            _fail_in_service(w, outage.station)
        duration_s = outage.duration_s
        if outage.up != NONE:
            duration_s = sample(world.table(w), outage.down, w.seed, outage.number, outage.down_key)
        schedule(w, w.now_s + duration_s, control)
    elif outage.up != NONE:
        outage.number += 1
        up_s = sample(world.table(w), outage.up, w.seed, outage.number, outage.up_key)
        schedule(w, w.now_s + up_s, control)


@kernel
def scaler_event(w: Any, which: int, control: int) -> None:
    """An autoscaler looks, or the servers it asked for come."""
    scaler = world.scalers(w)[which]
    station, queue = world.stations(w)[scaler.station], world.queues(w)[scaler.station]
    count_until(w, queue, scaler.station, w.now_s)
    if scaler.coming > 0:
        station.number = scaler.coming
        scaler.coming = 0
        adapt(w, scaler.station)
        schedule(w, w.now_s + scaler.interval_s, control)
        return
    elapsed_s = w.now_s - scaler.looked_s
    utilisation = (queue.busy_s - scaler.looked_busy_s) / (elapsed_s * station.number)
    scaler.looked_s = w.now_s
    scaler.looked_busy_s = queue.busy_s
    wanted = np.int64(np.ceil(station.number * utilisation / scaler.target - 1e-9))
    wanted = min(max(wanted, scaler.least), scaler.most)
    if wanted > station.number:
        scaler.coming = wanted
        schedule(w, w.now_s + scaler.delay_s, control)
        return
    if wanted < station.number:
        station.number = wanted
        adapt(w, scaler.station)
    schedule(w, w.now_s + scaler.interval_s, control)
