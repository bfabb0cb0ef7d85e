"""How requests and spawned flows begin, compiled: they get a slot, and stand before their first instruction."""

from __future__ import annotations

from typing import Any

from simulations.draws import child_identity
from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready
from simulations.engines.compiled.lookups import touch_ahead
from simulations.engines.compiled.queues import one_more
from simulations.engines.compiled.tasks import begin_task, new_slot, new_task
from simulations.jit import kernel
from simulations.layout import NONE, REQUEST, SPAWNED


@kernel
def admit(w: Any) -> int:
    """The next arrival happens: the one after it is scheduled, and this one gets a slot."""
    request = w.next_arrival
    w.next_arrival = request + 1
    w.next_arrival_order = w.scheduled
    w.scheduled += 1
    slot = new_slot(w) if not world.is_full(w) else new_task(w, REQUEST)
    record = world.slots(w)[slot]
    flow = world.flow_of_operation(w)[world.operation(w)[request]]
    region = world.region_of_region(w)[world.region(w)[request]]
    record.instruction = world.entry(w)[flow * w.places + region + 1]
    record.request = w.before + request
    record.identity = w.before + request
    record.key = world.key(w)[request]
    record.started_s = w.now_s
    record.spawned = NONE
    record.flow = flow
    record.operation = flow
    record.region = region
    if world.is_full(w):
        world.tasks(w)[slot].place = record.region
    touch_ahead(w, request)
    one_more(w)
    return slot


@kernel
def spawn(w: Any, parent: Any, flow: int, draw_key: int) -> int:
    """Start a flow in the background."""
    slot = new_slot(w) if not world.is_full(w) else new_task(w, SPAWNED)
    record = world.slots(w)[slot]
    record.instruction = world.entry(w)[flow * w.places + parent.region + 1]
    record.request = NONE
    record.identity = child_identity(parent.identity, draw_key)
    record.key = parent.key
    record.flow = flow
    record.operation = parent.operation
    record.region = parent.region
    begin_task(w, slot)
    make_ready(w, slot)
    return slot
