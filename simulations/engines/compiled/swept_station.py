"""What a sweep does with all requests of one slice of time at once, compiled: a station, and where they go next.

What comes first of an arrival and an end, and where an end goes among those of a few servers, is selected, not decided
by a branch: random numbers decide it, and a processor that guesses wrong half of the time would lose most of the run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.draws import draw
from simulations.engines.compiled import world
from simulations.engines.compiled.kernel import choose, choose_by
from simulations.engines.compiled.swept_accounts import account, charge
from simulations.jit import entry_point, kernel, source_digest
from simulations.layout import BRANCH, END, JUMP, NONE, SERVE
from simulations.sampling import sample, sample_into

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FREE = -np.inf
"""The end of a service that there is none of."""
FEW_SERVERS = 16
"""Up to so many, comparing a new end with all others is quicker than looking for its place."""


@kernel
def _to_next_station(w: Any, request: int, at: int, branch: int, uniform: float) -> int:
    """The instruction at which a request is served next, or ends; ``uniform`` is drawn for one ``branch`` already."""
    while True:
        instruction = world.instructions(w)[at]
        if instruction.code in (SERVE, END):
            return at
        if instruction.code == JUMP:
            at = instruction.target
        elif at == branch:
            at = choose_by(w, instruction, uniform)
        else:
            record = world.slots(w)[0]  # what `choose` looks at
            record.identity = request
            if instruction.code != BRANCH:
                record.key = world.key(w)[request]
                record.operation = world.flow_of_operation(w)[world.operation(w)[request]]
                record.region = world.region_of_region(w)[world.region(w)[request]]
            at = choose(w, instruction, record)


@kernel
def _send(
    w: Any, request: int, time_s: float, following: int, at: Any, sent: Ints, rows: Ints, times_s: Floats
) -> None:
    """Put a request at the end of those that go to a station, or that have ended."""
    station = world.instructions(w)[following].resource
    if at.size > 0:
        at[request] = following
    place = sent[station + 1]
    sent[station + 1] = place + 1
    rows[station + 1, place] = request
    times_s[station + 1, place] = time_s
    if station == NONE:
        world.completed_s(w)[request] = time_s


@kernel
def _put_end(ends_s: Floats, ends_of: Ints, end_s: float, request: int) -> None:
    """Sort an end in after the first, which gives up its place; equal ends stay in the order of their starts."""
    last = ends_s.size - 1
    if last < FEW_SERVERS:
        before_s, before_of, passed = ends_s[0], ends_of[0], True
        for place in range(last):
            after_s, after_of = ends_s[place + 1], ends_of[place + 1]
            passes = after_s <= end_s
            stays_s, stays_of = (end_s, request) if passed else (before_s, before_of)
            ends_s[place] = after_s if passes else stays_s
            ends_of[place] = after_of if passes else stays_of
            before_s, before_of, passed = after_s, after_of, passes
        ends_s[last] = end_s if passed else before_s
        ends_of[last] = request if passed else before_of
        return
    place = 0
    while place < last and ends_s[place + 1] <= end_s:
        ends_s[place], ends_of[place] = ends_s[place + 1], ends_of[place + 1]
        place += 1
    ends_s[place], ends_of[place] = end_s, request


def _entry_points(sources: str):  # type: ignore[no-untyped-def]  # noqa: PLR0915  one closure for each
    @entry_point
    def enter(record, first, last, known, at, rows, sent, out_rows, out_times_s):  # type: ignore[no-untyped-def]
        """Where requests from ``first`` to ``last`` are served first; False if one arrives when that before it does.

        If all go to the ``known`` instruction, they are put in ``rows``, else into a row of ``out_rows`` by station.
        """
        sources  # noqa: B018  the cache's key holds the sources
        w = record[0]
        times_s = world.arrival_s(w)
        for request in range(first, last):
            rows[request - first] = request
        apart = True
        for request in range(max(first, 1), last):
            apart &= times_s[request] != times_s[request - 1]
        if known == NONE:
            for request in range(first, last):
                flow = world.flow_of_operation(w)[world.operation(w)[request]]
                following = _to_next_station(w, request, world.first_instruction(w)[flow], NONE, 0.0)
                _send(w, request, times_s[request], following, at, sent, out_rows, out_times_s)
        elif at.size > 0:
            for request in range(first, last):
                at[request] = known
        return apart

    @entry_point
    def draw_many(record, distribution, draw_key, requests, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        w = record[0]
        sample_into(world.table(w), distribution, w.seed, requests, draw_key, out)

    @entry_point
    def draw_each(record, requests, at, out):  # type: ignore[no-untyped-def]
        sources  # noqa: B018
        w = record[0]
        for place in range(requests.size):
            request = requests[place]
            instruction = world.instructions(w)[at[request]]
            out[place] = sample(world.table(w), instruction.distribution, w.seed, request, instruction.draw_key)

    @entry_point
    def serve(  # type: ignore[no-untyped-def]
        record, resource, until_s, flow, rows, arrival_s, service_s, wait_s, ends_s, ends_of, gone, gone_s, gone_of
    ):
        """Run a station through to ``until_s``; those that leave are put at the end of those ``gone``.

        Every service is begun as soon as its arrival is known, though it may start later: who comes first is served
        first. ``ends_s`` are the ends of the servers' last services, sorted; the first of them is when the next one
        can start, so that ends leave in the order of time. False if two things coincide.
        """
        sources  # noqa: B018
        w = record[0]
        last = gone[1]
        for place in range(rows.size):
            free_s = ends_s[0]
            gone_s[last], gone_of[last] = free_s, ends_of[0]
            last += free_s > FREE
            start_s = max(arrival_s[place], free_s)
            wait_s[place] = start_s - arrival_s[place]
            _put_end(ends_s, ends_of, start_s + service_s[place], rows[place])
        place = 0
        while place < ends_s.size and ends_s[place] <= until_s:
            gone_s[last], gone_of[last] = ends_s[place], ends_of[place]
            last += ends_s[place] > FREE
            ends_s[place] = FREE
            place += 1
        gone[1] = last
        charge(w, resource, flow, rows, wait_s[: rows.size], service_s)
        apart, went = account(world.queues(w)[resource], arrival_s, gone_s[gone[0] : last], until_s)
        gone[2] = gone[0] + went
        return apart

    @entry_point
    def send(record, times_s, rows, alone, known, branch, uniforms, at, sent, out_rows, out_times_s):  # type: ignore[no-untyped-def]
        """Send those who leave a station on to the next, which differs, or to one instruction ``known``.

        ``alone`` is the one instruction at which all were served, or NONE; ``branch`` one that all come to next.
        """
        sources  # noqa: B018
        w = record[0]
        if known != NONE:
            if world.instructions(w)[known].resource == NONE:
                for place in range(rows.size):
                    world.completed_s(w)[rows[place]] = times_s[place]
            elif at.size > 0:
                for place in range(rows.size):
                    at[rows[place]] = known
            return
        if branch != NONE:
            draw_key = world.instructions(w)[branch].draw_key
            for place in range(rows.size):
                uniforms[place] = draw(w.seed, rows[place], draw_key)
        for place in range(rows.size):
            request = rows[place]
            served = alone if alone != NONE else int(at[request])
            following = _to_next_station(w, request, served + 1, branch, uniforms[place])
            _send(w, request, times_s[place], following, at, sent, out_rows, out_times_s)

    @entry_point
    def merge(rows, times_s, more_rows, more_times_s, out_rows, out_times_s):  # type: ignore[no-untyped-def]
        """Two streams of requests, each in the order of time, as one."""
        sources  # noqa: B018
        one = other = 0
        while one < rows.size and other < more_rows.size:
            first = times_s[one] <= more_times_s[other]
            out_rows[one + other] = rows[one] if first else more_rows[other]
            out_times_s[one + other] = times_s[one] if first else more_times_s[other]
            one, other = one + first, other + (not first)
        while one < rows.size:
            out_rows[one + other], out_times_s[one + other] = rows[one], times_s[one]
            one += 1
        while other < more_rows.size:
            out_rows[one + other], out_times_s[one + other] = more_rows[other], more_times_s[other]
            other += 1

    @entry_point
    def count(record, first, last, before, completed_s):  # type: ignore[no-untyped-def]
        """The most requests under way at once; False if that hangs on who comes first in a tie.

        ``completed_s`` are the sorted ends of one slice, those ``before`` it are not needed: more than ``most`` are
        under way at an arrival if the one that ends ``most`` places before it has not ended.
        """
        sources  # noqa: B018
        w = record[0]
        most = w.max_in_flight
        for came in range(first, last):
            arrival_s = world.arrival_s(w)[came]
            while most <= came:
                place = came - most - before
                if place < 0 or (place < completed_s.size and completed_s[place] < arrival_s):
                    break
                if place < completed_s.size and completed_s[place] == arrival_s:
                    return False
                most += 1
        w.max_in_flight = most
        return True

    return enter, draw_many, draw_each, serve, send, merge, count


enter, draw_many, draw_each, serve, send, merge, count = _entry_points(source_digest())
