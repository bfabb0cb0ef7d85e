"""Closed-loop users under Locust's own runner, in a process of its own (Locust patches sockets):

    python -m benchmarks.load.closed_users --client ours --host URL --path /k0000001 --users 10 --seconds 4

Prints a JSON document: what was sent and failed in those seconds, its CPU and wall time, and with --times FILE writes
each request's service time, in seconds, as numpy's .npy.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import gevent
import numpy as np
from locust import FastHttpUser, HttpUser, constant, constant_throughput, task
from locust.env import Environment

from benchmarks.load.process import on_core
from loadtests.http_client import LightSession

WARM_UP_S = 1.0
CLIENTS = ("HttpUser", "FastHttpUser", "ours")


class Bursts:
    """``quota`` requests one after the other, then none until the next ``period_s`` begins.

    With a second it is autocannon's way of pacing, with 10 ms h2load's.
    """

    def __init__(self, quota: int, period_s: float) -> None:
        self._quota, self._period_s, self._sent = quota, period_s, 0
        self._began_s = time.monotonic()

    def __call__(self, _user: Any) -> float:
        self._sent += 1
        now_s = time.monotonic()
        if now_s - self._began_s >= self._period_s:
            self._began_s += (now_s - self._began_s) // self._period_s * self._period_s
            self._sent = 0
        if self._sent < self._quota:
            return 0.0
        self._sent = 0
        self._began_s += self._period_s
        return max(0.0, self._began_s - now_s)


def user_class(options: argparse.Namespace, environment: Environment) -> Any:
    base: Any = HttpUser if options.client == "HttpUser" else FastHttpUser
    path: str = options.path

    class User(base):  # type: ignore[misc]
        host = options.host
        client: Any

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            pacing: Any = constant(0)
            if options.rate and options.bursts:
                pacing = Bursts(round(options.rate / options.users * options.bursts), options.bursts)
            elif options.rate:
                pacing = constant_throughput(options.rate / options.users)
            self.wait_time = lambda: pacing(self)

        def on_start(self) -> None:
            if options.client == "FastHttpUser":
                self.client.client.redirect_response_codes = frozenset()
            elif options.client == "ours":
                self.client = LightSession(options.host, environment.events.request, self)

        @task
        def redirect(self) -> None:
            if options.client == "HttpUser":
                self.client.get(path, name="redirect", allow_redirects=False)
            else:
                self.client.get(path, name="redirect")

    return User


def main() -> None:
    options = _parser().parse_args()
    on_core(options.core)
    environment = Environment(host=options.host)
    environment.user_classes = [user_class(options, environment)]
    times_s: list[float] = []
    if options.times:
        events: Any = environment.events
        events.request.add_listener(lambda response, **_: times_s.append(response.received_s - response.sent_s))
    runner = environment.create_local_runner()
    runner.start(options.users, spawn_rate=options.users)
    gevent.sleep(WARM_UP_S)
    total = environment.stats.total
    sent, failed, recorded = total.num_requests, total.num_failures, len(times_s)
    cpu_s, began_s = time.process_time(), time.monotonic()
    gevent.sleep(options.seconds)
    document = {
        "sent": total.num_requests - sent,
        "failed": total.num_failures - failed,
        "cpu_s": time.process_time() - cpu_s,
        "wall_s": time.monotonic() - began_s,
    }
    if options.times:
        np.save(options.times, np.array(times_s[recorded:]))
    runner.quit()
    print(json.dumps(document))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.closed_users", description=__doc__)
    parser.add_argument("--client", choices=CLIENTS, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--path", default="/k0000001")
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, help="Requests/s of all users; default: as fast as they can")
    parser.add_argument("--bursts", type=float, help="Those of so many seconds one after the other, then a pause")
    parser.add_argument("--core", type=int, help="Run on this core only")
    parser.add_argument("--times", help="File for the service times")
    return parser


if __name__ == "__main__":
    main()
