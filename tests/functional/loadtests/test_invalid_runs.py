"""Each way in which a run can be made invalid by force, and the reason that it gives."""

import io
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console

from loadtests import display
from loadtests.window import Snapshot
from sdlab.runs import Run
from tests.functional.loadtests.conftest import Load, StartStub

SPINNING = """
import time
from loadtests.url_shortener.locustfile import UrlShortenerUser as Original

class Spinning(Original):
    def redirect(self) -> None:
        began_s = time.process_time()
        while time.process_time() - began_s < 0.02:
            pass
        super().redirect()

del Original
"""


def reasons(run: Run) -> str:
    """The reasons, after seeing that a person is shown the word beside the figures."""
    validity = run.manifest.validity
    assert validity is not None
    assert not validity.valid
    output = io.StringIO()
    display.show_run(Console(file=output, width=200), run)
    said = output.getvalue()
    assert said.startswith("INVALID")
    assert f"INVALID: {'; '.join(validity.reasons)}" in " ".join(said.split())
    return " | ".join(validity.reasons)


def once(action: Callable[[], None], completed: int) -> Callable[[Snapshot], None]:
    """A progress callback that does something when so many requests have completed."""
    done: list[bool] = []

    def progress(now: Snapshot) -> None:
        if now.completed >= completed and not done:
            done.append(True)
            action()

    return progress


def generators() -> list[psutil.Process]:
    children = psutil.Process().children()  # what PostgreSQL starts, if it runs for other tests, comes and goes
    return [child for child in children if "loadtests.open_loop" in child.cmdline()]


def test_a_generator_that_is_kept_from_running_is_late(start_stub: StartStub, load: Load) -> None:
    def starve() -> None:
        for process in generators():
            process.suspend()
            threading.Timer(0.5, process.resume).start()

    run = load(start_stub(), 100, 2, progress=once(starve, 50))
    assert "the generator was late: p99 " in reasons(run)
    assert run.json("generator")["lateness_s_max"] > 0.3
    assert (run.requests()["outcome"] == "completed").all()  # late, and not one left out


def test_a_generator_that_has_no_cpu_left_says_so(start_stub: StartStub, load: Load, tmp_path: Path) -> None:
    file = tmp_path / "spinning.py"
    file.write_text(SPINNING)
    found = reasons(load(start_stub(), 100, 2, locustfile=file))
    assert "the generator used" in found or "the generator was late" in found


def test_a_rate_beyond_what_the_generator_can_send_ends_the_load_soon_and_says_so(
    start_stub: StartStub, load: Load, tmp_path: Path
) -> None:
    file = tmp_path / "spinning.py"  # some 50 requests a second
    file.write_text(SPINNING)
    run = load(start_stub(), 400, 60, locustfile=file)
    assert "the generator cannot send that fast: 2." in reasons(run)
    assert 10 < len(run.requests()) < 4000  # of 24,000: given up, and what was recorded is kept


def test_a_service_that_is_stopped_does_not_achieve_the_offered_rate(start_stub: StartStub, load: Load) -> None:
    stub = start_stub()
    stop = once(lambda: os.kill(stub.process.pid, signal.SIGSTOP), 100)
    run = load(stub, 100, 2, request_timeout_s=0.3, progress=stop)
    found = reasons(run)
    assert "of the offered rate, at least 99%" in found
    assert "the service went silent: nothing was answered from " in found
    assert {"completed", "timed_out"} == set(run.requests()["outcome"])


def test_a_service_that_is_slower_than_its_load_has_no_steady_state(start_stub: StartStub, load: Load) -> None:
    run = load(start_stub("--one-server", "constant", "--service-time", "0.02"), 150, 2.5, request_timeout_s=1)
    found = reasons(run)
    assert "no steady state: " in found
    assert "of the offered rate" in found


def test_one_connection_drops_what_it_cannot_carry(start_stub: StartStub, load: Load) -> None:
    run = load(start_stub("--service-time", "0.05"), 100, 1, max_in_flight=1)
    dropped = int((run.requests()["outcome"] == "dropped").sum())
    assert 50 < dropped < 100
    assert f"{dropped} arrivals were dropped: the bound on requests in flight was reached" in reasons(run)


def test_a_run_that_is_too_short_has_too_few_samples(start_stub: StartStub, load: Load) -> None:
    run = load(start_stub(), 100, 1, samples_min=None)
    assert "too few samples: 100 completed, at least 1,000 for a p99" in reasons(run)
