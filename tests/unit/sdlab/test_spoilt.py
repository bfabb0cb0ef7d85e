"""The rule that rejects a window for what the machine did."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sdlab import spoilt


def probed(before_s: float, after_s: float) -> dict[str, Any]:
    return {
        "spin_probe": {"before": {"median_s": 7.0, "min_s": before_s}, "after": {"median_s": 7.0, "min_s": after_s}}
    }


@pytest.mark.parametrize(
    ("before_s", "after_s", "rejected"),
    [(1.0, 1.0, False), (1.0, 1.38, False), (1.0, 1.42, True), (0.84, 0.84, False), (0.8, 0.85, True)],
)
def test_a_window_is_rejected_when_the_probes_around_it_differ_by_more_than_a_fifth(
    before_s: float, after_s: float, rejected: bool
) -> None:
    assert bool(spoilt.by_the_machine(probed(before_s, after_s), 1.0)) is rejected


def test_the_reason_names_the_ratio_and_the_bounds() -> None:
    said = spoilt.by_the_machine(probed(1.5, 1.5), 1.0)
    assert said is not None
    assert "1.50 times" in said
    assert "at most 1.2" in said


def test_the_reference_is_the_median_over_the_calibrations_windows() -> None:
    assert spoilt.reference_s([probed(1, 1), probed(5, 9), probed(1.2, 1.2)]) == 1.2
    assert math.isnan(spoilt.reference_s([{}]))


def test_a_window_that_belongs_to_no_block_or_has_no_probe_is_not_rejected() -> None:
    assert spoilt.by_the_machine(probed(9, 9), None) is None
    assert spoilt.by_the_machine({"spin_probe": {"before": None, "after": None}}, 1.0) is None


def test_a_window_is_rejected_when_other_processes_took_a_twentieth_of_the_machine() -> None:
    processes = {"api-1": {"utilisation": 0.5}, "generator": {"utilisation": 0.3}}  # 0.4 of two cores
    for used, rejected in ((0.44, False), (0.46, True)):
        found = {**probed(1, 1), "processes": processes, "machine": {"cores": 2, "utilisation": used}}
        assert bool(spoilt.by_the_machine(found, 1.0)) is rejected
