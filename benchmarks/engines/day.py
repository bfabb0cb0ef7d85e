"""The URL shortener's whole day on one core: making its requests, and running them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.engines.rate import peak_memory_bytes
from sdlab import catalog
from simulations import scenario
from simulations.engines import simulate

DESIGN = "url_shortener"


def run(overrides: list[str], repeats: int, seed: int, started_s: float) -> dict[str, Any]:  # noqa: ARG001
    """CPU seconds to make the day's requests and the caches of yesterday, and to run them with every record kept.

    ``with_hours`` adds what `lab simulate` asks for: accounts of each hour.
    """
    design = catalog.load_design(DESIGN, overrides)
    began_s = time.process_time()
    day = scenario.a_day(design, scenario.load_calibration(DESIGN, None), seed)
    making_s = time.process_time() - began_s
    simulate(day.model, day.requests.take(slice(0, 1000)), seed, bin_s=day.hour_s)  # compiles
    before_bytes = peak_memory_bytes()
    plain: list[tuple[float, float]] = []
    with_hours: list[tuple[float, float]] = []
    for _ in range(repeats):
        plain.append(_timed(lambda: simulate(day.model, day.requests, seed)))
        with_hours.append(_timed(lambda: simulate(day.model, day.requests, seed, bin_s=day.hour_s)))
    path = simulate(day.model, day.requests, seed)
    return {
        "design": DESIGN,
        "overrides": overrides,
        "requests": len(day.requests),
        "making_requests_cpu_s": making_s,
        **_spread("engine", plain),
        **_spread("engine_with_hours", with_hours),
        "requests_per_s": len(day.requests) / min(cpu_s for cpu_s, _ in plain),
        "hit_ratio": float(path.cache.hits.sum() / path.cache.lookups.sum()),
        "peak_memory_bytes": peak_memory_bytes(),
        "memory_before_engine_bytes": before_bytes,
    }


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu_s, time.perf_counter() - wall_s


def _spread(name: str, times: list[tuple[float, float]]) -> dict[str, float]:
    cpu_s = [cpu for cpu, _ in times]
    return {
        f"{name}_cpu_s": min(cpu_s),
        f"{name}_cpu_s_min": min(cpu_s),
        f"{name}_cpu_s_max": max(cpu_s),
        f"{name}_wall_s": min(wall for _, wall in times),
    }
