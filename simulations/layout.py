"""The memory that a compiled run works on, as structured arrays, and the codes of the operations.

Time is in seconds, counts are 64-bit, links are indices with `NONE` for nothing.
"""

from __future__ import annotations

import numpy as np

NONE = -1

# Operations of the program. `Branch` and `Switch` choose one of ``count`` ways from ``first`` on; `Lookup` goes on
# with the next instruction on a hit and jumps to ``target`` on a miss.
(
    END,
    DELAY,
    SERVE,
    HOLD,
    RELEASE,
    BRANCH,
    SWITCH_REGION,
    SWITCH_OPERATION,
    SWITCH_KEY,
    JUMP,
    LOOKUP,
    STORE,
    INVALIDATE,
    SPAWN,
) = range(14)

INSTRUCTION = np.dtype(
    [
        ("code", np.int64),
        ("resource", np.int64),  # column of the accounts; for caches and spawned flows, their own index
        ("distribution", np.int64),
        ("target", np.int64),
        ("first", np.int64),
        ("count", np.int64),
        ("draw_key", np.int64),
    ],
    align=True,
)

WAY = np.dtype(
    [
        ("bound", np.float64),  # branch: taken if the draw is below; cumulative, the last is 1
        ("value", np.int64),  # switch: taken if the attribute equals; the last way is taken anyway
        ("target", np.int64),
    ],
    align=True,
)

# One request in flight. It is in one list at most (a queue, the ready list, the free list), so one link suffices.
SLOT = np.dtype(
    [
        ("instruction", np.int64),
        ("request", np.int64),  # row of the request, NONE for what was spawned
        ("identity", np.int64),  # what its random numbers depend on
        ("key", np.int64),
        ("waiting_since_s", np.float64),
        ("service_s", np.float64),  # drawn when it asks for service
        ("started_s", np.float64),
        ("spawned", np.int64),  # row of its record among the spawned, NONE for a request
        ("next", np.int64),
        ("flow", np.int64),
        ("operation", np.int64),
        ("region", np.int64),
    ],
    align=True,
)

# A station or a pool: servers or slots, and the queue before them.
QUEUE = np.dtype(
    [
        ("capacity", np.int64),
        ("busy", np.int64),
        ("waiting", np.int64),
        ("head", np.int64),
        ("tail", np.int64),
        ("changed_s", np.float64),  # up to when busy_s and queue_s are counted
        ("busy_s", np.float64),  # integral of busy over time
        ("queue_s", np.float64),  # integral of waiting over time
        ("arrivals", np.int64),
        ("completions", np.int64),
        ("max_waiting", np.int64),
    ],
    align=True,
)

# The state of the event loop, one record.
LOOP = np.dtype(
    [
        ("now_s", np.float64),
        ("scheduled", np.int64),  # how many events were scheduled so far: the order that breaks ties
        ("heap_size", np.int64),
        ("ready_head", np.int64),
        ("ready_tail", np.int64),
        ("free_head", np.int64),
        ("current", np.int64),  # the request that is running on
        ("next_arrival", np.int64),
        ("next_arrival_order", np.int64),
        ("bin", np.int64),
        ("spawned", np.int64),
        ("in_flight", np.int64),
        ("max_in_flight", np.int64),
    ],
    align=True,
)

BACKGROUND = np.dtype(
    [("spawned", np.int64), ("completed", np.int64), ("response_s", np.float64), ("max_response_s", np.float64)],
    align=True,
)
