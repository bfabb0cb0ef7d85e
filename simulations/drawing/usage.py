"""How busy the parts of a model were in a run: what the drawing shows as numbers and fill."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdlab.errors import InvalidInput
from sdlab.runs import Run
from simulations import results
from simulations.model import Model
from simulations.sample_path import SamplePath


@dataclass(frozen=True)
class Usage:
    """Utilisation (0 to 1) of stations, pools and queues' workers, hit ratio (0 to 1) of caches; where it is from."""

    source: str
    utilisation: dict[str, float] = field(default_factory=dict)
    hit_ratio: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of_path(cls, path: SamplePath, source: str) -> Usage:
        """What a run in memory used."""
        stations = {row["name"]: row["utilisation"] for row in results.stations(path)}
        asked = zip(path.cache_names, path.cache.lookups, path.cache.hit_ratio, strict=True)
        return cls(source, stations, {name: float(ratio) for name, lookups, ratio in asked if lookups})

    @classmethod
    def of_folder(cls, folder: Path) -> Usage:
        """What a saved run used. Raises `InvalidInput` if the folder holds no simulated run with stations."""
        run = Run.load(folder)
        rows = _table(folder, "stations")
        caches = _table(folder, "caches") if (folder / "caches.json").is_file() else []
        rate = run.manifest.parameters.get("rate_rps")
        what = f"{rate:g} requests/s" if rate else str(run.manifest.parameters.get("mode", "run"))
        return cls(
            f"run {run.manifest.run_id}, {what}",
            {row["name"]: float(row["utilisation"]) for row in rows},
            {row["name"]: float(row["hit_ratio"]) for row in caches if row["lookups"]},
        )

    def highest(self, names: Sequence[str]) -> float | None:
        """The highest utilisation among some; None if none is known."""
        known = [self.utilisation[name] for name in names if name in self.utilisation]
        return max(known, default=None)

    def hits(self, names: Sequence[str]) -> float | None:
        """The mean hit ratio of some caches; None if none is known."""
        known = [self.hit_ratio[name] for name in names if name in self.hit_ratio]
        return sum(known) / len(known) if known else None

    def busiest(self, model: Model) -> str | None:
        """The station or pool of the model with the highest utilisation above 0."""
        names = [resource.name for kind in (model.stations, model.pools, model.queues) for resource in kind]
        known = [name for name in names if self.utilisation.get(name, 0.0) > 0]
        return max(known, key=lambda name: self.utilisation[name], default=None)


def _table(folder: Path, name: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise InvalidInput("--run", str(folder), f"has no readable {name}.json: is it a simulated run?") from None
    return list(rows)
