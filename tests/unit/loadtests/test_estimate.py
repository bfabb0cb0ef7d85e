"""Calibration recovers demands that are known, from records as a load test writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadtests import waking
from loadtests.estimate import Busy, Window, estimate, evidence
from loadtests.labelled import alone
from sdlab.errors import LabError
from sdlab.speed import Speeds

# Seconds by label: CPU in the application, waits by stage, CPU of the servers. All constant, so that what comes back
# can be compared exactly.
CPU = {"read": 0.0010, "read_miss": 0.0016, "write": 0.0020}
CACHE = {"read": 0.0004, "read_miss": 0.0008, "write": 0.0}
DATABASE = {"read": 0.0, "read_miss": 0.0012, "write": 0.0030}
POSTGRES = {"read": 0.0001, "read_miss": 0.0006, "write": 0.0015}
VALKEY = {"read": 0.0001, "read_miss": 0.0002, "write": 0.0}
OUTSIDE_S, IDLE, CLIENT_S = 0.0005, 0.02, 0.0003
SPIN_S, ELASTICITY = 0.00002, 0.8
SEND_S, FINISH_S = 0.0001, 0.0002  # parts of what is outside: the answer's way out, and its count and log line


def window(
    shares: dict[str, float],
    seed: int,
    count: int = 600,
    rate_rps: float = 60.0,
    extra_s: float = 0.0,
    waking_s: float = 0.0,
    speeds: Speeds | None = None,
    probed: Speeds | None = None,
    turn_s: float = 0.0,
    client_s: float = CLIENT_S,
) -> Window:
    """``extra_s``: what a request costs more, in the application, that comes 3 ms or more after the last answer;
    ``waking_s``: each time that the thread slept before it, or, up to three times, while it awaited something;
    ``turn_s``: for each of the two to four turns that it takes, while something is awaited or the answer has left;
    ``speeds``: where the probe took longer than `SPIN_S`, `ELASTICITY` of that held for all work of the core;
    ``probed``: what the probe said of it, if it erred."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(list(shares), size=count, p=list(shares.values()))
    sent = np.cumsum(generator.exponential(1 / rate_rps, count))
    cpu, cache, database = (np.array([table[label] for label in labels]) for table in (CPU, CACHE, DATABASE))
    answered = sent + cpu + cache + database + OUTSIDE_S + client_s
    gap = sent - np.concatenate([[-np.inf], np.maximum.accumulate(answered)[:-1]])
    wakes = generator.integers(0, 4, count)
    cpu = cpu + np.where(gap >= 0.003, extra_s, 0.0) + waking_s * (wakes + (gap >= waking.LEVELS_S[0]))
    pace = 1 + ELASTICITY * (speeds.around(sent) / SPIN_S - 1) if speeds else np.ones(count)
    cpu, outside = cpu * pace, OUTSIDE_S * pace
    app = cpu + cache + database
    turns = generator.integers(2, 5, count)
    used = cpu + turn_s * (turns - 1)
    table = pd.DataFrame(
        {
            "operation": pd.Categorical([label.removesuffix("_miss") for label in labels]),
            "cache_hit": [{"read": 1, "read_miss": 0}.get(label, -1) for label in labels],
            "sent_s": sent,
            "completed_s": answered,
            "outcome": "completed",
            "span_app_s": app,
            "span_cpu_s": used,
            "span_own_s": cpu,
            "span_first_s": cpu / 4,
            "span_last_s": cpu / 2,
            "span_send_s": SEND_S,
            "span_finish_s": FINISH_S,
            "span_at_s": sent,
            "span_clock_s": np.concatenate([[0.0], np.cumsum(used + turn_s + outside)[:-1]]) + IDLE * sent,
            "span_turns_s": np.concatenate([[1], 1 + np.cumsum(turns)[:-1]]) / 1e3 if turn_s else 0.0,
            "span_gap_s": np.maximum(gap, 0.0),
            "span_idle_s": wakes * 1.5 * waking.LEVELS_S[0],
            "span_wakes_s": wakes / 1e3,
            "span_cache_s": np.where(cache > 0, cache, np.nan),
            "span_db_s": np.where(database > 0, database, np.nan),
            "span_stream_s": np.nan,
            "span_pool_s": np.where(database > 0, 0.00001 * (1 + np.arange(count) % 2), np.nan),
        }
    )
    duration = float(sent[-1])
    used = {
        "api-1": (used + turn_s + outside).sum() + IDLE * duration,
        "postgres": sum(POSTGRES[label] for label in labels) + 0.01 * duration,
        "valkey": sum(VALKEY[label] for label in labels),
    }
    return Window(table, Busy(used, duration), probed or speeds)


WINDOWS = [
    window({"read": 0.6, "read_miss": 0.2, "write": 0.2}, 1),
    window({"read": 0.2, "read_miss": 0.6, "write": 0.2}, 2),
    window({"read": 0.2, "read_miss": 0.2, "write": 0.6}, 3),
]
QUIET = Busy({"api-1": IDLE * 3, "postgres": 0.03, "valkey": 0.0}, 3.0)


def test_the_cpu_of_each_operation_is_recovered_by_both_methods() -> None:
    found = estimate(WINDOWS, QUIET)
    for label, cpu_s in CPU.items():
        assert found.demands[label]["api"].mean_s == pytest.approx(cpu_s + OUTSIDE_S, rel=1e-6)
        assert found.api_cpu_s_by_regression[label] == pytest.approx(cpu_s + OUTSIDE_S, rel=1e-6)
    assert found.api_idle_utilisation == pytest.approx(IDLE, rel=1e-6)
    rows = evidence(found)["api_cpu_s"]
    assert rows["write"]["by_thread_clock"] == pytest.approx(rows["write"]["by_regression"], rel=1e-6)


def test_what_is_awaited_falls_into_the_servers_time_and_the_rest() -> None:
    demands = estimate(WINDOWS, QUIET).demands
    assert demands["write"]["database"].mean_s == pytest.approx(POSTGRES["write"], rel=1e-6)
    assert demands["write"]["database_wait"].mean_s == pytest.approx(DATABASE["write"] - POSTGRES["write"], rel=1e-6)
    assert demands["read"]["cache"].mean_s == pytest.approx(VALKEY["read"], rel=1e-6)
    assert demands["read"]["cache_wait"].mean_s == pytest.approx(CACHE["read"] - VALKEY["read"], rel=1e-6)
    assert "database" not in demands["read"]
    assert "stream" not in demands["read"]


def test_a_server_that_goes_on_after_its_answer_delays_it_no_longer_than_it_was_awaited() -> None:
    busier = [Window(one.table, Busy({**one.busy.cpu_s, "valkey": one.busy.of("valkey") * 10}, one.busy.duration_s))
              for one in WINDOWS]  # fmt: skip
    demands = estimate(busier, QUIET).demands["read"]
    assert demands["cache"].mean_s == pytest.approx(CACHE["read"], rel=1e-6)
    assert demands["cache_wait"].mean_s == pytest.approx(0, abs=1e-9)


def test_what_the_database_does_for_a_hit_is_the_counting_of_its_click() -> None:
    assert estimate(WINDOWS, QUIET).demands["click"]["database"].mean_s == pytest.approx(POSTGRES["read"], rel=1e-6)


def test_the_rest_of_the_response_is_the_clients() -> None:
    assert estimate(WINDOWS, QUIET).demands["read"]["client"].mean_s == pytest.approx(CLIENT_S, rel=1e-6)


def test_quantiles_are_those_of_the_samples() -> None:
    demand = estimate(WINDOWS, QUIET).demands["read"]["api"]
    assert demand.samples >= 30
    assert demand.quantiles_s == pytest.approx([demand.mean_s] * len(demand.quantiles_s))


def test_a_mean_has_an_interval_unless_it_is_of_a_whole_processs_cpu() -> None:
    demands = estimate([window({"read": 0.5, "write": 0.5}, seed, extra_s=0.0001) for seed in (1, 2)], QUIET).demands
    widths_s = [demands["write"][part].half_width_s for part in ("api", "client", "database_wait")]
    assert all(width_s is not None and 0 < width_s < 0.0002 for width_s in widths_s)
    assert demands["write"]["database"].half_width_s is None


def test_the_wait_for_a_connection_is_apart_and_of_those_who_took_one() -> None:
    found = estimate(WINDOWS, QUIET)
    assert set(found.pool_wait) == {"read_miss", "write"}
    wait = found.pool_wait["write"]
    assert wait.mean_s == pytest.approx(1.5e-5, rel=0.1)
    assert wait.half_width_s == pytest.approx(1.96 * 0.5e-5 / np.sqrt(wait.samples), rel=0.1)
    assert not any("pool" in part for parts in found.demands.values() for part in parts)


def test_only_requests_that_overlap_no_other_are_alone() -> None:
    sent = np.array([0.0, 1.0, 1.5, 3.0, 4.0, 4.1])
    completed = np.array([0.5, 2.0, 1.8, 3.5, 6.0, 4.2])
    assert alone(sent, completed).tolist() == [True, False, False, True, False, False]
    assert alone(np.array([]), np.array([])).tolist() == []


def test_a_request_within_a_long_one_that_began_earlier_is_not_alone() -> None:
    sent = np.array([0.0, 1.0, 2.0])
    completed = np.array([5.0, 1.1, 2.1])
    assert alone(sent, completed).tolist() == [False, False, False]


def test_an_operation_that_was_hardly_ever_alone_is_named() -> None:
    crowded = window({"read": 0.9, "read_miss": 0.0, "write": 0.1}, 4, count=100, rate_rps=2000)
    with pytest.raises(LabError, match=r"calibration saw (read|write) alone \d+ times, it needs 30"):
        estimate([crowded], QUIET)


def test_what_an_idle_gap_costs_is_told_apart_from_the_demand_of_a_busy_process() -> None:
    shares = [{"read": 0.6, "read_miss": 0.2, "write": 0.2}, {"read": 0.2, "read_miss": 0.6, "write": 0.2},
              {"read": 0.2, "read_miss": 0.2, "write": 0.6}]  # fmt: skip
    found = estimate([window(one, seed, rate_rps=120.0, extra_s=0.0004) for seed, one in enumerate(shares)], QUIET)
    for label, cpu_s in CPU.items():
        assert found.demands[label]["api"].mean_s == pytest.approx(cpu_s + OUTSIDE_S, rel=1e-6)
    extra = {level.after_s: level.extra_s for level in found.idle}
    assert extra == {
        after_s: pytest.approx(0.0004 if after_s >= 0.003 else 0.0, abs=1e-9) for after_s in waking.LEVELS_S
    }


def test_what_waking_within_a_request_costs_is_no_part_of_its_demand_either() -> None:
    shares = [{"read": 0.6, "read_miss": 0.2, "write": 0.2}, {"read": 0.2, "read_miss": 0.6, "write": 0.2},
              {"read": 0.2, "read_miss": 0.2, "write": 0.6}]  # fmt: skip
    found = estimate([window(one, seed, waking_s=0.0001) for seed, one in enumerate(shares)], QUIET)
    for label, cpu_s in CPU.items():
        assert found.demands[label]["api"].mean_s == pytest.approx(cpu_s + OUTSIDE_S, rel=1e-6)
    assert found.idle[0].after_s == waking.LEVELS_S[0]
    assert found.idle[0].extra_s == pytest.approx(0.0001, rel=1e-6)


def test_what_a_turn_costs_is_no_part_of_a_demand_and_on_no_answers_way() -> None:
    shares = [{"read": 0.6, "read_miss": 0.2, "write": 0.2}, {"read": 0.2, "read_miss": 0.6, "write": 0.2},
              {"read": 0.2, "read_miss": 0.2, "write": 0.6}]  # fmt: skip
    windows = [
        window(one, seed, rate_rps=250.0, count=3000, turn_s=0.0002, client_s=0.0) for seed, one in enumerate(shares)
    ]
    found = estimate(windows, QUIET)
    assert found.turn.extra_s == pytest.approx(0.0002, rel=1e-6)
    assert found.turn.half_width_s < 0.00001
    for label, cpu_s in CPU.items():
        assert found.demands[label]["api"].mean_s == pytest.approx(cpu_s + OUTSIDE_S, rel=0.01)
        assert found.demands[label]["client"].mean_s == pytest.approx(0.0, abs=0.00002)
    assert found.demands["read"]["cache_wait"].mean_s == pytest.approx(CACHE["read"] - VALKEY["read"], rel=0.01)


def test_the_speed_of_the_core_is_told_apart_from_the_demand() -> None:
    at_s = np.arange(0.0, 40.0, 0.02)
    each = [Speeds(at_s, np.where((at_s % 2) < slow_s, 1.6, 1.0) * SPIN_S / 1.2) for slow_s in (0.4, 0.6, 1.0)]
    assert np.mean([speeds.mean_s for speeds in each]) == pytest.approx(SPIN_S, rel=0.002)
    shares = [{"read": 0.6, "read_miss": 0.2, "write": 0.2}, {"read": 0.2, "read_miss": 0.6, "write": 0.2},
              {"read": 0.2, "read_miss": 0.2, "write": 0.6}]  # fmt: skip
    windows = [
        window(one, seed, count=2400, speeds=speeds)
        for seed, (one, speeds) in enumerate(zip(shares, each, strict=True))
    ]
    found = estimate(windows, QUIET)
    assert found.pace is not None
    assert found.pace.spin_s == pytest.approx(SPIN_S, rel=0.002)
    assert found.pace.elasticity == pytest.approx(ELASTICITY, rel=0.02)
    for label, cpu_s in CPU.items():
        assert found.demands[label]["api"].mean_s == pytest.approx(cpu_s + OUTSIDE_S, rel=0.005)
    # Nothing else changed the speed: what is left is the stretches' own coarseness.
    assert np.std(found.pace.residuals) < 0.06


def test_what_a_probe_errs_by_makes_the_elasticity_no_smaller() -> None:
    """Errors of the size of the changes: fitted to the same probes' change, it would come out at half of what it is."""
    generator = np.random.default_rng(5)
    at_s = np.arange(0.0, 200.0, 0.02)
    speeds = Speeds(at_s, SPIN_S * (1 + 0.2 * np.sin(at_s)))
    erring = Speeds(at_s, speeds.spin_s * generator.normal(1.0, 0.3, at_s.size))
    errors = (erring.around(at_s) - speeds.around(at_s)) / SPIN_S
    assert np.std(errors) > 0.1
    same = {"read": 0.4, "read_miss": 0.3, "write": 0.3}
    windows = [window(same, seed, count=12_000, speeds=speeds, probed=erring) for seed in range(2)]
    found = estimate(windows, QUIET)
    assert found.pace is not None
    assert found.pace.elasticity == pytest.approx(ELASTICITY, abs=0.1)


def test_what_the_probe_does_not_see_is_left_over_in_its_own_time() -> None:
    calm = [Speeds(np.arange(0.0, 40.0, 0.02), np.full(2000, SPIN_S)) for _ in range(3)]
    shares = [{"read": 0.6, "read_miss": 0.2, "write": 0.2}, {"read": 0.2, "read_miss": 0.6, "write": 0.2},
              {"read": 0.2, "read_miss": 0.2, "write": 0.6}]  # fmt: skip
    windows = [window(one, seed, speeds=speeds) for seed, (one, speeds) in enumerate(zip(shares, calm, strict=True))]
    for one in windows:  # from 4 to 5 s, all takes half as long again
        clock, sent = one.table["span_clock_s"].to_numpy(), one.table["sent_s"].to_numpy()
        used = np.diff(clock - IDLE * sent, append=clock[-1] - IDLE * sent[-1])
        used[(sent >= 4) & (sent < 5)] *= 1.5
        one.table["span_clock_s"] = np.concatenate([[0.0], np.cumsum(used)[:-1]]) + IDLE * sent
        one.busy.cpu_s["api-1"] += float(used[(sent >= 4) & (sent < 5)].sum() / 3)  # type: ignore[index]
    pace = estimate(windows, QUIET).pace
    assert pace is not None
    at_s = (np.arange(len(pace.residuals)) + 0.5) * pace.step_s
    first = at_s < float(windows[0].table["sent_s"].max())
    slow = np.array(pace.residuals)[first & (at_s > 4.3) & (at_s < 4.8)].mean()
    calm_after = np.array(pace.residuals)[first & (at_s > 6)].mean()
    assert slow / calm_after == pytest.approx(1.5, rel=0.1)


def test_segments_are_shares_of_the_whole_and_what_follows_the_answer_is_one_of_them() -> None:
    segments = estimate(WINDOWS, QUIET).segments["write"]
    whole = CPU["write"] + OUTSIDE_S
    assert sum(segments.values()) == pytest.approx(1)
    assert segments["finish"] * whole == pytest.approx(FINISH_S, rel=1e-6)
    assert segments["parse"] * whole == pytest.approx(OUTSIDE_S - SEND_S - FINISH_S, rel=1e-6)
    assert segments["first"] * whole == pytest.approx(CPU["write"] / 4, rel=1e-6)
    assert segments["last"] * whole == pytest.approx(CPU["write"] / 2 + SEND_S, rel=1e-6)


def test_two_clocks_that_disagree_end_the_calibration() -> None:
    wrong = [Window(one.table, Busy({**one.busy.cpu_s, "api-1": one.busy.of("api-") * 1.3}, one.busy.duration_s))
             for one in WINDOWS]  # fmt: skip
    with pytest.raises(LabError, match=r"disagree by -\d+%, at most 10% is allowed"):
        estimate(wrong, QUIET)
