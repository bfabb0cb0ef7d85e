"""One number of a design varied: how the model's percentiles, hit ratio and utilisations follow."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdlab import catalog
from sdlab.calibration import Calibration
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from simulations import results, scenario
from simulations.rates import Advance, at_rate

MAX_POINTS = 200


def parse_over(design: Design, over: str) -> tuple[str, list[int | float]]:
    """Read ``PATH=LOW:HIGH[:log][:POINTS]`` as the path and its values.

    Integers stay integers. Without POINTS a linear sweep of integers takes each of them, anything else nine values.
    Raises `InvalidInput`.
    """
    place, equals, text = over.partition("=")
    parts = text.split(":")
    logarithmic = "log" in parts
    numbers = [part for part in parts if part != "log"]
    if not equals or not 2 <= len(numbers) <= 3:
        raise InvalidInput("--over", over, "must look like topology.api.workers=1:8 or topology.x.y=1e3:1e6:log:7")
    try:
        low, high = float(numbers[0]), float(numbers[1])
        points = int(numbers[2]) if len(numbers) == 3 else None
    except ValueError:
        raise InvalidInput("--over", text, "LOW and HIGH must be numbers and POINTS an integer") from None
    if not low < high or (logarithmic and low <= 0) or (points is not None and not 2 <= points <= MAX_POINTS):
        bound = f"needs LOW below HIGH, above 0 if log, and from 2 to {MAX_POINTS} points"
        raise InvalidInput("--over", text, bound)
    whole = isinstance(_value_at(design, place), int)
    if points is None:
        points = int(high - low) + 1 if whole and not logarithmic and high - low < MAX_POINTS else 9
    spaced = np.geomspace(low, high, points) if logarithmic else np.linspace(low, high, points)
    values = np.unique(np.rint(spaced).astype(np.int64)) if whole else spaced
    return place.strip(), values.tolist()


def _value_at(design: Design, place: str) -> object:
    node: Any = design.model_dump(exclude={"sources"})
    for name in place.strip().split("."):
        node = node.get(name) if isinstance(node, dict) else None
    if not isinstance(node, int | float):
        raise InvalidInput("--over", place, "the design has no such number")
    return node


def sweep(
    slug: str,
    overrides: list[str],
    place: str,
    values: list[int | float],
    calibration: Calibration | None,
    seed: int,
    requests: int,
    advance: Advance,
) -> dict[str, Any]:
    """Run the design at its peak rate for each value, with common random numbers: the same arrivals, keys and draws."""
    content: dict[str, Any] = {
        "parameter": place,
        "values": values,
        "calibration": scenario.source_of(calibration),
        "hit_ratio": [],
        "busiest": [],
        "utilisation": [],
    }
    p99: dict[str, list[float]] = {}
    mean: dict[str, list[float]] = {}
    for value in values:
        design = catalog.load_design(slug, [*overrides, f"{place}={value}"])
        chosen, path = at_rate(design, calibration, seed, "design", design.workload.peak_rate_rps, requests)
        station, utilisation = results.busiest(path)
        content["hit_ratio"].append(results.hit_ratio(path))
        content["busiest"].append(station)
        content["utilisation"].append(utilisation)
        for row in results.summary(chosen.requests, path, chosen.duration_s):
            p99.setdefault(row.operation, []).append(row.response_time_s_p99)
            mean.setdefault(row.operation, []).append(row.response_time_s_mean)
        content["rate_rps"] = design.workload.peak_rate_rps
        advance(None)
    return {**content, "response_time_s_p99_by_operation": p99, "response_time_s_mean_by_operation": mean}
