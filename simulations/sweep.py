"""A sweep: a design's model at its peak rate for many variants and replications of each.

Every variant is run with the same seeds, and everything random is a pure function of seed, request and step: variants
share common random numbers (Law and Kelton 2000, section 11.2), so that their differences are surer than themselves.
A run is steady Poisson arrivals at the variant's own peak rate, for as long as it takes to bring ``requests``
requests: the same arrivals, stretched in time, whatever the rate. The first tenth warms up and is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sdlab import runs
from sdlab.calibration import Calibration
from sdlab.spec import Design
from sdlab.summary import summarise
from simulations import results, scenario
from simulations.executor import Pool
from simulations.grid import Axis, Variant
from simulations.journal import Journal, Key
from simulations.rates import at_rate
from simulations.worker import code_digest

Run = Callable[[Key], dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """What a sweep runs: each variant with the seeds ``seed``, ``seed`` + 1, ... ``seed`` + ``replications`` - 1."""

    slug: str
    axes: tuple[Axis, ...]
    variants: tuple[Variant, ...]
    calibration: Calibration | None
    seed: int
    replications: int
    requests: int

    @property
    def seeds(self) -> range:
        return range(self.seed, self.seed + self.replications)

    @property
    def keys(self) -> list[Key]:
        """All runs, replication by replication: a worker keeps what the variants of one seed have in common."""
        return [(variant, seed) for seed in self.seeds for variant in range(len(self.variants))]

    @property
    def digest(self) -> str:
        """Twelve hex digits over all that a run's result follows from, and not over how many replications there are:
        what an interrupted sweep has done counts for one that asks for more.
        """
        calibration = self.calibration.digest if self.calibration else scenario.ASSUMED
        facts = [code_digest(), self.slug, calibration, self.requests]
        facts += [variant.design.model_dump(mode="json", exclude={"sources"}) for variant in self.variants]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    def validate(self) -> None:
        """Build every variant's model. Raises `InvalidInput` for the first that is none."""
        for variant in self.variants:
            scenario.build_model(variant.design, self.calibration, "design", np.empty(0, dtype=np.int64))

    def folder(self, runs_folder: Path | None) -> Path:
        """Where its finished runs are kept until it is whole."""
        return (runs_folder or runs.RUNS) / f".sweep-{self.digest}"

    def task(self) -> Run:
        """The function of a key that makes one run, to be sent to other processes."""
        designs = tuple(variant.design.model_copy(update={"sources": {}}) for variant in self.variants)
        return partial(_run, designs, self.calibration, self.requests)


def missing(plan: Plan, journal: Journal) -> list[Key]:
    """The runs that are still to be made."""
    return [key for key in plan.keys if key not in journal.runs]


def complete(plan: Plan, journal: Journal, pool: Pool[Key, dict[str, Any]]) -> Iterator[Key]:
    """Make the missing runs; each is on disk when its key is given."""
    for key, result in pool.results(missing(plan, journal)):
        journal.add(key, result)
        yield key


def _run(designs: tuple[Design, ...], calibration: Calibration | None, requests: int, key: Key) -> dict[str, Any]:
    variant, seed = key
    return measure(designs[variant], calibration, seed, requests)


def measure(design: Design, calibration: Calibration | None, seed: int, requests: int) -> dict[str, Any]:
    """One run at the design's peak rate, as plain data.

    ``slo_ratio`` is the largest p99 over its bound among the operations that have an SLO and occur (times are
    seconds), ``utilisation`` that of the busiest station or pool (0 to 1).
    """
    rate_rps = design.workload.peak_rate_rps
    chosen, path = at_rate(design, calibration, seed, "design", rate_rps, requests)
    table = results.records(results.requests_of(chosen.requests, path, chosen.model), path)
    rows = {row.operation: row for row in summarise(table[len(table) // 10 :], 0.9 * chosen.duration_s)}
    ratios = {
        name: rows[name].response_time_s_p99 / slo.response_time_s_p99
        for name, slo in design.slo.items()
        if name in rows and rows[name].completed
    }
    worst = max(ratios, key=ratios.__getitem__, default=None)
    station, utilisation = results.busiest(path)
    return {
        "rate_rps": rate_rps,
        "slo_ratio": ratios[worst] if worst else float("nan"),
        "slo_operation": worst,
        "availability_met": all(
            rows[name].availability >= slo.availability for name, slo in design.slo.items() if name in rows
        ),
        "busiest": station,
        "utilisation": utilisation,
        "hit_ratio": results.hit_ratio(path),
        "response_time_s": {
            name: {
                "mean": row.response_time_s_mean,
                "p50": row.response_time_s_p50,
                "p95": row.response_time_s_p95,
                "p99": row.response_time_s_p99,
            }
            for name, row in rows.items()
        },
    }
