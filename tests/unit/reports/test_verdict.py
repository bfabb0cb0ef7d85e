from __future__ import annotations

import json

import numpy as np
import pytest

from reports.build import measured_loads
from reports.collect import choose_study, read_study
from reports.cost import cost
from reports.verdict import Verdict, judge
from tests.unit.reports.synthetic import SyntheticStudy


def verdict(study: SyntheticStudy) -> Verdict:
    chosen = choose_study(study.slug, runs=study.runs)
    return judge(read_study(chosen), measured_loads(chosen))


def test_the_whole_verdict_in_one_sentence(study: SyntheticStudy) -> None:
    study.calibration()
    for rate, predicted_s in ((100, 0.0105), (200, 0.0090), (300, 0.0130)):
        study.pair(rate, 0.010, predicted_s)
    study.pair(400, 0.500, 0.010, reasons=("drops",))
    study.day(read_p99_s=0.020, write_p99_s=0.200)
    study.capacity(1260.0)
    assert verdict(study).sentence == (
        "SLOs met in every hour at 8.64 M requests/day; headroom 4.2× over the peak of 300 requests/s; "
        "first bottleneck api-eu; model's p99 off by 10 % (median of 3 held-out loads; worst +30 %; "
        "1 INVALID window left out)."
    )


def test_the_worst_hour_decides_whether_an_slo_is_met(study: SyntheticStudy) -> None:
    study.day(read_p99_s=0.0501)
    found = verdict(study)
    read, write = found.slos
    assert (read.met, write.met, found.slos_met) == (False, True, False)
    assert read.worst_hour == 19
    assert read.response_time_s_p99 == pytest.approx(0.0501)
    assert found.sentence.startswith("SLO not met at 8.64 M requests/day: read p99 50.1 ms in hour 19 against 50.0 ms;")


def test_a_p99_at_its_bound_meets_it(study: SyntheticStudy) -> None:
    study.day(read_p99_s=0.050)
    assert verdict(study).slos_met is True


def test_availability_below_its_bound_breaks_the_slo(study: SyntheticStudy) -> None:
    study.day(availability=0.995)
    found = verdict(study)
    assert [one.met for one in found.slos] == [False, True]
    assert "read availability 99.5 % against 99.9 %" in found.sentence


def test_a_part_of_a_day_never_meets_an_slo(study: SyntheticStudy) -> None:
    study.day(requests=86_400)
    found = verdict(study)
    assert found.slos_met is None
    assert found.sentence.startswith(
        "SLOs at 8.64 M requests/day not judged: only 1.00 % of the day's requests were simulated;"
    )


def test_headroom_is_capacity_over_the_peak_rate(study: SyntheticStudy) -> None:
    study.capacity(240.0)
    study.capacity(9999.0, "reference")
    found = verdict(study)
    assert found.peak_rate_rps == pytest.approx(300)
    assert found.capacity_rate_rps == 240
    assert found.headroom == pytest.approx(0.8)


def test_with_only_a_day_the_verdict_says_only_what_is_known(study: SyntheticStudy) -> None:
    study.day()
    found = verdict(study)
    assert (found.headroom, found.bottleneck, found.model_error) == (None, None, None)
    assert found.sentence == (
        "SLOs met in every hour at 8.64 M requests/day; model not checked against the running service."
    )


def test_with_only_load_tests_the_slos_are_not_judged(study: SyntheticStudy) -> None:
    study.load_test(100, np.full(400, 0.010))
    assert verdict(study).sentence == (
        "SLOs at 8.64 M requests/day not judged: no day was simulated; model not checked against the running service; "
        "the model's demands are assumed, not measured."
    )


def test_assumed_demands_are_said_when_nothing_was_calibrated(study: SyntheticStudy) -> None:
    with study.run("simulation", {"mode": "day", "calibration": "assumed"}) as run:
        run.write_json("summary", [])
    assert "the model's demands are assumed, not measured" in verdict(study).sentence


def test_the_verdict_as_data_is_json_without_nan(study: SyntheticStudy) -> None:
    with study.run("simulation", {"mode": "day", "calibration": "abc"}) as run:
        run.write_json("summary", [])
    content = json.loads(json.dumps(verdict(study).as_dict(), allow_nan=False))
    assert content["slos_met"] is None
    assert content["slos"][0]["response_time_s_p99"] is None


def test_overrides_of_the_day_reach_the_verdict(study: SyntheticStudy) -> None:
    study.overrides = ["workload.requests_per_day=86400000"]
    study.capacity(1500.0)
    study.day(requests=86_400_000)
    found = verdict(study)
    assert found.peak_rate_rps == pytest.approx(3000)
    assert found.headroom == pytest.approx(0.5)


def test_cost_is_workers_or_nodes_times_regions_times_price_times_730_hours(study: SyntheticStudy) -> None:
    study.day()
    found = cost(read_study(choose_study(study.slug, runs=study.runs)).design)
    by_tier = {line.tier: line.usd_per_month for line in found.lines}
    assert by_tier == pytest.approx({"api": 2 * 2 * 0.04 * 730, "cache": 2 * 0.07 * 730, "database": 2 * 0.35 * 730})
    assert found.usd_per_month == pytest.approx(730.0)
    assert found.usd_per_million_requests == pytest.approx(730.0 / (8.64 * 730 / 24))
    assert found.unpriced_tiers == ("janitor",)
