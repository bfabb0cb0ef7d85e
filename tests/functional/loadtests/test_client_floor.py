"""The client's floor, measured beside a service whose answers take a known time."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil

from loadtests import client_floor, null_endpoint
from loadtests.service import Service
from loadtests.session import Session
from sdlab.catalog import load_design
from sdlab.runs import find_runs
from tests.functional.loadtests.conftest import Load, StartStub

SERVICE_TIME_S = 0.02


def test_the_floor_is_below_what_the_service_answers_in_and_no_window_of_its_session(
    start_stub: StartStub, load: Load, tmp_path: Path
) -> None:
    stub = start_stub("--service-time", f"{SERVICE_TIME_S}")
    seen = load(stub, 100, 2, arrival="poisson").requests()
    design = load_design("url_shortener")
    session = Session(design, Service(stub.url), 3, "a test", "a study", tmp_path / "floor", common={"block": 4})
    asked = stub.seen()["requests"]
    floor = client_floor.measure(session, seen, keys=50, rate_rps=200.0, window_s=2.0)
    assert 0 < floor.client_s < floor.mean_s < SERVICE_TIME_S
    assert 0 < floor.server_cpu_s < floor.mean_s
    assert 0 < floor.p50_s <= floor.p95_s
    assert floor.samples > 300
    assert stub.seen()["requests"] == asked
    assert session.done == []

    (run,) = find_runs(runs=tmp_path / "floor")
    assert run.manifest.run_id == floor.run_id
    assert run.manifest.study == "a study"
    said = run.manifest.parameters
    assert (said["role"], said["block"], said["preceding_run_ids"]) == ("client_floor", 4, [])
    table = run.requests()
    assert set(table["operation"]) == {"redirect"}
    assert set(table["outcome"]) == {"completed"}
    assert set(table["status"]) == {302}
    assert table["key"].max() < 50


def test_the_endpoint_answers_with_the_status_asked_for_and_leaves_with_the_block() -> None:
    with null_endpoint.running(201) as service:
        pid = service.pids[null_endpoint.NAME]
        host, _, port = service.url.removeprefix("http://").partition(":")
        assert psutil.Process(pid).is_running()
        answer = _answer(host, int(port))
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert not psutil.pid_exists(pid)


def _answer(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), 10) as asking:
        asking.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return asking.recv(1000)
