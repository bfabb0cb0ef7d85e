"""What the generator writes down, without a generator."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadtests import offered, schedule, server_timing
from loadtests.recorder import COMPLETED, DROPPED, FAILED, PENDING, TASK, TIMED_OUT, Exchange, Recorder, SharedRecords
from loadtests.resources import Sampler
from loadtests.results import Recorded, encode
from loadtests.server_timing import Entry
from sdlab.catalog import load_design
from sdlab.errors import InvalidInput
from sdlab.workload import Requests

DESIGN = load_design("url_shortener")


@pytest.fixture
def shared() -> Iterator[SharedRecords]:
    table = SharedRecords.create(5)
    yield table
    table.close()


def requests(count: int) -> Requests:
    zeros = np.zeros(count, dtype=np.int16)
    names = (DESIGN.operations, tuple(DESIGN.regions))
    return Requests(np.arange(count) / 10, zeros, np.arange(count), zeros, *names)


@given(count=st.integers(0, 500), parts=st.integers(1, 7))
def test_a_split_schedule_has_each_row_in_one_part_and_parts_of_one_size(count: int, parts: int) -> None:
    rows = schedule.split(count, parts)
    assert sorted(np.concatenate(rows).tolist()) == list(range(count))
    assert max(part.size for part in rows) - min(part.size for part in rows) <= 1


def test_a_schedule_survives_its_file(tmp_path: Path) -> None:
    asked = offered.steady(DESIGN, "poisson", 50, 2, seed=4).requests
    schedule.write(tmp_path / "schedule.npz", asked)
    first, second = (schedule.read(tmp_path / "schedule.npz", part, 2) for part in (0, 1))
    assert sorted(first.row + second.row) == list(range(len(asked)))
    assert second.arrival_s == asked.arrival_s[1::2].tolist()
    assert second.key == asked.key[1::2].tolist()
    assert (schedule.part_of(asked, 0, 2), schedule.part_of(asked, 1, 2)) == (first, second)
    assert [first.operations[code] for code in first.operation] == [
        asked.operations[code] for code in asked.operation[::2]
    ]


def test_the_same_seed_asks_for_the_same_and_another_for_something_else() -> None:
    one, same, other = (offered.steady(DESIGN, "poisson", 50, 2, seed=seed).requests for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.arrival_s, same.arrival_s)
    np.testing.assert_array_equal(one.key, same.key)
    np.testing.assert_array_equal(one.operation, same.operation)
    assert one.arrival_s.tolist() != other.arrival_s.tolist()
    assert one.key.max() < DESIGN.test_data.links


def test_the_rate_is_the_designs_peak_unless_told() -> None:
    assert offered.steady(DESIGN, "constant", None, 1, 1).parameters["rate_rps"] == DESIGN.workload.peak_rate_rps


@pytest.mark.parametrize("rate_rps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused_by_name(rate_rps: float) -> None:
    with pytest.raises(InvalidInput, match="--rate"):
        offered.steady(DESIGN, "constant", rate_rps, 1, 1)


@pytest.mark.parametrize(
    ("header", "entries"),
    [
        ("app;dur=1.5", [Entry("app", 0.0015, "")]),
        (
            "app;dur=1.234, cache;desc=hit;dur=0.31, pool;dur=0.01",
            [Entry("app", 0.001234, ""), Entry("cache", 0.00031, "hit"), Entry("pool", 0.00001, "")],
        ),
        ('cache;dur=2;desc="miss"', [Entry("cache", 0.002, "miss")]),
        ("cache;desc=hit", [Entry("cache", None, "hit")]),
        ("app;dur=fast", [Entry("app", None, "")]),
        ("", []),
        (" , ;dur=1", []),
    ],
)
def test_server_timing_is_read_in_seconds(header: str, entries: list[Entry]) -> None:
    for found, expected in zip(server_timing.parse(header), entries, strict=True):
        assert found.name == expected.name
        assert found.description == expected.description
        assert found.duration_s == pytest.approx(expected.duration_s)


def test_what_one_process_records_another_reads(shared: SharedRecords) -> None:
    recorder = Recorder(SharedRecords.attach(os.dup(shared.fd), 5), ("app", "cache"))
    recorder.start_s = 100.0
    exchange = Exchange(row=3, key=7, intended_s=101.0)
    exchange.started_s = 101.25
    exchange.sent_s, exchange.completed_s, exchange.status = 101.5, 102.0, 302
    exchange.outcome, exchange.server_timing = COMPLETED, "cache;desc=miss;dur=2, other;dur=9"
    recorder.write(exchange)
    recorder.drop(4)
    assert shared.columns["outcome"].tolist() == [PENDING, PENDING, PENDING, COMPLETED, DROPPED]
    assert shared.columns["started_s"][3] == 1.25
    assert shared.columns["sent_s"][3] == 1.5
    assert shared.columns["completed_s"][3] == 2.0
    assert shared.columns["cache_hit"].tolist() == [-1, -1, -1, 0, -1]
    assert shared.columns["span_1"][3] == 0.002
    assert np.isnan(shared.columns["span_0"]).all()


@pytest.mark.parametrize(
    "header",
    [
        "cache;desc=hit;dur=0.31, app;dur=1.5, at;dur=4000",
        "cache;desc=miss, app;dur=1.5",
        "cache;dur=2;desc=hit,app;dur=1.5",
        'app;dur=1.5;desc="all of it", cache;desc="hit"',
        " app ; dur=1.5 , cache;desc=hit;dur=none",
        "app, cache;desc=stale;dur=1, other;dur=3",
        "cache;desc=hit;dur=, app;dur=x",
    ],
)
def test_server_timing_is_recorded_as_it_is_read(shared: SharedRecords, header: str) -> None:
    spans = ("app", "cache", "at")
    recorder = Recorder(shared, spans)
    recorder.start_s = 1.0
    exchange = Exchange(2, 0, 1.0)
    exchange.outcome, exchange.server_timing = COMPLETED, header
    recorder.write(exchange)
    found = {entry.name: entry for entry in server_timing.parse(header)}
    for slot, name in enumerate(spans):
        duration_s = found[name].duration_s if name in found else None
        expected_s = np.nan if duration_s is None else duration_s - (name == "at")
        np.testing.assert_equal(shared.columns[f"span_{slot}"][2], expected_s)
    hit = {"hit": 1, "miss": 0}.get(found["cache"].description if "cache" in found else "", -1)
    assert shared.columns["cache_hit"][2] == hit


def test_a_table_of_one_part_holds_its_rows_side_by_side(shared: SharedRecords) -> None:
    recorder = Recorder(shared, (), part=1, parts=3)
    recorder.drop(1)
    exchange = Exchange(row=10, key=0, intended_s=0.0)
    exchange.outcome = COMPLETED
    recorder.write(exchange)
    assert shared.columns["outcome"].tolist() == [DROPPED, PENDING, PENDING, COMPLETED, PENDING]


def test_of_what_goes_wrong_in_a_task_the_first_is_kept() -> None:
    exchange = Exchange(0, 0, 0.0)
    exchange.outcome = COMPLETED
    exchange.fail(TIMED_OUT, 4)
    exchange.fail(FAILED, TASK)
    assert (exchange.outcome, exchange.error) == (TIMED_OUT, 4)


def test_what_was_in_flight_when_the_generator_ended_has_timed_out(shared: SharedRecords) -> None:
    shared.columns["outcome"][0] = COMPLETED
    recorded = Recorded(requests(5), np.array([0, 1]), shared.columns, {}, [{"spans": ["app"]}], [])
    table = recorded.table()
    assert table["outcome"].tolist() == ["completed", "timed_out"]
    assert table["error"].tolist() == ["none", "timeout"]
    assert shared.columns["outcome"].tolist() == [COMPLETED] + 4 * [PENDING]
    assert [name for name in table if str(name).startswith("span_")] == ["span_app_s"]


@given(st.lists(st.floats(1e-6, 3000), min_size=1, max_size=50))
def test_a_histogram_keeps_three_digits(seconds: list[float]) -> None:
    histogram = HdrHistogram.decode(encode(np.array(seconds)).encode())
    assert histogram.get_total_count() == len(seconds)
    assert histogram.get_max_value() / 1e6 == pytest.approx(max(seconds), rel=1e-3, abs=1e-6)


def test_cpu_time_of_this_process_is_counted() -> None:
    sampler = Sampler({"here": os.getpid(), "gone": 2**22 + 1})
    assert sampler.result()["processes"] == {}
    sampler.sample()
    began_s = time.process_time()
    while time.process_time() - began_s < 0.05:
        sum(range(10_000))
    sampler.sample()
    result = sampler.result()
    assert result["processes"]["here"]["cpu_s"] >= 0.05
    assert result["processes"]["gone"]["cpu_s"] == 0
    assert 0 <= result["machine"]["utilisation"] <= 1
