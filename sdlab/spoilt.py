"""The rule by which a measured window is rejected because the machine spoilt it, written before any run. Pure.

A window is rejected if

- the spin probe - a fixed piece of work, timed just before and just after the window - took, in the mean of the two,
  more than `PROBE_RATIO_MAX` times as long as during the calibration of its own block, or less than its inverse: the
  machine was not the one whose demands were frozen; or
- the load generator or the host made it invalid (`loadtests.validity`): it sent late, it was too busy, or the host
  gave CPU time to others.

What the *service* did is no reason: a window in which it fell behind is INVALID, but is not measured again, for that
would keep only the lucky ones. A rejected window is kept and listed, never counted, and measured again at most
`REPEATED_PER_BLOCK` times a block.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

PROBE_RATIO_MAX = 1.2
REPEATED_PER_BLOCK = 3


def probe_s(resources: Mapping[str, Any]) -> float:
    """Mean of the spin probe's medians before and after a window, in seconds, by its resources.json; NaN without."""
    probe = resources.get("spin_probe") or {}
    found = [one["median_s"] for name in ("before", "after") if (one := probe.get(name))]
    return statistics.fmean(found) if found else math.nan


def reference_s(calibration: Iterable[Mapping[str, Any]]) -> float:
    """What the probe took while a block was calibrated: the median over its windows' resources; NaN without any."""
    found = [value for resources in calibration if math.isfinite(value := probe_s(resources))]
    return statistics.median(found) if found else math.nan


def by_the_machine(resources: Mapping[str, Any], calibrated_s: float | None) -> str | None:
    """Why the spin probe rejects a window; ``calibrated_s`` is its block's `reference_s`. None: it does not."""
    ratio = probe_s(resources) / (calibrated_s or math.nan)
    if math.isnan(ratio) or 1 / PROBE_RATIO_MAX <= ratio <= PROBE_RATIO_MAX:
        return None
    return (
        f"the machine changed: the spin probe took {ratio:.2f} times as long as while calibrating, "
        f"at most {PROBE_RATIO_MAX:g} and at least {1 / PROBE_RATIO_MAX:.2f} is allowed"
    )
