"""What a run shows that makes its numbers depend on how long it was: a resource that was full, and waits that grew."""

from __future__ import annotations

import numpy as np

from simulations.advice.advice import Advice, time_text
from simulations.sample_path import COMPLETED, SamplePath

FULL = 0.95
GREW = 2.0
"""In a queue that grows steadily from nothing, the last fifth of all waits 9 times as long as the first; less where a
request comes back to the queue again and again."""

WAITED = 0.01
"""At least so many of those who came waited at once: behind a full station another can be busy for as long."""

LEAST_REQUESTS = 100


def after_run(path: SamplePath) -> list[Advice]:
    """Warn of every station, pool and queue that was full while response times grew to the end of the run.

    "Full" is as busy as all its servers for at least 95 % of the time to the last arrival (draining its queue counts),
    with at least 1 % of those who came waiting at once; response times grew if those of the last fifth of the requests
    are on average twice those of the first. Without a record of every request it says nothing.
    """
    order = np.argsort(path.arrival_s, kind="stable")  # those of populations come behind the others
    response_s = (path.completed_s - path.arrival_s)[order][path.outcome[order] == COMPLETED]
    if response_s.size < LEAST_REQUESTS:
        return []
    first, *_, last = (float(part.mean()) for part in np.array_split(response_s, 5))
    if not last >= GREW * first > 0:
        return []
    window_s = float(path.arrival_s[order[-1]])
    found = []
    for index, name in enumerate(path.queues):
        capacity_s = path.queue.capacity_s[index] * min(1.0, window_s / path.end_s)
        waited = path.queue.max_waiting[index] >= WAITED * path.queue.arrivals[index] > 0
        if waited and path.queue.busy_s[index] >= FULL * capacity_s:
            text = (
                f"full, with up to {path.queue.max_waiting[index]:,} waiting, and response times grew from "
                f"{time_text(first)} in the first fifth of the run to {time_text(last)} in the last: in a longer run "
                "they would be longer"
            )
            found.append(Advice(name, text))
    return found
