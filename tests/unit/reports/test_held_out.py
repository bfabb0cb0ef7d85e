"""The validation of a study in its report: blocks, the verdict of each cell, what is left out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports.build import build, measured_loads
from reports.collect import choose_study, read_study
from reports.document import Report, Section
from reports.verdict import Verdict
from tests.unit.reports.synthetic import SyntheticStudy


def report_of(study: SyntheticStudy) -> tuple[Report, Verdict]:
    chosen = choose_study(study.slug, runs=study.runs)
    return build(read_study(chosen), measured_loads(chosen))


def section(report: Report, name: str) -> Section:
    return next(one for one in report.sections if one.id == name)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> SyntheticStudy:
    """Three blocks; the second runs 20 % slower in all, and so does its prediction; the last was spoilt."""
    study = SyntheticStudy(tmp_path_factory.mktemp("blocks"))
    for number, slower, ratio in ((1, 1.0, 1.0), (2, 1.2, 1.0), (3, 9.0, 1.5)):
        shares = {0.5: (0.010 * slower, 0.0104 * slower), 0.8: (0.020 * slower, 0.016 * slower),
                  0.9: (0.03 * slower, 0.09 * slower)}  # fmt: skip
        study.block(number, shares, probe_ratio=ratio)
    return study


@pytest.fixture(scope="module")
def reported(blocks: SyntheticStudy) -> tuple[Report, Verdict]:
    """Their report: made once, drawing takes seconds."""
    return report_of(blocks)


def test_each_window_is_compared_with_its_own_blocks_prediction(blocks: SyntheticStudy) -> None:
    loads = measured_loads(choose_study(blocks.slug, runs=blocks.runs))
    assert [(load.share, len(load.valid), len(load.invalid)) for load in loads] == [
        (0.5, 2, 1),
        (0.8, 2, 1),
        (0.9, 2, 1),
    ]
    cells = [load.cell("mean") for load in loads]
    assert [cell and cell.error for cell in cells] == pytest.approx([0.04, -0.2, 2.0])
    # 10 and 12: standard deviation 1.41 over 11, twice that is the bound.
    assert [cell and cell.passes for cell in cells] == [True, True, None]
    assert [cell and cell.meets_target for cell in cells] == [True, False, None]


def test_a_spoilt_window_is_invalid_and_listed_with_its_reason(reported: tuple[Report, Verdict]) -> None:
    report, verdict = reported
    machine = section(report, "machine")
    assert "9 held-out windows, 3 of them left out" in machine.text[1]
    lines = [[cell.text for cell in row] for group in machine.tables[0].groups for row in group.rows]
    spoilt = [line for line in lines if line[1] == "3"]
    assert all("INVALID: the machine changed: the spin probe took 1.50 times" in line[4] for line in spoilt)
    assert all(line[5].startswith("INVALID ") for line in spoilt)
    assert verdict.invalid_windows == 3


def calibrating(study: SyntheticStudy, block: int, ratios: dict[str, float]) -> None:
    """A block's windows at low rates, each with what its spin probe took; the pilot gives no parameter."""
    made: list[str] = []
    for focus, ratio in ratios.items():
        role = "pilot" if focus == "pilot" else "calibration"
        run_id = study.load_test(60.0, np.full(60, 0.002), role=role, focus=focus, block=block, probe_ratio=ratio,
                                 preceding_run_ids=made[:])  # fmt: skip
        made.append(run_id)
    study.calibration(made[1:], block=block)


def test_calibration_windows_that_the_machine_disturbed_are_counted_and_listed(study: SyntheticStudy) -> None:
    calibrating(study, 1, {"pilot": 1.0, "mix": 1.1, "read": 1.0, "write": 1.0})
    calibrating(study, 2, {"pilot": 3.3, "mix": 2.0, "read": 2.6, "write": 2.0, "cold keys": 2.0})
    study.block(2, {0.5: (0.010, 0.0104)}, probe_ratio=2.0)
    machine = section(report_of(study)[0], "machine")
    assert "2 of 9 calibration windows were disturbed by the machine (block 2)" in machine.text[2]
    assert "1 of them gave parameters" in machine.text[2]
    lines = [[cell.text for cell in row] for group in machine.tables[1].groups for row in group.rows]
    assert [line[1:5] for line in lines] == [
        ["2", "pilot", "60.0 requests/s", "the rate"],
        ["2", "read", "60.0 requests/s", "the parameters"],
    ]
    assert "the spin probe took 1.65 times" in lines[0][-1]


def test_an_undisturbed_calibration_is_said_to_be_one(study: SyntheticStudy) -> None:
    calibrating(study, 1, {"pilot": 1.0, "mix": 1.1, "read": 1.0})
    study.block(1, {0.5: (0.010, 0.0104)})
    machine = section(report_of(study)[0], "machine")
    assert machine.text[2] == "None of 3 calibration windows was disturbed by the machine."
    assert len(machine.tables) == 1


def test_the_verdict_counts_the_cells_and_says_how_sure_the_interval_is(reported: tuple[Report, Verdict]) -> None:
    (words,) = section(reported[0], "comparison").text
    assert words.startswith("Verdict up to 80.0 % of saturation: PASS. 6 of 6 cells are within their bound, 3 within")
    assert words.endswith("The range over 2 windows holds the median error with a chance of 50%.")


def test_a_miss_is_named_where_it_is_worst(study: SyntheticStudy) -> None:
    study.block(1, {0.5: (0.010, 0.011), 0.7: (0.010, 0.014)})
    (words,) = section(report_of(study)[0], "comparison").text
    assert "MISSED. 2 of 6 cells" in words
    assert "Furthest beyond: mean at 350 requests/s, off by +40 % where 5.0 % is allowed" in words


def test_the_baselines_errors_stand_beside_the_models(blocks: SyntheticStudy) -> None:
    loads = measured_loads(choose_study(blocks.slug, runs=blocks.runs))
    # 10 ms predicted by M/M/1 where 10 and 12 were measured; M/G/1 has no steady state.
    assert loads[0].baselines["mm1"]["p99"] == pytest.approx((0.0 + (10 / 12 - 1)) / 2)
    assert math.isinf(loads[0].baselines["mg1"]["p99"])


def test_a_requests_time_has_the_same_parts_on_both_sides(reported: tuple[Report, Verdict]) -> None:
    (table,) = section(reported[0], "parts").tables
    assert "400 requests/s" in table.caption, "the load at 0.8 of saturation"
    lines = {row[0].text: [cell.text for cell in row[1:3]] for group in table.groups for row in group.rows}
    # Valid windows: 20 and 24 ms measured, of which app is 3/4 with 1/4 at the cache; 16 and 19.2 ms modelled.
    assert lines == {
        "API process, with its event loop": ["11.0 ms", "8.80 ms"],
        "cache and stream": ["5.50 ms", "4.40 ms"],
        "client and network": ["5.50 ms", "4.40 ms"],
        "all": ["22.0 ms", "17.6 ms"],
    }


def test_without_held_out_loads_each_part_says_how_to_get_them(study: SyntheticStudy) -> None:
    study.day()
    report, _ = report_of(study)
    assert all("./lab" in section(report, name).gap for name in ("comparison", "tail", "parts", "machine"))
