"""The Locust user that a design's locustfile derives from: its tasks, keys and data come from the design."""

from __future__ import annotations

import itertools
import math
import random
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, ClassVar

import gevent
import gevent.event
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust import FastHttpUser, constant_pacing, events
from locust.env import Environment
from locust.user.task import LOCUST_STATE_WAITING

from loadtests import locust_options, recorder
from loadtests.answer import LightResponse
from loadtests.connection import ConnectFailed
from loadtests.http_client import LightSession
from loadtests.recorder import Exchange
from loadtests.statistics_of_locust import Statistics
from sdlab.errors import InvalidInput
from sdlab.popularity import zipf_ranks
from sdlab.spec import Design

DEFAULT_SEED = 1
REQUEST_TIMEOUT_S = 10.0
_REJECTED = (429, 503)
_KEYS_AT_ONCE = 1024


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="Which keys, operations and data are drawn")
    locust_options.add(parser)


def _prepare_open_loop(environment: Environment, **_: Any) -> None:
    if hasattr(environment.parsed_options, "rate"):  # not in a generator of `lab swarm`, which has its own options
        from loadtests import on_locust  # noqa: PLC0415 - it needs the users that are defined here

        on_locust.prepare(environment)


def _seed(environment: Environment, **_: Any) -> None:
    random.seed(_seed_of(environment))  # Locust draws the next task from this one


_events: Any = events
_events.init_command_line_parser.add_listener(_add_options)
_events.test_start.add_listener(_seed)
_events.init.add_listener(_prepare_open_loop)


def _seed_of(environment: Environment) -> int:
    return getattr(environment.parsed_options, "seed", DEFAULT_SEED)


class DesignUser(FastHttpUser):
    """A user of a design's service. A subclass names its ``design`` and has one task for each of its operations.

    Under plain Locust the tasks are weighted by the operations' shares, keys follow the design's popularity, and each
    user makes ``--user-rate`` requests a second, by default 1, so that ``--users`` is about the rate. In an open-loop
    run (`lab swarm`, or Locust's own command with ``--rate`` or ``--trace``) the schedule says which task runs when and
    for which key.
    """

    abstract = True
    design: ClassVar[Design]
    # The metrics of the Server-Timing header that are kept, as spans.
    server_timing: ClassVar[tuple[str, ...]] = (
        *("app", "cpu", "cache", "wait", "pool", "db", "stream"),
        *("first", "own", "last", "send", "finish", "at", "clock", "gap", "idle", "wakes", "turns"),
    )

    network_timeout = REQUEST_TIMEOUT_S
    connection_timeout = REQUEST_TIMEOUT_S

    _numbers = itertools.count()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "design" in vars(cls):
            cls.tasks = _weighted_tasks(cls)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if locust_options.is_open(environment.parsed_options):
            self.tasks = [_idle]  # of the users that Locust spawns; the schedule has its own
        self.exchange: Exchange | None = None
        self.bulk_statistics: Statistics | None = None  # an open-loop run's
        self.client: LightSession = LightSession(
            str(self.host),
            _ObservedEvent(environment.events.request, self),
            self,
            network_timeout=self.network_timeout,
            connection_timeout=self.connection_timeout,
        )
        self._seed = _seed_of(environment)
        worker = getattr(environment.runner, "worker_index", 0)
        self._name = f"{worker}.{next(self._numbers)}"
        self._code = self.design.test_data.code
        self._keys = _drawn_keys(self.design, self._seed, self._name)
        self._data = itertools.count()

    def wait_time(self) -> float:
        """Seconds until a closed-loop user's next task; answers allowing, it begins ``--user-rate`` a second."""
        rate_rps = getattr(self.environment.parsed_options, "user_rate", 1.0)
        return float(constant_pacing(1 / rate_rps)(self))

    def next_code(self) -> str:
        """The code of the key to ask for: the scheduled one in an open-loop run, otherwise the next draw."""
        rank = self.exchange.key if self.exchange else next(self._keys)
        return self._code(rank)

    def next_unique(self) -> str:
        """A text that no other request of this seed has: the same seed makes the same data again."""
        number = str(self.exchange.row) if self.exchange else f"{self._name}.{next(self._data)}"
        return f"{self._seed}-{number}"


def _idle(user: DesignUser) -> None:
    """Do nothing until Locust stops the user."""
    user._state = LOCUST_STATE_WAITING
    gevent.event.Event().wait()


def _weighted_tasks(cls: type[DesignUser]) -> list[Any]:
    """The tasks as Locust wants them, each as often as its operation's share asks for."""
    shares = {name: Fraction(o.share).limit_denominator(1000) for name, o in cls.design.workload.operations.items()}
    for name in shares:
        if not callable(getattr(cls, name, None)):
            raise InvalidInput(f"{cls.__name__}.{name}", None, "each operation of the design needs a task of its name")
    common = math.lcm(*(share.denominator for share in shares.values()))
    return [getattr(cls, name) for name, share in shares.items() for _ in range(int(share * common))]


def _drawn_keys(design: Design, seed: int, name: str) -> Iterator[int]:
    popularity = design.workload.popularity
    for block in itertools.count():
        yield from zipf_ranks(
            _KEYS_AT_ONCE, design.test_data.links, popularity.zipf_exponent, seed, f"keys of user {name}, {block}"
        ).tolist()


class _ObservedEvent:
    """Locust's request event, which notes on the way what became of a scheduled arrival.

    Locust's own statistics then show the response time from the intended start too.
    """

    def __init__(self, event: Any, user: DesignUser) -> None:
        self._event, self._user = event, user

    def fire(self, **meta: Any) -> None:
        exchange = self._user.exchange
        if exchange is not None:
            is_first = exchange.outcome == recorder.PENDING
            _note(exchange, meta["response"], meta["exception"])
            if is_first and exchange.completed_s == exchange.completed_s:
                meta["response_time"] = (exchange.completed_s - exchange.intended_s) * 1000
        self._event.fire(**meta)

    def completed(self, method: str, name: str, response: LightResponse, length: int) -> bool:
        """Note a request that went as its task expects; False if others listen, and have to be told with `fire`."""
        exchange, statistics = self._user.exchange, self._user.bulk_statistics
        if exchange is None or statistics is None or not statistics.listens_alone:
            return False
        since_s = exchange.intended_s if exchange.outcome == recorder.PENDING else response.sent_s
        _note(exchange, response, None)
        statistics.add(method, name, (response.received_s - since_s) * 1000, length)
        return True


def _note(exchange: Exchange, response: Any, exception: BaseException | None) -> None:
    if exchange.sent_s != exchange.sent_s:
        exchange.sent_s = getattr(response, "sent_s", float("nan"))
    exchange.status = status = response.status_code or 0
    if status:
        if isinstance(response, LightResponse):
            exchange.completed_s, exchange.server_timing = response.received_s, response.server_timing
        else:
            exchange.completed_s = getattr(response, "received_s", None) or time.monotonic()
            exchange.server_timing = response.headers.get("server-timing") or ""
    if exception is None:
        if exchange.outcome == recorder.PENDING:
            exchange.outcome = recorder.COMPLETED
    else:
        exchange.fail(*_outcome(status, exception))


def _outcome(status: int, exception: BaseException) -> tuple[int, int]:
    """The outcome and the kind of error of a request that did not go as the task expects."""
    if status:
        return (recorder.REJECTED if status in _REJECTED else recorder.FAILED), recorder.STATUS
    match exception:
        case ConnectFailed():
            return recorder.FAILED, recorder.CONNECT
        case TimeoutError() | gevent.Timeout():
            return recorder.TIMED_OUT, recorder.TIMEOUT
        case HTTPConnectionClosed() | OSError():
            return recorder.FAILED, recorder.CONNECTION_LOST
        case HTTPParseError():
            return recorder.FAILED, recorder.PROTOCOL
    return recorder.FAILED, recorder.TASK
