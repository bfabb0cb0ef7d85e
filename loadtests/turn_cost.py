"""What a turn of the event loop costs by itself, however many requests are in it. Pure.

When a turn's answers have left, the loop asks what has come meanwhile, and if nothing has the thread goes to sleep.
That delays no answer of this turn, only the next turn if there is one already. So of two requests in a row that both
were alone, the thread's CPU clock tells it:

    turn = CPU from the start of one in the application to the start of the next
           - CPU of the one in the application - its response time outside of the application

for all that is on the way of its answer outside of the application, the client's part of it included, is in the last.
Fitted to the CPU time of all requests (`loadtests.waking`), it could not be told apart from what falling asleep and
waking up cost: who shares a turn shares these as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from loadtests import waking
from loadtests.waking import NORMAL_95, Fitted, Value
from sdlab.arrivals import FloatArray


def measure(tables: Sequence[pd.DataFrame], label: str, fitted: Fitted, background: float) -> Value:
    """Seconds of CPU a turn at the mean speed: the median over pairs of requests of ``label``, with its interval.

    ``tables`` are labelled records (`labelled.labelled`); ``fitted`` tells the pace. ``background`` is the process's
    utilisation when nobody asks anything of it. 0 where nobody counted turns, for then no model could use it.
    """
    found_s = np.concatenate([_each_s(table, label, fitted, background) for table in tables])
    if not found_s.size:
        return Value(0.0, 0.0)
    # Of n values the median's interval is from one to the other order statistic so far from the middle (binomial).
    ordered, reach = np.sort(found_s), NORMAL_95 * math.sqrt(found_s.size) / 2
    low, high = (ordered[min(found_s.size - 1, max(0, round(found_s.size / 2 + one)))] for one in (-reach, reach))
    return Value(max(0.0, float(np.median(found_s))), float(high - low) / 2)


def between_s(table: pd.DataFrame, fitted: Fitted) -> FloatArray:
    """What the loop needed for itself between the turns of each request of ``table``: over before what it awaits has
    come, so in its thread's CPU time and not on its way."""
    between: FloatArray = fitted.turn_s * fitted.pace(table) * np.maximum(table[waking.TURNS] - 1, 0)
    return between


def _each_s(table: pd.DataFrame, label: str, fitted: Fitted, background: float) -> FloatArray:
    if not table[waking.TURNS].any():
        return np.empty(0)
    first = table.sort_values("span_at_s", kind="stable").reset_index(drop=True)
    following = first.shift(-1)
    passed_s = following["span_at_s"] - first["span_at_s"]
    used_s = following["span_clock_s"] - first["span_clock_s"] - background * passed_s
    outside_s = first["completed_s"] - first["sent_s"] - first["span_app_s"]
    is_pair = first["alone"] & (first["label"] == label) & (following["label"] == label)
    # Who had slept for long by the time of the next one was also cold.
    is_pair &= (following["alone"] == True) & (following["span_gap_s"] < waking.LEVELS_S[0])  # noqa: E712 - NaN at the end
    left_s = (used_s - first["span_cpu_s"] - outside_s) / fitted.pace(first)
    each_s: FloatArray = left_s[is_pair].to_numpy(dtype=np.float64)
    return each_s
