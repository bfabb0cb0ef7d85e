"""The client's floor: what the load generator, the sockets and the kernel add to a response by themselves.

A null endpoint takes the API's place: on its core, loaded by the same generator on the same other cores, with a Poisson
schedule at the calibration's rate and the requests of the operation asked for most. The service idles meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from loadtests import null_endpoint
from loadtests.alone import mean_half_width_s
from loadtests.session import Session
from loadtests.validity import lateness_s
from sdlab import arrivals, spoilt, workload
from sdlab.calibration import ClientFloor
from sdlab.errors import LabError
from sdlab.summary import order_statistics

ROLE = "client_floor"
SAMPLES_MIN = 200  # ten answers above a p95, as `loadtests.validity` asks for


def measure(session: Session, seen: pd.DataFrame, keys: int, rate_rps: float, window_s: float) -> ClientFloor:
    """Load a null endpoint for ``window_s`` at ``rate_rps``; the run folder is written, but is none of the session's.

    ``seen`` are records of the service under load: the null endpoint's answers have the status that its answers had.
    Requests ask for the first ``keys``. Raises `LabError` if nothing was answered.
    """
    design, service = session.design, session.service
    requests = workload.with_mix(design, arrivals.poisson(rate_rps, window_s, session.seed), session.seed, keys)
    most = design.operation_asked_for_most
    requests = replace(requests, operation=np.full_like(requests.operation, design.operations.index(most)))
    is_like = (seen["operation"] == most) & (seen["outcome"] == "completed")
    status = int(seen.loc[is_like, "status"].iloc[0])
    with null_endpoint.running(status, service.cores["api"][0] if service.cores else None) as null:
        # What it answers leaves no key in the service's cache, so it comes before no other window of the session.
        apart = replace(session, service=replace(service, url=null.url, pids={**service.pids, **null.pids}), done=[])
        run = apart.window(
            requests,
            seed=session.seed,
            samples_min=SAMPLES_MIN,
            role=ROLE,
            arrival="poisson",
            rate_rps=rate_rps,
            duration_s=window_s,
        )
    table, resources, validity = run.requests(), run.json("resources"), run.manifest.validity
    completed = table[table["outcome"] == "completed"]
    if not len(completed):
        raise LabError("the null endpoint answered nothing, so the client's floor is not known")
    response_s = (completed["completed_s"] - completed["sent_s"]).to_numpy(dtype=np.float64)
    p50_s, p95_s = order_statistics(response_s, (50, 95))
    late_p50_s, late_p95_s = order_statistics(lateness_s(table), (50, 95))
    disturbed = spoilt.by_others(resources)
    return ClientFloor(
        run_id=run.manifest.run_id,
        rate_rps=rate_rps,
        samples=response_s.size,
        mean_s=float(response_s.mean()),
        half_width_s=mean_half_width_s(response_s),
        p50_s=p50_s,
        p95_s=p95_s,
        server_cpu_s=resources["processes"][null_endpoint.NAME]["cpu_s"] / len(table),
        lateness_p50_s=late_p50_s,
        lateness_p95_s=late_p95_s,
        invalid=(*(validity.reasons if validity else ()), *([disturbed] if disturbed else [])),
    )
