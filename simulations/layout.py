"""The memory that a compiled run works on, as structured arrays, and the codes of the operations.

Time is in seconds, counts are 64-bit, links are indices with `NONE` for nothing.
"""

from __future__ import annotations

import numpy as np

NONE = -1

OUTCOMES = ("completed", "rejected", "timed_out", "failed")
COMPLETED, REJECTED, TIMED_OUT, FAILED = range(4)

# Operations of the program. `Branch`, `Switch` and `Balance` choose one of ``count`` ways from ``first`` on; `Lookup`
# goes on with the next instruction on a hit and jumps to ``target`` on a miss. Those that start parts have the parts'
# beginnings as ways, and go on at ``target``.
(
    END,
    DELAY,
    SERVE,
    TURN,
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
) = range(15)
# What follows is only in programs that need the whole vocabulary.
(
    TRAVEL,
    FAIL,
    BALANCE,
    LEAVE,
    LAND,
    FORK,
    TIMEOUT,
    RETRY,
    HEDGE,
    BREAK,
    ATTEMPT,
    ENQUEUE,
    LIMIT,
) = range(15, 28)

INSTRUCTION = np.dtype(
    [
        ("code", np.int64),
        ("resource", np.int64),  # column of the accounts; for caches and spawned flows, their own index
        ("distribution", np.int64),
        ("target", np.int64),
        ("first", np.int64),
        ("count", np.int64),
        ("draw_key", np.int64),
        ("second", np.int64),  # the distribution of the time per item
        ("second_key", np.int64),
        ("option", np.int64),  # priority, outcome, region, whether to wait, or the row of the policy
    ],
    align=True,
)

# What a step that starts parts was told; each uses some of the fields.
POLICY = np.dtype(
    [
        ("needed", np.int64),  # fork: how many must complete
        ("left_alone", np.int64),  # 1: parts that are not waited for any more go on
        ("attempts", np.int64),  # retry, hedge: at most, the first included
        ("first_s", np.float64),
        ("factor", np.float64),
        ("most_s", np.float64),
        ("jitter", np.int64),  # 0 none, 1 full, 2 equal
        ("budget", np.int64),
        ("on", np.int64),  # bit o: outcome o is handled
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

# One task under way. It is in one list at most (a line, the ready list, the free list), so one pair of links suffices.
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
        ("previous", np.int64),  # kept up only where tasks can leave a line from within
        ("flow", np.int64),
        ("operation", np.int64),
        ("region", np.int64),
        ("due_s", np.float64),  # of a task in a lane that is not its first: its event
        ("due_order", np.int64),
    ],
    align=True,
)

# What a task is. Controls have an event of a station's or queue's own, and run no steps.
(REQUEST, SPAWNED, PART, ITEM, BATCH, USER, SHARING, OUTAGE, SCALER, TIMER, TURNING) = range(11)
FIRST_CONTROL = SHARING

# Where a task is: running or nowhere, ready, in a line, in service, in a shared station, waiting for an event (a delay,
# a user's thinking), for its parts (perhaps with a timer), for another's flight, for its batch, in a turn.
(RUNNING, READY, LINED, SERVED, SHARED, WAITING, PARTED, FLYING, BATCHED, IN_TURN) = range(10)

# The rest of what is known of a task, row by row beside SLOT; used only in programs that need the whole vocabulary.
TASK = np.dtype(
    [
        ("kind", np.int64),
        ("where", np.int64),
        ("line", np.int64),
        ("resource", np.int64),  # of the line, service or control it is in
        ("outcome", np.int64),  # what it fails with when it runs on; COMPLETED: nothing
        ("parent", np.int64),
        ("first_part", np.int64),
        ("last_part", np.int64),
        ("next_part", np.int64),
        ("previous_part", np.int64),
        ("started", np.int64),  # parts of the present step: started, completed, failed
        ("completed", np.int64),
        ("failed", np.int64),
        ("generation", np.int64),  # of the breaker, when it was called
        ("event_at", np.int64),
        ("job_at", np.int64),  # where it stands among the jobs of a shared station
        ("began_s", np.float64),  # its service, delay or travel
        ("items", np.int64),
        ("place", np.int64),  # the region where it is now
        ("flight", np.int64),
        ("batch", np.int64),  # the one it waits for
        ("queue", np.int64),  # the one that a batch is of
        ("first_item", np.int64),
        ("last_item", np.int64),
        ("population", np.int64),
        ("user", np.int64),
        ("cycle", np.int64),
        ("user_identity", np.int64),
    ],
    align=True,
)

# A scheduled event. Where a task's event stands is its place in the heap, NONE without one, or ASIDE, beside the heap.
EVENT = np.dtype([("time_s", np.float64), ("order", np.int64), ("slot", np.int64)], align=True)
ASIDE = -2
LATEST = 2**63 - 1  # an order after all others

LINE = np.dtype([("head", np.int64), ("tail", np.int64)], align=True)

# A station, a pool or a queue: servers, slots or workers, and the lines before them, one a priority.
QUEUE = np.dtype(
    [
        ("capacity", np.int64),
        ("busy", np.int64),
        ("waiting", np.int64),
        ("first_line", np.int64),
        ("lines", np.int64),
        ("limit", np.int64),  # how many may wait, NONE for no bound
        ("changed_s", np.float64),  # up to when busy_s and queue_s are counted
        ("busy_s", np.float64),  # integral of busy over time
        ("queue_s", np.float64),  # integral of waiting over time
        ("capacity_s", np.float64),  # integral of the capacity, only where it changes
        ("arrivals", np.int64),
        ("completions", np.int64),
        ("rejected", np.int64),
        ("abandoned", np.int64),
        ("interrupted", np.int64),
        ("max_waiting", np.int64),
    ],
    align=True,
)

# What only some stations have: sharing, turns, start-up, outages and scaling.
STATION = np.dtype(
    [
        ("shares", np.int64),  # row among the shared stations, NONE for the others
        ("control", np.int64),  # the slot that has the shared station's next completion, or the end of the turn
        ("given_s", np.float64),  # V: service given so far to a task that is there all the time
        ("given_until_s", np.float64),
        ("jobs", np.int64),  # who share it, or are in the turn
        ("turn_end_s", np.float64),
        ("turn_s", np.float64),  # between a turn and one that follows it at once
        ("came", np.int64),
        ("changes", np.int64),  # 1: its capacity can change
        ("serving", np.int64),  # the line of those in service or in the turn, by their beginning; NONE if not needed
        ("number", np.int64),  # servers it has when none is down
        ("down", np.int64),
        ("closed", np.int64),  # outages of the whole station in force
        ("refusing", np.int64),
        ("start_up", np.int64),  # row of the first level, NONE without start-up
        ("levels", np.int64),
        ("start_up_key", np.int64),
        ("idle", np.int64),  # how many of the times in idle_since_s are in use
    ],
    align=True,
)

START_UP = np.dtype([("after_s", np.float64), ("distribution", np.int64)], align=True)

OUTAGES = np.dtype(
    [
        ("station", np.int64),
        ("servers", np.int64),  # NONE: the whole station
        ("fails", np.int64),
        ("refuses", np.int64),
        ("in_force", np.int64),
        ("start_s", np.float64),
        ("duration_s", np.float64),
        ("up", np.int64),  # distribution of the times up; NONE: scheduled, not random
        ("up_key", np.int64),
        ("down", np.int64),
        ("down_key", np.int64),
        ("number", np.int64),
    ],
    align=True,
)

SCALERS = np.dtype(
    [
        ("station", np.int64),
        ("target", np.float64),
        ("least", np.int64),
        ("most", np.int64),
        ("interval_s", np.float64),
        ("delay_s", np.float64),
        ("looked_s", np.float64),
        ("looked_busy_s", np.float64),
        ("coming", np.int64),  # how many servers there will be when the scheduled ones come; 0: none are
    ],
    align=True,
)

BATCHER = np.dtype(
    [
        ("flow", np.int64),
        ("resource", np.int64),
        ("batch", np.int64),
        ("wait_s", np.float64),
        ("key", np.int64),
        ("batches", np.int64),
        ("control", np.int64),
        ("due_s", np.float64),  # when its timer will happen
    ],
    align=True,
)

TOKENS = np.dtype(
    [
        ("rate", np.float64),
        ("most", np.float64),
        ("tokens", np.float64),
        ("filled_s", np.float64),
        ("taken", np.int64),
        ("refused", np.int64),
    ],
    align=True,
)

CLOSED, OPEN, HALF_OPEN = range(3)

BREAKER = np.dtype(
    [
        ("window", np.int64),
        ("ratio", np.float64),
        ("least_calls", np.int64),
        ("open_s", np.float64),
        ("probes", np.int64),
        ("first", np.int64),  # its part of the memory of outcomes
        ("state", np.int64),
        ("generation", np.int64),
        ("until_s", np.float64),
        ("permits", np.int64),
        ("succeeded", np.int64),
        ("calls", np.int64),
        ("failures", np.int64),
        ("cursor", np.int64),
        ("opened", np.int64),
        ("rejected", np.int64),
    ],
    align=True,
)

BALANCER = np.dtype(
    [
        ("policy", np.int64),
        ("targets", np.int64),
        ("first", np.int64),  # its part of the targets' counts
        ("last", np.int64),
        ("first_point", np.int64),
        ("points", np.int64),
        ("key", np.int64),
    ],
    align=True,
)

POPULATION = np.dtype(
    [
        ("flow", np.int64),
        ("users", np.int64),
        ("think", np.int64),
        ("until_s", np.float64),
        ("key", np.int64),
        ("key_of_keys", np.int64),
        ("first_key", np.int64),
        ("keys", np.int64),
        ("region", np.int64),
    ],
    align=True,
)

FLIGHT = np.dtype(
    [
        ("cache", np.int64),
        ("key", np.int64),
        ("head", np.int64),
        ("tail", np.int64),
        ("next", np.int64),  # in its chain, or among the free ones
    ],
    align=True,
)
FLIGHT_CHAINS = 4096

# A request that may look up more caches than this is likely not to ask each, so the memory of none is asked for ahead.
CACHES_AHEAD = 2

# What is left to do at this instant before anyone runs on: a stack.
WORK = np.dtype([("what", np.int64), ("slot", np.int64)], align=True)
CANCEL, REMOVE, FAILING, ENDING, RESUME = range(5)

# The state of the event loop, one record.
LOOP = np.dtype(
    [
        ("now_s", np.float64),
        ("scheduled", np.int64),  # how many events were scheduled so far: the order that breaks ties
        ("heap_size", np.int64),
        ("aside_s", np.float64),
        ("aside_order", np.int64),
        ("aside", np.int64),  # the slot whose event stands beside the heap
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
        ("in_flight_changed_s", np.float64),
        # Used only in programs that need the whole vocabulary
        ("free", np.int64),
        ("reserve", np.int64),  # how many slots must be free before anything happens
        ("alive", np.int64),  # tasks that have not ended, controls left out
        ("work_left", np.int64),
        ("rows", np.int64),  # of requests, those of populations included
        ("free_flight", np.int64),
        ("happened_s", np.float64),
    ],
    align=True,
)

BACKGROUND = np.dtype(
    [
        ("spawned", np.int64),
        ("completed", np.int64),
        ("failed", np.int64),
        ("response_s", np.float64),
        ("max_response_s", np.float64),
    ],
    align=True,
)
