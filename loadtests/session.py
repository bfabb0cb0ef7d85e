"""Several windows of load on one running service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.service import Service
from loadtests.window import MAX_IN_FLIGHT, run_window
from sdlab.runs import Run
from sdlab.spec import Design
from sdlab.workload import Requests


@dataclass(frozen=True)
class Session:
    """One service under several windows of load: what they share, and the runs made so far (oldest first).

    ``common`` goes into the parameters of each of its runs: the block of a validation, for one.
    """

    design: Design
    service: Service
    seed: int
    command: str
    study: str | None
    runs_folder: Path | None
    done: list[Run] = field(default_factory=list)
    common: Mapping[str, object] = field(default_factory=dict)

    def window(
        self,
        requests: Requests,
        *,
        seed: int,
        samples_min: int | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        **parameters: object,
    ) -> Run:
        """Load the service once more; the run knows which keys earlier windows have left in the cache."""
        run = run_window(
            self.design,
            requests,
            self.service,
            seed=seed,
            command=self.command,
            parameters={
                **self.common,
                **parameters,
                "preceding_run_ids": [run.manifest.run_id for run in self.done],
            },
            study=self.study,
            runs=self.runs_folder,
            max_in_flight=max_in_flight,
            samples_min=samples_min,
        )
        self.done.append(run)
        return run
