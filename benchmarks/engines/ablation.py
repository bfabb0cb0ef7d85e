"""Where a request's nanoseconds go, by ablation: the same network with one ingredient more at each rung.

A rung's cost is its time less the time of the rung it stands on, in one process, the repeats of all rungs taking turns.
What an ingredient costs depends on what is there already (a draw also makes the order of events hard to predict), so
this is the cost of adding it here, not a property of its code alone.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmarks.engines.networks import NETWORKS
from benchmarks.engines.our_engines import model_of, poisson
from sdlab.popularity import zipf_ranks
from sdlab.workload import Requests
from simulations.engines import simulate
from simulations.model import (
    Branch,
    Cache,
    Constant,
    Exponential,
    Flow,
    Lookup,
    Model,
    Serve,
    Spawn,
    Station,
    Step,
)

NETWORK = NETWORKS["network"]
KEYS, ZIPF_EXPONENT, CACHE_ENTRIES = 1_000_000, 0.9, 100_000
HOURS = 24
WHOLE = "third"  # the rung that is the whole network: shares are of its time


@dataclass(frozen=True)
class Rung:
    """``adds`` one thing to the rung named ``on`` (None: to nothing)."""

    adds: str
    on: str | None
    model: Callable[[], Model]
    keys: int = 0
    options: dict[str, Any] = field(default_factory=dict)


def _steps(steps: Sequence[Step], caches: Sequence[Cache] = (), background: Sequence[Flow] = ()) -> Model:
    stations = {
        "first": Station("first", NETWORK.first.servers),
        "second": Station("second", NETWORK.then[0][1].servers),
    }
    flows = [Flow("get", steps), *background]
    used = {step.station for flow in flows for _, step in flow.walk() if isinstance(step, Serve)}
    return Model("rung", flows, [stations[name] for name in stations if name in used], caches=caches)


_CONSTANT = Serve("first", Constant(NETWORK.first.mean_s))
_RANDOM = Serve("first", Exponential(NETWORK.first.mean_s))
_OFTEN, _SELDOM = (probability for probability, _ in NETWORK.then)
_SECOND = Serve("second", Exponential(NETWORK.then[0][1].mean_s))


def _cached(entries: int) -> Model:
    return _steps([_RANDOM, Lookup("cache")], caches=[Cache("cache", entries)])


RUNGS = {
    "arrival": Rung("an arrival and its record", None, lambda: _steps([Branch([(1.0, [])])])),
    "constant": Rung("a service of constant time: station, agenda", "arrival", lambda: _steps([_CONSTANT])),
    "exponential": Rung("its time exponential: a draw, and random order", "constant", lambda: _steps([_RANDOM])),
    "branch": Rung(
        "a branch 90 : 10 to nothing: a draw and a jump",
        "exponential",
        lambda: _steps([_RANDOM, Branch([(_OFTEN, []), (_SELDOM, [])])]),
    ),
    "second": Rung(
        "on its 90 %, a second station, exponential",
        "branch",
        lambda: _steps([_RANDOM, Branch([(_OFTEN, [_SECOND]), (_SELDOM, [])])]),
    ),
    "third": Rung("on its 10 %, a third station, lognormal", "second", lambda: model_of(NETWORK)),
    "spans": Rung("spans of every request", "third", lambda: model_of(NETWORK), options={"record_spans": True}),
    "bins": Rung("accounts in 24 bins of time", "third", lambda: model_of(NETWORK), options={"bin_s": None}),
    "hit": Rung("a lookup of one key, always a hit", "exponential", lambda: _cached(1), keys=1),
    "lookup": Rung(
        "keys by Zipf, a tenth of them cached (LRU): misses, evictions, memory",
        "hit",
        lambda: _cached(CACHE_ENTRIES),
        keys=KEYS,
    ),
    "spawn": Rung(
        "a flow spawned, which does nothing",
        "exponential",
        lambda: _steps([_RANDOM, Spawn("event")], background=[Flow("event", [Branch([(1.0, [])])])]),
    ),
}


def run(requests: int, repeats: int, seed: int, started_s: float) -> list[dict[str, Any]]:  # noqa: ARG001
    """Every rung: CPU nanoseconds a request (arrivals given), and what it adds to the rung it stands on."""
    plain = poisson(requests, NETWORK.rate_rps, seed)
    cases = {name: _case(rung, plain, seed) for name, rung in RUNGS.items()}
    for simulation in cases.values():
        simulation()  # compiles, and touches what it will touch
    times_ns: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, simulation in cases.items():
            began_s = time.process_time()
            simulation()
            times_ns[name].append((time.process_time() - began_s) * 1e9 / requests)
    middle = {name: statistics.median(times) for name, times in times_ns.items()}
    return [
        {
            "rung": name,
            "adds": rung.adds,
            "on": rung.on,
            "ns_per_request": middle[name],
            "ns_per_request_min": min(times_ns[name]),
            "ns_per_request_max": max(times_ns[name]),
            # Each repeat's difference, for drift between repeats is larger than within one.
            "added_ns": statistics.median(_differences(times_ns, name, rung.on)),
            "share": statistics.median(_differences(times_ns, name, rung.on)) / middle[WHOLE],
        }
        for name, rung in RUNGS.items()
    ]


def _differences(times_ns: dict[str, list[float]], name: str, on: str | None) -> list[float]:
    below = times_ns[on] if on is not None else [0.0] * len(times_ns[name])
    return [above - base for above, base in zip(times_ns[name], below, strict=True)]


def _case(rung: Rung, plain: Requests, seed: int) -> Callable[[], object]:
    requests = plain if not rung.keys else with_keys(plain, rung.keys, seed)
    options = {**rung.options, **({"bin_s": plain.duration_s / HOURS} if "bin_s" in rung.options else {})}
    return partial(simulate, rung.model(), requests, seed, **options)


def with_keys(plain: Requests, keys: int, seed: int) -> Requests:
    """The same requests, each asking for a key."""
    ranks = zipf_ranks(len(plain), keys, ZIPF_EXPONENT, seed) if keys > 1 else np.zeros(len(plain), dtype=np.int64)
    return Requests(plain.arrival_s, plain.operation, ranks, plain.region, plain.operations, plain.regions)
