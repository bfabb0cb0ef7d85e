"""``lab swarm`` as a user calls it, against a stub service."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdlab.catalog import ROOT
from sdlab.cli import main
from sdlab.runs import find_runs
from tests.functional.loadtests.conftest import StartStub

Here = Callable[..., tuple[int, str, str]]


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sdlab", "swarm", *arguments]


def swarm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program(*arguments), capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Calls the command in this process, for what ends before a load begins: exit code, stdout, stderr."""
    handler = signal.getsignal(signal.SIGTERM)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lab", "swarm", *arguments])
        code = main()
        output, errors = capsys.readouterr()
        return code, output, errors

    yield call
    signal.signal(signal.SIGTERM, handler)


def test_a_run_ends_with_a_table_a_verdict_and_a_folder(start_stub: StartStub, tmp_path: Path) -> None:
    stub = start_stub()
    result = swarm(
        *("url_shortener", "--rate", "100", "--arrival", "constant", "--duration", "2", "--seed", "9"),
        *("--host", stub.url, "--runs", str(tmp_path), "--label", "machine=here", "--study", "s1"),
    )
    [run] = find_runs(runs=tmp_path)
    assert result.returncode == 4
    said = _flat(result.stdout)
    assert "INVALID: " in said
    assert "too few samples: 200 completed, at least 1,000 for a p99" in said
    assert run.folder.name in said.replace(" ", "")
    for operation in ("all", "redirect", "create", "statistics"):
        assert operation in result.stdout
    manifest = run.manifest
    assert manifest.study == "s1"
    assert manifest.parameters["label_machine"] == "here"
    assert manifest.parameters["rate_rps"] == 100
    assert manifest.parameters["arrival"] == "constant"
    assert manifest.command == (
        "./lab swarm url_shortener --rate=100.0 --arrival=constant --duration=2.0 --seed=9 "
        f"--host={stub.url} --label=machine=here --study=s1"
    )


def test_json_is_one_document_on_stdout_and_a_replayed_log_sends_its_requests(
    start_stub: StartStub, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    line = '10.0.0.1 - - [17/May/2015:10:05:{:02d} +0000] "GET /page{} HTTP/1.1" 200 1 "-" "-"\n'
    log.write_text("".join(line.format(second, second % 3) for second in range(60)) + "not a log line\n")
    result = swarm(
        *("url_shortener", "--trace", str(log), "--speed", "60", "--host", start_stub().url),
        *("--runs", str(tmp_path / "runs"), "--json"),
    )
    document = json.loads(result.stdout)
    assert document["generator"]["outcomes"] == {"completed": 60}
    assert document["manifest"]["parameters"]["arrival"] == "trace"
    assert document["manifest"]["parameters"]["speed"] == 60
    assert "skipped: 1 lines" in document["manifest"]["parameters"]["trace_account"]
    assert document["manifest"]["validity"]["valid"] is False


def test_thresholds_are_told_in_the_terminal_the_folder_and_the_exit_code(
    start_stub: StartStub, tmp_path: Path
) -> None:
    """A lost threshold decides the exit code; the same run without it is 0 or, on a busy machine, 4."""
    stub = start_stub("--service-time", "0.02")
    load = ("url_shortener", "--rate", "400", "--arrival", "constant", "--duration", "4", "--host", stub.url)
    loose, tight = "p99 < 30s @ redirect", "p50 < 5ms"
    result = swarm(*load, "--threshold", loose, "--threshold", tight, "--runs", str(tmp_path))
    [run] = find_runs(runs=tmp_path)
    assert run.manifest.validity is not None
    assert result.returncode == (5 if run.manifest.validity.valid else 4)
    account = run.json("thresholds")
    assert account["stopped"] is None
    assert [finding["met"] for finding in account["thresholds"]] == [True, False]
    assert account["thresholds"][1]["value"] >= 0.02
    said = _flat(result.stdout)
    assert f"threshold met: {loose} (measured" in said
    assert f"threshold missed: {tight} (measured" in said
    assert run.manifest.parameters["thresholds"] == [loose, tight]
    assert "'--threshold=p50 < 5ms'" in run.manifest.command


def test_a_load_ends_when_a_threshold_can_no_longer_be_met_and_keeps_what_it_recorded(
    start_stub: StartStub, tmp_path: Path
) -> None:
    stub = start_stub("--reject-every", "2")
    result = swarm(
        *("url_shortener", "--rate", "100", "--duration", "60", "--host", stub.url, "--runs", str(tmp_path), "--json"),
        *("--threshold", "abort: errors < 1%", "--threshold", "rate > 1"),
    )
    document = json.loads(result.stdout)
    [run] = find_runs(runs=tmp_path)
    rejected = document["generator"]["outcomes"]["rejected"]
    assert 60 <= rejected < 1000  # 1 % of some 6,000, and not the half of them
    reasons = document["manifest"]["validity"]["reasons"]
    assert "'errors < 1%' can no longer be met" in reasons[0]
    assert result.returncode == document["exit_code"] == (5 if len(reasons) == 1 else 4)
    assert document["thresholds"]["stopped"]["reason"] == reasons[0]
    assert [finding["met"] for finding in document["thresholds"]["thresholds"]] == [False, True]
    assert len(run.requests()) == document["generator"]["dealt_with"] < 3000


def test_ctrl_c_ends_it_and_keeps_the_run(start_stub: StartStub, tmp_path: Path) -> None:
    stub = start_stub()
    arguments = ("url_shortener", "--rate", "50", "--duration", "60", "--host", stub.url, "--runs", str(tmp_path))
    process = subprocess.Popen(program(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline_s = time.monotonic() + 30
    while stub.seen()["requests"] < 20 and time.monotonic() < deadline_s:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "INVALID: interrupted" in _flat(output)
    [run] = find_runs(runs=tmp_path)
    assert run.manifest.interrupted
    assert len(run.requests()) >= 20
    requests = stub.seen()["requests"]
    time.sleep(0.3)
    assert stub.seen()["requests"] == requests  # nothing goes on loading


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("url_shortener", "--rate", "0"), "--rate = 0.0: must be a finite number of requests a second above 0"),
        (("url_shortener", "--rate", "1e9"), "--rate = 1000000000.0: makes more than 10,000,000 requests"),
        (("url_shortener", "--duration", "-1"), "--duration = -1.0: must be a finite number of seconds above 0"),
        (("url_shortener", "--arrival", "burst"), "--arrival = 'burst': must be one of constant, poisson"),
        (("url_shortener", "--host", "localhost:80"), "--host = 'localhost:80': must look like http://127.0.0.1:8000"),
        (("url_shortener", "--host", "http://127.0.0.1:99999"), "--host = 'http://127.0.0.1:99999': is no URL"),
        (("url_shortener", "--threshold", "p99 < 50"), "--threshold = 'p99 < 50': the bound of p99 is a time with its"),
        (
            ("url_shortener", "--threshold", "p99<1s@x"),
            "--threshold = 'p99<1s@x': the operation must be one of all,",
        ),
        (("url_shortener", "--label", "x"), "--label = 'x': must look like machine=laptop"),
        (("url_shortener", "--trace", "/nowhere.log"), "--trace = '/nowhere.log': cannot be read"),
        (("url_shortener", "--trace", "x", "--rate", "5"), "--rate = 5.0: does not go with --trace"),
        (("no_such_design",), "design = 'no_such_design': no such design"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: tuple[str, ...], said: str, tmp_path: Path, here: Here
) -> None:
    code, output, errors = here(*arguments, "--runs", str(tmp_path / "runs"))
    assert code == 2, errors
    assert errors.startswith(f"lab: {said}")
    assert errors.count("\n") == 1
    assert output == ""
    assert not (tmp_path / "runs").exists()


def test_a_host_that_refuses_gets_one_line_and_exit_code_3(tmp_path: Path, here: Here) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, _, errors = here("url_shortener", "--host", url, "--runs", str(tmp_path / "runs"))
    assert code == 3
    assert errors == f"lab: {url} does not answer (Connection refused); is the service running?\n"
    assert not (tmp_path / "runs").exists()


def _flat(text: str) -> str:
    return " ".join(text.split())
