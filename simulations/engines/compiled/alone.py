"""A task alone, compiled: while nothing else happens before its own next event, it runs on without the agenda.

Where requests seldom meet, most events are the next of all at once when they are scheduled: nothing is ready, nothing
else is due before. Such an event needs no place in the heap, and nobody can come between a service's beginning and its
end, so both are booked together, by the additions that they would have made apart and in the same order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import next_scheduled_s
from simulations.jit import kernel
from simulations.layout import NONE


@kernel
def quiet_until_s(w: Any) -> float:
    """Before when nothing happens but what is not scheduled yet: no event, no arrival, no edge of a bin."""
    time_s = np.inf
    if w.next_arrival < w.requests:
        time_s = world.arrival_s(w)[w.next_arrival]
    elif w.arrivals_left == 1:
        return -np.inf
    time_s = min(time_s, next_scheduled_s(w))
    if w.bins_made > 0:
        time_s = min(time_s, (w.bin + 1) * w.bin_s)
    return float(time_s)


@kernel
def _book(w: Any, slot: int, resource: int, service_s: float) -> None:
    """Book a visit without wait."""
    record = world.slots(w)[slot]
    world.visits(w)[record.flow, resource] += 1
    world.service_s(w)[record.flow, resource] += service_s
    if w.spans_kept > 0 and record.request != NONE:
        world.spans(w)[record.request, resource] += service_s


@kernel
def nobody_comes_before(w: Any, end_s: float, quiet_s: float) -> bool:
    """Whether nobody is ready and nothing else happens up to ``end_s``."""
    return bool(end_s < quiet_s and w.ready_head == NONE)


@kernel
def waits_alone(w: Any, slot: int, resource: int, delay_s: float, quiet_s: float) -> bool:
    """Whether a delay passed before anything else happened."""
    end_s = w.now_s + delay_s
    if not nobody_comes_before(w, end_s, quiet_s):
        return False
    _book(w, slot, resource, delay_s)
    w.now_s = end_s
    return True


@kernel
def serves_alone(w: Any, slot: int, resource: int, service_s: float, quiet_s: float) -> bool:
    """Whether a service began and ended before anything else happened. Nobody waits where a server is free."""
    queue = world.queues(w)[resource]
    if not nobody_comes_before(w, w.now_s + service_s, quiet_s) or queue.busy == queue.capacity:
        return False
    serve_at_once(w, slot, resource, service_s)
    return True


@kernel
def serve_at_once(w: Any, slot: int, resource: int, service_s: float) -> None:
    """Begin a service at a free server and end it."""
    queue = world.queues(w)[resource]
    end_s = w.now_s + service_s
    idle_s = queue.busy * (w.now_s - queue.changed_s)
    busy_s = (queue.busy + 1) * (end_s - w.now_s)
    queue.busy_s = queue.busy_s + idle_s + busy_s
    queue.changed_s = end_s
    queue.arrivals += 1
    queue.completions += 1
    if w.bins_made > 0:
        world.bin_arrivals(w)[w.bin, resource] += 1
        bins = world.bin_busy_s(w)
        bins[w.bin, resource] = bins[w.bin, resource] + idle_s + busy_s
    _book(w, slot, resource, service_s)
    w.now_s = end_s
