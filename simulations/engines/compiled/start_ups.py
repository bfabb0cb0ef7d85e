"""What a service costs more at a server that has idled, compiled."""

from __future__ import annotations

from typing import Any

from simulations.draws import child_identity
from simulations.engines.compiled import world
from simulations.jit import kernel
from simulations.layout import NONE
from simulations.sampling import sample


@kernel
def start_up_s(w: Any, slot: Any, resource: int, draw_key: int) -> float:
    """What a service costs more because its server idled: the free server that became idle last is taken."""
    station = world.stations(w)[resource]
    if station.start_up == NONE:
        return 0.0
    station.idle -= 1
    idle_s = w.now_s - world.idle_since_s(w)[resource, station.idle]
    level = NONE
    for row in range(station.start_up, station.start_up + station.levels):
        if idle_s >= world.start_ups(w)[row].after_s:
            level = row
    if level == NONE:
        return 0.0
    identity = child_identity(slot.identity, draw_key)
    return sample(world.table(w), world.start_ups(w)[level].distribution, w.seed, identity, station.start_up_key)


@kernel
def fall_idle(w: Any, resource: int) -> None:
    """One more server of a station with start-up is idle from now on."""
    station = world.stations(w)[resource]
    if station.start_up != NONE:
        world.idle_since_s(w)[resource, station.idle] = w.now_s
        station.idle += 1
