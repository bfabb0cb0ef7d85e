"""The outermost layer of a service: request id, timing, limits, one log line and one count a request.

Plain ASGI: a request passes through it hundreds of times a second.
"""

from __future__ import annotations

import re
from time import thread_time
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_impls.kit import timing
from reference_impls.kit.metrics import Metrics
from reference_impls.kit.problems import Problem
from reference_impls.kit.timing import RequestRecord

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log: Any = structlog.get_logger("request")


class RequestMiddleware:
    """Wraps an app; see the module. Too many requests at once get 503, bodies above the limit 413."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, max_in_flight: int, max_body_bytes: int) -> None:
        self._app = app
        self._metrics = metrics
        self._max_in_flight = max_in_flight
        self._max_body_bytes = max_body_bytes
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        record = RequestRecord(_request_id(headers))
        timing.current.set(record)
        response = _Response(send, record)
        self._in_flight += 1
        self._metrics.in_flight.inc()
        try:
            await self._answer(scope, headers, receive, response)
        except Exception:
            _log.exception("unhandled", method=scope["method"], path=scope["path"][:256])
            if response.status:
                raise  # too late for a problem: the server closes the connection
            answer = Problem(500, "", "an error inside the service; its log has this request's id").response()
            await answer(scope, receive, response.send)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.dec()
            self._finish(scope, record, response)

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, response: _Response) -> None:
        refusal = self._refusal(headers)
        if refusal is not None:
            await refusal.response()(scope, receive, response.send)
        elif b"transfer-encoding" in headers:
            await self._app(scope, self._limited(receive), response.send)
        else:
            await self._app(scope, receive, response.send)

    def _refusal(self, headers: dict[bytes, bytes]) -> Problem | None:
        if self._in_flight > self._max_in_flight:
            detail = f"{self._max_in_flight} requests are already being handled; try again"
            return Problem(503, "overloaded", detail, headers={"Retry-After": "1"})
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > self._max_body_bytes:
            return Problem(413, "body-too-large", f"the body is {length.decode()} bytes; {self._limit()}")
        return None

    def _limit(self) -> str:
        return f"at most {self._max_body_bytes} are accepted"

    def _limited(self, receive: Receive) -> Receive:
        """Count a body that comes without its length; no more than the limit and one chunk is ever held."""
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise HTTPException(413, f"the body is too large; {self._limit()} bytes")
            return message

        return receive_counted

    def _finish(self, scope: Scope, record: RequestRecord, response: _Response) -> None:
        status = response.status or 499  # the client went away before an answer
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.count(scope["method"], route, status, response.app_s, record)
        _log.info(
            "request",
            method=scope["method"],
            path=scope["path"][:256],
            status=status,
            app_ms=round(response.app_s * 1e3, 3),
        )
        if response.sent_cpu_s:
            timing.latest.send_s = response.sent_cpu_s - response.started_cpu_s
            timing.latest.finish_s = thread_time() - response.sent_cpu_s


class _Response:
    """Sends on, adding the two headers when the response starts."""

    __slots__ = ("_record", "_send", "app_s", "sent_cpu_s", "started_cpu_s", "status")

    def __init__(self, send: Send, record: RequestRecord) -> None:
        self._send = send
        self._record = record
        self.status = 0
        self.app_s = self.started_cpu_s = self.sent_cpu_s = 0.0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            record = self._record
            self.status = message["status"]
            self.app_s = record.elapsed_s()
            message["headers"] = [
                *message["headers"],
                (b"server-timing", record.server_timing(self.app_s).encode("ascii")),
                (b"x-request-id", record.request_id.encode("ascii")),
            ]
            self.started_cpu_s = thread_time()
        await self._send(message)
        if message["type"] == "http.response.body":
            self.sent_cpu_s = thread_time()


def _request_id(headers: dict[bytes, bytes]) -> str | None:
    """The caller's id if it is one that can stand in a header and a log line; otherwise a new one is made."""
    given = headers.get(b"x-request-id")
    if given is None:
        return None
    text = given.decode("latin-1")
    return text if _REQUEST_ID.fullmatch(text) else None
