"""What of a window makes it to be measured again, and how the loads are chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loadtests.overload import throughput_rps
from loadtests.validate import rejection, searched_rps
from loadtests.validate_command import shares_of
from sdlab import runs
from sdlab.errors import InvalidInput


def window(late_s: float = 0.0, *, took_s: float = 0.001, dropped: int = 0) -> pd.DataFrame:
    intended_s = np.arange(2000) / 200.0
    outcome = np.where(np.arange(2000) < dropped, "dropped", "completed")
    return pd.DataFrame(
        {
            "intended_s": intended_s,
            "started_s": intended_s + late_s,
            "completed_s": intended_s + late_s + took_s,
            "outcome": outcome,
            "error": "none",
        }
    )


def resources(probe_s: float = 1.0, *, steal: float = 0.0, generator: float = 0.2) -> dict[str, Any]:
    probe = {"min_s": probe_s}
    return {
        "spin_probe": {"before": probe, "after": probe},
        "machine": {"steal_share": steal},
        "processes": {"generator": {"utilisation": generator}},
    }


def test_a_window_on_the_machine_that_was_calibrated_counts() -> None:
    assert rejection(window(), resources(), 1.0) == []


@pytest.mark.parametrize(
    ("table", "found", "words"),
    [
        (window(), resources(1.3), "spin probe"),
        (window(), resources(steal=0.05), "the host took"),
        (window(), resources(generator=0.9), "generator"),
        (window(late_s=0.02), resources(), "late"),
    ],
)
def test_what_the_machine_or_the_generator_did_rejects_a_window(
    table: pd.DataFrame, found: dict[str, Any], words: str
) -> None:
    (reason,) = rejection(table, found, 1.0)
    assert words in reason


def test_what_the_service_did_is_no_reason_to_measure_again() -> None:
    assert rejection(window(took_s=5.0), resources(), 1.0) == []
    assert rejection(window(dropped=500), resources(), 1.0) == []


def test_an_overloads_throughput_is_what_was_completed_between_two_moments() -> None:
    table = pd.DataFrame({"completed_s": [0.5, 1.0, 1.5, 2.9, 3.0, np.nan], "outcome": ["completed"] * 5 + ["dropped"]})
    assert throughput_rps(table, 1.0, 3.0) == 1.5


@pytest.mark.parametrize("text", ["", "a", "0.5;0.6", "0", "1.1", "-1", "nan", "0.5,0.5"])
def test_shares_that_are_no_different_shares_of_saturation_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--shares"):
        shares_of(text)


def test_saturation_is_what_the_studys_own_search_found_last(tmp_path: Path) -> None:
    for study, rate_rps in (("a", 100.0), ("a", 120.0), ("b", 900.0)):
        with runs.new_run("saturation", "url_shortener", seed=1, command="", study=study, runs=tmp_path,
                          run_id=f"{rate_rps:04.0f}") as run:  # fmt: skip
            run.write_json("saturation", {"rate_rps": rate_rps, "low_rps": 90, "high_rps": 130})
    assert searched_rps("url_shortener", "a", tmp_path) == (120.0, "0120")
    assert searched_rps("url_shortener", "c", tmp_path) is None
