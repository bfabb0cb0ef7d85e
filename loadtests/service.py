"""The service under load: one that we start with its database and cache, or one that runs already."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sdlab import cores, processes
from sdlab.catalog import ROOT
from sdlab.errors import InvalidInput, ServerUnavailable
from sdlab.processes import Child

START_TIMEOUT_S = 180.0
STOP_GRACE_S = 3.5
_CONNECT_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Service:
    """A running service. ``pids`` by name (``api-1``, ``postgres``, ...) of what we started; empty for another's.

    ``ready`` is what the service said about itself when it was ready. ``workers`` and ``links`` are None when unknown.
    """

    url: str
    pids: Mapping[str, int] = field(default_factory=dict)
    workers: int | None = None
    links: int | None = None
    ready: Mapping[str, Any] = field(default_factory=dict, repr=False)
    child: Child | None = field(default=None, repr=False)

    @property
    def cores(self) -> dict[str, list[int]] | None:
        """Which cores its API processes and all ``others`` keep to; None if they share all."""
        placed: dict[str, list[int]] | None = self.ready.get("cores")
        return placed

    @property
    def is_awake(self) -> bool:
        """Whether the machine's cores are kept from sleeping while it runs."""
        return bool(self.ready.get("awake"))

    def dead(self) -> list[str]:
        """The names of its processes that have ended."""
        return [name for name, pid in self.pids.items() if not _is_alive(pid)]

    def ask_to_stop(self) -> None:
        """Begin to stop a service of ours, without waiting: what is still to be done can be done beside it."""
        if self.child is not None and self.child.is_running:
            self.child.popen.send_signal(self.child.stop_signals[0])


def attach(url: str) -> Service:
    """A service that runs already.

    Raises `InvalidInput` for what is no http(s) URL or names no known host, `ServerUnavailable` if it refuses.
    """
    try:
        place = urlsplit(url)
        port = place.port or (443 if place.scheme == "https" else 80)
    except ValueError as error:
        raise InvalidInput("--host", url, f"is no URL: {error}") from None
    if place.scheme not in ("http", "https") or not place.hostname:
        raise InvalidInput("--host", url, "must look like http://127.0.0.1:8000")
    if place.path not in ("", "/") or place.query or place.fragment:
        raise InvalidInput("--host", url, "must end after the port: the scenario brings the paths")
    try:
        socket.create_connection((place.hostname, port), _CONNECT_TIMEOUT_S).close()
    except socket.gaierror as error:
        raise InvalidInput("--host", url, f"names no known host ({error.strerror})") from None
    except OSError as error:
        raise ServerUnavailable(f"{url} does not answer ({error.strerror or error}); is the service running?") from None
    return Service(url.rstrip("/"))


@contextmanager
def running_service(
    slug: str,
    *,
    workers: int,
    links: int,
    progress: Callable[[str], None] = lambda _text: None,
    folder: Path | None = None,
) -> Iterator[Service]:
    """Run a design's service with its servers until the block ends. ``folder`` keeps its log; default a temporary one.

    The API processes get CPU cores of their own, where there are enough; we and all else keep to the others. No core
    sleeps meanwhile, where the machine lets us ask for that.
    ``progress`` is told in a few words how the start goes. Raises `ServerUnavailable` if the service does not start.
    """
    with tempfile.TemporaryDirectory(prefix="sdlab-swarm-") as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        ready_file = place / "ready.json"
        ready_file.unlink(missing_ok=True)
        options = ["--port", "0", "--links", str(links), "--workers", str(workers), "--ready-file", str(ready_file)]
        with processes.sigterm_as_exit():
            child = processes.start(
                f"the service {slug}",
                [sys.executable, "-m", "sdlab", "serve", slug, "--apart", *options],
                log_path=place / "serve.log",
                folder=ROOT,
                stop_signals=(signal.SIGINT, signal.SIGTERM),
            )
            try:
                ready = _wait_until_ready(child, ready_file, progress)
                service = Service(ready["url"].rstrip("/"), _named(ready["pids"]), workers, links, ready, child)
                with cores.kept_to(tuple(service.cores["others"]) if service.cores else ()):
                    yield service
            finally:
                processes.stop([child], grace_s=STOP_GRACE_S)


def _wait_until_ready(child: Child, ready_file: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    began_s = time.monotonic()
    while not ready_file.exists():
        waited_s = time.monotonic() - began_s
        if not child.is_running:
            raise ServerUnavailable(f"{child.name} ended while starting; its log ends: {child.last_lines(3)}")
        if waited_s > START_TIMEOUT_S:
            raise ServerUnavailable(f"{child.name} was not ready after {START_TIMEOUT_S:g} s: {child.last_lines(3)}")
        progress(f"starting {child.name} with its database and cache ({waited_s:.0f} s)")
        time.sleep(0.1)
    ready: dict[str, Any] = json.loads(ready_file.read_text())
    return ready


def _named(pids: Mapping[str, int | list[int]]) -> dict[str, int]:
    """``{"api": [7, 8], "valkey": 9}`` as ``{"api-1": 7, "api-2": 8, "valkey": 9}``; what is not ours is null."""
    named: dict[str, int] = {}
    for name, value in pids.items():
        if isinstance(value, list):
            named.update({f"{name}-{number}": pid for number, pid in enumerate(value, 1)})
        elif value:
            named[name] = value
    return named


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError, IndexError):  # a process that ended but was not waited for yet
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True
