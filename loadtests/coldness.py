"""How much more a rare operation costs than where it comes often. Pure.

A calibration has windows in which a rare operation comes often, or it would be seen too seldom. But what comes once in
a hundred requests finds its code and data gone from the processors' caches. So both are compared: its CPU time between
two awaits, and what it awaits, where it is as rare as in the design's mix, and where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadtests.waking import COLDNESS, SPIN

OFTEN_SHARE = 0.1
"""Who makes up so much of a window's requests comes often there, and who makes up less of all is a rare operation."""

SAMPLES_MIN = 15


@dataclass(frozen=True)
class Coldness:
    """How many times as much a rare operation costs: of CPU time, and of waiting for servers."""

    cpu: float = 1.0
    awaited: float = 1.0


def measure(tables: Sequence[pd.DataFrame], labels: Sequence[str]) -> dict[str, Coldness]:
    """By rare label; of labelled records (`labelled.labelled`). What was seen too seldom costs the same."""
    everything = pd.concat([table.assign(often=_is_often(table)) for table in tables], ignore_index=True)
    found = {}
    for label in labels:
        rows = everything[everything["label"] == label]
        if len(rows) >= OFTEN_SHARE * len(everything):
            continue
        spin = rows.get(SPIN, 1.0)
        alone = rows[rows["alone"]]
        found[label] = Coldness(
            cpu=_ratio(rows["span_own_s"] / spin, rows["often"]),
            awaited=_ratio((alone["span_app_s"] - alone["span_cpu_s"]).clip(lower=0), alone["often"]),
        )
    return found


def with_coldness(table: pd.DataFrame, coldness: Mapping[str, Coldness]) -> pd.DataFrame:
    """Labelled records with `waking.COLDNESS`: 1 where it comes often."""
    each = table["label"].map({label: one.cpu for label, one in coldness.items()}).fillna(1.0)
    return table.assign(**{COLDNESS: np.where(_is_often(table), 1.0, each)})


def _is_often(table: pd.DataFrame) -> NDArray[np.bool_]:
    shares = table["label"].value_counts(normalize=True)
    often: NDArray[np.bool_] = (table["label"].map(shares) >= OFTEN_SHARE).to_numpy(dtype=np.bool_)
    return often


def _ratio(values: pd.Series, often: pd.Series) -> float:
    """Median of the rare over that of the others: at least 1, for what is rare is no warmer."""
    rare, others = values[~often], values[often]
    if min(len(rare), len(others)) < SAMPLES_MIN or others.median() <= 0:
        return 1.0
    return max(1.0, float(rare.median() / others.median()))
