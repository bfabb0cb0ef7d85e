"""A service whose times are known beforehand: python -m benchmarks.load.known_service MODE. Prints its port.

``independent``: every request is answered after a time of its own, drawn from `QUANTILES`, however many are in flight,
so that what a generator should measure does not depend on when it sends. ``one_server``: requests queue for one server
that takes `ONE_SERVER_S` for each, so that its peak throughput is 1 / `ONE_SERVER_S` and nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from typing import ClassVar

ONE_SERVER_S = 0.005
# 60 % of the requests take 20 ms, 25 % 40 ms, 12 % 80 ms, 3 % 160 ms: p50, p90 and p99 each lie inside one value.
TIMES_S = (0.02,) * 60 + (0.04,) * 25 + (0.08,) * 12 + (0.16,) * 3
# Coprime to 100: consecutive requests differ, and any 100 in a row hold each of the times as often as it should.
STEP = 37
ANSWER = b"HTTP/1.1 302 Found\r\nlocation: https://example.com/\r\ncontent-length: 0\r\n\r\n"


class KnownService(asyncio.Protocol):
    mode: ClassVar[str]
    count: ClassVar[int] = 0
    free_at_s: ClassVar[float] = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - a request of these loads fits one segment
        loop = asyncio.get_running_loop()
        loop.call_at(self.departure_s(loop.time()), self.transport.write, ANSWER)

    def departure_s(self, now_s: float) -> float:
        if self.mode == "one_server":
            KnownService.free_at_s = max(now_s, KnownService.free_at_s) + ONE_SERVER_S
            return KnownService.free_at_s
        KnownService.count += 1
        return now_s + TIMES_S[KnownService.count * STEP % len(TIMES_S)]


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(KnownService, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    KnownService.mode = sys.argv[1]
    asyncio.run(serve())
