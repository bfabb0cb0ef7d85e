"""What a load test ends with: one exit code that a CI job can act on.

=====  ==============================================================================================
code   meaning
=====  ==============================================================================================
0      VALID, and every threshold met
2      bad input: an option, a threshold, a locustfile
3      no service to load
4      INVALID: the measurement cannot be stood behind, so neither can its thresholds, met or missed
5      a threshold is missed, by a VALID run or by one that was stopped because it would be
130    interrupted
=====  ==============================================================================================

A run that a threshold stopped early is INVALID for its figures, which are those of a part, and for nothing else: that
the threshold is missed is certain. If anything else is wrong with it as well, the code is 4.
"""

from __future__ import annotations

from typing import Any

from sdlab.runs import Run

VALID, INVALID, MISSED, INTERRUPTED = 0, 4, 5, 130


def thresholds(run: Run) -> dict[str, Any] | None:
    """The run's thresholds as its folder tells them (see `results.threshold_account`), None if it had none."""
    account: dict[str, Any] | None = run.json("thresholds") if run.has("thresholds") else None
    return account


def exit_code(run: Run) -> int:
    """The code that the run's command ends with."""
    if run.manifest.interrupted:
        return INTERRUPTED
    account = thresholds(run)
    stopped = account["stopped"] if account else None
    reasons = list(run.manifest.validity.reasons) if run.manifest.validity else ["not judged"]
    if stopped and stopped["reason"] in reasons:
        reasons.remove(stopped["reason"])
    if reasons:
        return INVALID
    return VALID if account is None or account["met"] else MISSED
