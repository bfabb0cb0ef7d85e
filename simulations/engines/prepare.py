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
from simulations.steps import Balance, Enqueue, Invalidate, Lookup, Spawn, Store

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
    for operation in _operations(requests):
        name = requests.operations[operation]
        if name not in program.flows:
            raise InvalidInput("requests.operations", name, f"has no flow; there are: {', '.join(program.flows)}")
        _check_keys(model, requests, int(operation))
    _check_populations(model, requests)
    if len(requests) and (requests.region.min() < 0 or requests.region.max() >= max(1, len(requests.regions))):
        raise InvalidInput("requests.region", int(requests.region.max()), f"must be below {len(requests.regions)}")
    return Translation(
        np.array([_index(program.flows, name) for name in requests.operations], dtype=np.int64),
        np.array([_index(model.regions, name) for name in requests.regions or ("",)], dtype=np.int64),
    )


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else UNKNOWN


def _operations(requests: Requests) -> list[int]:
    """The operations that occur; every one must have a name."""
    if not len(requests):
        return []
    least, most = int(requests.operation.min()), int(requests.operation.max())
    for operation in (least, most):
        if not 0 <= operation < len(requests.operations):
            bound = f"must be from 0 to {len(requests.operations) - 1}"
            raise InvalidInput("requests.operation", operation, bound)
    return [code for code in range(least, most + 1) if least == most or (requests.operation == code).any()]


def _check_arrivals(requests: Requests) -> None:
    for name in ("operation", "key", "region"):
        size = getattr(requests, name).size
        if size != len(requests):
            raise InvalidInput(f"requests.{name}", size, f"must be one for each of the {len(requests)} arrivals")
    times = requests.arrival_s
    if not times.size:
        return
    # One pass where all is well: of numbers that never fall none is NaN, and none is infinite if the ends are not.
    rises = times[1:] >= times[:-1]
    if not (rises.all() and np.isfinite(times[[0, -1]]).all()):
        if not np.isfinite(times).all():
            raise InvalidInput("requests.arrival_s", "NaN or infinite", "must be finite numbers")
        row = int(np.argmin(rises)) + 1
        raise InvalidInput(f"requests.arrival_s[{row}]", float(times[row]), "must not be before the arrival above it")
    if times[0] < 0:
        raise InvalidInput("requests.arrival_s[0]", float(times[0]), "must not be below 0")


def _check_keys(model: Model, requests: Requests, operation: int) -> None:
    """A flow that asks for a key needs one to ask for."""
    flow = requests.operations[operation]
    user = _user_of_keys(model, flow)
    if user is None:
        return
    without = np.flatnonzero((requests.operation == operation) & (requests.key < 0))
    if without.size:
        row = int(without[0])
        raise InvalidInput(
            f"requests.key[{row}]", int(requests.key[row]), f"flow {flow} needs a key of at least 0 for {user}"
        )


def _check_populations(model: Model, requests: Requests) -> None:
    for population in model.populations:
        where = f"population {population.name}"
        if population.until_s is None and not len(requests):
            raise InvalidInput(f"{where}, until_s", None, "must be given: there is no open arrival to end with")
        user = _user_of_keys(model, population.flow)
        if user is not None and len(population.keys) == 0:
            raise InvalidInput(f"{where}, keys", (), f"flow {population.flow} needs keys for {user}")


def _user_of_keys(model: Model, flow: str) -> str | None:
    """What a flow, or anything that it starts, uses the request's key for: "cache links"."""
    hashing = {balancer.name for balancer in model.balancers if balancer.policy == "consistent_hash"}
    flows = {one.name: one for one in model.flows}
    run_by = {queue.name: queue.flow for queue in model.queues}
    seen: list[str] = [flow]
    for name in seen:  # grows while it is walked
        for _, step in flows[name].walk():
            match step:
                case Lookup(cache) | Store(cache) | Invalidate(cache):
                    return f"cache {cache}"
                case Balance(balancer) if balancer in hashing:
                    return f"balancer {balancer}"
                case Spawn(started) if started not in seen:
                    seen.append(started)
                case Enqueue(queue) if run_by[queue] not in seen:
                    seen.append(run_by[queue])
    return None
