"""Run folders: what a simulation or a load test leaves behind, and all that a report reads.

A run folder holds ``manifest.json`` (what, when, which commit, which machine, which seed, which parameters, how to
make it again), ``design.toml`` (as it was), ``requests.parquet`` (one row a request) and further JSON files by name.
It is written beside its final place and renamed when whole, so that a folder that exists is complete.
"""

from __future__ import annotations

import json
import math
import os
import platform
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sdlab.catalog import ROOT, design_folder, slugs
from sdlab.errors import InvalidInput
from sdlab.outcomes import OUTCOMES
from sdlab.workload import Requests

RUNS = ROOT / "reports" / "runs"
SPAN_PREFIX = "span_"

Kind = Literal["simulation", "load_test", "calibration", "saturation"]


class Machine(BaseModel):
    """Where a run was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: str
    cores: int
    memory_bytes: int
    system: str
    python: str

    @classmethod
    def this(cls) -> Machine:
        return cls(
            cpu=_cpu_model(),
            cores=os.cpu_count() or 1,
            memory_bytes=psutil.virtual_memory().total,
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
        )


class Validity(BaseModel):
    """A measurement's judgement of itself: VALID, or INVALID with the reasons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid: bool
    reasons: list[str] = Field(default_factory=list)

    @property
    def word(self) -> str:
        return "VALID" if self.valid else "INVALID"


class RunManifest(BaseModel):
    """What a run was. Times are UTC, in ISO 8601.

    ``command`` makes the run again; ``study`` names the study it is a part of (all runs of one `./lab run` share
    it); ``parameters`` holds what the stage needs to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    kind: Kind
    design: str
    created_at: str
    commit: str
    machine: Machine
    seed: int
    command: str
    study: str | None = None
    overrides: list[str] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    interrupted: bool = False
    validity: Validity | None = None


@dataclass
class RunWriter:
    """An open run folder: add files, change what the manifest will say."""

    folder: Path
    manifest: RunManifest

    def write_json(self, name: str, content: object) -> None:
        (self.folder / f"{name}.json").write_text(to_json(content) + "\n")

    def write_requests(self, records: pd.DataFrame) -> None:
        records.to_parquet(self.folder / "requests.parquet", compression="zstd", index=False)

    def update(self, **changes: Any) -> None:
        """Change fields of the manifest that are known only at the end (validity, interrupted)."""
        self.manifest = self.manifest.model_copy(update=changes)


@contextmanager
def new_run(
    kind: Kind,
    design: str,
    *,
    seed: int,
    command: str,
    study: str | None = None,
    overrides: list[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    runs: Path | None = None,
    run_id: str | None = None,
) -> Iterator[RunWriter]:
    """Write a run folder; it appears under ``runs`` (default reports/runs) only if the block ends well."""
    runs = runs or RUNS
    run_id = run_id or _new_id(kind, design)
    manifest = RunManifest(
        run_id=run_id,
        kind=kind,
        design=design,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=Machine.this(),
        seed=seed,
        command=command,
        study=study,
        overrides=overrides or [],
        parameters=dict(parameters or {}),
    )
    partial = runs / f".partial-{run_id}"
    partial.mkdir(parents=True)
    try:
        writer = RunWriter(partial, manifest)
        if design in slugs():
            shutil.copyfile(design_folder(design) / "design.toml", partial / "design.toml")
        yield writer
        (partial / "manifest.json").write_text(writer.manifest.model_dump_json(indent=1) + "\n")
        partial.rename(runs / run_id)
        writer.folder = runs / run_id
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@dataclass(frozen=True)
class Run:
    """A finished run folder."""

    folder: Path
    manifest: RunManifest

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Raises `InvalidInput` if the folder holds no readable run."""
        try:
            text = (folder / "manifest.json").read_text()
        except OSError as error:
            raise InvalidInput("run", str(folder), f"is no run folder: {error.strerror}") from None
        try:
            return cls(folder, RunManifest.model_validate_json(text))
        except ValidationError as error:
            raise InvalidInput("run", str(folder), f"has a manifest that cannot be read: {error}") from None

    def requests(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "requests.parquet")

    def json(self, name: str) -> Any:
        return json.loads((self.folder / f"{name}.json").read_text())

    def has(self, name: str) -> bool:
        return (self.folder / f"{name}.json").is_file()


def find_runs(design: str | None = None, kind: Kind | None = None, runs: Path | None = None) -> list[Run]:
    """Finished runs, oldest first."""
    folders = sorted(path.parent for path in (runs or RUNS).glob("[!.]*/manifest.json"))
    found = [Run.load(folder) for folder in folders]
    return [
        run
        for run in sorted(found, key=lambda run: (run.manifest.created_at, run.manifest.run_id))
        if design in (None, run.manifest.design) and kind in (None, run.manifest.kind)
    ]


def searches(design: str, study: str | None, runs: Path | None = None) -> list[Run]:
    """The finished `lab saturate` of a study (None: of no study) that found a rate, oldest first."""
    finished = (
        run
        for run in find_runs(design, "saturation", runs)
        if run.manifest.study == study and not run.manifest.interrupted and run.has("saturation")
    )
    return [run for run in finished if run.json("saturation").get("rate_rps")]


def newest_search(design: str, study: str | None, runs: Path | None = None) -> Run | None:
    """The last of `searches`; None without one."""
    return next(reversed(searches(design, study, runs)), None)


def records(
    requests: Requests,
    *,
    sent_s: np.ndarray[Any, np.dtype[np.float64]],
    completed_s: np.ndarray[Any, np.dtype[np.float64]],
    outcome: np.ndarray[Any, np.dtype[np.int8]],
    spans: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]] | None = None,
    **columns: np.ndarray[Any, Any],
) -> pd.DataFrame:
    """The table of a run's requests, one row each, in order of the intended start.

    Times are seconds since the run's start; ``completed_s`` is NaN for what never completed. ``outcome`` indexes
    `OUTCOMES`. ``spans`` are seconds by name, stored as ``span_<name>_s``; other columns are stored as they are.
    """
    table = {
        "operation": _categories(requests.operation, requests.operations),
        "key": requests.key,
        "region": _categories(requests.region, requests.regions),
        "intended_s": requests.arrival_s,
        "sent_s": sent_s,
        "completed_s": completed_s,
        "outcome": _categories(outcome, OUTCOMES),
        **columns,
        **{f"{SPAN_PREFIX}{name}_s": values for name, values in (spans or {}).items()},
    }
    return pd.DataFrame(table)


def _categories(codes: np.ndarray[Any, Any], names: tuple[str, ...]) -> pd.Categorical[Any]:
    return pd.Categorical.from_codes(codes, categories=pd.Index(names))


def replayed(table: pd.DataFrame) -> Requests:
    """The requests a run really sent, at the times it sent them, to be fed into the model."""
    sent = table[table["sent_s"].notna()].sort_values("sent_s", kind="stable")
    return Requests(
        sent["sent_s"].to_numpy(dtype=np.float64),
        sent["operation"].cat.codes.to_numpy().astype(np.int16),
        sent["key"].to_numpy(dtype=np.int64),
        sent["region"].cat.codes.to_numpy().astype(np.int16),
        tuple(sent["operation"].cat.categories),
        tuple(sent["region"].cat.categories),
    )


def commit() -> str:
    """The repository's commit, with "+changes" if the tree differs from it; "unknown" outside of git."""
    try:
        head = _git("rev-parse", "HEAD")
        return f"{head}+changes" if _git("status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _new_id(kind: str, design: str) -> str:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    return f"{now}-{kind}-{design}-{secrets.token_hex(3)}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def to_json(content: object) -> str:
    """JSON of plain values, numpy's and dataclasses; a number that is not finite becomes null, as JSON has none."""
    return json.dumps(_plain(content), indent=1, allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return _plain(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
