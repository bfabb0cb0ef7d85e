"""Measurements, each in a process of its own that Ctrl-C ends first."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sdlab import processes
from sdlab.catalog import ROOT
from sdlab.errors import LabError

# Numeric libraries would start threads, whose time would count too.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def measure(task: str, *, compiled_code: Path | None = None, **arguments: Any) -> Any:
    """Run a task of `worker` and return what it measured.

    ``compiled_code`` is the folder in which numba keeps what it has compiled (by default, beside the source). Raises
    `LabError` with the process's last words if it fails.
    """
    environment = {**os.environ, **_ONE_THREAD}
    if compiled_code is not None:
        environment["NUMBA_CACHE_DIR"] = str(compiled_code)
    with tempfile.TemporaryDirectory(prefix="sdlab-bench-") as folder:
        answer, log = Path(folder) / "answer.json", Path(folder) / "log"
        text = json.dumps({**arguments, "started_s": time.time()})
        program = [sys.executable, "-m", "benchmarks.engines.worker", task, text, str(answer)]
        child = processes.start(f"bench {task}", program, log_path=log, folder=ROOT, environment=environment)
        if code := processes.run_to_end(child):
            raise LabError(f"bench {task} {json.dumps(arguments)} ended with exit code {code}: {child.last_lines()}")
        return json.loads(answer.read_text())
