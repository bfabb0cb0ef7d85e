"""One flight per key, compiled: who misses a key that another is fetching waits for it.

Flights stand in chains by a hash of their key; the chains are short, as only misses under way have one.
"""

from __future__ import annotations

from typing import Any

from simulations.engines.compiled import world
from simulations.engines.compiled.agenda import make_ready
from simulations.engines.compiled.queues import append, unlink
from simulations.jit import kernel
from simulations.layout import FLIGHT_CHAINS, FLYING, NONE


@kernel
def _chain(cache: int, key: int) -> int:
    return cache * FLIGHT_CHAINS + (key & (FLIGHT_CHAINS - 1))


@kernel
def join_flight(w: Any, slot: int, cache: int) -> bool:
    """Whether another fetches the task's key; if so, it waits for it."""
    key = world.slots(w)[slot].key
    flight = world.chains(w)[_chain(cache, key)]
    while flight != NONE and world.flights(w)[flight].key != key:
        flight = world.flights(w)[flight].next
    if flight == NONE:
        return False
    append(w, world.flights(w)[flight], slot)
    world.tasks(w)[slot].flight = flight
    world.tasks(w)[slot].where = FLYING
    return True


@kernel
def lead_flight(w: Any, slot: int, cache: int) -> None:
    """The task begins a flight for its key."""
    key = world.slots(w)[slot].key
    which = w.free_flight
    flight = world.flights(w)[which]
    w.free_flight = flight.next
    chain = _chain(cache, key)
    flight.cache = cache
    flight.key = key
    flight.head = NONE
    flight.tail = NONE
    flight.next = world.chains(w)[chain]
    world.chains(w)[chain] = which
    world.leads(w)[slot, cache] = which


@kernel
def _end_flight(w: Any, which: int) -> None:
    flight = world.flights(w)[which]
    chain = _chain(flight.cache, flight.key)
    if world.chains(w)[chain] == which:
        world.chains(w)[chain] = flight.next
    else:
        before = world.chains(w)[chain]
        while world.flights(w)[before].next != which:
            before = world.flights(w)[before].next
        world.flights(w)[before].next = flight.next
    flight.next = w.free_flight
    w.free_flight = which


@kernel
def land(w: Any, slot: int, cache: int) -> None:
    """The leader has stored the key: those who wait go the way of a hit."""
    which = world.leads(w)[slot, cache]
    world.leads(w)[slot, cache] = NONE
    waiting = world.flights(w)[which].head
    _end_flight(w, which)
    while waiting != NONE:
        following = world.slots(w)[waiting].next
        world.slots(w)[waiting].instruction += 1
        make_ready(w, waiting)
        waiting = following


@kernel
def pass_flight(w: Any, slot: int, cache: int) -> None:
    """The leader gives up: who has waited longest leads from now on."""
    which = world.leads(w)[slot, cache]
    world.leads(w)[slot, cache] = NONE
    flight = world.flights(w)[which]
    heir = int(flight.head)
    if heir == NONE:
        _end_flight(w, which)
        return
    unlink(w, flight, heir)
    world.leads(w)[heir, cache] = which
    world.slots(w)[heir].instruction = world.instructions(w)[world.slots(w)[heir].instruction].target
    make_ready(w, heir)


@kernel
def leave_flight(w: Any, slot: int) -> None:
    """A task that waits for another's flight is cancelled."""
    unlink(w, world.flights(w)[world.tasks(w)[slot].flight], slot)
