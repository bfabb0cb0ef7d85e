"""One of Locust's workers in an open-loop run: sends its part of the schedule and streams its records to the master."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, cast

import gevent
import numpy as np
from gevent.event import AsyncResult
from locust.env import Environment

from loadtests import locust_options, schedule
from loadtests.open_loop import OpenLoop, account
from loadtests.recorder import PENDING, Recorder, SharedRecords
from loadtests.resources import INTERVAL_S, Sampler
from loadtests.user import DesignUser
from sdlab import scheduling
from sdlab.errors import LabError

# Messages, by what they bring.
PLAN, START, STOP = "sdlab_plan", "sdlab_start", "sdlab_stop"  # to a worker
READY, ROWS, DONE = "sdlab_ready", "sdlab_rows", "sdlab_done"  # from a worker

_REPORT_S = 1.0
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 5.0
# The socket's own thread sends: a process that ends at once may take its last message with it.
_FLUSH_S = 0.2


class Worker:
    """Waits for a plan (which part, of what), is ready, starts with all others, and tells what became of its part."""

    def __init__(self, environment: Environment, user_class: type[DesignUser]) -> None:
        self._environment = environment
        self._user_class = user_class
        self._runner = cast(Any, environment.runner)
        self._load: _PartialLoad | None = None
        self._greenlet: gevent.Greenlet | None = None
        for name, listener in ((PLAN, self._on_plan), (START, self._on_start), (STOP, self._on_stop)):
            self._runner.register_message(name, listener)
        events: Any = environment.events
        events.test_stopping.add_listener(self._end)
        events.quitting.add_listener(self._end)

    def _on_plan(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002 - Locust's signature
        self._load = _PartialLoad(self._environment, self._user_class, msg.data)
        self._greenlet = gevent.spawn(self._load.run)

    def _on_start(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        if self._load is not None:
            self._load.start_at.set(float(msg.data["start_s"]))

    def _on_stop(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        if self._load is not None:
            self._load.interrupt()

    def _end(self, **_: Any) -> None:
        """Locust stops: end the load, and wait for its last records to be sent."""
        if self._load is not None and self._greenlet is not None and not self._greenlet.dead:
            self._load.interrupt()
            self._greenlet.join(_STOP_TIMEOUT_S)
            gevent.sleep(_FLUSH_S)


class _PartialLoad:
    """One part of a run, from its plan to its last record."""

    def __init__(self, environment: Environment, user_class: type[DesignUser], plan: Mapping[str, Any]) -> None:
        self.start_at: AsyncResult[float | None] = AsyncResult()
        self._environment = environment
        self._user_class = user_class
        self._runner = cast(Any, environment.runner)
        self._plan = plan
        self._load: OpenLoop | None = None

    def interrupt(self) -> None:
        if not self.start_at.ready():
            self.start_at.set(None)
        if self._load is not None:
            self._load.interrupt()

    def run(self) -> None:
        """Do it all. What goes wrong is told to the master: an exception in a greenlet would vanish."""
        done: dict[str, Any] = {"part": self._plan["part"], "error": None, "report": {}, "resources": {}}
        try:
            done.update(self._run())
        except (LabError, OSError, RuntimeError, ValueError, AttributeError) as error:
            done["error"] = f"{type(error).__name__}: {error}"
        self._runner.send_message(DONE, done)

    def _run(self) -> dict[str, Any]:
        part, parts = self._plan["part"], self._plan["parts"]
        # Locust brings host and options to a worker too, but later than the plan comes, and users need them now.
        if self._plan["host"]:
            self._user_class.host = self._plan["host"]
        vars(self._environment.parsed_options).update(self._plan["options"])
        requests = locust_options.offered_by(self._user_class.design, self._plan["options"]).requests
        plan = schedule.part_of(requests, part, parts)
        table = SharedRecords.create(max(1, len(plan.row)))
        recorder = Recorder(table, self._user_class.server_timing, part, parts)
        self._load = load = OpenLoop(self._environment, self._user_class, plan, recorder, self._plan["max_in_flight"])
        load.prepare()
        scheduling.ask_for_short_slices()
        self._runner.send_message(READY, {"part": part})
        start_s = self.start_at.get(timeout=_START_TIMEOUT_S)
        stream = _Stream(self._runner, table, len(plan.row), part, parts)
        sampler = Sampler({"generator": os.getpid()})
        if start_s is not None and plan.row:
            start_monotonic_s = time.monotonic() + start_s - time.time()
            beside = [
                gevent.spawn(stream.follow),
                gevent.spawn(_sample, sampler, start_monotonic_s + plan.arrival_s[0], plan.arrival_s[-1]),
            ]
            load.run(start_monotonic_s, stream.dispatched)
            gevent.killall(beside)
        stream.send()
        table.close()
        return {"report": account(load, self._user_class), "resources": sampler.result()}


class _Stream:
    """Sends records that are whole to the master, each once."""

    def __init__(self, runner: Any, table: SharedRecords, count: int, part: int, parts: int) -> None:
        self._runner = runner
        self._columns = table.columns
        self._part, self._parts = part, parts
        self._sent = np.zeros(count, dtype=np.bool_)
        self._first = 0  # all before it are sent
        self._last = 0  # none from it on has been dispatched

    def dispatched(self, count: int) -> None:
        self._last = count

    def follow(self) -> None:
        while True:
            gevent.sleep(_REPORT_S)
            self.send()

    def send(self) -> None:
        window = slice(self._first, self._last)
        ended = ~self._sent[window] & (self._columns["outcome"][window] != PENDING)
        rows = self._first + np.flatnonzero(ended)
        if not rows.size:
            return
        self._sent[rows] = True
        unsent = np.flatnonzero(~self._sent[window])
        columns = {name: values[rows].tobytes() for name, values in self._columns.items()}
        self._first = self._first + int(unsent[0]) if unsent.size else self._last
        everywhere = (self._part + rows * self._parts).astype(np.int64).tobytes()
        self._runner.send_message(ROWS, {"part": self._part, "rows": everywhere, "columns": columns})


def _sample(sampler: Sampler, first_s: float, last_s: float) -> None:
    """Sample this process once an interval from the first arrival on, and at the last: the drain is not load."""
    end_s = first_s + last_s
    gevent.sleep(max(0.0, first_s - time.monotonic()))
    sampler.sample()
    while (left_s := end_s - time.monotonic()) > 0:
        gevent.sleep(min(INTERVAL_S, left_s))
        sampler.sample()
