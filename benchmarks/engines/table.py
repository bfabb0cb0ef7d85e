"""The engines that are measured: to add one, or a variant of ours, add a row here."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines.networks import Network

Latencies = NDArray[np.float64]
Outcome = Latencies | tuple[Latencies, float]
Runner = Callable[[Network, int, int], Outcome]


@dataclass(frozen=True)
class Engine:
    """Where an engine's runner is, and how much it is given to do.

    A runner takes a network, a number of requests and a seed, and returns every request's latency in seconds;
    ours return also the CPU seconds it took to make the arrivals, which others do as they go. ``requests`` is enough
    for seconds of work; ``quick_requests`` for a fraction of one. ``packages`` are those whose versions matter;
    ``compiles`` says that the first run of a process, or of a machine, compiles something.
    """

    title: str
    runner: str
    requests: int
    quick_requests: int
    packages: tuple[str, ...]
    compiles: bool = False
    ours: bool = False

    def load(self) -> Runner:
        """Import what is needed to run it, and nothing of the other engines."""
        module, _, name = self.runner.rpartition(".")
        runner: Runner = getattr(importlib.import_module(f"benchmarks.engines.{module}"), name)
        return runner

    @property
    def versions(self) -> dict[str, str]:
        return {package: importlib.metadata.version(package) for package in self.packages}


# What ratios are against. SimPy's is the faster of the two programs that use its own processes and queues.
SIMPY, CIMBA = "simpy", "cimba"

ENGINES = {
    "compiled": Engine(
        "ours, compiled", "our_engines.compiled", 1_000_000, 200_000, ("numba", "numpy"), compiles=True, ours=True
    ),
    "event-loop": Engine(
        "ours, compiled, by events", "our_engines.event_loop", 1_000_000, 200_000, ("numba",), compiles=True, ours=True
    ),
    "reference": Engine("ours, SimPy reference", "our_engines.reference", 50_000, 5_000, ("simpy",), ours=True),
    SIMPY: Engine("SimPy, a process each server", "simpy_engines.servers", 200_000, 20_000, ("simpy",)),
    "simpy-processes": Engine("SimPy, a process each request", "simpy_engines.processes", 200_000, 20_000, ("simpy",)),
    "simpy-events": Engine("SimPy's agenda alone, queues by hand", "simpy_engines.events", 200_000, 20_000, ("simpy",)),
    "ciw": Engine("Ciw", "ciw_engine.run", 100_000, 10_000, ("ciw",)),
    CIMBA: Engine("Cimba for Python", "cimba_engine.run", 1_000_000, 200_000, ("cimba", "numba"), compiles=True),
}
