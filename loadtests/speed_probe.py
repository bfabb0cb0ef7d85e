"""Times a fixed piece of work on one CPU core, again and again, until it is told to stop (`sdlab.speed`).

A program of its own, so that it can keep to the API's core, 200 times a second. To start one takes that core for some
tenths of a second, so nothing is measured before it says that it has begun.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdlab import processes
from sdlab.catalog import ROOT
from sdlab.errors import LabError
from sdlab.processes import Child

INTERVAL_S = 0.005
_STEPS = 300
_START_TIMEOUT_S = 20.0
_STOP_GRACE_S = 0.5


class SpeedProbe:
    """A probe of one core that runs beside a window; `result` when it has stopped."""

    def __init__(self, core: int, child: Child, path: Path) -> None:
        self._core, self._child, self._path = core, child, path
        self._times = array("d")

    def wait_until_begun(self) -> None:
        """Wait until it has probed for the first time. Raises `LabError` if it ends or takes too long."""
        until_s = time.monotonic() + _START_TIMEOUT_S
        while not _begun(self._path).exists():
            if not self._child.is_running or time.monotonic() > until_s:
                raise LabError(f"{self._child.name} did not start: {self._child.last_lines(2)}")
            time.sleep(INTERVAL_S)

    def stop(self) -> None:
        processes.stop([self._child], grace_s=_STOP_GRACE_S)
        if self._path.exists():
            self._times.frombytes(self._path.read_bytes())

    def result(self, start_monotonic_s: float) -> dict[str, Any]:
        """What resources.json holds: ``at_s`` since the run's start, and for how long the work took the CPU."""
        return {
            "core": self._core,
            "interval_s": INTERVAL_S,
            "at_s": [round(at_s - start_monotonic_s, 4) for at_s in self._times[::2]],
            "spin_s": [round(spin_s, 7) for spin_s in self._times[1::2]],
        }


@contextmanager
def probing(core: int) -> Iterator[SpeedProbe]:
    """Probe a core during the block, which begins when the probe has. Raises `LabError` if it does not."""
    with tempfile.TemporaryDirectory(prefix="sdlab-speed-") as name:
        path = Path(name) / "times"
        child = processes.start(
            "the speed probe",
            [sys.executable, "-m", "loadtests.speed_probe", str(path)],
            log_path=Path(name) / "probe.log",
            folder=ROOT,
            core=core,
        )
        probe = SpeedProbe(core, child, path)
        try:
            probe.wait_until_begun()
            yield probe
        finally:
            probe.stop()


def _begun(path: Path) -> Path:
    """The file that says that there is a first probe."""
    return path.with_suffix(".begun")


def spin(steps: int) -> None:
    """The fixed piece of work."""
    total = 0
    for step in range(steps):
        total += step & 7


def main(path: Path) -> None:
    """Probe until SIGTERM; then write pairs of (monotonic time, CPU time of the work), in seconds, as doubles."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda signum, _frame: asked.append(signum))
    times = array("d")
    next_s = time.monotonic()
    while not asked:
        next_s = max(next_s + INTERVAL_S, time.monotonic())
        time.sleep(max(0.0, next_s - time.monotonic()))
        spin(_STEPS)  # the first after a sleep also finds cold caches
        began_s = time.thread_time()
        spin(_STEPS)
        times.extend((time.monotonic(), time.thread_time() - began_s))
        if len(times) == 2:
            _begun(path).touch()
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_bytes(times.tobytes())
    partial.replace(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    main(parser.parse_args().path)
