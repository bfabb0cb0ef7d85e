"""The open-loop driver: sends each scheduled request at its time, whether or not the service keeps up.

Runs as a process of its own, because Locust patches sockets on import:

    python -m loadtests.open_loop --locustfile F --host URL --schedule S --records-fd N --report R [--part I --parts N]

It reads its part of the schedule, waits for the start that the lab sets in the shared records, and runs the task of
each arrival on a Locust user from a pool. The pool grows up to a bound; an arrival that finds no free user is dropped
and counted, never delayed silently. At the end it waits, for a bounded time, for what is still in flight; what does
not come back is recorded as timed out. SIGINT and SIGTERM end the load at once and keep what was recorded.
"""

from __future__ import annotations

import locust  # isort: skip - first: it patches the standard library

import argparse
import gc
import json
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from loadtests import recorder, schedule
from loadtests.recorder import Exchange, Recorder, SharedRecords
from loadtests.schedule import Schedule
from loadtests.statistics_of_locust import Statistics
from loadtests.timer import make_room_for_descriptors, timer
from loadtests.user import DesignUser
from sdlab import scheduling
from sdlab.errors import InvalidInput, LabError

log = logging.getLogger("loadtests.open_loop")

USERS_AT_START = 128
# A stall of the service that finds connections made, as behind a proxy that keeps them. Making one takes the generator
# as long as three requests; and a busy event loop (libuv's) takes in a single new one a turn, so that who needs one
# while the service is overloaded waits for seconds. There are users for twice that.
_STALL_S = 0.1
_CONNECTIONS_AT_START = 512
# After so many arrivals sent in a row the answers that have come in get their turn.
_BURST = 8
# Up to so long before an arrival the loop looks again and again instead of setting the timer. That costs less: in a
# virtual machine setting it to a near moment took 21 us (to a far one 1.4), and being woken as long again.
_AWAKE_S = 50e-6
_INTERRUPTED_DRAIN_S = 0.3
_ERROR_TEXTS = 50

Task = Callable[[DesignUser], None]


class OpenLoop:
    """One generator process's load. ``limit`` bounds the users, and with them the requests in flight."""

    def __init__(
        self, environment: Environment, user_class: type[DesignUser], plan: Schedule, records: Recorder, limit: int
    ) -> None:
        self.users = 0
        self.errors: Counter[str] = Counter()
        self.drain_s = 0.0
        self._environment = environment
        self._events: Any = environment.events
        self._user_class = user_class
        self._tasks: list[Task] = [getattr(user_class, name) for name in plan.operations]
        self._plan = plan
        self._records = records
        self._limit = limit
        self._hub = gevent.get_hub()
        self._statistics = Statistics(environment)
        self._idle: list[gevent.Greenlet] = []
        self._greenlets: list[gevent.Greenlet] = []
        self._in_flight: dict[int, Exchange] = {}
        self._next = 0
        self._has_waited = False
        self._connects = False
        self._ended = Event()
        self.interrupted = False
        self._on_progress: Callable[[int], None] = lambda _count: None

    def prepare(self) -> None:
        """Make the first users before the clock runs, some with a connection: it takes longer than a request."""
        make_room_for_descriptors(self._limit)
        connections = min(schedule.busiest(self._plan.arrival_s, _STALL_S), _CONNECTIONS_AT_START, self._limit)
        for _ in range(min(max(USERS_AT_START, 2 * connections), self._limit) - connections):
            self._add_user(None)
        gevent.sleep(0)
        self._connects = True
        for _ in range(connections):  # the last to be idle are the first to be used
            self._add_user(None)
        gevent.sleep(0)
        self._connects = False

    def run(self, start_monotonic_s: float, on_progress: Callable[[int], None]) -> None:
        """Send everything from the start on and drain; ``on_progress`` is told how many arrivals are dealt with."""
        self._start_s = self._records.start_s = start_monotonic_s
        self._on_progress = on_progress
        self._timer = timer(self._due)
        # What Locust imports makes a full collection of cyclic garbage pause for 55 ms; frozen, it takes microseconds.
        # A request leaves no cycles behind (0 objects after 5,000), so the collector stays on for those of the tasks.
        gc.collect()
        gc.freeze()
        try:
            self._set_timer()
            self._ended.wait()
            self._drain()
        finally:
            self._timer.close()
            self._statistics.close()

    def interrupt(self) -> None:
        self.interrupted = True
        self._ended.set()

    # In the hub, when the timer expires: sends what is due.

    def _due(self) -> None:
        arrival_s, start_s = self._plan.arrival_s, self._start_s
        end = 0 if self.interrupted else len(arrival_s)
        wait_s = 0.0
        for _ in range(_BURST):
            if self._next >= end:
                break
            wait_s = start_s + arrival_s[self._next] - time.monotonic()
            if wait_s > 0 or not self._dispatch(self._next):
                break
            self._next += 1
        self._on_progress(self._next)
        if wait_s < _AWAKE_S and self._next < end:
            self._timer.again()
        else:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._next < len(self._plan.arrival_s) and not self.interrupted:
            self._timer.set(self._start_s + self._plan.arrival_s[self._next])
        else:
            self._timer.stop()
            self._ended.set()

    def _dispatch(self, number: int) -> bool:
        """Have a user do an arrival's task; False if it has to wait for one turn of the loop.

        In that turn the answers that have come in free the users who waited for them. Making one more takes as long as
        ten requests: after a pause of the machine, that made the next arrivals late, and these more users.
        """
        if self._idle:
            self._has_waited = False
            self._idle.pop().switch(number)
            return True
        self._has_waited = not self._has_waited
        if self._has_waited:
            return False
        if self.users < self._limit:
            self._add_user(number)
        else:
            self._records.drop(self._plan.row[number])
        return True

    def _add_user(self, number: int | None) -> None:
        self.users += 1
        self._greenlets.append(gevent.spawn(self._serve, number))

    # In a user's greenlet.

    def _serve(self, number: int | None) -> None:
        """One user's life: do the arrival that it was made for, if any, then those the hub hands it."""
        user: DesignUser | None = None
        plan, tasks, in_flight = self._plan, self._tasks, self._in_flight
        hub, me = self._hub, gevent.getcurrent()
        try:
            while True:
                if number is not None:
                    row = plan.row[number]
                    exchange = Exchange(row, plan.key[number], self._start_s + plan.arrival_s[number])
                    in_flight[row] = exchange
                    try:
                        if user is None:
                            user = self._make_user()
                        user.exchange = exchange
                        exchange.started_s = time.monotonic()
                        tasks[plan.operation[number]](user)
                    except Exception as error:
                        self._failed(user, exchange, error)
                    self._finish(exchange)
                elif user is None:
                    try:
                        user = self._make_user()
                    except Exception as error:
                        self._failed(None, None, error)
                self._idle.append(me)
                number = hub.switch()
        except gevent.GreenletExit:
            if user is not None:
                user.exchange = None
                cast(Any, user).on_stop()

    def _make_user(self) -> DesignUser:
        user = self._user_class(self._environment)
        user.bulk_statistics = self._statistics
        user.on_start()
        if self._connects:
            user.client.connect()
        return user

    def _failed(self, user: DesignUser | None, exchange: Exchange | None, error: Exception) -> None:
        """An exception in a greenlet would vanish, so it is counted and fails the request."""
        self._events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)
        if exchange is not None:
            exchange.outcome = recorder.PENDING
            exchange.fail(recorder.FAILED, recorder.TASK)
        self._count(f"{type(error).__name__}: {error}")

    def _finish(self, exchange: Exchange) -> None:
        if self._in_flight.pop(exchange.row, None) is None:
            return  # the drain has given it up
        if exchange.outcome == recorder.PENDING:
            exchange.fail(recorder.FAILED, recorder.TASK)
            self._count("the task made no request")
        self._records.write(exchange)

    def _count(self, error: str) -> None:
        if error in self.errors or len(self.errors) < _ERROR_TEXTS:
            self.errors[error] += 1

    # In the main greenlet.

    def _drain(self) -> None:
        began_s = time.monotonic()
        limit_s = self._user_class.network_timeout
        while self._in_flight:
            if time.monotonic() - began_s > (_INTERRUPTED_DRAIN_S if self.interrupted else limit_s):
                break
            gevent.sleep(0.01)
        self.drain_s = time.monotonic() - began_s
        for exchange in list(self._in_flight.values()):
            exchange.outcome = recorder.PENDING
            exchange.fail(recorder.TIMED_OUT, recorder.TIMEOUT)
            exchange.completed_s = float("nan")
            self._records.write(exchange)
        self._in_flight.clear()
        gevent.killall(self._greenlets, timeout=0.5)


def _user_class(path: Path, operations: tuple[str, ...]) -> type[DesignUser]:
    classes, _shapes = load_locustfile(str(path))
    for found in classes.values():
        if issubclass(found, DesignUser) and all(callable(getattr(found, name, None)) for name in operations):
            return found
    raise InvalidInput("locustfile", path.name, f"has no DesignUser with the tasks {', '.join(operations)}")


def _environment(user_class: type[DesignUser], host: str, seed: int) -> Environment:
    options = argparse.Namespace(seed=seed, host=host)
    environment = Environment(user_classes=[user_class], host=host, events=locust.events, parsed_options=options)
    environment.create_local_runner()
    user_class.host = host
    return environment


def account(load: OpenLoop, user_class: type[DesignUser]) -> dict[str, Any]:
    """What a generator tells of itself beside its records."""
    return {
        "spans": list(user_class.server_timing),
        "request_timeout_s": user_class.network_timeout,
        "users": load.users,
        "drain_s": load.drain_s,
        "cpu_s": time.process_time(),
        "errors": dict(load.errors.most_common()),
    }


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        plan = schedule.read(options.schedule, options.part, options.parts)
        user_class = _user_class(options.locustfile, plan.operations)
    except LabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.request_timeout is not None:
        user_class.network_timeout = user_class.connection_timeout = options.request_timeout
    environment = _environment(user_class, options.host, options.seed)
    table = SharedRecords.attach(options.records_fd, options.rows)
    load = OpenLoop(environment, user_class, plan, Recorder(table, user_class.server_timing), options.max_in_flight)
    for signum in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(signum, load.interrupt)
    events: Any = environment.events
    events.init.fire(environment=environment, runner=environment.runner, web_ui=None)
    events.test_start.fire(environment=environment)
    load.prepare()
    scheduling.ask_for_short_slices()
    options.report.write_text(json.dumps(account(load, user_class)))
    table.set_ready(options.part)
    while not table.start_monotonic_s and not load.interrupted:
        gevent.sleep(0.005)
    if not load.interrupted:
        load.run(table.start_monotonic_s, lambda count: table.set_dispatched(options.part, count))
    events.test_stop.fire(environment=environment)
    events.quitting.fire(environment=environment, reverse=True)
    options.report.write_text(json.dumps(account(load, user_class)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.open_loop", description=__doc__)
    parser.add_argument("--locustfile", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--schedule", type=Path, required=True)
    parser.add_argument("--records-fd", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--request-timeout", type=float, help="Seconds; default: the locustfile's")
    parser.add_argument("--max-in-flight", type=int, default=2000)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
