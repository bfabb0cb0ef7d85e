"""The sweep as a person calls it, stops it and goes on with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sdlab import cli
from sdlab.catalog import ROOT
from sdlab.runs import Run, find_runs
from tests.end_to_end.cli import lab
from tests.patience import soon

SWEEP = (
    "sweep", "url_shortener", "--over", "topology.api.workers=1:3", "--over",
    "workload.requests_per_day=2e7:2e8:log:4", "--replications", "3", "--requests", "20000",
    "--set", "topology.cache.capacity_entries=2000",
)  # fmt: skip
RUNS = 3 * 4 * 3


def kept(folder: Path) -> int:
    """How many finished runs the interrupted sweeps in a folder hold."""
    return sum(len(file.read_text().splitlines()) for file in folder.glob(".sweep-*/runs.jsonl"))


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_leaves_nothing_running_and_goes_on_when_called_again(
    tmp_path: Path, how: signal.Signals
) -> None:
    command = [str(ROOT / "lab"), *SWEEP, "--runs", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert soon(lambda: kept(tmp_path) >= 3)
        # A terminal sends Ctrl-C to all processes of the command; kill -9 takes one.
        if how == signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.kill()
        said = process.communicate()[1]
        assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert soon(lambda: not group_lives(process.pid))
    before = kept(tmp_path)
    assert 3 <= before < RUNS
    assert how != signal.SIGINT or f"{before} of {RUNS} runs are kept" in said
    assert find_runs(runs=tmp_path) == []
    done = lab(*SWEEP, "--runs", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"{before} of {RUNS} runs were finished before" in done.stdout
    (run,) = find_runs(runs=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [run.folder.name]
    assert len(pd.read_parquet(run.folder / "replications.parquet")) == RUNS
    assert_a_grid_says_where_the_slos_are_met_in_eighty_columns_and_leaves_its_files(done.stdout, run)


def assert_a_grid_says_where_the_slos_are_met_in_eighty_columns_and_leaves_its_files(said: str, run: Run) -> None:
    assert f"12 variants x 3 replications = {RUNS} runs of 20,000 requests" in said
    assert "SLOs met by" in said
    assert max(len(line) for line in said.splitlines() if not line.startswith("run folder")) <= 80
    assert {path.suffix for path in run.folder.glob("sweep.*")} == {".json", ".svg", ".png"}
    variants = pd.read_csv(run.folder / "variants.csv")
    assert len(variants) == 12
    # More workers never turn a met SLO into a missed one, more requests never a missed one into a met one.
    met = (variants["slos"] == "met").to_numpy().reshape(3, 4)
    assert met[0, 0]
    assert not met[0, -1]
    assert (met[1:] >= met[:-1]).all()
    assert (met[:, 1:] <= met[:, :-1]).all()
    assert "sweep url_shortener --over topology.api.workers=1:3" in run.manifest.command


def test_one_number_gives_its_results_as_data_with_intervals_over_the_replications(tmp_path: Path) -> None:
    one = ("sweep", "url_shortener", "--over", "topology.api.workers=2,3", "--requests", "20000", "--json",
           "--set", "topology.cache.capacity_entries=2000", "--runs", str(tmp_path))  # fmt: skip
    answer: dict[str, Any] = json.loads(lab(*one, "--replications", "2").stdout)
    assert answer["values"] == [2, 3]
    assert answer["seeds"] == [1, 2]
    assert answer["variants"][0]["slo_ratio"]["half_width"] > 0
    assert answer["variants"][0]["difference_from_first"] == {"mean": 0.0, "half_width": 0.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--over", "topology.api.workers=0:3"], "topology.api.workers = 0: input should be greater than or equal"),
        (["--over", "topology.api.workers=1:100", "--replications", "50"], "100 variants x 50 replications are 5,000"),
        (["--over", "topology.api.workers=1:3", "--on", "tcp://127.0.0.1:1"], "no Dask scheduler answers there"),
        (["--over", "topology.api.workers=1:3", "--workers", "2", "--on", "tcp://127.0.0.1:1"], "does not go with"),
        (["--over", "topology.api.workers=1:3", "--set", "topology.api.workers=2"], "is also fixed by --set"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_runs(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["lab", "sweep", "url_shortener", *arguments, "--runs", str(tmp_path)])
    monkeypatch.setattr("signal.signal", lambda *_: None)  # this process keeps its own handlers
    assert cli.main() == 2
    said = capsys.readouterr()
    assert message in " ".join(said.err.split())
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []
