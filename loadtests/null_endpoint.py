"""An endpoint that costs next to nothing: what is measured with it is the client and the kernel, and no application.

A plain loop over the connections: asyncio's own cost let it answer 40,000 requests a second, which is no more than what
a generator on the other core sends.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests.service import Service
from sdlab import processes
from sdlab.catalog import ROOT
from sdlab.errors import LabError
from sdlab.processes import Child

NAME = "null_endpoint"
_START_TIMEOUT_S = 20.0
_STOP_GRACE_S = 0.5


@contextmanager
def running(status: int = 302, core: int | None = None) -> Iterator[Service]:
    """A null endpoint whose answers have ``status``, on one ``core`` if one is named, until the block ends.

    Raises `LabError` if it does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="sdlab-null-") as folder:
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
            address = listening.getsockname()
            child = processes.start(
                "the null endpoint",
                [sys.executable, "-m", "loadtests.null_endpoint", str(listening.fileno()), str(status)],
                log_path=Path(folder) / "null.log",
                folder=ROOT,
                pass_fds=(listening.fileno(),),
                core=core,
            )
        try:
            _wait_until_it_answers(child, address)
            yield Service(f"http://{address[0]}:{address[1]}", {NAME: child.pid})
        finally:
            processes.stop([child], grace_s=_STOP_GRACE_S)


def _wait_until_it_answers(child: Child, address: tuple[str, int]) -> None:
    try:
        with socket.create_connection(address, _START_TIMEOUT_S) as asking:
            asking.sendall(b"?")
            has_answered = bool(asking.recv(1))
    except OSError:
        has_answered = False
    if not has_answered:
        raise LabError(f"{child.name} did not start: {child.last_lines(2)}")


def serve(listening: socket.socket, answer: bytes) -> None:
    """Answer whatever comes at once, unread: a request of these loads fits one segment."""
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    block = bytearray(65_536)
    while True:
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            if connection is listening:
                accepted, _ = listening.accept()
                accepted.setblocking(False)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(accepted, selectors.EVENT_READ)
                continue
            try:
                is_open = bool(connection.recv_into(block))
                if is_open:
                    connection.send(answer)
            except OSError:
                is_open = False
            if not is_open:
                selector.unregister(connection)
                connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.null_endpoint", description=__doc__)
    parser.add_argument("listening", type=int, help="The file descriptor of a listening socket, inherited")
    parser.add_argument("status", type=int, help="Of all answers")
    options = parser.parse_args()
    answer = (
        f"HTTP/1.1 {options.status} Null\r\nlocation: https://example.com/\r\n"
        "server-timing: app;dur=0.234, cache;desc=hit;dur=0.31, pool;dur=0.01\r\ncontent-length: 0\r\n\r\n"
    )
    with socket.socket(fileno=options.listening) as listening:
        serve(listening, answer.encode())


if __name__ == "__main__":
    main()
