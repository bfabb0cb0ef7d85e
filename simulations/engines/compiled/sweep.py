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

import numpy as np
from numpy.typing import NDArray

from simulations import layout
from simulations.engines.compiled.swept_station import count, draw_all, draw_each, enter, serve, split, uniforms_of
from simulations.engines.compiled.world import World
from simulations.layout import NONE
from simulations.program import Program

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.int32]
"""Half as wide as a number could be: what a sweep costs is mostly the memory it touches for the first time."""
Stream = tuple[Rows, Floats]
"""Requests by their rows, and when they come, in the order of time."""

SWEPT = (layout.SERVE, layout.BRANCH, *range(layout.SWITCH_REGION, layout.SWITCH_KEY + 1), layout.JUMP, layout.END)
ALL_DRAWN = 0.25
"""A station that at least this share of the requests visit has a time drawn for all of them, many at once."""


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
    requests, stations = len(arrival_s), len(order)
    at, to = np.empty(requests, dtype=np.int32), np.empty(requests, dtype=np.int32)
    going = np.zeros(stations + 1, dtype=np.int64)
    if not enter(it.record, at, to, going, np.empty(0)):
        return False
    coming: dict[int, list[Stream]] = {station: [] for station in [NONE, *order]}
    _send_on(np.arange(requests, dtype=np.int32), arrival_s, to, going, coming)
    for station in order:
        rows, times_s = _merged(coming.pop(station))
        serving = program.instructions["resource"] == station
        serving &= program.instructions["code"] == layout.SERVE
        service_s = _services(program, it, np.flatnonzero(serving), rows, at)
        branch, uniforms = _drawn_branch(program, it, np.flatnonzero(serving), rows, at)
        known = _known_next(program, np.flatnonzero(serving))
        servers = int(it["queues"][station]["capacity"])
        left, left_s = np.empty(len(rows), dtype=np.int32), np.empty(len(rows))
        to, going = np.empty(len(rows), dtype=np.int32), np.zeros(stations + 1, dtype=np.int64)
        ends = (np.empty(servers), np.empty(servers, dtype=np.int64))
        gone = (left, left_s, to, going)
        alone = serve(it.record, station, rows, times_s, service_s, at, *ends, *gone, known, branch, uniforms)
        if not alone:
            return False
        _send_on(left, left_s, to, going, coming)
    it.record["next_arrival"] = requests
    if not requests:
        return True
    _, completed_s = _merged(coming[NONE])
    it.record["now_s"] = completed_s[-1]
    return bool(count(it.record, completed_s))


def _send_on(rows: Rows, times_s: Floats, to: Rows, going: Ints, coming: dict[int, list[Stream]]) -> None:
    """Let requests come to where they go next (NONE: they have ended), each station's in the order of time."""
    targets = np.flatnonzero(going) - 1
    if len(targets) == 1:
        coming[int(targets[0])].append((rows, times_s))
        return
    ends = np.cumsum(going)
    out_rows, out_times_s = np.empty_like(rows), np.empty_like(times_s)
    split(to, rows, times_s, ends - going, out_rows, out_times_s)
    for target in targets.tolist():
        part = slice(ends[target + 1] - going[target + 1], ends[target + 1])
        coming[target].append((out_rows[part], out_times_s[part]))


def _merged(streams: list[Stream]) -> Stream:
    """Streams of requests, each in the order of time, as one."""
    if len(streams) == 1:
        return streams[0]
    if not streams:
        return np.empty(0, dtype=np.int32), np.empty(0)
    rows, times_s = (np.concatenate(columns) for columns in zip(*streams, strict=True))
    order = np.argsort(times_s, kind="stable")  # a few sorted runs: merged, not sorted
    return rows[order], times_s[order]


def _services(program: Program, it: World, serving: Ints, rows: Rows, at: Rows) -> Floats:
    """The service time of each of some requests at a station, whose instructions are ``serving``."""
    if len(serving) == 1 and 0 < len(rows) >= ALL_DRAWN * len(at):
        every = np.empty(len(at))
        instruction = program.instructions[serving[0]]
        draw_all(it.record, int(instruction["distribution"]), int(instruction["draw_key"]), every)
        in_order = len(rows) == len(at) and bool((rows[1:] > rows[:-1]).all())
        return every if in_order else every[rows]
    service_s = np.empty(len(rows))
    draw_each(it.record, rows, at, service_s)
    return service_s


def _drawn_branch(program: Program, it: World, serving: Ints, rows: Rows, at: Rows) -> tuple[int, Floats]:
    """The branch that follows a station at once, and what every request draws there; NONE if there is none."""
    after = int(serving[0]) + 1 if len(serving) == 1 else 0
    if after == 0 or program.instructions[after]["code"] != layout.BRANCH or len(rows) < ALL_DRAWN * len(at):
        return NONE, np.empty(0)
    uniforms = np.empty(len(at))
    uniforms_of(it.record, int(program.instructions[after]["draw_key"]), uniforms)
    return after, uniforms


def _known_next(program: Program, serving: Ints) -> int:
    """The instruction, a service or the end, at which all go on after a station; NONE if it is not one for all."""
    if len(serving) != 1:
        return NONE
    at = int(serving[0]) + 1
    while program.instructions[at]["code"] == layout.JUMP:
        at = int(program.instructions[at]["target"])
    return at if program.instructions[at]["code"] in (layout.SERVE, layout.END) else NONE
