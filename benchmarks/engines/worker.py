"""The process of one measurement: ``python -m benchmarks.engines.worker TASK ARGUMENTS FILE``.

``ARGUMENTS`` is a JSON object; what was measured is written to ``FILE`` as JSON. Started by `measure`.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

TASKS = {"rate": "rate", "growth": "growth", "day": "day", "ablation": "ablation"}


def main(task: str, arguments: str, file: str) -> None:
    """Do the task and write its answer; only what the task needs is imported, for imports count as start-up."""
    module = importlib.import_module(f"benchmarks.engines.{TASKS[task]}")
    Path(file).write_text(json.dumps(module.run(**json.loads(arguments))))


if __name__ == "__main__":
    main(*sys.argv[1:])
