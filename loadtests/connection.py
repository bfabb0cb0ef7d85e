"""One keep-alive HTTP/1.1 connection on gevent's loop, and the answer it brings."""

from __future__ import annotations

import functools
import math
import socket
import time
from typing import Any, cast

import gevent
import gevent.socket
import httptools
from gevent.monkey import get_original
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust.contrib.fasthttp import FastResponse

# uvicorn closes a connection after 5 s without a request: not using one that old leaves no race with it.
IDLE_LIMIT_S = 4.0
_BLOCK_BYTES = 65_536
# A head that does not end is no answer; servers and proxies allow a tenth of this.
_HEAD_BYTES_MAX = 131_072

_socket_type = get_original("socket", "socket")


class ConnectFailed(ConnectionError):
    """There is no connection, so nothing was sent."""


@functools.lru_cache(maxsize=64)
def addresses(host: str, port: int) -> list[Any]:
    """Where the service is, asked once a process: gevent's resolver takes 12 ms the first time, for numbers too."""
    found: list[Any] = gevent.socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    return found


def _connected(host: str, port: int, timeout_s: float) -> Any:
    """A connected socket; the host's addresses are tried in turn. Raises OSError."""
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in addresses(host, port):
        candidate = gevent.socket.socket(family, kind, protocol)
        try:
            candidate.settimeout(timeout_s)
            candidate.connect(address)
        except OSError as error:
            candidate.close()
            failure = error
        except BaseException:
            candidate.close()
            raise
        else:
            return candidate
    raise failure


class HeaderMap(dict[str, str]):
    """Header fields by name, whatever its case; of a repeated field the last."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def getlist(self, name: str) -> list[str]:
        value = super().get(name.lower())
        return [] if value is None else [value]


class _Body:
    """What Locust's response type asks its raw response for."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status, self._body = status, body

    def get_code(self) -> int:
        return self._status

    def read(self, _count: int | None = None) -> bytes:
        return self._body

    def release(self) -> None:
        pass


class LightResponse(FastResponse):
    """A whole answer. ``sent_s`` and ``received_s`` are CLOCK_MONOTONIC: first byte sent, last byte received."""

    def __init__(self, status: int, headers: HeaderMap, body: bytes, sent_s: float, received_s: float) -> None:
        self._response = cast(Any, _Body(status, body))
        self.headers = cast(Any, headers)
        self.error: BaseException | None = None
        self.sent_s = sent_s
        self.received_s = received_s
        self._elapsed = received_s - sent_s
        self._history = []


class Connection:
    """One keep-alive connection, used by one greenlet at a time.

    Its watcher stays active between requests: readable while idle means that the service has closed it.
    """

    def __init__(self, host: str, port: int, connection_timeout_s: float) -> None:
        self._hub = gevent.get_hub()
        try:
            connected = _connected(host, port, connection_timeout_s)
        except OSError as error:
            raise ConnectFailed(f"{host}:{port}: {error}") from error
        self._socket = _socket_type(fileno=connected.detach())
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = httptools.HttpResponseParser(self)
        self._greenlet: gevent.Greenlet | None = None
        self._error: BaseException | None = None
        self._last_used_s = time.monotonic()
        self.is_open = True
        self._is_idle = True
        self._readable = self._hub.loop.io(self._socket.fileno(), 1)
        self._readable.start(self._on_readable)
        # One timer for all exchanges, set anew only when it expires: making one costs as much as parsing an answer.
        self._deadline_s = math.inf
        self._timer = self._hub.loop.timer(0)
        self._timer_s = math.inf
        self.sent_s = self.received_s = float("nan")
        self._start_answer()

    @property
    def is_usable(self) -> bool:
        return self.is_open and time.monotonic() - self._last_used_s < IDLE_LIMIT_S

    def exchange(self, request: bytes, timeout_s: float) -> LightResponse:
        """Send a request and wait for its answer.

        Raises TimeoutError, HTTPConnectionClosed, HTTPParseError or OSError; the connection is then closed.
        """
        self._start_answer()
        self._is_idle = False
        self.sent_s = time.monotonic()
        self._set_deadline(self.sent_s + timeout_s)
        try:
            self._send(request)
            self._greenlet = gevent.getcurrent()
            while not self._is_whole and self._error is None:
                self._hub.switch()
            if self._error is not None:
                raise self._error
        except BaseException:
            self.close()
            raise
        finally:
            self._greenlet = None
            self._is_idle = True
            self._deadline_s = math.inf
        self._last_used_s = self.received_s
        if not self._keep_alive:
            self.close()
        return LightResponse(self._status, self._headers, b"".join(self._body), self.sent_s, self.received_s)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._readable.stop()
            self._readable.close()
            self._timer.stop()
            self._timer.close()
            self._socket.close()

    def _set_deadline(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        if deadline_s < self._timer_s:
            self._set_timer(deadline_s)

    def _set_timer(self, at_s: float) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer_s = at_s
        self._timer = self._hub.loop.timer(max(0.0, at_s - time.monotonic()))
        self._timer.start(self._on_timer)

    def _send(self, request: bytes) -> None:
        sent = self._try_send(request)
        if sent == len(request):
            return
        writable = self._hub.loop.io(self._socket.fileno(), 2)
        try:
            while sent < len(request) and not self._is_whole and self._error is None:
                self._hub.wait(writable)
                sent += self._try_send(request[sent:])
        finally:
            writable.close()
        if sent < len(request):
            self._keep_alive = False  # answered before all of it was read

    def _try_send(self, data: bytes) -> int:
        try:
            return int(self._socket.send(data))
        except BlockingIOError:
            return 0

    def _start_answer(self) -> None:
        self._headers = HeaderMap()
        self._body: list[bytes] = []
        self._status = self._head_bytes = 0
        self._headers_whole = self._is_whole = False
        self._keep_alive = True

    # In the hub: must not block, and must not raise.

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_BLOCK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            data = b""
            self._error = HTTPConnectionClosed(f"connection lost: {error}")
        if self._is_idle:
            self.close()  # closed by the service while idle, or an answer that nobody asked for
            return
        if not data:
            self._on_end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self._is_whole:  # the error is in what came after it
                self._keep_alive = False
                self._finish(None)
            else:
                self._finish(HTTPParseError(f"not an HTTP answer: {error}"))
            return
        if self._is_whole:
            self._finish(None)
        elif not self._headers_whole:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES_MAX:
                self._finish(HTTPParseError(f"more than {_HEAD_BYTES_MAX:,} bytes of header fields"))

    def _on_end(self) -> None:
        if self._error is not None:
            self._finish(self._error)
            return
        unframed = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        if self._headers_whole and unframed:
            self._is_whole, self._keep_alive = True, False  # RFC 9112 section 6.3: the end of the body
            self._finish(None)
        else:
            self._finish(HTTPConnectionClosed("connection closed before the answer was whole"))

    def _on_timer(self) -> None:
        self._timer_s = math.inf
        if self._deadline_s == math.inf:
            return  # idle
        if time.monotonic() < self._deadline_s:
            self._set_timer(self._deadline_s)  # it was set for an earlier exchange
        else:
            self._finish(TimeoutError("no answer in time"))

    def _finish(self, error: BaseException | None) -> None:
        self.received_s = time.monotonic()
        self._error = error
        if self._greenlet is not None:
            self._greenlet.switch()

    # Called by the parser. What is raised here ends its reading.

    def on_message_begin(self) -> None:
        if self._is_whole:
            raise HTTPParseError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._headers_whole = self._status >= 200

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._status < 200:  # an interim answer, such as 103 Early Hints: the real one follows
            self._start_answer()
            return
        self._keep_alive = self._parser.should_keep_alive()
        self._is_whole = True
