"""One keep-alive HTTP/1.1 connection on gevent's loop, and the answer it brings."""

from __future__ import annotations

import errno
import functools
import math
import os
import socket
import time
from typing import Any

import gevent
import gevent.socket
import httptools
from gevent.monkey import get_original
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from loadtests import answer
from loadtests.answer import HeaderMap, LightResponse

# Less than the 75 s after which our services close an idle connection, so that there is no race with them. Others may
# close theirs earlier, which is noticed while it is idle.
IDLE_LIMIT_S = 60.0
# What arrives is read into here first: only the hub reads, and a new block for each answer costs more than a copy.
_BLOCK = memoryview(bytearray(65_536))
# A head that does not end is no answer; servers and proxies allow a tenth of this.
_HEAD_BYTES_MAX = 131_072

_CONNECTING = (errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK)

_socket_type = get_original("socket", "socket")


class ConnectFailed(ConnectionError):
    """There is no connection, so nothing was sent."""


@functools.lru_cache(maxsize=64)
def addresses(host: str, port: int) -> list[Any]:
    """Where the service is, asked once a process: gevent's resolver takes 12 ms the first time, for numbers too."""
    found: list[Any] = gevent.socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    return found


def _connected(host: str, port: int, timeout_s: float) -> Any:
    """A connected socket that does not block; the host's addresses are tried in turn. Raises OSError."""
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in addresses(host, port):
        candidate = _socket_type(family, kind, protocol)
        candidate.setblocking(False)
        try:
            _connect(candidate, address, timeout_s)
        except OSError as error:
            candidate.close()
            failure = error
        except BaseException:
            candidate.close()
            raise
        else:
            return candidate
    raise failure


def _connect(candidate: Any, address: Any, timeout_s: float) -> None:
    """As gevent's own socket does, but for the turn of the loop that a connection within the machine does not need."""
    error = candidate.connect_ex(address)
    if error in _CONNECTING:
        error = candidate.connect_ex(address)
    if error in _CONNECTING:
        hub = gevent.get_hub()
        writable = hub.loop.io(candidate.fileno(), 2)
        try:
            with gevent.Timeout(timeout_s, TimeoutError("no connection in time")):
                hub.wait(writable)
        finally:
            writable.close()
        error = candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error not in (0, errno.EISCONN):
        raise OSError(error, os.strerror(error))


class Connection:
    """One keep-alive connection, used by one greenlet at a time.

    Its watcher stays active between requests: readable while idle means that the service has closed it.
    """

    def __init__(self, host: str, port: int, connection_timeout_s: float) -> None:
        self._hub = gevent.get_hub()
        try:
            self._socket = _connected(host, port, connection_timeout_s)
        except OSError as error:
            raise ConnectFailed(f"{host}:{port}: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser: Any = None  # made for the first answer that needs it
        self._greenlet: Any = None
        self._error: BaseException | None = None
        self._answer: LightResponse | None = None
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

    @property
    def is_usable(self) -> bool:
        return self.is_open and time.monotonic() - self._last_used_s < IDLE_LIMIT_S

    def exchange(self, request: bytes, timeout_s: float) -> LightResponse:
        """Send a request and wait for its answer.

        Raises TimeoutError, HTTPConnectionClosed, HTTPParseError or OSError; the connection is then closed.
        """
        self._expect()
        sent_s = self.sent_s = time.monotonic()
        deadline_s = self._deadline_s = sent_s + timeout_s
        if deadline_s < self._timer_s:
            self._set_timer(deadline_s)
        try:
            sent = self._try_send(request)
            if sent != len(request):
                self._send_rest(request, sent)
            self._greenlet = gevent.getcurrent()
            while not self._has_ended():
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
        found = self._answer
        assert found is not None
        found.sent_s = sent_s
        found.received_s = self._last_used_s = self.received_s
        if not self._keep_alive:
            self.close()
        return found

    def _expect(self) -> None:
        self._answer = None
        self._is_begun = self._is_idle = False
        self._keep_alive = True

    def _has_ended(self) -> bool:
        return self._answer is not None or self._error is not None

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._readable.stop()
            self._readable.close()
            self._timer.stop()
            self._timer.close()
            self._socket.close()

    def _set_timer(self, at_s: float) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer_s = at_s
        self._timer = self._hub.loop.timer(max(0.0, at_s - time.monotonic()))
        self._timer.start(self._on_timer)

    def _send_rest(self, request: bytes, sent: int) -> None:
        writable = self._hub.loop.io(self._socket.fileno(), 2)
        try:
            while sent < len(request) and self._answer is None and self._error is None:
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

    # In the hub: must not block, and must not raise.

    def _on_readable(self) -> None:
        try:
            count = self._socket.recv_into(_BLOCK)
        except BlockingIOError:
            return
        except OSError as error:
            count = 0
            self._error = HTTPConnectionClosed(f"connection lost: {error}")
        if self._is_idle:
            self.close()  # closed by the service while idle, or an answer that nobody asked for
            return
        if self._answer is not None:  # while the request is still being sent: what comes after it is no part of it
            self._keep_alive = False
            return
        self.received_s = time.monotonic()
        if not count:
            self._on_end()
            return
        data = bytes(_BLOCK[:count])
        if not self._is_begun:
            found = answer.whole(data)
            if found is not None:
                self._finish(found)
                return
            self._begin()
        self._parse(data)

    def _begin(self) -> None:
        """Have the parser read the answer."""
        self._is_begun = True
        self._parser = self._parser or httptools.HttpResponseParser(self)
        self._start_answer()

    def _start_answer(self) -> None:
        self._headers = HeaderMap()
        self._body: list[bytes] = []
        self._status = self._head_bytes = 0
        self._headers_whole = self._is_whole = False

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self._is_whole:  # the error is in what came after it
                self._keep_alive = False
            else:
                self._fail(HTTPParseError(f"not an HTTP answer: {error}"))
                return
        if self._is_whole:
            self._finish(answer.parsed(self._status, self._headers, b"".join(self._body)))
        elif not self._headers_whole:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES_MAX:
                self._fail(HTTPParseError(f"more than {_HEAD_BYTES_MAX:,} bytes of header fields"))

    def _on_end(self) -> None:
        if self._error is not None:
            self._fail(self._error)
            return
        if not self._is_begun:
            self._begin()
        unframed = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        if self._headers_whole and unframed:
            self._keep_alive = False  # RFC 9112 section 6.3: the end of the body
            self._finish(answer.parsed(self._status, self._headers, b"".join(self._body)))
        else:
            self._fail(HTTPConnectionClosed("connection closed before the answer was whole"))

    def _on_timer(self) -> None:
        self._timer_s = math.inf
        if self._deadline_s == math.inf:
            return  # idle
        if time.monotonic() < self._deadline_s:
            self._set_timer(self._deadline_s)  # it was set for an earlier exchange
        else:
            self.received_s = time.monotonic()
            self._fail(TimeoutError("no answer in time"))

    def _finish(self, found: LightResponse) -> None:
        self._answer = found
        if self._greenlet is not None:
            self._greenlet.switch()

    def _fail(self, error: BaseException) -> None:
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
