"""The master's part in an open-loop run: splits the schedule, starts all workers together, merges what they record."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import gevent
import numpy as np
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner
from numpy.typing import NDArray
from rich.console import Console

from loadtests import display, locust_options, results, thresholds, verdict
from loadtests.early_abort import Watch
from loadtests.offered import Offered
from loadtests.recorder import PENDING, empty_columns
from loadtests.user import DesignUser
from loadtests.worker import DONE, PLAN, READY, ROWS, START, STOP
from sdlab.errors import LabError
from sdlab.runs import Run

log = logging.getLogger("loadtests.coordinator")

# From the word to start until second 0: each worker must have heard it by then.
_LEAD_S = 0.5
_READY_TIMEOUT_S = 60.0
_TICK_S = 0.1
# Beyond the load and the drain: what a worker's last records may take.
_LAST_WORDS_S = 15.0
_STOPPED_S = 10.0
_WRITTEN_S = 20.0


class Coordinator:
    """Runs an open-loop load each time Locust starts a test that asks for one, headless or from the web UI."""

    def __init__(self, environment: Environment, user_class: type[DesignUser]) -> None:
        self._environment = environment
        self._user_class = user_class
        self._runner = cast(Any, environment.runner)
        self._load: _DistributedLoad | None = None
        for name, listener in ((READY, self._on_ready), (ROWS, self._on_rows), (DONE, self._on_done)):
            self._runner.register_message(name, listener)
        events: Any = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_stopping)
        events.quitting.add_listener(self._on_stopping)

    def _on_test_start(self, **_: Any) -> None:
        self._load = None
        options: Any = self._environment.parsed_options
        if not locust_options.is_open(options):
            return
        try:
            self._load = _DistributedLoad(self._environment, self._user_class)
        except LabError as error:
            log.error("no load: %s", error)
            return
        gevent.spawn(self._follow, self._load)

    def _follow(self, load: _DistributedLoad) -> None:
        load.run()
        if not load.is_ending:
            self._end(load)
            options: Any = self._environment.parsed_options
            self._runner.quit() if options.headless else self._runner.stop()

    def _on_stopping(self, **_: Any) -> None:
        """Locust stops, whoever asked for it: keep what was recorded."""
        if self._load is not None:
            self._end(self._load)

    def _end(self, load: _DistributedLoad) -> None:
        """Write the run once, though several greenlets may ask for it; none goes on before that is done."""
        if load.is_ending:
            load.written.wait(_WRITTEN_S)
            return
        load.is_ending = True
        try:
            load.stop_early()
            self._write(load)
        finally:
            load.written.set()

    def _write(self, load: _DistributedLoad) -> None:
        run = load.write()
        if run is None:
            log.error("nothing was recorded: %s", "; ".join(load.incidents) or "no worker sent anything")
            self._environment.process_exit_code = LabError.exit_code
            return
        display.show_run(Console(highlight=False), run)
        self._environment.process_exit_code = verdict.exit_code(run)

    def _on_ready(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002 - Locust's signature
        if self._load is not None:
            self._load.ready.add(msg.data["part"])

    def _on_rows(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        if self._load is not None:
            self._load.merge(msg.data)

    def _on_done(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        if self._load is not None:
            self._load.done[msg.data["part"]] = msg.data


class _DistributedLoad:
    """One run: who has which part, and what they have sent so far."""

    def __init__(self, environment: Environment, user_class: type[DesignUser]) -> None:
        self.ready: set[int] = set()
        self.done: dict[int, Mapping[str, Any]] = {}
        self.incidents: list[str] = []
        self.is_ending = False
        self.written = Event()
        self._user_class = user_class
        self._runner = cast(Any, environment.runner)
        self._options = cast(Any, environment.parsed_options)
        self._host = environment.host
        design = user_class.design
        self._asked: Offered = locust_options.offered_by(design, locust_options.of_schedule(self._options))
        self._thresholds = thresholds.parse(
            self._options.threshold or [], design.operations, abort=self._options.abort_on_threshold
        )
        self._watch = Watch(self._thresholds, self._asked.requests)
        self._lost: results.Lost | None = None
        self._columns: dict[str, NDArray[Any]] = empty_columns(len(self._asked.requests))
        self._start_s = 0.0
        self._workers = self._workers_now()
        for part, worker in enumerate(self._workers):
            plan = {
                "part": part,
                "parts": len(self._workers),
                "host": self._host,
                "options": locust_options.of_schedule(self._options),
                "max_in_flight": self._options.max_in_flight,
            }
            self._runner.send_message(PLAN, plan, worker)

    def _workers_now(self) -> list[str | None]:
        """The ids of the workers that there are, in order; of a process without workers its own, which is None."""
        if not isinstance(self._runner, MasterRunner):
            return [None]
        return sorted((client.id for client in self._runner.clients.ready), key=self._runner.get_worker_index)

    def run(self) -> None:
        """Start all parts at once and follow them to their end."""
        deadline_s = time.monotonic() + _READY_TIMEOUT_S
        while len(self.ready | self.done.keys()) < len(self._workers):
            gevent.sleep(_TICK_S / 4)
            self._note_the_lost()
            if self.is_ending or time.monotonic() > deadline_s:
                self.incidents.append("not all workers were ready in time")
                return
        self._start_s = time.time() + _LEAD_S
        self._send(START, {"start_s": self._start_s})
        duration_s = self._asked.requests.duration_s
        end_s = self._start_s + duration_s + self._user_class.network_timeout + _LAST_WORDS_S
        while len(self.done) < len(self._workers) and not self.is_ending:
            gevent.sleep(_TICK_S)
            self._note_the_lost()
            if time.time() > end_s:
                self.incidents.append("not all workers told what became of their part")
                return
            threshold = None if self._lost else self._watch.lost(self._columns)
            if threshold is not None:
                self._lost = results.Lost(threshold, time.time() - self._start_s, duration_s)
                self._send(STOP, None)

    def stop_early(self) -> None:
        """End the parts that have not ended, and wait a little for their last records."""
        if len(self.done) == len(self._workers):
            return
        self._send(STOP, None)
        deadline_s = time.monotonic() + _STOPPED_S
        while len(self.done) < len(self._workers) and time.monotonic() < deadline_s:
            gevent.sleep(_TICK_S / 4)
            self._note_the_lost()

    def merge(self, message: Mapping[str, Any]) -> None:
        """Take the rows that a worker has sent. No other worker has them: see `schedule.split`."""
        rows = np.frombuffer(message["rows"], dtype=np.int64)
        for name, values in message["columns"].items():
            self._columns[name][rows] = np.frombuffer(values, dtype=self._columns[name].dtype)

    def write(self) -> Run | None:
        """The run folder of what has arrived; None if that is nothing."""
        options = self._options
        for part, done in self.done.items():
            if done["error"]:
                self.incidents.append(f"worker {part + 1} ended early: {done['error']}")
        rows = np.flatnonzero(self._columns["outcome"] != PENDING)
        if not rows.size:
            return None
        total = len(self._asked.requests)
        # Whoever stopped it - Ctrl-C reaches workers too, in any order - what is missing was not sent.
        interrupted = rows.size < total and not self._lost and not self.incidents
        if interrupted:
            self.incidents.append(f"interrupted: {total - rows.size:,} of {total:,} requests were not sent")
        recorded = results.Recorded(
            self._asked.requests, rows, self._columns, self._resources(), self._reports(), self.incidents
        )
        texts = [threshold.text for threshold in self._thresholds]
        return results.write(
            recorded,
            design=self._user_class.design,
            seed=options.seed,
            command=shlex.join(["locust", *sys.argv[1:]]),
            parameters={
                "mode": "open_loop",
                "host": self._host,
                "workers": None,
                "links": self._user_class.design.test_data.links,
                "generators": len(self._workers),
                **({"thresholds": texts} if texts else {}),
                **self._asked.parameters,
            },
            overrides=[],
            study=None,
            runs=Path(options.runs) if options.runs else None,
            samples_min=None,
            interrupted=interrupted,
            thresholds=self._thresholds,
            lost=self._lost,
        )

    def _reports(self) -> list[Mapping[str, Any]]:
        return [self.done[part]["report"] if part in self.done else {} for part in range(len(self._workers))]

    def _resources(self) -> dict[str, Any]:
        """What each worker used; of the machines the one whose host took the most from it."""
        found = {part: done["resources"] for part, done in sorted(self.done.items()) if done["resources"]}
        machines = [resources["machine"] for resources in found.values() if resources["machine"]]
        return {
            "processes": {
                f"generator-{part + 1}": process
                for part, resources in found.items()
                for process in resources["processes"].values()
            },
            "machine": max(machines, key=lambda machine: float(machine["steal_share"]), default={}),
        }

    def _send(self, name: str, content: Mapping[str, Any] | None) -> None:
        for part, worker in enumerate(self._workers):
            if part not in self.done:
                self._runner.send_message(name, content, worker)

    def _note_the_lost(self) -> None:
        """A worker that has gone will not tell anything any more; what it had told is kept."""
        if not isinstance(self._runner, MasterRunner):
            return
        for part, worker in enumerate(self._workers):
            client = self._runner.clients.get(worker)
            if part not in self.done and (client is None or client.state == STATE_MISSING):
                self.done[part] = {"error": "it was lost", "report": {}, "resources": {}}
