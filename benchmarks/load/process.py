"""Parts of a load benchmark as processes of their own: a server that prints its port, a worker that prints JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sdlab.catalog import ROOT
from sdlab.errors import LabError


def on_core(core: int | None) -> None:
    """Keep this process, and those it starts, on one core; nothing for None, or where the system cannot."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def on_other_cores() -> None:
    """Move this process, and not those it has started, from its cores to all others; nothing if there are none."""
    if hasattr(os, "sched_setaffinity") and (others := set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)):
        os.sched_setaffinity(0, others)


@contextmanager
def server(module: str, *arguments: str, core: int | None = None) -> Iterator[str]:
    """The URL of ``python -m module``, which prints its port when it listens; ended with the block."""
    program = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        if core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {core})
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise LabError(f"{module} did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def worker(module: str, *arguments: object, timeout_s: float = 120.0) -> dict[str, Any]:
    """What ``python -m module`` prints, a JSON document. Raises `LabError` with its last words if it fails."""
    program = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, timeout=timeout_s, check=False)
    if done.returncode != 0:
        raise LabError(f"{module} failed: {' '.join(done.stderr.split())[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
