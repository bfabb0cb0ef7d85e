"""What both engines check and translate before a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdlab.errors import InvalidInput
from sdlab.workload import Requests
from simulations.model import Model
from simulations.program import Program
from simulations.steps import Invalidate, Lookup, Spawn, Store

MAX_SEED = 2**63 - 1
UNKNOWN = -1


class Translation(NamedTuple):
    """The index of the model's flow for each of the requests' operations, and of its region for each region."""

    flow_of_operation: NDArray[np.int64]
    region_of_region: NDArray[np.int64]


def prepare(program: Program, requests: Requests, seed: int, bin_s: float | None) -> Translation:
    """Check that the program can serve these requests; raise `InvalidInput` for the first that it cannot."""
    if not 0 <= seed <= MAX_SEED:
        raise InvalidInput("seed", seed, f"must be from 0 to {MAX_SEED}")
    if bin_s is not None and not (math.isfinite(bin_s) and bin_s > 0):
        raise InvalidInput("bin_s", bin_s, "must be a number above 0")
    _check_arrivals(requests)
    model = program.model
    used = np.unique(requests.operation)
    for operation in used:
        if not 0 <= operation < len(requests.operations):
            raise InvalidInput(
                "requests.operation", int(operation), f"must be from 0 to {len(requests.operations) - 1}"
            )
        name = requests.operations[operation]
        if name not in program.flows:
            raise InvalidInput("requests.operations", name, f"has no flow; there are: {', '.join(program.flows)}")
        _check_keys(model, requests, int(operation))
    if len(requests) and (requests.region.min() < 0 or requests.region.max() >= max(1, len(requests.regions))):
        raise InvalidInput("requests.region", int(requests.region.max()), f"must be below {len(requests.regions)}")
    return Translation(
        np.array([_index(program.flows, name) for name in requests.operations], dtype=np.int64),
        np.array([_index(model.regions, name) for name in requests.regions or ("",)], dtype=np.int64),
    )


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else UNKNOWN


def _check_arrivals(requests: Requests) -> None:
    times = requests.arrival_s
    if not np.all(np.isfinite(times)):
        raise InvalidInput("requests.arrival_s", "NaN or infinite", "must be finite numbers")
    if times.size and times[0] < 0:
        raise InvalidInput("requests.arrival_s[0]", float(times[0]), "must not be below 0")
    falls = np.flatnonzero(np.diff(times) < 0)
    if falls.size:
        row = int(falls[0]) + 1
        raise InvalidInput(f"requests.arrival_s[{row}]", float(times[row]), "must not be before the arrival above it")


def _check_keys(model: Model, requests: Requests, operation: int) -> None:
    """A flow that asks a cache needs a key to ask for."""
    flow = requests.operations[operation]
    cache = _asks(model, flow)
    if cache is None:
        return
    without = np.flatnonzero((requests.operation == operation) & (requests.key < 0))
    if without.size:
        row = int(without[0])
        raise InvalidInput(
            f"requests.key[{row}]", int(requests.key[row]), f"flow {flow} needs a key of at least 0 for cache {cache}"
        )


def _asks(model: Model, flow_name: str) -> str | None:
    """A cache that a flow, or one it spawns, uses the request's key for."""
    flow = next(flow for flow in model.flows if flow.name == flow_name)
    for _, step in flow.walk():
        if isinstance(step, Lookup | Store | Invalidate):
            return step.cache
        if isinstance(step, Spawn) and (cache := _asks(model, step.flow)):
            return cache
    return None
