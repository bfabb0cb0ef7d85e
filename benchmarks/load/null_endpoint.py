"""An endpoint that costs next to nothing: python -m benchmarks.load.null_endpoint. Prints its port."""

from __future__ import annotations

import asyncio

ANSWER = (
    b"HTTP/1.1 302 Found\r\nlocation: https://example.com/\r\n"
    b"server-timing: app;dur=0.234, cache;desc=hit;dur=0.31, pool;dur=0.01\r\ncontent-length: 0\r\n\r\n"
)


class NullEndpoint(asyncio.Protocol):
    """Answers whatever comes at once, unread: a request of these loads fits one segment."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        self.transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(NullEndpoint, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
