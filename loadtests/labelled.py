"""The records of a calibration window as the fits need them: what a request is, if it was alone, its core's speed.

Pure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadtests import waking
from sdlab.arrivals import FloatArray
from sdlab.speed import Speeds

MISS_SUFFIX = "_miss"


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """The completed requests with their ``label`` (operation, "_miss" added for a cache miss), if they were ``alone``,
    ``gap_s`` since the last answer before them, and `waking.TURNS`."""
    done = table[table["outcome"] == "completed"].sort_values("sent_s", kind="stable").reset_index(drop=True)
    names = done["operation"].astype(str)
    labels = names.where(done["cache_hit"] != 0, names + MISS_SUFFIX)
    sent_s, completed_s = done["sent_s"].to_numpy(), done["completed_s"].to_numpy()
    gap_s = sent_s - np.concatenate([[-np.inf], np.maximum.accumulate(completed_s)[:-1]])[: sent_s.size]
    turns = {waking.TURNS: waking.turns(done)}
    return done.assign(label=labels, gap_s=gap_s, alone=alone(sent_s, completed_s), **turns)


def alone(sent_s: FloatArray, completed_s: FloatArray) -> NDArray[np.bool_]:
    """Which requests overlapped no other one; times in seconds, sorted by ``sent_s``."""
    if sent_s.size == 0:
        return np.zeros(0, dtype=np.bool_)
    latest_before = np.concatenate([[-np.inf], np.maximum.accumulate(completed_s)[:-1]])
    next_sent = np.concatenate([sent_s[1:], [np.inf]])
    return (latest_before <= sent_s) & (completed_s <= next_sent)


def with_spin(table: pd.DataFrame, speeds: Speeds | None, mean_s: float | None) -> pd.DataFrame:
    """Labelled records with ``spin``, the probe's time around each request in units of its mean over all windows; and
    the same by either half of the probes."""
    if speeds is None or mean_s is None:
        return table
    at_s = table["sent_s"].to_numpy(dtype=np.float64)
    measured = dict(zip(waking.SPINS, (speeds, *speeds.halves), strict=True))
    return table.assign(**{name: one.around(at_s) / mean_s for name, one in measured.items()})
