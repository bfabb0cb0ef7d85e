"""One run of the simulator: what it keeps, what its folder holds, and what a person sees of it first."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from sdlab import catalog
from sdlab.errors import InvalidInput
from simulations import present, scenario
from simulations import run as runner
from simulations.run import Recording, Simulated
from simulations.scenario import ASSUMED, Scenario
from simulations.terminal import ms, plus_minus, sparkline


def in_the_shop() -> Scenario:
    """The model that uses every step, under the name of a design."""
    spec = importlib.util.spec_from_file_location("every_step", catalog.ROOT / "examples" / "every_step.py")
    assert spec is not None
    assert spec.loader is not None
    shop = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shop)
    parameters = {"mode": "steady", "arrival": "poisson", "calibration": ASSUMED}
    return Scenario(
        catalog.load_design("url_shortener"), shop.build(), shop.customers(4_000, 250.0), 16.0, parameters=parameters
    )


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return runner.run(in_the_shop(), 1, "compiled", quiet=True, recording=Recording(step_s=0.5, spans=True))


def seen(simulated: Simulated, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    present.show(console, simulated)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.splitlines()


def test_a_run_folder_has_every_request_the_series_and_how_requests_ended(simulated: Simulated, tmp_path: Path) -> None:
    saved = runner.save(simulated, overrides=None, study=None, runs_folder=tmp_path)
    table = saved.requests()
    assert len(table) == simulated.path.arrival_s.size > 4_000
    assert saved.manifest.parameters["requests"] == len(table)
    assert "span_database_s" in table
    series = pd.read_parquet(saved.folder / "series.parquet")
    assert series["time_s"].tolist()[:3] == [0.0, 0.5, 1.0]
    assert series["requests.all.arrivals"].sum() == len(table)
    rows = {row["outcome"]: row for row in saved.json("outcomes") if row["operation"] == "all"}
    assert rows["rejected"]["requests"] == int((table["outcome"] == "rejected").sum())
    assert saved.json("guards")["buckets"][0]["name"] == "front_door"
    assert all(check["ok"] for check in saved.json("checks"))
    assert {"law": "Little's law", "resource": "everything in flight"}.items() <= saved.json("checks")[-1].items()


def test_the_terminal_says_in_80_columns_how_requests_ended_and_what_protected_the_service(
    simulated: Simulated,
) -> None:
    lines = seen(simulated)
    assert max(len(line.rstrip()) for line in lines) <= 80
    text = "\n".join(lines)
    for part in (
        "response time of completed requests (ms)",
        "how requests ended",
        "how long those took that did not complete (ms)",
        "steady state (ms, 95 % interval)",
        "warm-up cut by MSER-5: nothing",
        "over time: ",
        "token bucket front_door: let 3,",
        "balancer web: web_1 ",
        "self-checks: all",
    ):
        assert part in text, part
    assert "…" not in text


def test_nothing_is_said_of_outcomes_or_guards_where_all_went_well() -> None:
    design = catalog.load_design("url_shortener", ["topology.cache.capacity_entries=2000"])
    steady = scenario.steady(design, None, 1, process="constant", rate_rps=100.0, duration_s=20.0)
    text = "\n".join(seen(runner.run(steady, 1, "compiled", quiet=True)))
    assert "how requests ended" not in text
    assert "over time" not in text
    assert "token bucket" not in text
    assert "warm-up cut by MSER-5" in text


def test_no_warm_up_is_cut_where_the_rate_changes() -> None:
    design = catalog.load_design("url_shortener", ["topology.cache.capacity_entries=2000"])
    crowd = scenario.steady(
        design,
        None,
        1,
        process="flash_crowd:peak_rps=200,at_s=5,rise_s=1,hold_s=2,decay_s=1",
        rate_rps=50.0,
        duration_s=20.0,
    )
    found = runner.run(crowd, 1, "compiled", quiet=True)
    assert "steady_state" not in found.content
    assert "no warm-up is cut: the rate changes during the run" in "\n".join(seen(found))


def test_requests_made_in_chunks_give_a_run_without_records(tmp_path: Path) -> None:
    design = catalog.load_design("url_shortener", ["topology.cache.capacity_entries=2000"])
    stream = scenario.steady_stream(design, None, 1, rate_rps=500.0, duration_s=1e6, most=5_000)
    found = runner.run(stream, 1, "compiled", quiet=True, recording=Recording(records="histograms"))
    assert found.content["summary"][0]["requests"] == 5_000
    assert found.content["summary"][0]["rate_rps"] == 500.0
    assert all(check["ok"] for check in found.content["checks"])
    saved = runner.save(found, overrides=None, study=None, runs_folder=tmp_path)
    assert saved.manifest.parameters["requests"] == 5_000
    assert not (saved.folder / "requests.parquet").exists()
    assert "histograms keep no order of requests" in " ".join(seen(found))
    with pytest.raises(InvalidInput, match="--records histograms"):
        runner.run(stream, 1, "compiled", quiet=True)


def test_histograms_and_a_time_series_go_together_and_the_series_is_that_of_the_records(tmp_path: Path) -> None:
    design = catalog.load_design("url_shortener", ["topology.cache.capacity_entries=2000"])
    stream = scenario.steady_stream(design, None, 1, rate_rps=500.0, duration_s=1e6, most=5_000)
    assert stream.chunks is not None
    (piece,) = stream.chunks()
    whole = replace(stream, requests=piece, chunks=None)
    found = runner.run(stream, 1, "compiled", quiet=True, recording=Recording(2.0, records="histograms"))
    kept = runner.run(whole, 1, "compiled", quiet=True, recording=Recording(2.0))
    assert found.series is not None
    assert kept.series is not None
    assert len(found.series) >= 5
    for part in ("stations", "caches"):
        assert found.series[part].equals(kept.series[part])
    saved = runner.save(found, overrides=None, study=None, runs_folder=tmp_path)
    assert (saved.folder / "series.parquet").exists()


def test_a_broken_law_is_named_with_its_sides(simulated: Simulated) -> None:
    check = {
        "law": "Little's law",
        "resource": "api",
        "left": 2.0,
        "right": 3.0,
        "relative_difference": 0.3,
        "ok": False,
    }
    broken = replace(simulated, content={**simulated.content, "checks": [check]})
    assert "self-check broken: Little's law at api: 2 is not 3" in seen(broken)


@pytest.mark.parametrize(("step_s", "bound"), [(0.0, "above 0"), (float("nan"), "above 0"), (1e-5, "at least")])
def test_a_step_must_be_a_time_that_leaves_a_series_one_can_hold(step_s: float, bound: str) -> None:
    with pytest.raises(InvalidInput, match=f"--step = .*{bound}"):
        Recording(step_s=step_s).bin_s(in_the_shop())


def test_a_step_of_a_day_is_a_part_of_an_hour() -> None:
    day = replace(in_the_shop(), hour_s=3600.0)
    assert Recording(step_s=60.0).bin_s(day) == 60.0
    assert Recording(step_s=1000.0).bin_s(day) == 900.0
    assert Recording(step_s=9000.0).bin_s(day) == 3600.0
    assert Recording().bin_s(day) == 3600.0


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([1, 1, 3, 3], 2, "▃█"),
        ([0.0, np.nan, 1.0], 9, "▁ █"),
        ([0.0, 0.0], 9, "▁▁"),
        ([np.nan], 9, " "),
    ],
)
def test_a_series_becomes_blocks_from_zero_to_its_highest(values: Any, width: int, line: str) -> None:
    assert sparkline(values, width) == line


def test_times_are_written_in_milliseconds_with_their_half_width() -> None:
    assert [ms(0.0123456), ms(12.3456), ms(float("nan"))] == ["12.3", "12,346", "-"]
    assert plus_minus(0.0123456, 0.000123) == "12.3 ± 0.12"
    assert plus_minus(0.0123456, float("nan")) == "12.3"
