"""PostgreSQL and Valkey: started from their wheels in a run's own folder, or the URLs in the environment.

    with servers(folder) as running:
        running.database_url, running.redis_url, running.pids

``DATABASE_URL`` and ``REDIS_URL`` in the environment name servers of one's own: each that is set is used as it is and
nothing is started in its place. Started servers listen on free ports of 127.0.0.1 and ask for a random password; both
are durable (see the settings below), so what a service measures includes the disk.

PostgreSQL refuses to run as root. Under root both servers run as the account ``postgres`` or ``nobody``; a folder that
account cannot reach (root's home) holds the logs only, and the data live in a temporary folder that goes with the
servers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sdlab import processes
from sdlab.errors import InvalidInput, ServerUnavailable
from sdlab.processes import Child
from sdlab.server_place import Place, find_place

START_TIMEOUT_S = 30.0
STOP_GRACE_S = 1.5
_PORT_ATTEMPTS = 3

POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    # Durable: a commit is on disk before it is answered.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Room for a load test between two checkpoints.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # Compiling a query costs more than any of these short ones.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

VALKEY_SETTINGS = {
    "bind": "127.0.0.1",
    "appendonly": "yes",
    # The log goes to the kernel before a command is answered, and so outlives the process. "everysec" keeps it back
    # for up to two seconds while the disk is slow: what was answered meanwhile would die with the process.
    "appendfsync": "no",
    "save": '""',
    # A full cache must not evict a stream that has not been consumed.
    "maxmemory-policy": "noeviction",
    "loglevel": "notice",
}


@dataclass(frozen=True)
class Servers:
    """Where the running servers are. ``pids`` holds only those that were started here (``postgres``, ``valkey``)."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    pids: dict[str, int]


@contextmanager
def servers(folder: Path, *, valkey_settings: dict[str, str] | None = None) -> Iterator[Servers]:
    """Run PostgreSQL and Valkey in ``folder`` (made if missing) until the block ends.

    The data stay in ``folder`` and are used again by the next call with it. ``valkey_settings`` override those above,
    for example ``{"maxmemory": "256mb"}``.

    Raises InvalidInput for a URL in the environment that is not one, or a folder that another run is using;
    ServerUnavailable if a server does not start.
    """
    database_url = _url_from_environment("DATABASE_URL", {"postgresql", "postgres"})
    redis_url = _url_from_environment("REDIS_URL", {"redis", "rediss", "valkey", "unix"})
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    started: list[Child] = []
    with processes.undisturbed_stack() as stack:
        stack.enter_context(processes.sigterm_as_exit())
        if database_url is None or redis_url is None:
            stack.enter_context(_lock(folder))
            place = stack.enter_context(find_place(folder))
            stack.callback(processes.stop, started, grace_s=STOP_GRACE_S)
            if database_url is None:
                database_url = _start_postgres(place, started)
            if redis_url is None:
                redis_url = _start_valkey(place, VALKEY_SETTINGS | (valkey_settings or {}), started)
        yield Servers(database_url, redis_url, {child.name: child.pid for child in started})


def _url_from_environment(name: str, schemes: set[str]) -> str | None:
    value = os.environ.get(name)
    if not value:
        return None
    scheme = urlsplit(value).scheme
    if scheme not in schemes:
        # The value may hold a password, so the message shows its scheme only.
        raise InvalidInput(f"{name} (its scheme)", scheme, "must be one of " + ", ".join(sorted(schemes)))
    return value


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Two servers on the same files would corrupt them; the kernel drops the lock when its holder dies."""
    with (folder / "servers.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidInput("folder", str(folder), "is in use by another run; give another one") from None
        yield


def _start_postgres(place: Place, started: list[Child]) -> str:
    data = place.folder("postgres")
    password = place.password("postgres.password")
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    if not (data / "PG_VERSION").exists():
        _initialise_postgres(place, data, environment)

    def start(port: int) -> Child:
        (data / "postmaster.pid").unlink(missing_ok=True)  # ours alone: the folder is locked
        options = [text for name, value in POSTGRES_SETTINGS.items() for text in ("-c", f"{name}={value}")]
        return processes.start(
            "postgres",
            [str(place.postgres_programs / "postgres"), "-D", str(data), "-p", str(port), *options],
            log_path=place.logs / "postgres.log",
            folder=data,
            environment=environment,
            account=place.account,
            # Fast: end the sessions and write a checkpoint. Immediate: stop at once, recover at the next start.
            stop_signals=(signal.SIGINT, signal.SIGQUIT),
        )

    def is_ready(_port: int) -> bool:
        try:
            status = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(status) >= 8 and status[7].strip() == "ready"

    port = _start_on_free_port(start, is_ready, started)
    return f"postgresql://lab:{password}@127.0.0.1:{port}/postgres"


def _initialise_postgres(place: Place, data: Path, environment: dict[str, str]) -> None:
    program = [str(place.postgres_programs / "initdb"), "-D", str(data), "--username=lab"]
    program += ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-instructions"]
    program += [f"--pwfile={place.home / 'postgres.password'}"]
    child = processes.start(
        "initdb",
        program,
        log_path=place.home / "initdb.log",
        folder=data,
        environment=environment,
        account=place.account,
    )
    if processes.run_to_end(child) != 0:
        shutil.rmtree(data)
        raise ServerUnavailable(f"PostgreSQL could not make its data folder: {child.last_lines(3)}")


def _start_valkey(place: Place, settings: dict[str, str], started: list[Child]) -> str:
    data = place.folder("valkey")
    password = place.password("valkey.password")
    configuration = data / "valkey.conf"

    def start(port: int) -> Child:
        # A file and not options, so that the password does not show in the list of processes.
        configuration.touch(mode=0o600)
        own = {"port": str(port), "dir": f'"{data}"', "requirepass": password, "daemonize": "no"}
        configuration.write_text("".join(f"{name} {value}\n" for name, value in (settings | own).items()))
        place.give(configuration)
        return processes.start(
            "valkey",
            [str(place.valkey_program), str(configuration)],
            log_path=place.logs / "valkey.log",
            folder=data,
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            account=place.account,
        )

    port = _start_on_free_port(start, lambda port: _valkey_answers(port, password), started)
    return f"redis://:{password}@127.0.0.1:{port}/0"


def _valkey_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                part = connection.recv(1024)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _start_on_free_port(start: Callable[[int], Child], is_ready: Callable[[int], bool], started: list[Child]) -> int:
    """Start a server and wait until it is ready. Another program may take the port that was free a moment ago."""
    for _attempt in range(_PORT_ATTEMPTS):
        port = _free_port()
        child = start(port)
        started.append(child)
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while child.is_running and time.monotonic() < deadline_s:
            if is_ready(port):
                return port
            time.sleep(0.01)
        if child.is_running:
            raise ServerUnavailable(
                f"{child.name} was not ready after {START_TIMEOUT_S:g} s; its log ends: {child.last_lines()}"
            )
        started.remove(child)
        if "in use" not in child.last_lines(20):
            break
    raise ServerUnavailable(f"{child.name} ended while starting; its log ends: {child.last_lines()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
