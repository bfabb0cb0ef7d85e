"""A light HTTP/1.1 client under Locust's own `FastHttpUser`: a fifth of the stock client's CPU a request.

What it does otherwise than the stock one (geventhttpclient):

- A redirect is the answer, never followed.
- There is no limit of 10 connections that requests queue for unseen; each request in flight has its own.
- A request that was sent is never sent again. The stock client silently repeats a GET whose connection broke, which
  hides failures and loads the service twice. A connection that the service closed while idle is noticed before use.
- Answers are parsed as they arrive, so the time of completion does not depend on which greenlet runs next.
- No cookies. Requests it cannot do (https, HEAD, files, URL parameters) go the stock way.
"""

from __future__ import annotations

import re
import socket
import time
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import gevent
import gevent.socket
import httptools
from gevent.monkey import get_original
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust.contrib.fasthttp import (
    ErrorResponse,
    FastHttpSession,
    FastRequest,
    FastResponse,
    LocustBadStatusCode,
)

# uvicorn closes a connection after 5 s without a request: not using one that old leaves no race with it.
IDLE_LIMIT_S = 4.0
_BLOCK_BYTES = 65_536
_PLAIN_TARGET = re.compile(r"[!-~]+")

_socket_type = get_original("socket", "socket")


class UnexpectedStatus(LocustBadStatusCode):
    """The answer's status is not the one the task expects."""


class ConnectFailed(ConnectionError):
    """There is no connection, so nothing was sent."""


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
            connected = gevent.socket.create_connection((host, port), connection_timeout_s)
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
        timer = self._hub.loop.timer(timeout_s)
        try:
            timer.start(self._on_timeout, update=False)
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
            timer.stop()
            timer.close()
        self._last_used_s = self.received_s
        if not self._keep_alive:
            self.close()
        return LightResponse(self._status, self._headers, b"".join(self._body), self.sent_s, self.received_s)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._readable.stop()
            self._readable.close()
            self._socket.close()

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
        self._status = 0
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
            self._finish(HTTPParseError(f"not an HTTP answer: {error}"))
            return
        if self._is_whole:
            self._finish(None)

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

    def _on_timeout(self) -> None:
        self._finish(TimeoutError("no answer in time"))

    def _finish(self, error: BaseException | None) -> None:
        self.received_s = time.monotonic()
        self._error = error
        if self._greenlet is not None:
            self._greenlet.switch()

    # Called by the parser.

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


class LightSession(FastHttpSession):
    """Locust's `FastHttpSession` (``get``, ``post``, ``catch_response`` and all) over light connections.

    Each request takes one more argument, ``expect``: the status that counts as success (default: any below 400).
    """

    def __init__(self, base_url: str, request_event: Any, user: Any, **options: Any) -> None:
        super().__init__(base_url, request_event, user, **options)
        stock: Any = self.client
        stock.redirect_response_codes = frozenset()
        place = urlsplit(str(self.base_url))
        self._is_plain = place.scheme == "http"
        self._host = place.hostname or ""
        self._port = place.port or 80
        self._origin = f"{place.scheme}://{place.netloc}"
        self._fixed_head = f" HTTP/1.1\r\nHost: {place.netloc}\r\nUser-Agent: system-design-lab\r\n"
        self._timeout_s: float = options.get("network_timeout", 60.0)
        self._connection_timeout_s: float = options.get("connection_timeout", 60.0)
        self._idle: list[Connection] = []

    def get(self, url: str, **options: Any) -> Any:
        return self.request("GET", url, **options)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> Any:
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> Any:
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> Any:
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> Any:
        return self.request("DELETE", url, **options)

    def _send_request_safe_mode(
        self, method: str, url: str, *, expect: int | None = None, payload: Any = None, headers: Any = None, **more: Any
    ) -> Any:
        response: Any
        if more or not self._is_plain or method == "HEAD" or not url.startswith(self._origin):
            response = super()._send_request_safe_mode(method, url, payload=payload, headers=headers, **more)
        else:
            response = self._send_light(method, url, payload, headers or {})
        status = response.status_code
        if status and (status != expect if expect is not None else status >= 400):
            response.error = UnexpectedStatus(url, code=status)
        elif status and expect is not None:
            response.error = None
        return response

    def _send_light(self, method: str, url: str, payload: Any, headers: dict[str, str]) -> Any:
        request = self._request_bytes(method, url[len(self._origin) :] or "/", payload, headers)
        connection: Connection | None = None
        try:
            connection = self._connection()
            response = connection.exchange(request, self._timeout_s)
        except (OSError, HTTPConnectionClosed, HTTPParseError) as error:
            failed: Any = ErrorResponse(
                FastRequest(url, method=method, headers=cast(Any, headers), payload=payload), error
            )
            failed.sent_s = connection.sent_s if connection else float("nan")
            return failed
        if connection.is_open:
            self._idle.append(connection)
        return response

    def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return Connection(self._host, self._port, self._connection_timeout_s)

    def _request_bytes(self, method: str, target: str, payload: Any, headers: dict[str, str]) -> bytes:
        if not _PLAIN_TARGET.fullmatch(target):
            target = quote(target, safe="%/:=&?~#+!$,;'@()*[]")
        body = b""
        if payload:
            body = urlencode(payload).encode() if isinstance(payload, dict) else payload
            body = body.encode() if isinstance(body, str) else body
            if isinstance(payload, dict) and not {"content-type", "Content-Type"} & headers.keys():
                headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        if body or method in ("POST", "PUT", "PATCH"):
            headers = {**headers, "Content-Length": str(len(body))}
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if fields.count("\n") != len(headers):
            raise ValueError("a header field holds a line break")
        return f"{method} {target}{self._fixed_head}{fields}\r\n".encode("latin-1") + body

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()
