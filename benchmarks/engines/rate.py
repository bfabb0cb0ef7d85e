"""One engine on one network: its first run in a fresh process, and further ones in the same."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.networks import NETWORKS, Network
from benchmarks.engines.table import ENGINES, Latencies, Outcome, Runner

WARM_UP_REQUESTS = 100
FURTHER_RUNS = 2
BATCHES = 30


def run(engine: str, network: str, requests: int, seed: int, started_s: float) -> dict[str, Any]:
    """CPU time from the seed to every request's latency, peak memory, and what the latencies were.

    ``cpu_s`` is of the first run of the process, to which the system gives each page of memory as it is touched;
    ``further_cpu_s`` are those of runs after it, with further seeds and the memory of those before at hand.

    Before that a few requests, so that nothing is compiled or imported while the clock runs; ``start_up_s`` is how
    long that took from the start of the process (``started_s``, seconds since the epoch). With ``requests`` of 0 that
    is all. ``baseline_memory_bytes`` is the peak before the run: the interpreter, its libraries and compiled code.
    """
    simulate, chosen = ENGINES[engine].load(), NETWORKS[network]
    simulate(chosen, WARM_UP_REQUESTS, seed)
    start_up_s = time.time() - started_s
    if requests == 0:
        return {"start_up_s": start_up_s}
    baseline_bytes = peak_memory_bytes()
    cpu_s, outcome = _timed(simulate, chosen, requests, seed)
    peak_bytes = peak_memory_bytes()
    latency_s, arrivals_s = outcome if isinstance(outcome, tuple) else (outcome, None)
    found = {
        "start_up_s": start_up_s,
        "cpu_s": cpu_s,
        "arrivals_cpu_s": arrivals_s,
        "peak_memory_bytes": peak_bytes,
        "baseline_memory_bytes": baseline_bytes,
        "requests": int(latency_s.size),
        "latency_s_mean": float(latency_s.mean()),
        "latency_s_p99": float(np.percentile(latency_s, 99)),
        **_batches(latency_s, chosen.tail_s),
    }
    del outcome, latency_s
    further = [_timed(simulate, chosen, requests, seed + 1 + number)[0] for number in range(FURTHER_RUNS)]
    return {**found, "further_cpu_s": further}


def _timed(simulate: Runner, network: Network, requests: int, seed: int) -> tuple[float, Outcome]:
    began_s = time.process_time()
    outcome = simulate(network, requests, seed)
    return time.process_time() - began_s, outcome


def _batches(latency_s: Latencies, tail_s: float) -> dict[str, list[float]]:
    """Means of consecutive batches, of the latency and of whether it lies in the tail; the first, warm-up, is cut."""
    size = latency_s.size // (BATCHES + 1)
    rows = latency_s[latency_s.size - size * BATCHES :].reshape(BATCHES, size)
    return {"batch_means_s": rows.mean(axis=1).tolist(), "batch_tail_shares": (rows > tail_s).mean(axis=1).tolist()}


def peak_memory_bytes() -> int:
    """The most resident memory this process has had.

    Linux counts it for the running program in VmHWM; ru_maxrss also remembers the program that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
