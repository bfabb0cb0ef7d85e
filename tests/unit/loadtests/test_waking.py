"""What waking costs is told apart from a demand also where the process sleeps less because it happens to be slow."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadtests import waking

DEMAND_S, WAKING_S, NOISE_S = 0.0004, 0.00005, 0.00008
REQUESTS = 40_000


def records() -> pd.DataFrame:
    """At 800 requests/s; how long a request takes hangs together with those around it, and keeps the thread awake."""
    generator = np.random.default_rng(5)
    gap_s = generator.exponential(1 / 800, REQUESTS)
    sent_s = np.cumsum(gap_s)
    mood_s = np.repeat(generator.normal(0, NOISE_S, REQUESTS // 40), 40)
    slept_s = np.maximum(gap_s - DEMAND_S - 4 * mood_s, 0.0)
    wakes = np.where(slept_s > waking.LEVELS_S[0], 1.0, 0.0)
    cpu_s = DEMAND_S + mood_s + WAKING_S * wakes
    return pd.DataFrame(
        {
            "label": "read",
            "sent_s": sent_s,
            "span_at_s": sent_s,
            "span_clock_s": np.concatenate([[0.0], np.cumsum(cpu_s)[:-1]]),
            "span_gap_s": slept_s,
            "span_idle_s": 0.0,
            "span_wakes_s": 0.0,
        }
    )


def test_a_process_that_sleeps_less_because_it_is_slow_does_not_make_waking_look_cheap() -> None:
    table = records()
    found = waking.fit(waking.stretches([table], ["read"], 0.0))
    demand = found.demands["read"]
    assert abs(demand.seconds - DEMAND_S) < 2 * demand.half_width_s
    assert abs(found.levels[0].extra.seconds - WAKING_S) < 2 * found.levels[0].extra.half_width_s
    # The same by plain least squares of what happened takes the waking to cost next to nothing.
    slept = (table["span_gap_s"] > waking.LEVELS_S[0]).to_numpy(dtype=np.float64)
    edges = np.arange(0, REQUESTS + 1, waking.STRETCH)[:-1]
    wakes = np.add.reduceat(slept, edges)[:-1]
    used_s = np.diff(table["span_clock_s"].to_numpy()[edges])
    plain = np.linalg.lstsq(np.column_stack([np.full(wakes.size, waking.STRETCH), wakes]), used_s, rcond=None)[0]
    assert plain[1] < WAKING_S / 2
