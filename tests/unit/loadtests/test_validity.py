"""Each rule finds what it is for, and a good run breaks none."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from loadtests.recorder import COMPLETED, CONNECT, DROPPED, ERRORS, FAILED, NO_ERROR, TIMED_OUT
from loadtests.validity import achieved_share, in_flight_by_thirds, judge
from sdlab.runs import records
from sdlab.workload import Requests

RATE_RPS, DURATION_S = 200, 20


def run(
    *, late_s: float = 0.0002, response_s: float = 0.004, count: int = RATE_RPS * DURATION_S
) -> dict[str, np.ndarray[Any, Any]]:
    intended = np.arange(count) / RATE_RPS
    return {
        "intended_s": intended,
        "started_s": intended + late_s,
        "sent_s": intended + late_s,
        "completed_s": intended + late_s + response_s,
        "outcome": np.full(count, COMPLETED, dtype=np.int8),
        "error": np.full(count, NO_ERROR, dtype=np.int8),
    }


def table(columns: dict[str, np.ndarray[Any, Any]]) -> pd.DataFrame:
    count = columns["intended_s"].size
    requests = Requests(
        columns["intended_s"],
        np.zeros(count, dtype=np.int16),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int16),
        ("redirect",),
        ("eu",),
    )
    return records(
        requests,
        sent_s=columns["sent_s"],
        completed_s=columns["completed_s"],
        outcome=columns["outcome"],
        started_s=columns["started_s"],
        error=pd.Categorical.from_codes(columns["error"], categories=pd.Index(ERRORS)),  # type: ignore[arg-type]
    )


def resources(generator: float = 0.1, steal: float = 0.0) -> dict[str, Any]:
    return {"processes": {"generator": {"utilisation": generator}}, "machine": {"steal_share": steal}}


def the_reason(columns: dict[str, np.ndarray[Any, Any]], its_resources: dict[str, Any] | None = None) -> str:
    judgement = judge(table(columns), its_resources or resources())
    assert not judgement.valid
    [reason] = judgement.reasons
    return reason


def test_a_good_run_is_valid() -> None:
    assert judge(table(run()), resources()).valid


def test_errors_of_the_service_do_not_make_a_run_invalid() -> None:
    columns = run()
    columns["outcome"][::10] = FAILED
    columns["error"][::10] = ERRORS.index("status")
    assert judge(table(columns), resources()).valid


def test_a_slow_service_that_keeps_up_is_valid() -> None:
    assert judge(table(run(response_s=0.2)), resources()).valid


@pytest.mark.parametrize(("late_s", "valid"), [(0.0049, True), (0.0051, False)])
def test_a_late_generator_is_found_at_its_bound(late_s: float, valid: bool) -> None:
    assert judge(table(run(late_s=late_s)), resources()).valid == valid


def test_one_late_request_in_fifty_is_found() -> None:
    columns = run()
    columns["started_s"][::50] += 0.02
    columns["sent_s"][::50] += 0.02
    columns["completed_s"][::50] += 0.02
    assert the_reason(columns) == "the generator was late: p99 20.2 ms, at most 5 ms"


def test_waiting_for_a_connection_is_not_the_generators_lateness() -> None:
    columns = run()
    columns["sent_s"][::50] += 0.02
    columns["completed_s"][::50] += 0.02
    assert judge(table(columns), resources()).valid


def test_a_busy_generator_is_found() -> None:
    assert the_reason(run(), resources(generator=0.8)) == "the generator used 80% of a core, at most 70%"


def test_one_drop_is_found() -> None:
    columns = run()
    columns["outcome"][5] = DROPPED
    columns["started_s"][5] = columns["sent_s"][5] = columns["completed_s"][5] = np.nan
    assert the_reason(columns).startswith("1 arrivals were dropped")


def test_failed_connections_are_found() -> None:
    columns = run()
    columns["outcome"][:10], columns["error"][:10] = FAILED, CONNECT
    columns["completed_s"][:10] = np.nan
    assert the_reason(columns) == "10 connections failed (0.2% of requests, at most 0.1%)"


def test_stolen_time_is_found() -> None:
    assert the_reason(run(), resources(steal=0.05)) == "the host took 5.0% of the CPU time, at most 2%"


def test_too_few_samples_are_found_and_the_bound_is_the_callers() -> None:
    columns = run(count=999)
    assert the_reason(columns) == "too few samples: 999 completed, at least 1,000 for a p99"
    assert judge(table(columns), resources(), samples_min=50).valid


def test_answers_that_fall_behind_are_found() -> None:
    columns = run()
    served = np.arange(columns["intended_s"].size) / (0.97 * RATE_RPS)  # 3 % over what the service can do
    columns["completed_s"] = columns["sent_s"] + 0.004 + served - columns["intended_s"]
    judgement = judge(table(columns), resources())
    assert any(reason.startswith("achieved 9") for reason in judgement.reasons)


def test_a_service_that_hangs_is_found_and_told_from_one_that_is_slow() -> None:
    columns = run()
    hung = columns["intended_s"] >= 15.0
    columns["completed_s"][hung] = np.nan
    columns["outcome"][hung] = TIMED_OUT
    silent = "the service went silent: nothing was answered from 15.0 s on, 1,000 requests timed out"
    assert judge(table(columns), resources()).reasons[0] == silent
    columns["completed_s"][-1], columns["outcome"][-1] = 20.0, COMPLETED
    assert not any("silent" in reason for reason in judge(table(columns), resources()).reasons)


def test_a_growing_queue_is_found_before_throughput_shows_it() -> None:
    columns = run()
    columns["completed_s"] += 0.01 * columns["intended_s"]  # response times grow to 0.2 s over the run
    assert achieved_share(table(columns)) > 0.99
    assert the_reason(columns).startswith("no steady state: ")


def test_in_flight_is_the_rate_times_the_time_in_the_service() -> None:
    thirds = in_flight_by_thirds(table(run(late_s=0, response_s=0.05)))
    assert thirds == pytest.approx((10, 10, 10), rel=0.02)  # Little's law: 200/s for 0.05 s


def test_what_never_came_back_stays_in_flight_and_what_was_dropped_never_was() -> None:
    columns = run(late_s=0, response_s=0.0)
    columns["outcome"][0], columns["completed_s"][0] = TIMED_OUT, np.nan
    columns["outcome"][1], columns["completed_s"][1] = DROPPED, np.nan
    assert in_flight_by_thirds(table(columns)) == pytest.approx((1, 1, 1))


def test_what_was_seen_during_the_run_comes_first() -> None:
    judgement = judge(table(run(count=10)), resources(), incidents=["interrupted"])
    assert judgement.reasons[0] == "interrupted"
    assert len(judgement.reasons) == 2


def test_a_run_without_any_answer_is_invalid_and_breaks_nothing() -> None:
    columns = run(count=20)
    columns["outcome"][:] = TIMED_OUT
    columns["sent_s"][:] = columns["completed_s"][:] = np.nan
    assert not judge(table(columns), resources()).valid


def test_a_percentile_that_is_asked_for_needs_ten_answers_above_it() -> None:
    judgement = judge(table(run()), resources(), asked=[("redirect", 99.0), ("all", 99.9), ("redirect", 50.0)])
    assert judgement.reasons == ["too few samples: 4,000 requests completed, at least 10,000 for a p99.9"]
    judgement = judge(table(run()), resources(), asked=[("create", 50.0)])
    assert judgement.reasons == ["too few samples: 0 create completed, at least 20 for a p50"]


def test_a_generator_whose_cpu_nobody_saw_is_found() -> None:
    assert the_reason(run(), {"processes": {}, "machine": {}}) == "the generator's CPU was not measured"


def test_more_in_flight_because_more_is_offered_is_no_growing_queue() -> None:
    columns = run(late_s=0, response_s=0.2)
    at = np.linspace(0, 1, columns["intended_s"].size)
    for name in ("intended_s", "started_s", "sent_s"):
        columns[name] = DURATION_S * np.sqrt(at)  # a ramp from 0: five times as much in the last third
    columns["completed_s"] = columns["sent_s"] + 0.2
    first, _, last = in_flight_by_thirds(table(columns))
    assert last > 3 * first + 10
    assert judge(table(columns), resources()).valid


def test_a_run_that_was_stopped_is_invalid_for_that_and_not_asked_about_the_whole() -> None:
    columns = run(count=20)
    columns["outcome"][-5:], columns["completed_s"][-5:] = TIMED_OUT, np.nan
    judgement = judge(table(columns), resources(), stopped="stopped after 0.1 of 20.0 s")
    assert judgement.reasons == ["stopped after 0.1 of 20.0 s"]
    columns["outcome"][0] = DROPPED
    assert len(judge(table(columns), resources(), stopped="stopped").reasons) == 2
