"""Several windows of load on one running service."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from loadtests.service import Service
from loadtests.window import run_window
from sdlab.runs import Run
from sdlab.spec import Design
from sdlab.workload import Requests


@dataclass(frozen=True)
class Session:
    """One service under several windows of load: what they share, and the runs made so far (oldest first)."""

    design: Design
    service: Service
    seed: int
    command: str
    study: str | None
    runs_folder: Path | None
    done: list[Run] = field(default_factory=list)

    def window(self, requests: Requests, *, seed: int, samples_min: int | None = None, **parameters: object) -> Run:
        """Load the service once more; the run knows which keys earlier windows have left in the cache."""
        run = run_window(
            self.design,
            requests,
            self.service,
            seed=seed,
            command=self.command,
            parameters={**parameters, "preceding_run_ids": [run.manifest.run_id for run in self.done]},
            study=self.study,
            runs=self.runs_folder,
            samples_min=samples_min,
        )
        self.done.append(run)
        return run
