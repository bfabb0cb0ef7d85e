import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadtests.service import Service
from loadtests.window import run_window
from sdlab import workload
from sdlab.catalog import load_design
from sdlab.runs import Run

STUB = Path(__file__).parent / "stub_service.py"


@dataclass
class Stub:
    """A running stub service."""

    url: str
    process: subprocess.Popen[str]

    def seen(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/stub", timeout=10) as answer:
            content: dict[str, Any] = json.load(answer)
            return content


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


StartStub = Callable[..., Stub]
Load = Callable[..., Run]


@pytest.fixture
def start_stub() -> Iterator[StartStub]:
    """Starts stub services: ``start_stub("--chunked")``."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Stub:
        process = subprocess.Popen([sys.executable, str(STUB), *options], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return Stub(f"http://127.0.0.1:{int(process.stdout.readline())}", process)

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a stub with the URL shortener's scenario: ``load(stub, rate_rps, duration_s)``."""

    def run(stub: Stub, rate_rps: float, duration_s: float, *, arrival: str = "constant", **options: Any) -> Run:
        design = load_design("url_shortener")
        requests = workload.steady(design, arrival, rate_rps, duration_s, seed=3, keys=design.test_data.links)
        pids = options.pop("pids", {})
        options.setdefault("samples_min", 1)
        service = Service(stub.url, pids)
        return run_window(design, requests, service, seed=3, command="a test", runs=tmp_path / "runs", **options)

    return run
