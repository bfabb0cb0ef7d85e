"""One exit code for each way a run can end."""

from pathlib import Path
from typing import Any

import pytest

from loadtests import verdict
from sdlab.runs import Run, Validity, new_run

STOPPED = {"reason": "stopped after 1.0 of 9.0 s: 'p50 < 1ms' can no longer be met", "after_s": 1.0}


def ended(folder: Path, reasons: list[str], account: dict[str, Any] | None, *, interrupted: bool = False) -> Run:
    with new_run("load_test", "url_shortener", seed=1, command="a test", runs=folder) as writer:
        if account is not None:
            writer.write_json("thresholds", account)
        writer.update(validity=Validity(valid=not reasons, reasons=reasons), interrupted=interrupted)
    return Run(writer.folder, writer.manifest)


@pytest.mark.parametrize(
    ("reasons", "met", "stopped", "code"),
    [
        ([], None, None, 0),
        ([], True, None, 0),
        ([], False, None, 5),
        (["the generator was late"], None, None, 4),
        (["the generator was late"], True, None, 4),
        (["the generator was late"], False, None, 4),
        ([STOPPED["reason"]], False, STOPPED, 5),
        ([STOPPED["reason"], "the generator was late"], False, STOPPED, 4),
    ],
)
def test_a_missed_threshold_counts_only_where_the_measurement_does(
    tmp_path: Path, reasons: list[str], met: bool | None, stopped: dict[str, Any] | None, code: int
) -> None:
    account: dict[str, Any] | None = None if met is None else {"met": met, "stopped": stopped, "thresholds": []}
    assert verdict.exit_code(ended(tmp_path, reasons, account)) == code


def test_an_interrupted_run_is_that_before_anything_else(tmp_path: Path) -> None:
    account: dict[str, Any] = {"met": False, "stopped": None, "thresholds": []}
    assert verdict.exit_code(ended(tmp_path, ["interrupted"], account, interrupted=True)) == 130
