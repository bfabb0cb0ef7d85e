"""Runs `./lab` as a person would: in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable

from sdlab.catalog import ROOT


def lab(*arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    """Run a command of the lab to its end."""
    return subprocess.run(
        [str(ROOT / "lab"), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )


def lab_heard(*arguments: str, hear: Callable[[str], None], timeout_s: float) -> tuple[str, int]:
    """Run a command of the lab to its end, and hear each line when it says it; all it said and its exit code."""
    said: list[str] = []
    with subprocess.Popen(
        [str(ROOT / "lab"), *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        too_long = threading.Timer(timeout_s, process.terminate)
        too_long.start()
        try:
            for line in process.stdout:
                said.append(line)
                hear(line)
            process.wait()
        finally:
            too_long.cancel()
            if process.poll() is None:  # a line was heard that should not have been
                process.terminate()
    return "".join(said), process.returncode


def lab_until(*arguments: str, said: str, timeout_s: float = 120) -> tuple[str, float, int]:
    """Start a command that goes on, wait until it has said something, press Ctrl-C.

    Returns what it said, how long it took to stop (seconds) and its exit code.
    """
    with subprocess.Popen(
        [str(ROOT / "lab"), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        heard: list[str] = []
        deadline_s = time.monotonic() + timeout_s
        try:
            for line in process.stdout:
                heard.append(line)
                if said in line or time.monotonic() > deadline_s:
                    break
            process.send_signal(signal.SIGINT)
            began_s = time.monotonic()
            heard += process.stdout.readlines()
            code = process.wait(timeout=20)
            return "".join(heard), time.monotonic() - began_s, code
        finally:
            process.kill()
