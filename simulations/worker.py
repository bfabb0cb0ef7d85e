"""What happens inside a worker: one run at a time, by code that is the same as its master's."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache, lru_cache
from multiprocessing import connection
from typing import Any

import cloudpickle
import numba
import numpy as np

from sdlab.catalog import ROOT
from sdlab.errors import LabError
from sdlab.workload import Requests
from simulations.engines import simulate
from simulations.model import Cache, Exponential, Flow, Lookup, Model, Serve, Station, Step


def attend() -> None:
    """In a worker: Ctrl-C is the parent's to handle, and without the parent there is nothing left to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True, name="follow the parent").start()


def warm() -> None:
    """Compile the engine, or load it from the cache on disk, once, before many processes would each compile it."""
    steps: list[Step] = [Serve("server", Exponential(1.0)), Lookup("cache")]
    model = Model("warm-up", [Flow("get", steps)], [Station("server", 1)], caches=[Cache("cache", 1)])
    zero = np.zeros(1, dtype=np.int16)
    simulate(model, Requests(np.zeros(1), zero, np.zeros(1, dtype=np.int64), zero, ("get",), ("here",)), seed=1)


@cache
def code_digest() -> str:
    """A hash of the code that a run's result follows from, and of what computes it: equal digests, equal results."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {np.__version__} {numba.__version__}".encode())
    for stage in ("sdlab", "simulations"):
        for path in sorted((ROOT / stage).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def apply(call: bytes, digest: str, item: Any) -> Any:
    """One run, in a worker."""
    if digest != code_digest():
        raise LabError(f"the worker on {platform.node()} has another state of the lab or its libraries than this one")
    return _loaded(call)(item)


@lru_cache(maxsize=4)
def _loaded(call: bytes) -> Callable[[Any], Any]:
    function: Callable[[Any], Any] = cloudpickle.loads(call)
    return function
