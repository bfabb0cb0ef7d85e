"""Where the requests of a slice are, between the stations of a sweep, and what each station keeps from slice to slice.

All memory here is made once and used again for every slice: it stays in the processor's cache, and a run touches little
more than the columns that it was given and gives back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations import layout
from simulations.engines.compiled import swept_station
from simulations.engines.compiled.world import World
from simulations.layout import NONE
from simulations.program import Program

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Stream = tuple[Ints, Floats]
"""Requests by their rows, and when they come, in the order of time."""
Streams = dict[int, list[Stream]]
"""What comes to each station in this slice, from each place it comes from; to NONE: what has ended."""


class Parting:
    """Room for requests that go on to different stations, a row each."""

    def __init__(self, stations: int) -> None:
        self.sent = np.zeros(stations + 1, dtype=np.int64)
        self.rows, self.times_s = np.empty((stations + 1, 0), dtype=np.int64), np.empty((stations + 1, 0))

    def clear(self, room: int) -> tuple[Ints, Ints, Floats]:
        """Forget the last slice; how many went to each station (none yet), and room for so many at each."""
        self.sent[:] = 0
        if room > self.rows.shape[1]:
            shape = (len(self.sent), room)
            self.rows, self.times_s = np.empty(shape, dtype=np.int64), np.empty(shape)
        return self.sent, self.rows, self.times_s

    def send(self, coming: Streams) -> None:
        """Let those of each row come to its station."""
        for row in np.flatnonzero(self.sent).tolist():
            last = self.sent[row]
            coming[row - 1].append((self.rows[row, :last], self.times_s[row, :last]))


class Confluence:
    """Where streams come together: room for all of them as one."""

    def __init__(self) -> None:
        self._room: list[Stream] = []

    def merged(self, streams: list[Stream]) -> Stream:
        """The streams as one, and none left in the list."""
        rows, times_s = streams.pop() if streams else (np.empty(0, dtype=np.int64), np.empty(0))
        step = 0
        while streams:
            more = streams.pop()
            size = len(rows) + len(more[0])
            if step == len(self._room):
                self._room.append((np.empty(0, dtype=np.int64), np.empty(0)))
            if size > len(self._room[step][0]):
                self._room[step] = np.empty(size, dtype=np.int64), np.empty(size)
            out_rows, out_times_s = self._room[step]
            swept_station.merge(rows, times_s, *more, out_rows, out_times_s)
            rows, times_s = out_rows[:size], out_times_s[:size]
            step += 1
        return rows, times_s


class Stop:
    """One station: who is in service, who has begun but ends after the slice, and how its requests go on."""

    def __init__(self, program: Program, it: World, station: int, at: NDArray[np.int32]) -> None:
        self.it, self.station, self.at = it, station, at
        self.serving = serving_at(program, station)
        self.alone = int(self.serving[0]) if len(self.serving) == 1 else NONE
        self.known = next_known(program, [int(place) + 1 for place in self.serving])
        after = self.alone + 1
        is_branch = self.alone != NONE and program.instructions[after]["code"] == layout.BRANCH
        self.branch = after if is_branch else NONE
        if self.alone != NONE:
            instruction = program.instructions[self.alone]
            self.drawn = int(instruction["distribution"]), int(instruction["draw_key"])
        servers = int(it["queues"][station]["capacity"])
        self.ends_s, self.ends_of = np.full(servers, -np.inf), np.zeros(servers, dtype=np.int64)
        self.gone = np.zeros(3, dtype=np.int64)  # the first of those not sent on yet, past the last, past this slice
        self.gone_s, self.gone_of = np.empty(0), np.empty(0, dtype=np.int64)
        self.drawn_s, self.wait_s = np.empty(0), np.empty(0)
        flows = {int(flow) for flow in it["flow_of_operation"] if flow >= 0}
        self.flow = flows.pop() if len(flows) == 1 else NONE
        self.confluence, self.parting = Confluence(), Parting(len(program.model.stations))

    def run(self, coming: Streams, until_s: float) -> bool:
        """Serve those who come and send on those who leave up to ``until_s``; False if two things coincide."""
        rows, times_s = self.confluence.merged(coming[self.station])
        self._make_room(len(rows) + len(self.ends_s) + 1)
        drawn_s = self.drawn_s[: len(rows)]
        if self.alone != NONE:
            swept_station.draw_many(self.it.record, *self.drawn, rows, drawn_s)
        else:
            swept_station.draw_each(self.it.record, rows, self.at, drawn_s)
        ends = (self.ends_s, self.ends_of, self.gone, self.gone_s, self.gone_of)
        served = (self.station, until_s, self.flow, rows, times_s, drawn_s, self.wait_s)
        if not swept_station.serve(self.it.record, *served, *ends):
            return False
        self._send(coming)
        return True

    def _send(self, coming: Streams) -> None:
        first, _, last = self.gone.tolist()
        self.gone[0] = last
        rows, times_s = self.gone_of[first:last], self.gone_s[first:last]
        places = self.parting.clear(len(rows) if self.known == NONE else 0)
        if len(rows) > len(self.drawn_s):
            self.drawn_s = np.empty(len(rows))
        ways = (self.alone, self.known, self.branch, self.drawn_s)
        swept_station.send(self.it.record, times_s, rows, *ways, self.at, *places)
        if self.known == NONE:
            self.parting.send(coming)
        else:
            coming[int(self.it["instructions"][self.known]["resource"])].append((rows, times_s))

    def _make_room(self, count: int) -> None:
        """For so many to be served, and to go after those who have not been sent on."""
        if count > len(self.wait_s):
            self.drawn_s, self.wait_s = np.empty(count), np.empty(count)
        first, last = self.gone[:2].tolist()
        left = last - first
        if left + count > len(self.gone_s):
            gone_s, gone_of = np.empty(2 * (left + count)), np.empty(2 * (left + count), dtype=np.int64)
        elif left <= count or last + count > len(self.gone_s):
            gone_s, gone_of = self.gone_s, self.gone_of
        else:
            return
        gone_s[:left], gone_of[:left] = self.gone_s[first:last], self.gone_of[first:last]
        self.gone_s, self.gone_of = gone_s, gone_of
        self.gone[:2] = 0, left


def serving_at(program: Program, station: int) -> Ints:
    """The instructions at which a station serves."""
    instructions = program.instructions
    return np.flatnonzero((instructions["resource"] == station) & (instructions["code"] == layout.SERVE))


def next_known(program: Program, starts: list[int]) -> int:
    """The instruction, a service or the end, to which all go from ``starts``; NONE if it is not one for all."""
    found = set()
    for start in starts:
        at = start
        while program.instructions[at]["code"] == layout.JUMP:
            at = int(program.instructions[at]["target"])
        found.add(at if program.instructions[at]["code"] in (layout.SERVE, layout.END) else NONE)
    return found.pop() if len(found) == 1 else NONE
