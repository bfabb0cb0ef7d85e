"""A light HTTP/1.1 client under Locust's own `FastHttpUser`: a quarter of the stock client's CPU when busy.

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
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust.contrib.fasthttp import (
    FAILURE_EXCEPTIONS,
    ErrorResponse,
    FastHttpSession,
    FastRequest,
    LocustBadStatusCode,
)

from loadtests.connection import Connection, addresses

Completed = Callable[[str, str, Any, int], bool]

_PLAIN_TARGET = re.compile(r"[!-~]+")
# What Locust's session adds to a request that brings none.
_GET_FIELDS = {"Accept-Encoding": "gzip, deflate, br"}


def _fields(headers: dict[str, str]) -> str:
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if fields.count("\n") != len(headers):
        raise ValueError("a header field holds a line break")
    return fields


def _quoted(target: str) -> str:
    return quote(target, safe="%/:=&?~#+!$,;'@()*[]")


class UnexpectedStatus(LocustBadStatusCode):
    """The answer's status is not the one the task expects."""


class LightSession(FastHttpSession):
    """Locust's `FastHttpSession` (``get``, ``post``, ``catch_response`` and all) over light connections.

    Each request takes one more argument, ``expect``: the status that counts as success (default: any below 400).

    ``request_event`` is Locust's. One of ours has a ``completed(method, name, response, length)`` too, which takes the
    plain case without the dictionary that Locust's listeners get; it returns False if the event has to be fired.
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
        self._prefix = str(self.base_url)[len(self._origin) :]
        if self._is_plain:
            with suppress(OSError):  # a host that is not known fails its requests, not its users
                addresses(self._host, self._port)
        self._fixed_head = f" HTTP/1.1\r\nHost: {place.netloc}\r\nUser-Agent: system-design-lab\r\n"
        self._get_tail = f"{self._fixed_head}{_fields(_GET_FIELDS)}\r\n"
        self._timeout_s: float = options.get("network_timeout", 60.0)
        self._connection_timeout_s: float = options.get("connection_timeout", 60.0)
        self._completed: Completed | None = getattr(request_event, "completed", None)
        self._idle: list[Connection] = []
        # Most requests have the fields of the one before.
        self._last_headers: dict[str, str] = {}
        self._last_fields = ""

    def get(self, url: str, *, name: str | None = None, expect: int | None = None, **more: Any) -> Any:
        if more or self.request_name or self.auth_header or not self._is_plain or not url.startswith("/"):
            return self.request("GET", url, name=name, expect=expect, **more)
        began_s = time.monotonic()
        target = self._prefix + url
        if not _PLAIN_TARGET.fullmatch(target):
            target = _quoted(target)
        response = self._exchange(f"GET {target}{self._get_tail}".encode("latin-1"), "GET", url, _GET_FIELDS, None)
        status = response.status_code
        if status and (status != expect if expect is not None else status >= 400):
            response.error = UnexpectedStatus(self._origin + target, code=status)
        self._report(name or url, url, response, began_s)
        return response

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

    def _report(self, name: str, url: str, response: Any, began_s: float) -> None:
        """Tell Locust of a GET: with all that its ``request`` event brings, if anybody but its statistics listens."""
        error, length = response.error, 0
        if response.status_code:
            try:
                length = response.length
            except FAILURE_EXCEPTIONS as failure:
                error = failure
        if error is None and self._completed is not None and self._completed("GET", name, response, length):
            return
        took_s = time.monotonic() - began_s
        self.request_event.fire(
            request_type="GET",
            name=name,
            context=self.user.context() if self.user else {},
            response=response,
            exception=error,
            start_time=time.time() - took_s,
            url=self._build_url(url),
            response_length=length,
            response_time=took_s * 1000,
        )

    def _send_light(self, method: str, url: str, payload: Any, headers: dict[str, str]) -> Any:
        request = self._request_bytes(method, url[len(self._origin) :] or "/", payload, headers)
        response = self._exchange(request, method, url, headers, payload)
        if response.status_code:
            response.fill_in()  # Locust copies its attributes
        return response

    def _exchange(self, request: bytes, method: str, url: str, headers: dict[str, str], payload: Any) -> Any:
        connection: Connection | None = None
        try:
            connection = self._connection()
            response = connection.exchange(request, self._timeout_s)
        except (OSError, HTTPConnectionClosed, HTTPParseError) as error:
            asked = FastRequest(self._build_url(url), method=method, headers=cast(Any, headers), payload=payload)
            failed: Any = ErrorResponse(asked, error)
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
            target = _quoted(target)
        body = b""
        if payload:
            body = urlencode(payload).encode() if isinstance(payload, dict) else payload
            body = body.encode() if isinstance(body, str) else body
            if isinstance(payload, dict) and not {"content-type", "Content-Type"} & headers.keys():
                headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        if body or method in ("POST", "PUT", "PATCH"):
            headers = {**headers, "Content-Length": str(len(body))}
        if headers != self._last_headers:
            self._last_fields, self._last_headers = _fields(headers), headers
        return f"{method} {target}{self._fixed_head}{self._last_fields}\r\n".encode("latin-1") + body

    def connect(self) -> None:
        """Have a connection ready for the next request; if there is none to be had, that request will tell."""
        if self._is_plain and not self._idle:
            with suppress(OSError):
                self._idle.append(Connection(self._host, self._port, self._connection_timeout_s))

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()
