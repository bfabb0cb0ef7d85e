"""The accounts of a station in a sweep: the event loop's sums in its order, so the same to the last bit.

What is added up once an event or once a service cannot be taken together, for a sum of floats depends on its order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.engines.compiled import world
from simulations.jit import kernel
from simulations.layout import NONE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def charge(w: Any, resource: int, flow: int, rows: Ints, wait_s: Floats, service_s: Floats) -> None:
    """Add services to the accounts, in the order in which they begin; ``flow`` is that of all requests, or NONE."""
    if flow != NONE:
        waited_s, served_s = world.wait_s(w)[flow, resource], world.service_s(w)[flow, resource]
        for place in range(rows.size):
            waited_s += wait_s[place]
            served_s += service_s[place]
        world.visits(w)[flow, resource] += rows.size
        world.wait_s(w)[flow, resource], world.service_s(w)[flow, resource] = waited_s, served_s
    else:
        for place in range(rows.size):
            its = world.flow_of_operation(w)[world.operation(w)[rows[place]]]
            world.visits(w)[its, resource] += 1
            world.wait_s(w)[its, resource] += wait_s[place]
            world.service_s(w)[its, resource] += service_s[place]
    if w.spans_kept > 0:
        for place in range(rows.size):
            world.spans(w)[rows[place], resource] += wait_s[place] + service_s[place]


@kernel
def account(queue: Any, arrival_s: Floats, end_s: Floats, until_s: float) -> tuple[bool, int]:
    """Add up, event after event, who is in service and who waits; False if an arrival meets another or an end.

    Also how many ends there were until ``until_s``.
    """
    servers, present = float(queue.capacity), float(queue.busy + queue.waiting)
    most, changed_s, busy_s, queue_s = float(queue.max_waiting) + servers, queue.changed_s, queue.busy_s, queue.queue_s
    came = went = 0
    tied = False
    while came < arrival_s.size or (went < end_s.size and end_s[went] <= until_s):
        comes_s = arrival_s[came] if came < arrival_s.size else np.inf
        goes_s = end_s[went] if went < end_s.size else np.inf
        comes = comes_s < goes_s
        tied |= comes_s == goes_s
        now_s = comes_s if comes else goes_s
        elapsed_s, changed_s = now_s - changed_s, now_s
        busy = min(present, servers)
        busy_s += busy * elapsed_s
        queue_s += (present - busy) * elapsed_s
        came += comes
        went += not comes
        present += 1.0 if comes else -1.0
        most = max(most, present)
    for place in range(1, arrival_s.size):
        tied |= arrival_s[place] == arrival_s[place - 1]
    busy = min(present, servers)
    queue.busy, queue.waiting = int(busy), int(present - busy)
    queue.max_waiting = int(most - servers)
    queue.changed_s, queue.busy_s, queue.queue_s = changed_s, busy_s, queue_s
    queue.arrivals += came
    queue.completions += went
    return not tied, went
