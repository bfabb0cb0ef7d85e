"""How late a service's event loop was during a load: two readings of the histogram that our services export.

The samples are of random instants (`reference_impls.kit.event_loop`), of all API processes together.
"""

from __future__ import annotations

import http.client
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any
from urllib.parse import urlsplit

METRIC = "event_loop_lag_seconds"
SAMPLES_BEYOND = 10
"""A percentile needs so many samples above it, as those of response times do."""
# A service that hangs must not hold up the end of its load.
_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Reading:
    """The histogram at one moment: samples up to each of ``bounds_s`` (the last is infinite), and their sum."""

    bounds_s: tuple[float, ...]
    up_to: tuple[float, ...]
    sum_s: float


def read(url: str) -> Reading | None:
    """The histogram of the service at ``url``; None if it does not answer, or has none."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return parse(answer.read().decode()) if answer.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def parse(exposition: str) -> Reading | None:
    """The histogram in Prometheus' text format; None if it is not there. Raises `ValueError` for another format."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - takes 0.1 s to import

    for family in text_string_to_metric_families(exposition):
        if family.name == METRIC and family.type == "histogram":
            buckets = [sample for sample in family.samples if sample.name == f"{METRIC}_bucket"]
            sums = [sample.value for sample in family.samples if sample.name == f"{METRIC}_sum"]
            up_to = sorted((float(sample.labels["le"]), sample.value) for sample in buckets)
            return Reading(tuple(le for le, _ in up_to), tuple(count for _, count in up_to), sum(sums))
    return None


def between(before: Reading | None, after: Reading | None) -> dict[str, Any] | None:
    """What a run folder keeps of the samples between two readings, in seconds; None if there are none.

    ``count`` and ``mean_s``; ``p90_s`` and ``p99_s``, None with fewer than `SAMPLES_BEYOND` samples above; ``counts``
    of the samples up to each of ``bounds_s`` and above the one before, one more than bounds: the last has no bound.
    """
    if before is None or after is None or before.bounds_s != after.bounds_s:
        return None
    up_to = [round(late - early) for early, late in zip(before.up_to, after.up_to, strict=True)]
    if not up_to or up_to[-1] <= 0:
        return None
    counts = [up_to[0], *(high - low for low, high in pairwise(up_to))]
    bounds_s = after.bounds_s[:-1]
    return {
        "count": up_to[-1],
        "mean_s": (after.sum_s - before.sum_s) / up_to[-1],
        "p90_s": _percentile_s(bounds_s, counts, 90),
        "p99_s": _percentile_s(bounds_s, counts, 99),
        "bounds_s": list(bounds_s),
        "counts": counts,
    }


def as_evidence(found: Mapping[str, Any] | None, bound_s: float) -> dict[str, Any] | None:
    """The same without its buckets; ``over_bound`` is how many of the samples were certainly over ``bound_s``."""
    if not found:
        return None
    first = bisect_left(found["bounds_s"], bound_s) + 1
    kept = {name: found[name] for name in ("count", "mean_s", "p90_s", "p99_s")}
    return {**kept, "bound_s": bound_s, "over_bound": sum(found["counts"][first:])}


def _percentile_s(bounds_s: Sequence[float], counts: Sequence[int], percent: float) -> float | None:
    """Interpolated within its bucket, as Prometheus' histogram_quantile does; above all bounds it is the last one."""
    total = sum(counts)
    if total * (100 - percent) < 100 * SAMPLES_BEYOND:
        return None
    rank = total * percent / 100
    up_to = list(accumulate(counts))
    at = bisect_left(up_to, rank)
    if at == len(bounds_s):
        return bounds_s[-1]
    low_s = bounds_s[at - 1] if at else 0.0
    return low_s + (bounds_s[at] - low_s) * (rank - up_to[at] + counts[at]) / counts[at]
