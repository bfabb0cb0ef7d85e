"""A service's saturation, in seconds instead of minutes: what it completes while it is offered far more.

It knows no SLO and only says where the held-out loads should lie; `lab saturate` measures properly.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadtests.session import Session
from sdlab import workload
from sdlab.errors import LabError

OFFERED_TO_PEAK = 12.0
# As many at once keep every worker busy; what comes beyond them is dropped by the generator, which costs it little.
IN_FLIGHT = 64
BEGIN_S = 3.0  # the first seconds fill the cache
MEASURED_S = 4.0
ROLE = "overload"


def measure_rps(session: Session) -> float:
    """Requests completed a second between `BEGIN_S` and the end of an overload of `MEASURED_S` more.

    Raises `LabError` if the service kept up, so that nothing was learnt.
    """
    design = session.design
    duration_s, rate_rps = BEGIN_S + MEASURED_S, OFFERED_TO_PEAK * design.workload.peak_rate_rps
    requests = workload.steady(design, "constant", rate_rps, duration_s, session.seed, design.test_data.links)
    run = session.window(
        requests,
        seed=session.seed,
        max_in_flight=IN_FLIGHT,
        role=ROLE,
        arrival="constant",
        rate_rps=rate_rps,
        duration_s=duration_s,
    )
    completed_rps = throughput_rps(run.requests(), BEGIN_S, duration_s)
    if completed_rps > 0.95 * rate_rps:
        raise LabError(f"{rate_rps:.0f} requests/s do not overload the service: name a --saturation")
    return completed_rps


def throughput_rps(table: pd.DataFrame, begin_s: float, end_s: float) -> float:
    """Answers completed a second between two moments of a run."""
    completed_s = table.loc[table["outcome"] == "completed", "completed_s"].to_numpy(dtype=np.float64)
    return float(((completed_s >= begin_s) & (completed_s < end_s)).sum() / (end_s - begin_s))
