"""The client's HTTP/1.1, against a server that says exactly the bytes of a script (RFC 9112)."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from sdlab.catalog import ROOT

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PACKED = gzip.compress(b"ok")
CLOSE = b""  # in a script: the server closes the connection here
ENDLESS_FIELD = b"X-More: " + b"x" * 60_000
SCRIPTS: dict[str, list[bytes]] = {
    "whole": [OK],
    "byte_by_byte": [OK[index : index + 1] for index in range(len(OK))],
    "chunked": [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;name=value\r\nab",
        b"cde\r\n0\r",
        b"\nX-Sum: 5\r\n\r\n",
    ],
    "until_closed": [b"HTTP/1.1 200 OK\r\n\r\nall", b" of it", CLOSE],
    "no_content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "not_modified": [b"HTTP/1.1 304 Not Modified\r\nContent-Length: 700\r\n\r\n"],
    "last_on_connection": [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
    "http_1_0": [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    "redirect": [b"HTTP/1.1 302 Found\r\nLocation: /whole\r\nContent-Length: 0\r\n\r\n"],
    "interim": [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK],
    "two_answers": [b"HTTP/1.1 200 OK\r\nX-Number: one\r\nContent-Length: 2\r\n\r\nok" + OK.replace(b"200", b"503")],
    "rubbish_after": [OK + b"rubbish"],
    "cut_short": [b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nonly this", CLOSE],
    "closed_unanswered": [CLOSE],
    "no_http": [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "endless_headers": [b"HTTP/1.1 200 OK\r\n", *([ENDLESS_FIELD] * 200)],
    "says_keep_alive": [b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"],
    "packed": [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED],
    "two_lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
    "no_colon": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Number\r\n\r\nok"],
    "space_in_name": [b"HTTP/1.1 200 OK\r\nX Number: 1\r\nContent-Length: 2\r\n\r\nok"],
    "head": [b"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n"],
}
# Asks for each path and then for /whole, on a session of its own: which of both came over the first connection?
CLIENT = """
import locust
import json
import sys
from locust.env import Environment
from loadtests.http_client import LightSession

found = {}
for path in sys.argv[2:]:
    session = LightSession(sys.argv[1], Environment().events.request, None, network_timeout=2, connection_timeout=2)
    answer = session.request("HEAD" if path == "head" else "GET", "/" + path)
    then = session.get("/whole")
    found[path] = {
        "status": answer.status_code,
        "body": (answer.content or b"").decode(),
        "error": type(answer.error).__name__ if getattr(answer, "error", None) else None,
        "number": answer.headers.get("x-number") if answer.headers else None,
        "then": [then.status_code, (then.content or b"").decode()],
    }
print(json.dumps(found))
"""


class ScriptedServer:
    """Says the script of the path that is asked for; ``asked`` holds (connection, path) in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            for number in range(1000):
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        with suppress(OSError), connection:
            while True:
                while b"\r\n\r\n" not in received:
                    more = connection.recv(65536)
                    if not more:
                        return
                    received += more
                head, _, received = received.partition(b"\r\n\r\n")
                path = head.split()[1].decode().removeprefix("/")
                self.asked.append((number, path))
                for piece in SCRIPTS[path]:
                    if piece == CLOSE:
                        return
                    connection.sendall(piece)
                    time.sleep(0.001)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the client made of each script, and in ``reused`` whether /whole came over the same connection."""
    server = ScriptedServer()
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, server.url, *SCRIPTS],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    server.close()
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    for path, answer in answers.items():
        index = next(place for place, (_, asked) in enumerate(server.asked) if asked == path)
        answer["reused"] = server.asked[index + 1][0] == server.asked[index][0]
        answer["asked"] = sum(asked == path for _, asked in server.asked)
    return answers


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("whole", 200, "ok"),
        ("says_keep_alive", 200, "ok"),
        ("packed", 200, "ok"),
        ("byte_by_byte", 200, "ok"),
        ("chunked", 200, "abcde"),
        ("no_content", 204, ""),
        ("not_modified", 304, ""),  # a length that speaks of a body that is not sent
        ("redirect", 302, ""),
        ("interim", 200, "ok"),
    ],
)
def test_an_answer_is_read_to_its_end_and_its_connection_used_again(
    found: dict[str, Any], path: str, status: int, body: str
) -> None:
    answer = found[path]
    assert (answer["status"], answer["body"], answer["error"]) == (status, body, None)
    assert answer["then"] == [200, "ok"]
    assert answer["reused"]


@pytest.mark.parametrize(
    ("path", "body"), [("until_closed", "all of it"), ("last_on_connection", "ok"), ("http_1_0", "ok")]
)
def test_a_connection_that_ends_with_its_answer_is_not_used_again(found: dict[str, Any], path: str, body: str) -> None:
    answer = found[path]
    assert (answer["status"], answer["body"], answer["error"]) == (200, body, None)
    assert answer["then"] == [200, "ok"]
    assert not answer["reused"]


@pytest.mark.parametrize("path", ["two_answers", "rubbish_after"])
def test_bytes_after_an_answer_belong_to_no_other_request(found: dict[str, Any], path: str) -> None:
    answer = found[path]
    assert (answer["status"], answer["body"], answer["error"]) == (200, "ok", None)
    assert answer["number"] == ("one" if path == "two_answers" else None)
    assert answer["then"] == [200, "ok"]
    assert not answer["reused"]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("cut_short", "HTTPConnectionClosed"),
        ("closed_unanswered", "HTTPConnectionClosed"),
        ("no_http", "HTTPParseError"),
        ("two_lengths", "HTTPParseError"),
        ("no_colon", "HTTPParseError"),
        ("space_in_name", "HTTPParseError"),
        ("endless_headers", "HTTPParseError"),
    ],
)
def test_what_is_no_whole_answer_is_an_error_and_is_not_asked_again(
    found: dict[str, Any], path: str, error: str
) -> None:
    answer = found[path]
    assert answer["error"] == error
    assert answer["status"] == 0
    assert answer["asked"] == 1
    assert answer["then"] == [200, "ok"]


def test_the_answer_to_head_has_no_body(found: dict[str, Any]) -> None:
    answer = found["head"]
    assert (answer["status"], answer["body"], answer["error"]) == (200, "", None)
    assert answer["then"] == [200, "ok"]
