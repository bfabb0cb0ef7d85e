"""Load tests as they go well, go wrong and are refused: each is made to happen, and what it printed is shown.

    .venv/bin/python examples/load_test_demonstrations.py [--only NAME ...] [--table]

Against a stub service with known behaviour, so that it takes a minute and no database. ``--table`` ends with the table
of docs/load-testing.md.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "tests" / "functional" / "loadtests" / "stub_service.py"
LOCUSTFILE = "loadtests/url_shortener/locustfile.py"
STALL = ("--service-time", "0.002", "--stall-at", "2", "--stall-for", "2")
FAST = ("--service-time", "0.002")

Act = Callable[[psutil.Process, psutil.Process], None]


@dataclass(frozen=True)
class Demonstration:
    """A command line against a stub service; ``act`` interferes with it, given the command and the stub."""

    title: str
    command: str
    stub: tuple[str, ...] = FAST
    act: Act | None = None


def _starve(command: psutil.Process, _stub: psutil.Process) -> None:
    """Keep the generator from running for half a second, a second into the load."""
    for child in _generators(command):
        child.suspend()
        threading.Timer(0.5, child.resume).start()


def _stop_service(_command: psutil.Process, stub: psutil.Process) -> None:
    stub.suspend()


def _interrupt(command: psutil.Process, _stub: psutil.Process) -> None:
    command.send_signal(signal.SIGINT)


def _generators(command: psutil.Process) -> list[psutil.Process]:
    return [child for child in command.children(recursive=True) if "loadtests.open_loop" in child.cmdline()]


SWARM = "./lab swarm url_shortener --host URL"
OPEN = f"{SWARM} --rate 200 --arrival constant --duration 6"
LOCUST = f"locust -f {LOCUSTFILE} --host URL"
DEMONSTRATIONS = {
    "closed": Demonstration(
        "closed loop, a service that stalls for 2 s",
        f"{LOCUST} --headless --users 4 --spawn-rate 4 --user-rate 50 --run-time 6s --only-summary",
        STALL,
    ),
    "open": Demonstration("open loop, the same stall", OPEN, STALL),
    "workers": Demonstration(
        "open loop on two workers of Locust, the same stall",
        f"{LOCUST} --headless --rate 200 --arrival constant --duration 6 --processes 2 --only-summary",
        STALL,
    ),
    "web": Demonstration("open loop from Locust's web UI, the same stall", f"{LOCUST} --web-port PORT", STALL),
    "valid": Demonstration("nothing wrong", f"{OPEN} --threshold 'p99 < 50ms @ redirect'"),
    "missed": Demonstration("a threshold missed", f"{OPEN} --threshold 'p50 < 1ms'"),
    "starved": Demonstration("generator kept from running for 0.5 s", OPEN, act=_starve),
    "too-fast": Demonstration(
        "more than the generator can send", f"{SWARM} --rate 100000 --arrival constant --duration 20"
    ),
    "stopped": Demonstration("kill -STOP of the service", OPEN, act=_stop_service),
    "overloaded": Demonstration(
        "a service slower than its load", OPEN, ("--one-server", "constant", "--service-time", "0.01")
    ),
    "one-connection": Demonstration(
        "one connection, answers that take 50 ms", f"{OPEN} --max-in-flight 1", ("--service-time", "0.05")
    ),
    "short": Demonstration("too short", f"{SWARM} --rate 200 --arrival constant --duration 1"),
    "dies": Demonstration("the service dies after 3 s", OPEN, (*FAST, "--die-at", "3")),
    "interrupted": Demonstration("Ctrl-C after 3 s", OPEN, act=_interrupt),
    "rate-0": Demonstration("a rate of 0", f"{SWARM} --rate 0"),
    "rate-huge": Demonstration("a rate of a thousand million", f"{SWARM} --rate 1e9"),
    "threshold": Demonstration("a threshold that does not parse", f"{SWARM} --threshold 'p99 < 50'"),
    "operation": Demonstration("a threshold for no operation", f"{SWARM} --threshold 'p99 < 50ms @ search'"),
    "refused": Demonstration("a host that refuses", "./lab swarm url_shortener --host CLOSED"),
    "unknown": Demonstration(
        "a host that does not exist", "./lab swarm url_shortener --host http://no.such.host.invalid"
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=DEMONSTRATIONS, help="May be repeated; default: all")
    parser.add_argument("--table", action="store_true", help="End with a table in Markdown")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="sdlab-demonstrations-") as folder:
        for name in options.only or DEMONSTRATIONS:
            demonstration = DEMONSTRATIONS[name]
            print(f"\n=== {name}: {demonstration.title}\n$ {demonstration.command}", flush=True)
            code, output = run(demonstration, Path(folder) / name)
            print(output.rstrip())
            print(f"exit code {code}", flush=True)
            rows.append(f"| {demonstration.title} | {code} | {_said(output)} |")
    if options.table:
        print("\n| what | exit code | what it said |\n|---|---|---|\n" + "\n".join(rows))


def run(demonstration: Demonstration, runs: Path) -> tuple[int, str]:
    """Exit code and output of one, whose run folder goes into ``runs``."""
    with stub_service(*demonstration.stub) as (url, stub):
        command = demonstration.command.replace("URL", url).replace("CLOSED", _refusing())
        port = _free_port()
        words = shlex.split(command.replace("PORT", str(port)))
        program = {"./lab": ["sdlab"], "locust": ["locust"]}[words[0]]
        words = [sys.executable, "-m", *program, *words[1:]]
        words += ["--runs", str(runs)] if "--users" not in words else []
        words += [f"--master-bind-port={port}", f"--master-port={port}"] if "--processes" in words else []
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
        if demonstration.act:
            _when_loading(url)
            demonstration.act(psutil.Process(process.pid), psutil.Process(stub.pid))
        shown = _through_web_ui(port, runs) if "--web-port" in words else ""
        if shown:
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        if stub.poll() is None:
            psutil.Process(stub.pid).resume()
    kept = f"records kept: {_records(runs)}\n" if demonstration.command.startswith("./lab") and runs.is_dir() else ""
    return process.returncode, output.replace(url, "URL") + kept + shown


@contextmanager
def stub_service(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A stub service and its URL, ended with the block."""
    process = subprocess.Popen([sys.executable, str(STUB), *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}", process
    finally:
        process.kill()
        process.communicate()


def _when_loading(url: str) -> None:
    """Wait until the load has run for a second or two: 200 requests were seen."""
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        if _get(f"{url}/stub")["requests"] >= 200:
            return
        time.sleep(0.05)


def _through_web_ui(port: int, runs: Path) -> str:
    """Start the load as the web UI's form does, wait for its run folder, and read the figures that the UI shows."""
    page = f"http://127.0.0.1:{port}"
    form = {"user_count": 1, "spawn_rate": 1, "rate": 200, "arrival": "constant", "duration": 6}
    _get(f"{page}/swarm", urllib.parse.urlencode(form).encode())
    deadline_s = time.monotonic() + 60
    while not list(runs.glob("*/*/summary.json")) and not list(runs.glob("*/summary.json")):
        if time.monotonic() > deadline_s:
            return "no run folder appeared\n"
        time.sleep(0.2)
    time.sleep(0.5)
    shown = next(row for row in _get(f"{page}/stats/requests")["stats"] if row["name"] == "Aggregated")
    percentiles = {name: shown[name] for name in sorted(shown) if "percentile" in name}
    return (
        f"the web UI shows, in ms: {shown['num_requests']} requests, {percentiles}, max {shown['max_response_time']}\n"
    )


def _get(url: str, form: bytes | None = None) -> Any:
    deadline_s = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, form, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)


def _records(runs: Path) -> int:
    import pandas as pd  # noqa: PLC0415 - slow to import, and few demonstrations have records

    files = list(runs.rglob("requests.parquet"))
    return sum(len(pd.read_parquet(file)) for file in files)


def _said(output: str) -> str:
    """The lines that tell what became of it."""
    wanted = ("VALID", "INVALID:", "lab:", "locust:", "threshold missed", "the web UI")
    lines = [line.strip() for line in output.splitlines() if line.startswith(wanted)]
    return "; ".join(lines).replace("|", "\\|") or "(Locust's own table)"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refusing() -> str:
    return f"http://127.0.0.1:{_free_port()}"


if __name__ == "__main__":
    main()
