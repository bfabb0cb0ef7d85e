"""Prometheus metrics of one API process, or of all of them when several share a folder.

Several processes behind one port each hold a part of the counts. With ``PROMETHEUS_MULTIPROC_DIR`` set before start
they keep them in that folder, and whichever process answers ``/metrics`` adds all of them up.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from fastapi import FastAPI, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from reference_impls.kit import event_loop, timing
from reference_impls.kit.timing import RequestRecord

_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# From 50 us to 10 s, each at most 1.7 times the one before: a percentile read from them is as good as that.
_LAG_BUCKETS_S = (
    *(5e-5, 7e-5),
    *(mantissa / 10**digits for digits in (4, 3, 2, 1, 0) for mantissa in (1, 1.5, 2, 3, 5, 7)),
    10.0,
)


class Metrics:
    """What every service counts. A service adds its own counters on ``registry``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time inside the application up to the start of the response",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        stages = Counter("http_request_stage_seconds", "Time of requests by stage", ["stage"], registry=self.registry)
        # Looked up once: finding a label's child costs more than adding to it.
        self._stages = {name: stages.labels(name) for name in timing.STAGES}
        self.in_flight = Gauge(
            "http_requests_in_flight",
            "Requests being handled",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._event_loop_lag = Histogram(
            "event_loop_lag_seconds",
            "How late the event loop was at random instants (Poisson)",
            buckets=_LAG_BUCKETS_S,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], Counter] = {}
        self._duration_children: dict[str, Histogram] = {}

    def count(self, method: str, route: str, status: int, app_s: float, record: RequestRecord) -> None:
        """Count one answered request. ``route`` is the pattern, never the path: the set of labels is bounded."""
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(method, route, str(status))
            self._duration_children.setdefault(route, self._durations.labels(route))
        child.inc()
        self._duration_children[route].observe(app_s)
        for name, duration_s in record.stages_s.items():
            self._stages[name].inc(duration_s)

    def event_loop_watched(self) -> AbstractContextManager[None]:
        """Measure the running event loop's lag until the block ends."""
        return event_loop.lag_measured(self._event_loop_lag.observe)

    def exposition(self) -> bytes:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def install(app: FastAPI, metrics: Metrics) -> None:
    @app.get(
        "/metrics",
        tags=["operation"],
        response_class=Response,
        responses={200: {"description": "Prometheus text format", "content": {"text/plain": {}}}},
    )
    async def read_metrics() -> Response:
        """Counters and gauges of this service, for Prometheus."""
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})
