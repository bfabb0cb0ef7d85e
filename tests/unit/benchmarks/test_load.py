"""What the benchmarks of the load generator make of their measurements."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cross_check, generator
from benchmarks.load.known_service import STEP, TIMES_S
from benchmarks.load.other_generators import HOW_TO_GET, Measured, as_wrk_corrects
from sdlab.cli import main
from sdlab.errors import InvalidInput


def measured(p50_s: float) -> Measured:
    return Measured(200.0, p50_s, p50_s, p50_s, p50_s)


@pytest.mark.parametrize(
    ("theirs_s", "verdict"),
    [
        ([0.0099, 0.01, 0.0101], "agree"),
        ([0.0108, 0.011, 0.0112], "differ"),
        ([0.009, 0.0105, 0.014], "within noise"),
    ],
)
def test_a_figure_agrees_within_its_bound_or_the_noise_or_differs(theirs_s: list[float], verdict: str) -> None:
    ours = [measured(0.01)] * 3
    found = cross_check.compared(ours, [measured(p50_s) for p50_s in theirs_s], "p50_s")
    assert found["verdict"] == verdict
    assert found["ratio"] == pytest.approx(0.01 / theirs_s[1])
    named = cross_check.disagreements({"checks": [{"check": "x", "tool": "wrk", "figures": {"p50_s": found}}]})
    assert bool(named) == (verdict == "differ")


def test_wrks_correction_adds_what_a_connection_would_have_had_meanwhile() -> None:
    """One connection, an answer a second but for one that took 3.5 s: those due 1 s and 2 s into it are added."""
    times_s = np.array([0.5, 0.5, 3.5, 1.0])
    corrected = as_wrk_corrects(times_s, wall_s=4.0, connections=1)
    assert sorted(corrected) == [0.5, 0.5, 1.0, 1.5, 2.5, 3.5]


def test_the_known_times_are_met_as_often_as_they_should_be() -> None:
    drawn = Counter(TIMES_S[number * STEP % len(TIMES_S)] for number in range(len(TIMES_S)))
    assert drawn == Counter(TIMES_S)


def test_a_check_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="--only = 'k6': must be one of known-peak"):
        cross_check.Plan(["k6"], repeats=1, seconds=1)


def test_without_the_other_generators_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["lab", "bench", "crosscheck"])
    assert main() == 3
    said = capsys.readouterr().err
    assert all(hint in said for hint in HOW_TO_GET.values())


def test_what_was_asked_of_the_generator_stands_beside_what_was_measured() -> None:
    slices = {"lateness_s_p99_median": 0.0003, "share_met": 0.98}
    document = {
        "ratios": {
            "closed_to_stock": 3.4,
            "open_to_stock": 2.9,
            "lateness_s_p99_at_half": {"constant": 0.0004, "poisson": 0.002},
            "slices_at_half": {"constant": slices, "poisson": slices},
        }
    }
    rate, constant, poisson = generator.verdicts(document)
    assert rate.endswith("(met, missed)")
    assert "0.400 ms, median of the rounds; asked: below 1 ms (met)" in constant
    assert "2.000 ms, median of the rounds; asked: below 1 ms (missed)" in poisson
    assert poisson.endswith("0.300 ms at the median, below the bound in 98%")
