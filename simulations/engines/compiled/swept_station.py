"""What a sweep of stations does to all requests at once, compiled: who enters where, one station, who is under way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.draws import draw
from simulations.engines.compiled import world
from simulations.engines.compiled.kernel import choose, choose_by
from simulations.jit import entry_point, kernel, source_digest
from simulations.layout import BRANCH, END, JUMP, NONE, SERVE
from simulations.sampling import sample, sample_into

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def _wide(number: Any) -> int:
    """A row or an instruction as wide as other routines take it, which else were compiled once more for narrow ones."""
    return np.int64(number)  # type: ignore[return-value]


@kernel
def _to_next_station(w: Any, request: int, at: int, branch: int, uniforms: Floats) -> int:
    """The instruction at which a request is served next, or ends; ``uniforms`` are drawn for one ``branch`` already."""
    while True:
        instruction = world.instructions(w)[at]
        if instruction.code in (SERVE, END):
            return at
        if instruction.code == JUMP:
            at = instruction.target
        elif at == branch:
            at = choose_by(w, instruction, uniforms[request])
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
    def enter(record, at, to, going, uniforms):  # type: ignore[no-untyped-def]
        """Where each request is served first; False if two arrive at one instant."""
        sources  # noqa: B018  the cache's key holds the sources
        w = record[0]
        apart = True
        for request in range(w.requests):
            flow = world.flow_of_operation(w)[world.operation(w)[request]]
            first = _to_next_station(w, request, world.first_instruction(w)[flow], NONE, uniforms)
            at[request] = first
            station = world.instructions(w)[first].resource
            to[request] = station
            going[station + 1] += 1
            if station == NONE:
                world.completed_s(w)[request] = world.arrival_s(w)[request]
            if request > 0 and world.arrival_s(w)[request] == world.arrival_s(w)[request - 1]:
                apart = False
        return apart

    @entry_point
    def uniforms_of(record, draw_key, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        w = record[0]
        for request in range(out.shape[0]):
            out[request] = draw(w.seed, request, draw_key)

    @entry_point
    def split(to, rows, times_s, place, out_rows, out_times_s):  # type: ignore[no-untyped-def]
        """Sort requests by where they go, keeping their order; ``place`` has where each station's begin."""
        sources  # noqa: B018
        for which in range(to.shape[0]):
            at = place[to[which] + 1]
            place[to[which] + 1] = at + 1
            out_rows[at] = rows[which]
            out_times_s[at] = times_s[which]

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
            request = _wide(requests[place])
            instruction = world.instructions(w)[at[request]]
            out[place] = sample(world.table(w), instruction.distribution, w.seed, request, instruction.draw_key)

    @entry_point
    def serve(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915  one loop
        record,
        resource,
        requests,
        arrival_s,
        service_s,
        at,
        ends_s,
        ends_of,
        left,
        left_s,
        to,
        going,
        known,
        branch,
        uniforms,
    ):
        """Run through a station; who leaves, in that order, when, and where to. False if two things coincide.

        ``known`` is the instruction at which all of them go on, or NONE if that differs.
        """
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
                    _begin(w, _wide(requests[place]), resource, 0.0, service_s[place])
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
                begins = _wide(requests[next_waiting])
                _begin(w, begins, resource, now_s - arrival_s[next_waiting], service_s[next_waiting])
                _put_end(ends_s, ends_of, 1, busy, now_s + service_s[next_waiting], next_waiting)
                next_waiting += 1
            else:
                for server in range(1, busy):
                    ends_s[server - 1], ends_of[server - 1] = ends_s[server], ends_of[server]
                busy -= 1
        queue.arrivals = queue.completions = count
        queue.busy_s, queue.queue_s, queue.changed_s, queue.max_waiting = busy_s, queue_s, changed_s, most
        if known != NONE:
            station = world.instructions(w)[known].resource
            going[station + 1] = count
            for place in range(count):
                if station == NONE:
                    world.completed_s(w)[left[place]] = left_s[place]
                else:
                    at[left[place]] = known
            return True
        for place in range(count):
            request = _wide(left[place])
            following = _to_next_station(w, request, _wide(at[request]) + 1, branch, uniforms)
            at[request] = following
            station = world.instructions(w)[following].resource
            to[place] = station
            going[station + 1] += 1
            if station == NONE:
                world.completed_s(w)[request] = left_s[place]
        return True

    @entry_point
    def count(record, completed_s):  # type: ignore[no-untyped-def]
        """The most requests under way at once, from sorted ends; False if that hangs on who comes first in a tie.

        More than ``most`` are under way at an arrival if the one that ends ``most`` places before it has not ended.
        """
        sources  # noqa: B018
        w = record[0]
        most = 0
        for came in range(w.requests):
            while most <= came and completed_s[came - most] >= world.arrival_s(w)[came]:
                if completed_s[came - most] == world.arrival_s(w)[came]:
                    return False
                most += 1
        w.max_in_flight = most
        return True

    return enter, uniforms_of, split, draw_all, draw_each, serve, count


enter, uniforms_of, split, draw_all, draw_each, serve, count = _entry_points(source_digest())
