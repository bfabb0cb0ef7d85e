"""A service with known behaviour, for testing the load generator: answers each request after a fixed time.

    python stub_service.py [--service-time S] [--stall-at S --stall-for S] [--drop-every N] [--reject-every N]
                           [--silent-every N] [--die-at S] [--idle-limit S] [--chunked] [--port P]
                           [--one-server constant|exponential|two_point]

Prints its port. Times count from the first request. GET /stub says what it has seen. With --one-server the requests
queue for a single server, first come first served, whose service times have that distribution and --service-time as
their mean; they are a pure function of the request's number (`service_times`), so the queue is known exactly.
"""

import argparse
import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import httptools

DISTRIBUTIONS: dict[str, Callable[[random.Random], float]] = {
    "constant": lambda _draws: 1.0,
    "exponential": lambda draws: draws.expovariate(1.0),
    "two_point": lambda draws: 5.0 if draws.random() < 1 / 9 else 0.5,  # mean 1, squared coefficient of variation 2
}
TIMING = "app;dur=1.500, cache;desc=hit;dur=0.250, pool;dur=0.010, db;dur=0.500"


def service_times(distribution: str, mean_s: float) -> Iterator[float]:
    """Seconds of service of the first request, the second, ..."""
    draws = random.Random(1)
    while True:
        yield mean_s * DISTRIBUTIONS[distribution](draws)


class Stub(asyncio.Protocol):
    options: argparse.Namespace
    services: Iterator[float]
    free_at_s: ClassVar[float] = 0.0
    seen: ClassVar[dict[str, Any]] = {"requests": 0, "connections": 0, "methods": {}, "paths": [], "bodies": []}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.url, self.body = b"", b""
        self.expiry: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self.expiry:
            self.expiry.cancel()
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        loop = asyncio.get_running_loop()
        if self.url == b"/stub":
            self.answer(200, json.dumps(self.seen).encode())
            return
        if not self.seen["requests"]:
            self.first_request(loop)
        if not hasattr(self, "counted"):
            self.counted = True
            self.seen["connections"] += 1
        self.seen["requests"] += 1
        self.seen["paths"].append(self.url.decode())
        method = self.parser.get_method().decode()
        self.seen["methods"][method] = self.seen["methods"].get(method, 0) + 1
        if self.body:
            self.seen["bodies"].append(self.body.decode())
        self.body = b""
        number = self.seen["requests"]
        if _each(number, self.options.drop_every):
            self.transport.close()
        elif not _each(number, self.options.silent_every):
            status = 503 if _each(number, self.options.reject_every) else self.status(method)
            loop.call_at(self.departure_s(loop.time()), self.answer, status, b"{}" if status == 200 else b"")

    def departure_s(self, now_s: float) -> float:
        if not self.options.one_server:
            return now_s + float(self.options.service_time)
        Stub.free_at_s = max(now_s, Stub.free_at_s) + next(self.services)
        return Stub.free_at_s

    def status(self, method: str) -> int:
        if method == "POST":
            return 201
        return 200 if self.url.startswith(b"/links") else 302

    def first_request(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.options.stall_for:
            loop.call_later(self.options.stall_at, time.sleep, self.options.stall_for)
        if self.options.die_at:
            loop.call_later(self.options.die_at, os._exit, 1)

    def answer(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} Stub\r\nServer-Timing: {TIMING}\r\nLocation: /followed\r\n"
        if not self.options.chunked or self.url == b"/stub":
            self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        else:
            # In pieces: a client must not take a part for the whole.
            pieces = [head.encode(), b"Transfer-Encoding: chunked\r\n\r", b"\n3\r\nabc", b"\r\n0\r\n", b"\r\n"]
            for step, piece in enumerate(pieces):
                asyncio.get_running_loop().call_later(step * 0.002, self.transport.write, piece)
        if self.options.idle_limit:
            loop = asyncio.get_running_loop()
            self.expiry = loop.call_later(self.options.idle_limit, self.transport.close)


def _each(number: int, every: int) -> bool:
    return bool(every) and number % every == 0


async def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("service-time", "stall-at", "stall-for", "die-at", "idle-limit"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    for name in ("drop-every", "reject-every", "silent-every"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--chunked", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--one-server", choices=DISTRIBUTIONS)
    Stub.options = options = parser.parse_args()
    if options.one_server:
        Stub.services = service_times(options.one_server, options.service_time)
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", options.port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
