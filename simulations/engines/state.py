"""The arrays a compiled run works on, as three tuples: what is executed, what arrives, what changes.

Their layout is in `simulations.layout`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.caches.layout import Memory
from simulations.sampling import DistributionTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[np.void]


class Code(NamedTuple):
    """What is executed; never written to."""

    instructions: Records
    ways: Records
    first_instruction: Ints
    distributions: DistributionTable
    stations: int  # resources below this index are stations; pools follow
    seed: int
    entry_bytes: DistributionTable  # by cache


class Arrivals(NamedTuple):
    """The requests; ``flow`` and ``region`` translate the table's indices into the model's."""

    arrival_s: Floats
    operation: NDArray[np.int16]
    key: Ints
    region: NDArray[np.int16]
    flow_of_operation: Ints
    region_of_region: Ints


class State(NamedTuple):
    """What changes, as described in `layout`; arrays for what is not recorded have no rows."""

    loop: Records
    heap_s: Floats
    heap_order: Ints
    heap_slot: Ints
    slots: Records
    held_since_s: Floats
    queues: Records
    wait_s: Floats
    service_s: Floats
    visits: Ints
    completed_s: Floats
    cache_hit: NDArray[np.int8]
    spans: Floats
    background: Records
    spawned_flow: Ints
    spawned_s: Floats
    spawned_completed_s: Floats
    bin_arrivals: Ints
    bin_busy_s: Floats
    bin_queue_s: Floats
    bin_lookups: Ints
    bin_hits: Ints
    caches: Records
    memory: Memory
