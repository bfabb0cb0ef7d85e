"""Feed-forward models, swept station by station instead of event by event.

Where every request goes from station to station and never comes back to one, a station can be run through from its
first arrival to its last before the next one is looked at: all that one needs to know is who comes when (the Lindley
recursion, 1952, with several servers; Ebert et al. 2020 simulate whole networks so). The requests leave a station in
the order of time, so that the next one finds them sorted, and no agenda is needed.

The rules say what happens first of two things at one instant, which only the event loop follows. So a sweep that meets
such a tie gives up (`TIED`), and the run is made by the event loop; otherwise it gives the same sample path to the last
bit. Accounts are added in the same order, as each belongs to one station.
"""

from __future__ import annotations

import math

import numpy as np

from simulations import layout
from simulations.engines.compiled.swept_requests import Confluence, Parting, Stop, Streams, next_known, serving_at
from simulations.engines.compiled.swept_station import count, enter
from simulations.engines.compiled.world import World
from simulations.layout import NONE
from simulations.program import Program

SWEPT = (layout.SERVE, layout.BRANCH, *range(layout.SWITCH_REGION, layout.SWITCH_KEY + 1), layout.JUMP, layout.END)
SLICE = 16_384
"""So many arrivals are run through at a time."""


def order_of_stations(program: Program) -> list[int] | None:
    """The stations in an order in which no request goes back; None if there is none, or the model has more."""
    if program.full or not np.isin(program.instructions["code"], SWEPT).all():
        return None
    following: dict[int, set[int]] = {index: set() for index in range(len(program.model.stations))}
    for first in program.first_instruction.tolist():
        _follow(program, int(first), None, following, set())
    order: list[int] = []
    while len(order) < len(following):
        later = {after for station, afters in following.items() if station not in order for after in afters}
        free = [station for station in following if station not in order and station not in later]
        if not free:
            return None
        order += free
    return order


def _follow(
    program: Program, at: int, before: int | None, following: dict[int, set[int]], seen: set[tuple[int, int | None]]
) -> None:
    """Note which station can come right after which."""
    if (at, before) in seen:
        return
    seen.add((at, before))
    instruction = program.instructions[at]
    code = int(instruction["code"])
    if code == layout.END:
        return
    if code == layout.SERVE:
        station = int(instruction["resource"])
        if before is not None:
            following[before].add(station)
        _follow(program, at + 1, station, following, seen)
    elif code == layout.JUMP:
        _follow(program, int(instruction["target"]), before, following, seen)
    else:
        first, count = int(instruction["first"]), int(instruction["count"])
        for way in program.ways["target"][first : first + count].tolist():
            _follow(program, int(way), before, following, seen)


def sweep(program: Program, it: World, order: list[int]) -> bool:
    """Run a feed-forward program through; False if it met a tie, and the memory is not to be used."""
    arrival_s = it["arrival_s"]
    requests = len(arrival_s)
    several = any(len(serving_at(program, station)) > 1 for station in order)
    at = np.empty(requests if several else 0, dtype=np.int32)
    stops = [Stop(program, it, station, at) for station in order]
    coming: Streams = {station: [] for station in [NONE, *order]}
    parting, confluence = Parting(len(order)), Confluence()
    rows = np.empty(min(requests, SLICE), dtype=np.int64)
    known = next_known(program, program.first_instruction.tolist())
    ended, now_s = 0, 0.0
    for first in range(0, requests, SLICE):
        last = min(first + SLICE, requests)
        until_s = float(arrival_s[last - 1]) if last < requests else math.inf
        places = parting.clear(last - first if known == NONE else 0)
        if not enter(it.record, first, last, known, at, rows, *places):
            return False
        if known == NONE:
            parting.send(coming)
        else:
            station = int(program.instructions[known]["resource"])
            coming[station].append((rows[: last - first], arrival_s[first:last]))
        if not all(stop.run(coming, until_s) for stop in stops):
            return False
        _, completed_s = confluence.merged(coming[NONE])
        if not count(it.record, first, last, ended, completed_s):
            return False
        ended += len(completed_s)
        now_s = float(completed_s[-1]) if len(completed_s) else now_s
    it.record["next_arrival"] = requests
    it.record["now_s"] = now_s
    return True
