"""Open-loop runs under Locust's own command: in one process, or on a master's workers.

    locust -f loadtests/url_shortener/locustfile.py --headless --host URL --rate 300 --duration 30 --processes 2

The master (`loadtests.coordinator`) says who sends which part of the schedule and when second 0 is; each worker
(`loadtests.worker`) makes the schedule itself, sends its part with the driver of `lab swarm`, and streams its records
back. The master merges them and writes the run folder. A process without workers is both.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests import locust_options, thresholds
from loadtests.coordinator import Coordinator
from loadtests.user import DesignUser
from loadtests.worker import Worker
from sdlab.errors import LabError


def prepare(environment: Environment) -> None:
    """Take part in open-loop runs, as Locust's ``init`` event does it. Exits with 2 if the options are no good."""
    user_class = next((found for found in environment.user_classes if issubclass(found, DesignUser)), None)
    if user_class is None:
        return
    _interrupt_the_main_greenlet()
    runner: Any = environment.runner
    if not isinstance(runner, MasterRunner):
        Worker(environment, user_class)
    if isinstance(runner, WorkerRunner):
        return
    options: Any = environment.parsed_options
    if locust_options.is_open(options):
        try:
            locust_options.offered_by(user_class.design, locust_options.of_schedule(options))
            thresholds.parse(options.threshold or [], user_class.design.operations)
        except LabError as error:
            print(f"locust: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
    Coordinator(environment, user_class)


def _interrupt_the_main_greenlet() -> None:
    """Have Ctrl-C end Locust in its main greenlet, as it expects.

    Python raises KeyboardInterrupt in whatever runs when the signal comes. If that was the greenlet that listens to the
    other side, it died, and with it the last records of a run (seen on a busy machine).
    """

    def interrupt() -> None:
        gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())

    gevent.signal_handler(signal.SIGINT, interrupt)
