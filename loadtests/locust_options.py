"""The options that Locust's own command gets from the lab, and what they ask for. Needs no Locust."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests import offered
from loadtests.offered import Offered
from sdlab.errors import InvalidInput
from sdlab.spec import Design

MAX_IN_FLIGHT = 2000

# What a worker needs to know to make the same schedule as its master. Locust's web UI keeps an option's type, so that
# none of their defaults is None.
_SCHEDULE = ("rate", "arrival", "duration", "trace", "speed", "seed")


def add(parser: ArgumentParser) -> None:
    """Add the options of an open-loop run; without ``--rate`` and ``--trace`` Locust's users run closed-loop."""
    option: Any = parser.add_argument
    option("--user-rate", type=_above_0, default=1.0, help="Closed loop: requests a second each user tries to make")
    option("--rate", type=float, default=0.0, help="Open loop: so many requests a second, whatever the users do")
    option("--arrival", default="poisson", help=f"Open loop: how requests arrive: {offered.described()}")
    option("--duration", type=float, default=0.0, help="Open loop: seconds; 0: 30, with --trace all of it")
    option("--trace", default="", help="Open loop: replay an access log")
    option("--speed", type=float, default=1.0, help="With --trace: 60 makes a minute of the log a second")
    option("--max-in-flight", type=int, default=MAX_IN_FLIGHT, help="Open loop: requests in flight, per worker")
    hidden: dict[str, Any] = {"include_in_web_ui": False} if type(parser) is not ArgumentParser else {}
    option("--threshold", action="append", help="Open loop: as 'p99 < 50ms @ redirect'; repeatable", **hidden)
    option("--abort-on-threshold", action="store_true", help="Stop when a threshold is certainly missed", **hidden)
    option("--runs", default="", help="Open loop: folder for run folders; default reports/runs", **hidden)


def _above_0(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} must be a finite number above 0")
    return value


def is_open(options: argparse.Namespace | None) -> bool:
    """Whether an open-loop run is asked for."""
    return bool(getattr(options, "rate", 0.0) or getattr(options, "trace", ""))


def of_schedule(options: argparse.Namespace) -> dict[str, Any]:
    """The options that the schedule follows from."""
    return {name: getattr(options, name) for name in _SCHEDULE}


def offered_by(design: Design, options: Mapping[str, Any]) -> Offered:
    """The requests that options ask for: the same on the master and on each worker. Raises `InvalidInput`."""
    rate_rps, duration_s, seed = options["rate"], options["duration"] or None, options["seed"]
    if not options["trace"]:
        return offered.steady(design, options["arrival"], rate_rps, duration_s, seed)
    if rate_rps:
        raise InvalidInput("--rate", rate_rps, "does not go with --trace: the log and --speed say when requests come")
    return offered.replay(design, Path(options["trace"]), options["speed"], duration_s, seed)
