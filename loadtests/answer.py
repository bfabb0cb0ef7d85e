"""An HTTP/1.1 answer: what a task gets of it, and the quick way to read one that came whole in one piece."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, cast

from locust.contrib.fasthttp import FastResponse

# RFC 9112, strictly: a status line and fields, each ended by CR LF, no field folded. Possessive: there is one reading.
_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*+\r\n"
_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) " + _VALUE + rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:" + _VALUE + rb")++\r\n"
)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*+([0-9]{1,15})[ \t]*+\r\n")
_TIMING = b"\r\nserver-timing:"
_BODILESS = (204, 304)


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


class _MadeWhenAsked:
    """An attribute that most tasks never look at: made at first sight, then an ordinary one."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, response: LightResponse | None, owner: type) -> Any:
        if response is None:
            return None
        response.fill_in()
        return vars(response)[self._name]


class LightResponse(FastResponse):
    """A whole answer. ``sent_s`` and ``received_s`` are CLOCK_MONOTONIC: first byte sent, last byte received.

    ``head`` is the text of its header fields, or what they were read to. ``server_timing`` is that field's value.
    """

    headers: Any = _MadeWhenAsked()
    _response: Any = _MadeWhenAsked()

    def __init__(self, status: int, head: bytes | HeaderMap, body: bytes, server_timing: str) -> None:
        self._status = status
        self.body = body
        self.server_timing = server_timing
        self.error: BaseException | None = None
        self.sent_s = self.received_s = float("nan")
        self._head = head

    def fill_in(self) -> None:
        """Make what Locust's own response has: what copies an answer's attributes needs all of them."""
        own = vars(self)
        head = self._head
        own["headers"] = _fields(head) if isinstance(head, bytes) else head
        own["_response"] = _Body(self._status, self.body)

    @property
    def status_code(self) -> int:
        return self._status

    @property
    def length(self) -> int:
        """Bytes of the body, unpacked if it is compressed. Raises zlib.error."""
        if not self.body or (isinstance(self._head, bytes) and b"content-encoding" not in self._head.lower()):
            return len(self.body)
        return len(self.content)

    @property
    def elapsed(self) -> timedelta:
        return timedelta(seconds=self.received_s - self.sent_s)

    @property
    def history(self) -> list[Any]:
        return []


def _fields(head: bytes) -> HeaderMap:
    fields = HeaderMap()
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            dict.__setitem__(fields, name.lower(), value.strip(" \t"))
    return fields


def whole(data: bytes) -> LightResponse | None:
    """The answer that ``data`` is, no more and no less, on a connection that stays open.

    None for all that is not sure at first sight: it came in pieces, its length is not told in bytes, it says something
    of the connection, it is not HTTP/1.1 to the letter. That is for the parser to judge.
    """
    match = _HEAD.match(data)
    if match is None:
        return None
    end = match.end()
    lower = data[:end].lower()
    length = _LENGTH.search(lower)
    if (
        length is None
        or end + int(length[1]) != len(data)
        or lower.count(b"\r\ncontent-length:") != 1
        or b"\r\ntransfer-encoding:" in lower
        or b"\r\nconnection:" in lower
    ):
        return None
    status = int(match[1])
    if status in _BODILESS:
        return None
    server_timing = ""
    at = lower.rfind(_TIMING)
    if at >= 0:
        at += len(_TIMING)
        server_timing = data[at : data.index(b"\r\n", at)].decode("latin-1").strip(" \t")
    return LightResponse(status, data[:end], data[end:], server_timing)


def parsed(status: int, headers: HeaderMap, body: bytes) -> LightResponse:
    """The answer of what a parser has read."""
    return LightResponse(status, headers, body, cast(str, headers.get("server-timing", "")))
