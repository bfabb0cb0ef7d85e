"""The simulation's commands, as a person calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdlab import cli
from sdlab.catalog import ROOT, design_folder
from sdlab.runs import Run, find_runs
from tests.end_to_end.cli import lab

# A small day with a small cache: the same paths through the code in a moment.
SMALL = ("--set", "workload.requests_per_day=20000", "--set", "topology.cache.capacity_entries=2000")


Here = Callable[..., str]
Simulate = Callable[..., dict[str, Any]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Calls the lab in this process, which has the compiled engine loaded: what it says, if all is well.

    That processes of their own do the same, the commands of the README show.
    """
    monkeypatch.setattr("signal.signal", lambda *_: None)  # this process keeps its own handlers

    def call(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["lab", *arguments])
        code = cli.main()
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return call


@pytest.fixture
def simulate(here: Here) -> Simulate:
    def call(folder: Path, *arguments: str) -> dict[str, Any]:
        said = here("simulate", "url_shortener", "--json", "--runs", str(folder), *SMALL, *arguments)
        answer: dict[str, Any] = json.loads(said)
        return answer

    return call


def test_both_engines_give_the_same_record_of_every_request(simulate: Simulate, tmp_path: Path) -> None:
    arguments = ("--rate", "300", "--duration", "20", "--seed", "5")
    for engine in ("compiled", "simpy"):
        simulate(tmp_path / engine, "--engine", engine, *arguments)
    compiled, reference = (find_runs(runs=tmp_path / engine)[0].requests() for engine in ("compiled", "simpy"))
    assert len(compiled) > 5000
    assert compiled.equals(reference)


def test_a_run_says_how_to_make_it_again_and_that_gives_the_same(simulate: Simulate, tmp_path: Path) -> None:
    first = simulate(tmp_path, "--seed", "9", "--set", "topology.api.workers=3")
    run = Run.load(Path(first["run"]))
    assert "--seed 9" in run.manifest.command
    assert run.manifest.overrides[-1] == "topology.api.workers=3"
    again = simulate(tmp_path, "--seed", "9", "--set", "topology.api.workers=3")
    assert {**again, "run": ""} == {**first, "run": ""}
    assert sum(row["tier"] == "api" for row in first["stations"]) == 9


def test_the_terminal_says_first_if_the_slos_are_met(here: Here, tmp_path: Path) -> None:
    said = here("simulate", "url_shortener", *SMALL, "--runs", str(tmp_path))
    assert "SLO redirect met" in said.partition("response time")[0]
    for part in ("p99", "busy", "hit ratio", "where the time goes", "self-checks: all"):
        assert part in said


def test_replications_come_with_their_half_width(simulate: Simulate, tmp_path: Path) -> None:
    answer = simulate(tmp_path, "--rate", "200", "--duration", "20", "--replications", "4")
    rows = {row["operation"]: row for row in answer["replications"]}
    assert rows["redirect"]["replications"] == 4
    assert 0 < rows["redirect"]["response_time_s_p50_half_width"] < rows["redirect"]["response_time_s_p50"]


def test_a_series_at_a_step_is_in_the_answer_and_in_the_run_folder(simulate: Simulate, tmp_path: Path) -> None:
    answer = simulate(tmp_path, "--rate", "200", "--duration", "20", "--step", "2", "--spans")
    series = answer["series"]
    assert series["time_s"][:10] == [2.0 * step for step in range(10)]
    assert sum(series["requests"]["all"]["arrivals"]) == answer["summary"][0]["requests"]
    assert set(series["stations"]) == {row["name"] for row in answer["stations"]}
    assert answer["steady_state"]["rows"][0]["operation"] == "all"
    folder = Path(answer["run"])
    assert (folder / "series.parquet").is_file()
    assert "span_api-eu-1_s" in Run.load(folder).requests()


def test_histograms_say_what_records_say_and_keep_no_request(simulate: Simulate, tmp_path: Path) -> None:
    arguments = ("--rate", "200", "--duration", "20")
    records, histograms = (simulate(tmp_path, *arguments, "--records", kept) for kept in ("all", "histograms"))
    for one, other in zip(records["summary"], histograms["summary"], strict=True):
        for name in ("operation", "requests", "completed"):
            assert other[name] == one[name]
        assert other["response_time_s_p99"] == pytest.approx(one["response_time_s_p99"], rel=2.0**-10)
    assert histograms["breakdown"] == records["breakdown"]
    assert not (Path(histograms["run"]) / "requests.parquet").exists()


def test_an_access_log_drives_the_model_and_its_lines_are_accounted_for(here: Here, tmp_path: Path) -> None:
    log = str(ROOT / "tests" / "data" / "access.log")
    said = here("simulate", "url_shortener", "--trace", log, "--speed", "60", "--runs", str(tmp_path))
    said = " ".join(said.split())
    assert "16 lines over 62 s: 12 requests to 4 paths" in said
    assert "3 lines that are not in the combined format" in said
    (run,) = find_runs(runs=tmp_path)
    table = run.requests()
    assert len(table) == 12
    assert table["intended_s"].max() < 62 / 60
    assert np.bincount(table["key"]).tolist() == [6, 3, 2, 1]


def test_only_the_first_requests_can_be_run(simulate: Simulate, tmp_path: Path) -> None:
    assert simulate(tmp_path, "--requests", "500")["summary"][0]["requests"] == 500


def test_capacity_names_the_rate_and_what_saturates_first(here: Here, tmp_path: Path) -> None:
    arguments = ("--requests", "20000", "--precision", "0.1", "--deployment", "reference")
    said = " ".join(here("capacity", "url_shortener", "--runs", str(tmp_path), *arguments).split())
    assert "meets its SLOs up to" in said
    assert "first to saturate: api-local-1" in said
    assert {run.manifest.parameters["mode"] for run in find_runs(runs=tmp_path)} == {"capacity", "latency_curve"}


def test_a_sweep_varies_one_number(here: Here, tmp_path: Path) -> None:
    arguments = ("--over", "topology.cache.capacity_entries=100:10000:log:3", "--requests", "20000", "--json")
    answer = json.loads(here("sweep", "url_shortener", "--runs", str(tmp_path), *arguments))
    assert answer["values"] == [100, 1000, 10_000]
    assert answer["hit_ratio"] == sorted(answer["hit_ratio"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "nope"], "design = 'nope': no such design; there are url_shortener"),
        (["simulate", "url_shortener", "--engine", "fast"], "must be one of compiled, event_loop, simpy"),
        (["simulate", "url_shortener", "--set", "workload.requests_per_day=-1"], "workload.requests_per_day = -1"),
        (["simulate", "url_shortener", "--rate", "0"], "must be a finite number of requests a second above 0"),
        (["simulate", "url_shortener", "--trace", "README.md"], "is a request in the combined format"),
        (["simulate", "url_shortener", "--rate", "1", "--trace", "x"], "does not go with --trace"),
        (["simulate", "url_shortener", "--records", "some"], "--records = 'some': must be one of all, histograms"),
        (["simulate", "url_shortener", "--spans", "--records", "histograms"], "goes with --records all only"),
        (["simulate", "url_shortener", "--calibration", "x.toml"], "cannot be read"),
        (
            ["simulate", "url_shortener", "--rate", "9", "--step", "0"],
            "--step = 0.0: must be a finite number of seconds",
        ),
        (["simulate", "url_shortener", "--model", "x.json"], "cannot be read"),
        (["simulate", "url_shortener", "--rate", "50000", "--duration", "1", "--strict"], "must get no warning"),
        (["capacity", "url_shortener", "--deployment", "moon"], "must be design or reference"),
        (["sweep", "url_shortener", "--over", "topology.api.workers"], "--over"),
        (["predict", "url_shortener"], "name run folders of load tests, or a --study"),
        (["simulate", "url_shortener", "--colour"], "No such option"),
        (["nonsense"], "command = 'nonsense': must be one of"),
    ],
)
def test_bad_input_gets_one_clear_line_and_exit_code_2(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = (design_folder("url_shortener") / "design.toml").read_text()
    monkeypatch.setattr("sys.argv", ["lab", *arguments, *(["--runs", str(tmp_path)] if len(arguments) > 1 else [])])
    monkeypatch.setattr("signal.signal", lambda *_: None)  # this process keeps its own handlers
    assert cli.main() == 2
    said = capsys.readouterr()
    assert message in " ".join(said.err.split())
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []
    assert (design_folder("url_shortener") / "design.toml").read_text() == before


def test_help_is_there_for_every_command() -> None:
    listed = lab("--help")
    assert listed.returncode == 0
    for name in ("run", "list", "simulate", "capacity", "serve", "swarm", "report", "doctor", "notebook"):
        assert f"\n{name}" in listed.stdout
    assert "Usage" in lab("simulate", "--help").stdout


def test_the_designs_are_listed_with_their_parts() -> None:
    listed = json.loads(lab("list", "--json").stdout)
    assert listed["url_shortener"]["simulations"] is True
    assert sorted(listed) == sorted(path.parent.name for path in (ROOT / "designs").glob("*/design.toml"))
