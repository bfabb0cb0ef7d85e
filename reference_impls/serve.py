"""Starts a service with its servers, watches over it, and stops it all in order.

The order: servers, schema, test data, API processes, background workers, ready. Stopping goes the other way round:
the API first, so that a request under way still finds its workers' stream and its database.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from reference_impls.kit.migrations import upgrade
from reference_impls.kit.service import Service
from reference_impls.supervisor import Options, Supervisor
from sdlab import cores, processes, scheduling
from sdlab.catalog import load_part
from sdlab.errors import InvalidInput, ServerUnavailable
from sdlab.servers import Servers, servers


def serve(slug: str, options: Options) -> None:
    """Run the service until Ctrl-C or SIGTERM, and return when everything it started has gone.

    Raises InvalidInput for a bad option or a port in use, ServerUnavailable if something does not start or the API
    dies.
    """
    options.check()
    service: Service = load_part("reference_impls", slug, "service").SERVICE
    placed = cores.apart(options.workers) if options.is_apart else None
    if placed:
        cores.stay_on(placed.others)  # so does all that is started from here, but the API
    with processes.undisturbed_stack() as stack:
        stack.enter_context(processes.sigterm_as_exit())
        awake = options.is_apart and stack.enter_context(cores.kept_awake())
        listener = stack.enter_context(_listen(options.port))
        folder = options.folder.resolve() if options.folder else _temporary_folder(stack)
        folder.mkdir(parents=True, exist_ok=True)
        say = _quiet if options.is_quiet else _say
        say("starting PostgreSQL and Valkey")
        running = stack.enter_context(servers(folder))
        if placed and "valkey" in running.pids:
            scheduling.ask_for_short_slices(running.pids["valkey"])
        _prepare(service, running, options, say)
        supervisor = Supervisor(slug, service, running, options, folder, listener, placed, awake)
        stack.callback(supervisor.stop)
        try:
            supervisor.start()
            say(supervisor.announcement())
            supervisor.watch()
        except (KeyboardInterrupt, SystemExit):
            if not supervisor.is_ready:
                raise
            say("stopping")


def _say(text: str) -> None:
    print(text, flush=True)


def _quiet(_text: str) -> None:
    pass


def _temporary_folder(stack: ExitStack) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sdlab-serve-")))
    folder.chmod(0o711)  # under root, the servers' account passes through it
    return folder


def _listen(port: int) -> socket.socket:
    """Take the port before anything starts. Connections are refused until the API listens."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        with socket.socket() as probe:
            # Binding succeeds beside a socket that has the same option; connecting tells.
            if port and probe.connect_ex(("127.0.0.1", port)) == 0:
                raise OSError
    except OSError:
        listener.close()
        raise InvalidInput("--port", port, "is in use by another program; choose another, or 0") from None
    return listener


def _prepare(service: Service, running: Servers, options: Options, say: Callable[[str], None]) -> None:
    say("bringing the database to the newest schema")
    try:
        asyncio.run(upgrade(running.database_url, service.migrations))
        if options.test_data.links:
            say(f"loading {options.test_data.links:,} links of test data where they are missing")
            asyncio.run(service.load_test_data(running.database_url, options.test_data))
    except OSError as error:
        raise ServerUnavailable(f"the database does not answer: {error.strerror}") from error
    except (asyncpg.PostgresError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise ServerUnavailable(f"the database cannot be prepared: {reason}") from error
