"""The same service at the same load, measured by our generator and by others: wrk, autocannon, h2load.

Each check runs both in turns, several times, and compares the medians. Bounds: requests a second, mean and p50 within
3 %, p90 and p99 within 5 %; beside each stands the noise floor, the greater of the two generators' own relative
standard deviations over their repeats. A difference that is outside its bound but within twice the noise floor says
that this machine cannot tell; one beyond both is a disagreement.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.load import other_generators as others
from benchmarks.load.known_service import ONE_SERVER_S
from benchmarks.load.metadata import metadata
from benchmarks.load.other_generators import Measured
from benchmarks.load.process import server, worker
from loadtests.service import running_service
from sdlab.catalog import load_design
from sdlab.cores import kept_to, usable
from sdlab.errors import InvalidInput, ServerUnavailable

BOUNDS = {"rate_rps": 0.03, "mean_s": 0.03, "p50_s": 0.03, "p90_s": 0.05, "p99_s": 0.05}
CONNECTIONS = 10
KNOWN_RATE_RPS, KNOWN_CONNECTIONS = 400.0, 20
REDIRECT_RATE_RPS, REDIRECT_CONNECTIONS = 200.0, 4
# What h2load can do evenly on one connection.
EVEN_RATE_RPS, H2LOAD_TICK_S = 100.0, 0.01

Advance = Callable[[int | None], None]


@dataclass(frozen=True)
class Check:
    """One comparison: ``service`` is loaded by ``theirs`` and by ``ours``; ``what`` says how."""

    service: str
    tool: str
    what: str
    ours: Callable[[str, int], Measured]
    theirs: Callable[[str, int], Measured]


def _closed(connections: int, rate_rps: float | None = None, bursts_s: float = 1.0) -> Callable[[str, int], Measured]:
    """Users of ours without pauses, corrected as wrk corrects; with a rate in bursts, uncorrected."""

    def measure(url: str, seconds: int) -> Measured:
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            host, _, path = url.rpartition("/")
            options: list[object] = ["--client", "ours", "--host", host, "--path", f"/{path}", "--users", connections]
            options += ["--seconds", seconds, "--times", file.name]
            options += [] if rate_rps is None else ["--rate", rate_rps, "--bursts", bursts_s]
            found = worker("benchmarks.load.closed_users", *options)
            times_s = np.load(file.name)
        if rate_rps is None:
            times_s = others.as_wrk_corrects(times_s, found["wall_s"], connections)
        return Measured.of(found["sent"] / found["wall_s"], times_s)

    return measure


def _open(rate_rps: float) -> Callable[[str, int], Measured]:
    """The open-loop driver at a constant rate: service time, from the send."""

    def measure(url: str, seconds: int) -> Measured:
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            options = ["--host", url.rpartition("/")[0], "--rate", rate_rps, "--seconds", seconds, "--one-key"]
            worker("benchmarks.load.open_window", *options, "--times", file.name)
            _, sent_s, completed_s = np.load(file.name).T
        return Measured.of(others.sent_rate_rps(sent_s), completed_s - sent_s)

    return measure


KNOWN_PEAK, KNOWN_RATE, REDIRECT = "one known server", "known times", "redirect"
CHECKS = {
    "known-peak": Check(
        KNOWN_PEAK,
        "wrk",
        f"{CONNECTIONS} connections without pauses; one server that takes {ONE_SERVER_S * 1e3:g} ms a request",
        _closed(CONNECTIONS),
        lambda url, seconds: others.wrk(url, CONNECTIONS, seconds),
    ),
    "known-rate": Check(
        KNOWN_RATE,
        "autocannon",
        f"{KNOWN_RATE_RPS:g} requests/s (ours open loop, autocannon in bursts); each answered after a time of its own",
        _open(KNOWN_RATE_RPS),
        lambda url, seconds: others.autocannon(url, KNOWN_CONNECTIONS, KNOWN_RATE_RPS, seconds),
    ),
    "redirect-peak": Check(
        REDIRECT,
        "wrk",
        f"{CONNECTIONS} connections without pauses; the URL shortener's redirect",
        _closed(CONNECTIONS),
        lambda url, seconds: others.wrk(url, CONNECTIONS, seconds),
    ),
    "redirect-bursts": Check(
        REDIRECT,
        "autocannon",
        f"{REDIRECT_RATE_RPS:g} requests/s over {REDIRECT_CONNECTIONS} connections, both in autocannon's bursts; "
        "the URL shortener's redirect",
        _closed(REDIRECT_CONNECTIONS, REDIRECT_RATE_RPS),
        lambda url, seconds: others.autocannon(url, REDIRECT_CONNECTIONS, REDIRECT_RATE_RPS, seconds),
    ),
    "redirect-pairs": Check(
        REDIRECT,
        "h2load",
        f"{REDIRECT_RATE_RPS:g} requests/s, both in h2load's pairs, one every 10 ms; the URL shortener's redirect",
        _closed(1, REDIRECT_RATE_RPS, bursts_s=H2LOAD_TICK_S),
        lambda url, seconds: others.h2load(url, REDIRECT_RATE_RPS, seconds),
    ),
    "redirect-rate": Check(
        REDIRECT,
        "h2load",
        f"{EVEN_RATE_RPS:g} requests/s at a constant rate; the URL shortener's redirect",
        _open(EVEN_RATE_RPS),
        lambda url, seconds: others.h2load(url, EVEN_RATE_RPS, seconds),
    ),
}


class Plan:
    """Which checks are made. Raises `InvalidInput` for one there is not, `ServerUnavailable` if a tool is missing."""

    def __init__(self, only: Sequence[str], *, repeats: int, seconds: int) -> None:
        for name in only:
            if name not in CHECKS:
                raise InvalidInput("--only", name, f"must be one of {', '.join(CHECKS)}")
        if missing := others.missing():
            hints = "; ".join(f"{name}: {others.HOW_TO_GET[name]}" for name in missing)
            raise ServerUnavailable(f"the cross-check needs what is not on the PATH and not part of the lab. {hints}")
        self.checks = {name: CHECKS[name] for name in CHECKS if name in only or not only}
        self.repeats, self.seconds = repeats, seconds

    @property
    def measurements(self) -> int:
        """How many runs of a generator it takes."""
        return 2 * self.repeats * len(self.checks)

    def run(self, advance: Advance) -> dict[str, Any]:
        """Run every check; the document holds each single measurement too."""
        cores = usable()
        places = {"service": list(cores[:1]), "generators": list(cores[-1:])} if len(cores) > 1 else None
        services = list(dict.fromkeys(check.service for check in self.checks.values()))
        rows = []
        for service in services:
            with _running(service, places) as url, kept_to(tuple(places["generators"]) if places else ()):
                for name, check in self.checks.items():
                    if check.service == service:
                        rows.append(self._row(name, check, url, advance))
        return {
            "metadata": metadata(
                f"service times (from the send) of both generators, in turns, {self.repeats} runs each of "
                f"{self.seconds} s; medians over the runs; noise: the greater relative standard deviation of the two",
                cores=places and {**places, "database and cache": list(cores[1:])},
                tools=others.versions(),
                repeats=self.repeats,
                seconds=self.seconds,
                bounds=BOUNDS,
            ),
            "checks": rows,
        }

    def _row(self, name: str, check: Check, url: str, advance: Advance) -> dict[str, Any]:
        ours: list[Measured] = []
        theirs: list[Measured] = []
        check.ours(url, 1)  # connections, caches and code are warm for both
        for repeat in range(self.repeats):
            turns = [(ours, check.ours), (theirs, check.theirs)]
            for found, measure in turns if repeat % 2 == 0 else turns[::-1]:
                found.append(measure(url, self.seconds))
                advance(None)
        return {
            "check": name,
            "what": check.what,
            "tool": check.tool,
            "figures": {figure: compared(ours, theirs, figure) for figure in BOUNDS},
            "ours": [asdict(one) for one in ours],
            "theirs": [asdict(one) for one in theirs],
        }


@contextmanager
def _running(service: str, places: Mapping[str, list[int]] | None) -> Iterator[str]:
    """The URL to ask for of a service that runs as long as the block, on its core."""
    with ExitStack() as stack:
        if service == REDIRECT:
            design = load_design("url_shortener")
            links = design.test_data.links
            started = stack.enter_context(
                running_service(design.slug, workers=1, links=links, progress=lambda _text: None)
            )
            yield f"{started.url}/{design.test_data.code(0)}"
        else:
            mode = "one_server" if service == KNOWN_PEAK else "independent"
            core = places["service"][0] if places else None
            yield f"{stack.enter_context(server('benchmarks.load.known_service', mode, core=core))}/k0000001"


def compared(ours: Sequence[Measured], theirs: Sequence[Measured], figure: str) -> dict[str, Any]:
    """One figure of a check: both medians, their ratio, the noise floor, and what that says."""
    mine = [float(getattr(one, figure)) for one in ours]
    other = [float(getattr(one, figure)) for one in theirs]
    ratio = statistics.median(mine) / statistics.median(other)
    noise = max(_deviation(mine), _deviation(other))
    bound = BOUNDS[figure]
    verdict = "agree" if abs(ratio - 1) <= bound else "within noise" if abs(ratio - 1) <= 2 * noise else "differ"
    return {
        "ours": statistics.median(mine),
        "theirs": statistics.median(other),
        "ratio": ratio,
        "noise": noise,
        "bound": bound,
        "verdict": verdict,
    }


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) / statistics.median(values) if len(values) > 1 else 0.0


def show(console: Console, document: Mapping[str, Any]) -> None:
    """One table a check."""
    for row in document["checks"]:
        console.print(f"\n[bold]{row['check']}[/] against {row['tool']}: {row['what']}", soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        for number, heading in enumerate(("", "ours", row["tool"], "ratio", "bound", "noise", "")):
            table.add_column(heading, justify="right" if number else "left")
        for name, figure in row["figures"].items():
            scale, unit = (1.0, "requests/s") if name == "rate_rps" else (1e3, f"{name.removesuffix('_s')} ms")
            table.add_row(
                unit,
                f"{figure['ours'] * scale:.2f}",
                f"{figure['theirs'] * scale:.2f}",
                f"{figure['ratio']:.3f}",
                f"± {figure['bound']:.0%}",
                f"{figure['noise']:.1%}",
                figure["verdict"],
            )
        console.print(table)


def disagreements(document: Mapping[str, Any]) -> list[str]:
    """The figures in which the generators differ by more than the bound and twice the noise floor."""
    return [
        f"{row['check']}: {name} is {figure['ratio']:.3f} of {row['tool']}'s"
        for row in document["checks"]
        for name, figure in row["figures"].items()
        if figure["verdict"] == "differ"
    ]
