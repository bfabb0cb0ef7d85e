"""What the benchmark of the engines makes of its measurements."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.engines.compare import disagreements, row, with_ratios
from benchmarks.engines.suite import Plan
from benchmarks.engines.table import CIMBA, SIMPY
from sdlab.errors import InvalidInput


def test_an_engine_that_computes_something_else_gets_no_ratio() -> None:
    def measured(mean_s: float, tail_share: float = 0.01, further_cpu_s: list[float] | None = None) -> dict[str, Any]:
        wobble = [0.99, 1.0, 1.01] * 10
        return {
            "requests": 1000,
            "cpu_s": 0.5,
            "further_cpu_s": further_cpu_s or [0.5],
            "arrivals_cpu_s": None,
            "peak_memory_bytes": 2000,
            "baseline_memory_bytes": 1000,
            "latency_s_p99": 20.0,
            "start_up_s": 0.1,
            "batch_means_s": [mean_s * factor for factor in wobble],
            "batch_tail_shares": [tail_share * factor for factor in wobble],
        }

    rows = with_ratios(
        [
            row(SIMPY, "mm1", [measured(5.0)], None),
            row(CIMBA, "mm1", [measured(5.2)], None),
            row("ciw", "mm1", [measured(5.0, 0.02)], None),
            row("compiled", "mm1", [measured(5.02, further_cpu_s=[0.25, 0.2])], None),
        ]
    )
    assert [one["agrees_with_simpy"] for one in rows] == [True, False, False, True]
    assert [one["ratio_to_simpy"] for one in rows] == [1.0, None, None, 1.0]
    assert [one["ratio_to_simpy_steady"] for one in rows] == [1.0, None, None, 2.5]
    assert [one["ratio_to_cimba"] for one in rows] == [None] * 4
    assert [sentence.partition(" does not agree")[0] for sentence in disagreements(rows)] == ["Cimba for Python", "Ciw"]


def test_a_part_there_is_not_is_named() -> None:
    with pytest.raises(InvalidInput, match="--only = 'mm2': must be one of mm1, mm8, network"):
        Plan(["mm2"], quick=True, repeats=1, seed=1)
