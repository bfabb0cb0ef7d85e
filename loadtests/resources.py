"""What the machine did during a run: CPU seconds of each process, use and theft of the CPUs, and the CPU's speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from loadtests.speed_probe import spin

INTERVAL_S = 1.0
_CPU_CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED, the kernel's own nanoseconds of CPU time
# 60 ms in all: a shorter probe tells the accidents of its own moment.
_PROBE_TIMES = 100
_PROBE_STEPS = 20_000


@dataclass(frozen=True)
class _Sample:
    monotonic_s: float
    cpu_s: dict[str, float]
    machine: Any


class Sampler:
    """Reads the CPU time of processes (by name; each with its children) when told to."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._samples: list[_Sample] = []
        self._last = dict.fromkeys(pids, 0.0)

    def sample(self) -> None:
        for name, pid in self._pids.items():
            # A process that has ended keeps its last value; a child's end must not turn the clock back either.
            with suppress(psutil.Error, OSError):
                self._last[name] = max(self._last[name], _tree_cpu_s(pid))
        self._samples.append(_Sample(time.monotonic(), dict(self._last), psutil.cpu_times()))

    def result(self) -> dict[str, Any]:
        """CPU seconds and utilisation (of one core) of each process between the first sample and the last.

        ``series`` holds the utilisation in each interval between two samples. Of the machine: the shares of all its
        CPU time that were used, and stolen by its host. Empty with fewer than two samples.
        """
        if len(self._samples) < 2:
            return {"interval_s": INTERVAL_S, "duration_s": 0.0, "processes": {}, "machine": {}}
        first, last = self._samples[0], self._samples[-1]
        duration_s = last.monotonic_s - first.monotonic_s
        return {
            "interval_s": INTERVAL_S,
            "duration_s": duration_s,
            "processes": {name: self._process(name, duration_s) for name in self._pids},
            "machine": _machine(first.machine, last.machine),
        }

    def _process(self, name: str, duration_s: float) -> dict[str, Any]:
        cpu_s = self._samples[-1].cpu_s[name] - self._samples[0].cpu_s[name]
        pairs = zip(self._samples, self._samples[1:], strict=False)
        series = [(b.cpu_s[name] - a.cpu_s[name]) / (b.monotonic_s - a.monotonic_s) for a, b in pairs]
        return {"cpu_s": cpu_s, "utilisation": cpu_s / duration_s, "series": [round(value, 4) for value in series]}


def spin_probe_s() -> dict[str, float]:
    """How long a fixed piece of work takes now: tells when the machine's speed changed between two moments."""
    times = []
    for _ in range(_PROBE_TIMES):
        began_s = time.perf_counter()
        spin(_PROBE_STEPS)
        times.append(time.perf_counter() - began_s)
    return {"median_s": statistics.median(times), "min_s": min(times)}


def _machine(before: Any, after: Any) -> dict[str, Any]:
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    # The kernel counts a guest's time within user time as well.
    total = sum(value for name, value in spent.items() if not name.startswith("guest")) or 1.0
    unused = spent["idle"] + spent.get("iowait", 0.0) + spent.get("steal", 0.0)
    return {
        "cores": psutil.cpu_count(),
        "utilisation": 1 - unused / total,
        "steal_share": spent.get("steal", 0.0) / total,
    }


def _tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process, of its living children, and of those it has waited for."""
    times = psutil.Process(pid).cpu_times()
    total = times.children_user + times.children_system + _cpu_s(pid, times)
    for child in _children(pid):
        with suppress(psutil.Error, OSError):
            total += _cpu_s(child, None)
    return float(total)


def _cpu_s(pid: int, times: Any) -> float:
    try:
        # The clock of another process (clock_getcpuclockid(3)): /proc/PID/stat has a grain of 10 ms.
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK_OF_PROCESS)
    except OSError:
        times = times or psutil.Process(pid).cpu_times()
        return float(times.user + times.system)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return [child.pid for child in psutil.Process(pid).children()]
