"""A window's records as a probe."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from loadtests.observe import observe
from loadtests.probes import Probe, Verdict
from sdlab.catalog import load_design
from sdlab.outcomes import OUTCOMES
from sdlab.runs import records
from sdlab.workload import Requests

DESIGN = load_design("url_shortener")
CALM = {
    "processes": {"generator": {"utilisation": 0.3}, "api-1": {"utilisation": 0.5}},
    "machine": {"steal_share": 0.0},
}
COUNT, DURATION_S = 4000, 10.0


def window(response_s: float = 0.002, late_s: float = 0.0, slow: int = 0, failed: int = 0) -> pd.DataFrame:
    """Redirects answered in ``response_s`` after a send that was late; the last ones slow by 60 ms, or failed."""
    times_s = np.linspace(0, DURATION_S, COUNT)
    zeros = np.zeros(COUNT, dtype=np.int16)
    requests = Requests(times_s, zeros, zeros.astype(np.int64), zeros, DESIGN.operations, tuple(DESIGN.regions))
    outcome = np.zeros(COUNT, dtype=np.int8)
    outcome[COUNT - failed :] = OUTCOMES.index("failed")
    extra = np.zeros(COUNT)
    extra[COUNT - slow :] = 0.06
    started = times_s + late_s
    return records(
        requests,
        sent_s=started,
        completed_s=started + response_s + extra,
        outcome=outcome,
        started_s=started,
        cache_hit=np.ones(COUNT, dtype=np.int8),
        error=pd.Categorical(["none"] * COUNT),  # type: ignore[arg-type]
    )


def probed(table: pd.DataFrame, resources: dict[str, Any] = CALM) -> Probe:
    return observe(
        DESIGN, table, resources, rate_rps=400.0, duration_s=DURATION_S, slots=10, role="search", run_id="a run"
    )


def test_a_calm_window_passes_and_leaves_out_its_first_tenth() -> None:
    probe = probed(window())
    assert probe.verdict is Verdict.PASS
    assert probe.tallies[0].count == pytest.approx(0.9 * COUNT, abs=1)
    assert probe.evidence["hit_ratio"] == 1


def test_the_event_loops_lag_is_kept_as_evidence_where_it_was_measured() -> None:
    assert probed(window()).evidence["event_loop_lag"] is None
    lag = {"count": 4, "mean_s": 0.03, "p90_s": None, "p99_s": None, "bounds_s": [0.01, 0.05], "counts": [2, 1, 1]}
    kept = probed(window(), CALM | {"event_loop_lag": lag}).evidence["event_loop_lag"]
    assert (kept["mean_s"], kept["bound_s"], kept["over_bound"]) == (0.03, 0.05, 1)


def test_answers_beyond_the_slo_fail_it() -> None:
    probe = probed(window(slow=100))
    assert probe.verdict is Verdict.FAIL
    assert probe.reasons()[0].startswith("redirect over 50 ms: 100 of")


def test_requests_that_failed_were_not_answered_in_time_either() -> None:
    probe = probed(window(failed=90))
    assert "90 requests failed" in probe.reasons()[0]
    assert probe.tallies[0].broken == probe.tallies[1].broken == 90


def test_a_late_generator_is_no_verdict_but_a_service_that_is_slow_from_the_send_is() -> None:
    assert probed(window(late_s=0.06)).verdict is Verdict.VOID
    assert probed(window(late_s=0.06, slow=100)).verdict is Verdict.FAIL


def test_a_generator_without_cpu_to_spare_is_no_verdict_whatever_it_saw() -> None:
    busy = {**CALM, "processes": {"generator": {"utilisation": 0.9}}}
    assert probed(window(slow=100), busy).verdict is Verdict.VOID


def test_a_window_that_others_disturbed_is_void_unless_it_passed_in_spite_of_them() -> None:
    shared = {**CALM, "machine": {"steal_share": 0.0, "cores": 2, "utilisation": 0.5}}
    assert probed(window(), shared).verdict is Verdict.PASS
    probe = probed(window(slow=100), shared)
    assert probe.verdict is Verdict.VOID
    assert "other processes used 10% of the machine" in probe.reasons()[0]
