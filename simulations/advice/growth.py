"""What a run shows that makes its numbers depend on how long it was: a resource that was full, and waits that grew."""

from __future__ import annotations

import numpy as np

from simulations.advice.advice import Advice, time_text
from simulations.sample_path import COMPLETED, SamplePath

FULL = 0.95
GREW = 1.5
"""In a queue that grows steadily from nothing, the last fifth of all waits 9 / 5 times as long as the third; less if some
of the requests do not come to it."""

LEAST_REQUESTS = 100


def after_run(path: SamplePath) -> list[Advice]:
    """Warn of every station, pool and queue that was full while response times grew to the end of the run.

    "Full" is a share of at least 95 % busy from the start to the last arrival or beyond; response times grew if those
    of the last fifth of the requests are on average 1.5 times those of the third fifth, and these longer than those of
    the first. Without a record of every request it says nothing.
    """
    order = np.argsort(path.arrival_s, kind="stable")  # those of populations come behind the others
    response_s = (path.completed_s - path.arrival_s)[order][path.outcome[order] == COMPLETED]
    if response_s.size < LEAST_REQUESTS:
        return []
    first, _, middle, _, last = (float(part.mean()) for part in np.array_split(response_s, 5))
    if not (last >= GREW * middle and middle > first):
        return []
    found = []
    for index, name in enumerate(path.queues):
        if path.utilisation[index] >= FULL:
            text = (
                f"busy {path.utilisation[index]:.1%} of the time, and response times grew from {time_text(first)} in "
                f"the first fifth of the run to {time_text(last)} in the last: in a longer run they would be longer"
            )
            found.append(Advice(name, text))
    return found
