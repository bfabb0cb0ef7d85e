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

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations import layout
from simulations.engines.compiled import world
from simulations.engines.compiled.kernel import choose
from simulations.engines.compiled.world import World
from simulations.jit import entry_point, kernel, source_digest
from simulations.layout import BRANCH, END, JUMP, NONE, SERVE
from simulations.program import Program
from simulations.sampling import sample, sample_into

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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


@kernel
def _to_next_station(w: Any, request: int, at: int) -> int:
    """The instruction at which a request is served next, or ends."""
    while True:
        instruction = world.instructions(w)[at]
        if instruction.code in (SERVE, END):
            return at
        if instruction.code == JUMP:
            at = instruction.target
        else:
            record = world.slots(w)[0]  # what `choose` looks at
            record.identity = request
            if instruction.code != BRANCH:
                record.key = world.key(w)[request]
                record.operation = world.flow_of_operation(w)[world.operation(w)[request]]
                record.region = world.region_of_region(w)[world.region(w)[request]]
            at = choose(w, instruction, record)


@kernel
def _begin(w: Any, request: int, resource: int, wait_s: float, service_s: float) -> None:
    flow = world.flow_of_operation(w)[world.operation(w)[request]]
    world.visits(w)[flow, resource] += 1
    world.wait_s(w)[flow, resource] += wait_s
    world.service_s(w)[flow, resource] += service_s
    if w.spans_kept > 0:
        world.spans(w)[request, resource] += wait_s + service_s


@kernel
def _put_end(ends_s: Floats, ends_of: Ints, first: int, busy: int, end_s: float, place: int) -> None:
    """Sort an end in after those from ``first`` on, moving them down by one if the first place is free (1)."""
    if first == 1:
        at = 1
        while at < busy and ends_s[at] <= end_s:
            ends_s[at - 1], ends_of[at - 1] = ends_s[at], ends_of[at]
            at += 1
        ends_s[at - 1], ends_of[at - 1] = end_s, place
        return
    at = busy
    while at > 0 and ends_s[at - 1] > end_s:
        ends_s[at], ends_of[at] = ends_s[at - 1], ends_of[at - 1]
        at -= 1
    ends_s[at], ends_of[at] = end_s, place


def _entry_points(sources: str):  # type: ignore[no-untyped-def]  # noqa: PLR0915  one closure for each
    @entry_point
    def enter(record, at):  # type: ignore[no-untyped-def]
        """Where each request is served first; False if two arrive at one instant."""
        sources  # noqa: B018  the cache's key holds the sources
        w = record[0]
        apart = True
        for request in range(w.requests):
            flow = world.flow_of_operation(w)[world.operation(w)[request]]
            at[request] = _to_next_station(w, request, world.first_instruction(w)[flow])
            if request > 0 and world.arrival_s(w)[request] == world.arrival_s(w)[request - 1]:
                apart = False
        return apart

    @entry_point
    def draw_all(record, distribution, draw_key, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        w = record[0]
        sample_into(world.table(w), distribution, w.seed, 0, draw_key, out)

    @entry_point
    def draw_each(record, requests, at, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        w = record[0]
        for place in range(requests.shape[0]):
            instruction = world.instructions(w)[at[requests[place]]]
            out[place] = sample(world.table(w), instruction.distribution, w.seed, requests[place], instruction.draw_key)

    @entry_point
    def serve(record, resource, requests, arrival_s, service_s, at, ends_s, ends_of, left, left_s):  # type: ignore[no-untyped-def]
        """Run through a station; who leaves, in that order, and when. False if two things happen at one instant."""
        sources  # noqa: B018
        w = record[0]
        queue = world.queues(w)[resource]
        # The queue's account in variables of its own: the loop is twice as fast as with `count_until`.
        servers, busy, waiting, most, next_waiting, gone = queue.capacity, 0, 0, 0, 0, 0
        changed_s = busy_s = queue_s = 0.0
        count = requests.shape[0]
        place = 0
        while gone < count:
            arrives = place < count and (busy == 0 or arrival_s[place] <= ends_s[0])
            now_s = arrival_s[place] if arrives else ends_s[0]
            elapsed_s = now_s - changed_s
            busy_s += busy * elapsed_s
            queue_s += waiting * elapsed_s
            changed_s = now_s
            if arrives:
                if (busy > 0 and ends_s[0] == now_s) or (place > 0 and arrival_s[place - 1] == now_s):
                    return False
                if busy < servers:
                    _begin(w, requests[place], resource, 0.0, service_s[place])
                    _put_end(ends_s, ends_of, 0, busy, now_s + service_s[place], place)
                    busy += 1
                    next_waiting = place + 1
                else:
                    waiting += 1
                    most = max(most, waiting)
                place += 1
                continue
            left[gone], left_s[gone] = requests[ends_of[0]], now_s
            gone += 1
            if waiting > 0:
                waiting -= 1
                _begin(w, requests[next_waiting], resource, now_s - arrival_s[next_waiting], service_s[next_waiting])
                _put_end(ends_s, ends_of, 1, busy, now_s + service_s[next_waiting], next_waiting)
                next_waiting += 1
            else:
                for server in range(1, busy):
                    ends_s[server - 1], ends_of[server - 1] = ends_s[server], ends_of[server]
                busy -= 1
        queue.arrivals = queue.completions = count
        queue.busy_s, queue.queue_s, queue.changed_s, queue.max_waiting = busy_s, queue_s, changed_s, most
        for place in range(count):
            at[left[place]] = _to_next_station(w, left[place], at[left[place]] + 1)
        return True

    @entry_point
    def count(record, completed_s):  # type: ignore[no-untyped-def]
        """The most requests under way at once, from sorted ends; False if one ends as another arrives."""
        sources  # noqa: B018
        w = record[0]
        ended = 0
        for request in range(w.requests):
            now_s = world.arrival_s(w)[request]
            while ended < request and completed_s[ended] < now_s:
                ended += 1
            if completed_s[ended] == now_s:
                return False
            w.max_in_flight = max(w.max_in_flight, request + 1 - ended)
        return True

    return enter, draw_all, draw_each, serve, count


enter, draw_all, draw_each, serve, count = _entry_points(source_digest())


def sweep(program: Program, it: World, order: list[int]) -> bool:
    """Run a feed-forward program through; False if it met a tie, and the memory is not to be used."""
    arrival_s = it["arrival_s"]
    requests = len(arrival_s)
    at = np.zeros(requests, dtype=np.int64)
    if not enter(it.record, at):
        return False
    instructions = it["instructions"]
    station_of = np.where(instructions["code"] == layout.SERVE, instructions["resource"], NONE)
    coming: dict[int, list[tuple[Ints, Floats]]] = {station: [] for station in [*order, NONE]}
    _send_on(np.arange(requests), arrival_s, station_of[at], coming)
    for station in order:
        rows, times_s = _merged(coming.pop(station))
        service_s = _services(program, it, station, rows, at)
        servers = int(it["queues"][station]["capacity"])
        left, left_s = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
        ends_s, ends_of = np.empty(servers), np.empty(servers, dtype=np.int64)
        if not serve(it.record, station, rows, times_s, service_s, at, ends_s, ends_of, left, left_s):
            return False
        _send_on(left, left_s, station_of[at[left]], coming)
    for rows, times_s in coming[NONE]:
        it["completed_s"][rows] = times_s
    if requests:
        completed_s = np.concatenate([times_s for _, times_s in coming[NONE]])
        completed_s.sort(kind="stable")  # a few sorted runs: merged, not sorted
        it.record["now_s"] = completed_s[-1]
        if not count(it.record, completed_s):
            return False
    it.record["next_arrival"] = requests
    return True


def _send_on(rows: Ints, times_s: Floats, to: Ints, coming: dict[int, list[tuple[Ints, Floats]]]) -> None:
    """Let requests come to the stations they go to next, each station's in the order of time."""
    for station, streams in coming.items():
        going = to == station
        if going.all():
            streams.append((rows, times_s))
        elif going.any():
            streams.append((rows[going], times_s[going]))


def _merged(streams: list[tuple[Ints, Floats]]) -> tuple[Ints, Floats]:
    """Streams of requests, each in the order of time, as one."""
    if len(streams) == 1:
        return streams[0]
    if not streams:
        return np.empty(0, dtype=np.int64), np.empty(0)
    rows, times_s = (np.concatenate(columns) for columns in zip(*streams, strict=True))
    order = np.argsort(times_s, kind="stable")
    return rows[order], times_s[order]


def _services(program: Program, it: World, station: int, rows: Ints, at: Ints) -> Floats:
    """The service time of each of some requests at a station."""
    serving = program.instructions[
        (program.instructions["code"] == layout.SERVE) & (program.instructions["resource"] == station)
    ]
    if len(serving) == 1 and 0 < len(rows) >= ALL_DRAWN * len(at):
        every = np.empty(len(at))
        draw_all(it.record, int(serving[0]["distribution"]), int(serving[0]["draw_key"]), every)
        return every if len(rows) == len(at) and (rows[0] == 0) and (np.diff(rows) == 1).all() else every[rows]
    service_s = np.empty(len(rows))
    draw_each(it.record, rows, at, service_s)
    return service_s
