"""The rule by which a measured window is rejected because the machine spoilt it, written before any run. Pure.

A window is rejected if

- the spin probe - a fixed piece of work, timed all through the window on the API's core (`sdlab.speed`) - took, in the
  mean, more than `PROBE_RATIO_MAX` times as long as during the calibration of its own block, or less than its inverse:
  the CPU was not the one whose demands were frozen. Where there is no such core it is timed just before and just after
  the window, and the fastest of each probe's repetitions counts: its median also tells how deep the CPU slept before;
- processes that belong neither to the service nor to the generator used more than `OTHERS_SHARE_MAX` of the machine; or
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

from sdlab.speed import Speeds

PROBE_RATIO_MAX = 1.2
OTHERS_SHARE_MAX = 0.05  # a tenth of a core of two
REPEATED_PER_BLOCK = 3


def probe_s(resources: Mapping[str, Any]) -> float:
    """Mean of the spin probe over a window, or of its fastest repetitions before and after it; NaN without."""
    if speeds := Speeds.of(resources):
        return speeds.mean_s
    probe = resources.get("spin_probe") or {}
    found = [one["min_s"] for name in ("before", "after") if (one := probe.get(name))]
    return statistics.fmean(found) if found else math.nan


def reference_s(calibration: Iterable[Mapping[str, Any]]) -> float:
    """What the probe took while a block was calibrated: the median over its windows' resources; NaN without any."""
    found = [value for resources in calibration if math.isfinite(value := probe_s(resources))]
    return statistics.median(found) if found else math.nan


def others_share(resources: Mapping[str, Any]) -> float:
    """Share of the machine's CPU time that went to processes that were not measured; NaN if it is not known."""
    machine, processes = resources.get("machine") or {}, resources.get("processes") or {}
    if not machine.get("cores") or "utilisation" not in machine or not processes:
        return math.nan
    return float(machine["utilisation"] - sum(one["utilisation"] for one in processes.values()) / machine["cores"])


def by_others(resources: Mapping[str, Any]) -> str | None:
    """What processes that belong neither to the service nor to the generator used, if it is too much."""
    share = others_share(resources)
    if not share > OTHERS_SHARE_MAX:  # or not known
        return None
    return f"other processes used {share:.0%} of the machine, at most {OTHERS_SHARE_MAX:.0%} is allowed"


def by_the_machine(resources: Mapping[str, Any], calibrated_s: float | None) -> str | None:
    """Why the machine rejects a window of a block, or None; ``calibrated_s`` is the block's `reference_s`.

    A window that belongs to no block (None) is not judged.
    """
    if calibrated_s is None:
        return None
    reasons = []
    ratio = probe_s(resources) / (calibrated_s or math.nan)
    if ratio > PROBE_RATIO_MAX or ratio < 1 / PROBE_RATIO_MAX:
        reasons.append(
            f"the machine changed: the spin probe took {ratio:.2f} times as long as while calibrating, "
            f"at most {PROBE_RATIO_MAX:g} and at least {1 / PROBE_RATIO_MAX:.2f} is allowed"
        )
    if others := by_others(resources):
        reasons.append(others)
    return "; ".join(reasons) or None
