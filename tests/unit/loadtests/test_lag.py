"""The event loop's lag between two readings of the service's histogram."""

from __future__ import annotations

import math
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

from loadtests.lag import METRIC, Reading, as_evidence, between, parse, read

BOUNDS_S = (0.001, 0.01, 0.1)


class Exported:
    """A histogram as a service exports it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.histogram = Histogram(METRIC, "x", buckets=BOUNDS_S, registry=self.registry)
        Gauge("http_requests_in_flight", "x", registry=self.registry).set(3)

    def reading(self) -> Reading:
        found = parse(generate_latest(self.registry).decode())
        assert found is not None
        return found

    def lagged(self, lag_s: float, times: int = 1) -> None:
        for _ in range(times):
            self.histogram.observe(lag_s)


def test_only_what_was_seen_between_two_readings_counts() -> None:
    service = Exported()
    service.lagged(5.0, 7)
    before = service.reading()
    service.lagged(0.0004, 90)
    service.lagged(0.05, 10)
    found = between(before, service.reading())
    assert found == {
        "count": 100,
        "mean_s": pytest.approx((90 * 0.0004 + 10 * 0.05) / 100),
        "p90_s": pytest.approx(0.001),
        "p99_s": None,
        "bounds_s": list(BOUNDS_S),
        "counts": [90, 0, 10, 0],
    }


def test_a_percentile_is_interpolated_in_its_bucket_and_has_ten_samples_above_it_or_is_unknown() -> None:
    service = Exported()
    empty = service.reading()
    service.lagged(0.0004, 800)
    service.lagged(0.005, 200)
    found = between(empty, service.reading())
    assert found is not None
    assert found["p90_s"] == pytest.approx(0.001 + 0.5 * 0.009)
    assert found["p99_s"] == pytest.approx(0.001 + 0.95 * 0.009)
    few = Exported()
    few.lagged(0.0004, 99)
    short = between(empty, few.reading())
    assert short is not None
    assert (short["p90_s"], short["p99_s"]) == (None, None)


def test_a_lag_above_all_bounds_is_at_least_the_last_one() -> None:
    service = Exported()
    empty = service.reading()
    service.lagged(60.0, 200)
    found = between(empty, service.reading())
    assert found is not None
    assert (found["p90_s"], found["mean_s"]) == (BOUNDS_S[-1], 60.0)


def test_what_has_no_histogram_has_no_lag() -> None:
    service = Exported()
    reading = service.reading()
    assert reading.bounds_s == (*BOUNDS_S, math.inf)
    assert parse("") is None
    assert parse(f"# TYPE {METRIC} gauge\n{METRIC} 0.002\n") is None
    assert between(reading, None) is None
    assert between(None, reading) is None
    assert between(reading, reading) is None, "no instant fell between them"


@pytest.mark.parametrize("answer", ["<html>nothing of ours</html>", "a b c d e\n"])
def test_a_text_of_another_format_is_no_reading(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Answer:
        status = 200

        def read(self) -> bytes:
            return answer.encode()

    class Connection:
        def __init__(self, *_: Any, **__: Any) -> None: ...
        def request(self, *_: Any) -> None: ...
        def close(self) -> None: ...
        def getresponse(self) -> Answer:
            return Answer()

    monkeypatch.setattr("http.client.HTTPConnection", Connection)
    assert read("http://127.0.0.1:1") is None


def test_a_service_that_refuses_has_no_lag() -> None:
    assert read("http://127.0.0.1:1") is None


def test_evidence_counts_what_was_certainly_over_the_bound() -> None:
    """A bucket that the bound cuts may hold samples below it."""
    found = {"count": 10, "mean_s": 0.02, "p90_s": None, "p99_s": None, "bounds_s": list(BOUNDS_S),
             "counts": [4, 3, 2, 1]}  # fmt: skip
    for bound_s, over in ((0.01, 3), (0.05, 1), (0.1, 1), (0.0005, 6), (0.5, 0)):
        kept = as_evidence(found, bound_s)
        assert kept == {"count": 10, "mean_s": 0.02, "p90_s": None, "p99_s": None, "bound_s": bound_s,
                        "over_bound": over}  # fmt: skip
    assert as_evidence(None, 0.05) is None
