"""Delays of constant length, compiled: they end in the order of their beginnings.

So each such step has a lane, and of those who are under way there only the first has its event among the others.
"""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import put, schedule
from simulations.jit import kernel
from simulations.layout import NONE


@kernel
def enter_lane(w: Any, which: int, time_s: float, slot: int) -> None:
    """Schedule the end of a delay, as `schedule`."""
    lane, record = world.lanes(w)[which], world.slots(w)[slot]
    record.next = NONE
    if lane.head == NONE:
        lane.head = slot
        schedule(w, time_s, slot)
    else:
        world.slots(w)[lane.tail].next = slot
        record.due_s = time_s
        record.due_order = w.scheduled
        w.scheduled += 1
    lane.tail = slot


@kernel
def leave_lane(w: Any, which: int, slot: int) -> None:
    """The delay of the first has ended: the event of the next, if there is one, joins the others."""
    following = int(world.slots(w)[slot].next)
    world.lanes(w)[which].head = following
    if following != NONE:
        record = world.slots(w)[following]
        put(w, record.due_s, record.due_order, following)
