"""``lab serve`` from end to end, as a person runs it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sdlab.servers import Servers, servers
from tests.patience import running

SERVE = [sys.executable, "-m", "sdlab", "serve"]
PATIENCE_S = 60.0


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}


class Serving:
    """A running ``lab serve`` and what its ready file says."""

    def __init__(self, popen: subprocess.Popen[str], ready_file: Path) -> None:
        self.popen = popen
        self.ready_file = ready_file

    @property
    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ready_file.read_text())
        return found

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)

    def stop(self, signum: signal.Signals) -> float:
        """Signal it, wait until it has ended, and return how many seconds that took."""
        began_s = time.monotonic()
        self.popen.send_signal(signum)
        self.popen.wait(timeout=PATIENCE_S)
        return time.monotonic() - began_s


@contextmanager
def serving(tmp_path: Path, *options: str) -> Iterator[Serving]:
    ready_file = tmp_path / "ready.json"
    command = [*SERVE, "url_shortener", "--port", "0", "--links", "20", "--ready-file", str(ready_file), *options]
    popen = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(), start_new_session=True
    )
    try:
        wait_for(lambda: ready_file.exists() or popen.poll() is not None)
        assert popen.poll() is None, popen.communicate()[0]
        yield Serving(popen, ready_file)
    finally:
        if popen.poll() is None:
            popen.terminate()
        popen.communicate(timeout=PATIENCE_S)


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """A folder that every account may enter, unlike pytest's own: under root, data stay in such a folder only."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def wait_for(condition: Any) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.02)


def gone(started: list[psutil.Process]) -> bool:
    return running(started) == []


def listens(url: str) -> bool:
    host, port = url.rsplit("@", 1)[-1].removeprefix("http://").split("/")[0].split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_it_starts_answers_the_printed_command_and_leaves_nothing_after_ctrl_c(tmp_path: Path) -> None:
    with serving(tmp_path, "--apart") as served:
        ready = served.ready
        started = served.processes()
        pids = ready["pids"]
        assert {pids["click_worker"], pids["postgres"], pids["valkey"], *pids["api"]} <= {one.pid for one in started}
        assert ready["supervisor_pid"] == served.popen.pid
        nice = {name: os.getpriority(os.PRIO_PROCESS, pids[name]) for name in ("valkey", "click_worker")}
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert nice == {"valkey": ours, "click_worker": 19 if ready["cores"] else ours}
        assert served.ready_file.stat().st_mode & 0o777 == 0o600

        assert served.popen.stdout is not None
        printed = next(line for line in served.popen.stdout if line.strip().startswith("try"))
        curl = shlex.split(printed.split("try", 1)[1])
        answer = subprocess.run([*curl, "--silent"], capture_output=True, text=True, check=True).stdout
        assert answer.startswith("HTTP/1.1 201 Created")
        docs = httpx.get(ready["docs_url"])
        assert docs.status_code == 200
        assert re.findall(r'(?:src|href)="(?!/)[^"]*"', docs.text) == [], "the documentation is there without a network"
        for asset in re.findall(r'(?:src|href)="(/[^"]+)"', docs.text):
            assert httpx.get(ready["url"] + asset).status_code == 200
        assert httpx.get(ready["url"] + "/k0000019").headers["location"] == "https://example.com/k0000019"

        assert served.stop(signal.SIGINT) < 5
        assert served.popen.returncode == 0
        assert gone(started)
        assert not any(listens(ready[name]) for name in ("url", "database_url", "redis_url"))
        assert not served.ready_file.exists()
        assert not Path(ready["log_folder"]).exists()


def test_a_killed_click_worker_is_started_again_and_no_click_is_lost_between_two_api_processes(
    tmp_path: Path,
) -> None:
    options = ("--workers", "2", "--pool-size", "2")
    with serving(tmp_path, *options) as served, httpx.Client(base_url=served.ready["url"]) as client:
        answered = 0
        killed = []
        assert len(served.ready["pids"]["api"]) == 2
        for _ in range(3):
            pid = served.ready["pids"]["click_worker"]
            answered += sum(client.get("/k0000001").status_code == 302 for _ in range(100))
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            wait_for(lambda pid=pid: served.ready["pids"]["click_worker"] != pid)
        assert len({*killed, served.ready["pids"]["click_worker"]}) == 4
        assert served.ready["restarts"] == {"click_worker": 3}
        assert answered == 300
        wait_for(lambda: client.get("/statistics").json() == {"clicks": 300, "pending": 0})
        assert client.get("/links/k0000001/statistics").json()["clicks"] == 300
        for _ in range(20):  # a new connection each: either process may take it
            assert httpx.get(f"{served.ready['url']}/unknown").status_code == 404
        # Whichever process answers, it adds up what both have counted.
        counted = 'http_requests_total{method="GET",route="/{code}",status="404"} 20.0'
        assert counted in client.get("/metrics").text
        assert served.stop(signal.SIGTERM) < 5


def test_when_the_api_dies_it_ends_with_one_line_that_says_so(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        started = served.processes()
        os.kill(served.ready["pids"]["api"][0], signal.SIGKILL)
        served.popen.wait(timeout=PATIENCE_S)
        assert served.popen.returncode == 3
        assert served.popen.stdout is not None
        assert "the API process api-0 ended" in served.popen.stdout.read()
        assert gone(started)


def test_kill_9_of_the_supervisor_leaves_no_process_and_the_data_of_its_folder_are_there_again(
    reachable_folder: Path,
) -> None:
    options = ("--folder", str(reachable_folder / "kept"))
    with serving(reachable_folder, *options) as served:
        made = httpx.post(f"{served.ready['url']}/links", json={"url": "https://example.com/", "alias": "kept"})
        assert made.status_code == 201
        started = served.processes()
        served.popen.kill()
        served.popen.wait()
        wait_for(lambda: gone(started))
        served.ready_file.unlink()
    with serving(reachable_folder, *options) as served:
        assert httpx.get(f"{served.ready['url']}/kept").status_code == 302


def failure(*arguments: str, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        [*SERVE, *arguments], capture_output=True, text=True, env=environment() | variables, check=False
    )
    return done.returncode, done.stderr


def test_a_port_in_use_is_named_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, error = failure("url_shortener", "--port", str(port))
    assert code == 2
    assert error.strip() == f"lab: --port = {port}: is in use by another program; choose another, or 0"


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "part"),
    [
        (("nothing",), {}, 2, "no such design"),
        (("url_shortener", "--port", "99999"), {}, 2, "must be from 0 to 65535"),
        (("url_shortener", "--pool-size", "50", "--workers", "2"), {}, 2, "at most 90"),
        (("url_shortener", "--port", "0"), {"DATABASE_URL": "mysql://u:secret@h/d"}, 2, "DATABASE_URL"),
        (
            ("url_shortener", "--port", "0"),
            {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d"},
            3,
            "does not answer",
        ),
    ],
)
def test_a_bad_option_or_server_is_one_line_without_secrets(
    arguments: tuple[str, ...], variables: dict[str, str], code: int, part: str
) -> None:
    found, error = failure(*arguments, **variables)
    assert found == code, error
    assert part in error
    assert len(error.strip().splitlines()) == 1
    assert "secret" not in error


def test_a_database_that_does_not_let_us_in_is_one_line_without_secrets(started: Servers) -> None:
    url = started.database_url.split("@")[1]
    code, error = failure("url_shortener", "--port", "0", DATABASE_URL=f"postgresql://lab:secret@{url}")
    assert (code, len(error.strip().splitlines())) == (3, 1), error
    assert "password authentication failed" in error
    assert "secret" not in error


def test_ctrl_c_at_any_moment_of_the_start_leaves_nothing(reachable_folder: Path) -> None:
    for delay_s in (0.4, 0.8, 1.2, 1.6):
        popen = subprocess.Popen(
            [*SERVE, "url_shortener", "--port", "0", "--links", "2000"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment() | {"TMPDIR": str(reachable_folder)},
            start_new_session=True,
        )
        time.sleep(delay_s)
        started = psutil.Process(popen.pid).children(recursive=True)
        popen.send_signal(signal.SIGINT)
        time.sleep(0.05)
        popen.send_signal(signal.SIGINT)  # a person who is impatient
        popen.wait(timeout=PATIENCE_S)
        assert gone(started)
        assert list(reachable_folder.iterdir()) == []


def test_two_runs_cannot_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with servers(tmp_path):
        code, error = failure("url_shortener", "--port", "0", "--folder", str(tmp_path))
    assert code == 2
    assert "is in use by another run" in error


def test_servers_of_ones_own_are_used_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@db.example/d")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example")
    with servers(tmp_path) as found:
        assert found.pids == {}
        assert (found.database_url, found.redis_url) == ("postgresql://u:p@db.example/d", "redis://cache.example")
        assert "p@db" not in repr(found)
