"""Run folders appear whole or not at all, and say how to make them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdlab import runs, workload
from sdlab.errors import InvalidInput
from sdlab.spec import Design


def write(folder: Path, design: Design, **parameters: object) -> runs.Run:
    requests = workload.steady(design, "poisson", 50, 4, seed=1)
    with runs.new_run(
        "load_test", design.slug, seed=1, command="./lab swarm", parameters=parameters, runs=folder
    ) as run:
        table = runs.records(
            requests,
            sent_s=requests.arrival_s + 0.001,
            completed_s=requests.arrival_s + 0.01,
            outcome=np.zeros(len(requests), dtype=np.int8),
            spans={"app": np.full(len(requests), 0.002)},
            status=np.full(len(requests), 302, dtype=np.int16),
        )
        run.write_requests(table)
        run.write_json("numbers", {"a": np.float64(1.5), "b": np.arange(3)})
    return runs.Run.load(run.folder)


def test_what_was_written_is_read_back(tmp_path: Path, design: Design) -> None:
    run = write(tmp_path, design, rate_rps=50)
    assert run.manifest.parameters == {"rate_rps": 50}
    assert run.manifest.machine == runs.Machine.this()
    assert run.json("numbers") == {"a": 1.5, "b": [0, 1, 2]}
    table = run.requests()
    assert list(table["operation"].cat.categories) == list(design.operations)
    assert set(table["outcome"]) == {"completed"}
    assert table["span_app_s"].eq(0.002).all()


def test_replaying_gives_the_recorded_send_times_in_order(tmp_path: Path, design: Design) -> None:
    table = write(tmp_path, design).requests()
    table.loc[3, "sent_s"] = np.nan  # dropped before it was sent
    table.loc[5, "sent_s"] = 3.9  # late
    again = runs.replayed(table)
    assert len(again) == len(table) - 1
    assert np.all(np.diff(again.arrival_s) >= 0)
    assert set(again.arrival_s) == set(table["sent_s"].dropna())
    assert again.operations == design.operations


def test_a_run_that_fails_leaves_nothing(tmp_path: Path, design: Design) -> None:
    def interrupted() -> None:
        with runs.new_run("simulation", design.slug, seed=1, command="x", runs=tmp_path) as run:
            run.write_json("half", {})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_runs_are_found_by_design_and_kind_oldest_first(tmp_path: Path, design: Design) -> None:
    first, second = write(tmp_path, design), write(tmp_path, design)
    found = [run.manifest.run_id for run in runs.find_runs(design.slug, "load_test", tmp_path)]
    assert sorted(found) == sorted([first.manifest.run_id, second.manifest.run_id])
    assert runs.find_runs(design.slug, "simulation", tmp_path) == []
    assert runs.find_runs("other", runs=tmp_path) == []


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no run folder"):
        runs.Run.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InvalidInput, match="has a manifest that cannot be read"):
        runs.Run.load(tmp_path)
