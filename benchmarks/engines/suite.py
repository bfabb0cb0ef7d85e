"""The whole benchmark: which measurements are made, in which order, and the document they become."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.engines import compare
from benchmarks.engines.measure import measure
from benchmarks.engines.networks import NETWORKS
from benchmarks.engines.table import ENGINES
from sdlab.errors import InvalidInput
from sdlab.invocation import command_line
from sdlab.runs import Machine, commit

PARTS = (*NETWORKS, "growth", "day", "profile")
QUICK_DAY = ["workload.requests_per_day=100000", "topology.cache.capacity_entries=2000"]
QUICK_PARTS = ("network", "growth", "day", "profile")

Advance = Callable[[int | None], None]


class Plan:
    """What is measured, and how much of it.

    ``parts`` are names of networks and "growth", "day", "profile" (all of them if there are none; a quick plan has
    one network). Raises `InvalidInput` for a part there is not.
    """

    def __init__(self, parts: Sequence[str], *, quick: bool, repeats: int, seed: int) -> None:
        for part in parts:
            if part not in PARTS:
                raise InvalidInput("--only", part, f"must be one of {', '.join(PARTS)}")
        self.parts = tuple(parts) or (QUICK_PARTS if quick else PARTS)
        self.quick, self.seed = quick, seed
        self.repeats = 1 if quick else repeats
        self.networks = [name for name in NETWORKS if name in self.parts]
        self.budget = 20_000 if quick else 1_000_000

    @property
    def measurements(self) -> int:
        """How many processes it takes."""
        rates = len(self.networks) * len(ENGINES) * self.repeats
        cold = 0 if self.quick or not self.networks else sum(engine.compiles for engine in ENGINES.values())
        return rates + cold + len(set(self.parts) - set(NETWORKS))

    def run(self, advance: Advance) -> dict[str, Any]:
        """Measure all of it; the document says which machine, commit, versions and seed it was."""
        document: dict[str, Any] = {"metadata": self._metadata()}
        if self.networks:
            document["engines"] = self._rates(advance)
        if "growth" in self.parts:
            document["growth"] = measure(
                "growth", budget=self.budget, repeats=self.repeats, seed=self.seed, quick=self.quick
            )
            advance(None)
        if "day" in self.parts:
            document["day"] = measure(
                "day", overrides=QUICK_DAY if self.quick else [], repeats=self.repeats, seed=self.seed
            )
            advance(None)
        if "profile" in self.parts:
            document["profile"] = measure(
                "ablation", requests=self.budget, repeats=max(self.repeats, 3), seed=self.seed
            )
            advance(None)
        return document

    def _rates(self, advance: Advance) -> list[compare.Row]:
        """Round after round of every engine on every network, so that the machine's moods meet all alike."""
        found: dict[tuple[str, str], list[dict[str, Any]]] = {
            (engine, network): [] for network in self.networks for engine in ENGINES
        }
        with tempfile.TemporaryDirectory(prefix="sdlab-bench-numba-") as folder:
            # A quick run takes what numba has compiled before: compiling is most of a quick run's time.
            compiled_code = None if self.quick else Path(folder)
            cold_s: dict[str, float] = {}
            if not self.quick:
                for name, engine in ENGINES.items():
                    if engine.compiles:
                        cold_s[name] = self._cold_start(name, Path(folder))
                        advance(None)
            for repeat in range(self.repeats):
                for (name, network), repeats in found.items():
                    engine = ENGINES[name]
                    repeats.append(
                        measure(
                            "rate",
                            compiled_code=compiled_code,
                            engine=name,
                            network=network,
                            requests=engine.quick_requests if self.quick else engine.requests,
                            seed=self.seed + repeat,
                        )
                    )
                    advance(None)
        rows = [compare.row(name, network, all_, cold_s.get(name)) for (name, network), all_ in found.items()]
        return compare.with_ratios(rows)

    def _cold_start(self, engine: str, compiled_code: Path) -> float:
        network = self.networks[-1]
        answer = measure(
            "rate", compiled_code=compiled_code, engine=engine, network=network, requests=0, seed=self.seed
        )
        return float(answer["start_up_s"])

    def _metadata(self) -> dict[str, Any]:
        return {
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command_line(),
            "commit": commit(),
            "machine": Machine.this().model_dump(),
            "seed": self.seed,
            "repeats": self.repeats,
            "quick": self.quick,
            "networks": {name: NETWORKS[name].title for name in self.networks},
            "versions": {name: version for engine in ENGINES.values() for name, version in engine.versions.items()},
            "measured": "CPU time of one process on one core, from the seed to every request's latency; "
            "requests_per_s and its ratios: the first run of a fresh process, to which memory is given as it is "
            "touched, the fastest of the repeats; requests_per_s_steady and its ratios: the fastest of all runs, the "
            "first and further ones of each process. All engines take turns; start-up and compilation are left out. "
            "cold_compile_s: from the start of the process to a first result, with nothing compiled before; "
            "warm_start_s: the same with a filled cache (Cimba keeps none). peak_memory_bytes: the process's peak "
            "resident memory; baseline_memory_bytes: its peak before the run.",
        }
