"""A window of load as a probe of a saturation search: its records counted against the design's promises. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from loadtests import bottleneck, lag, validity
from loadtests.probes import ERROR_SHARE_MAX, Probe, Tally, Verdict, worst
from sdlab import spoilt
from sdlab.spec import Design
from sdlab.summary import order_statistics

# As in the model's capacity: the first tenth warms up and is left out.
WARM_UP_SHARE = 0.1


def observe(
    design: Design,
    table: pd.DataFrame,
    resources: Mapping[str, Any],
    *,
    rate_rps: float,
    duration_s: float,
    slots: int,
    role: str,
    run_id: str | None,
) -> Probe:
    """Judge a window of ``duration_s`` seconds at ``rate_rps``; ``slots`` are those of all the service's pools.

    A generator that was late adds its lateness to every response time. So where it was at fault, the window still
    fails if it does with each response counted from its send, and is void otherwise; it is void in any case if the
    generator used too much CPU, which delays what it sees of the answers too. It is void as well if it did not pass
    while other programs used the machine; what passes in spite of them passes.
    """
    counted = table[table["intended_s"] >= WARM_UP_SHARE * duration_s]
    generator = validity.generator_faults(counted, resources)
    faults = validity.service_faults(table) + _errors(counted)
    from_send = tallies(design, counted, "sent_s")
    failed = bool(faults) or worst(from_send) is Verdict.FAIL
    promised = tallies(design, counted, "intended_s")
    others = spoilt.by_others(resources)
    excused = others is not None and (bool(faults) or worst(promised) is not Verdict.PASS)
    return Probe(
        rate_rps,
        promised,
        faults=tuple(faults),
        generator_faults=(*generator, *([others] if others and excused else [])),
        blameless=excused or validity.generator_overloaded(resources) or not failed,
        role=role,
        run_id=run_id,
        evidence=_evidence(design, counted, resources, rate_rps, slots),
    )


def tallies(design: Design, table: pd.DataFrame, since: str) -> tuple[Tally, ...]:
    """The promises of each operation that has an SLO: its time, from the column ``since``, and its availability.

    What was not completed was not answered in time either.
    """
    found = []
    for name, slo in design.slo.items():
        part = table[table["operation"] == name]
        completed = (part["outcome"] == "completed").to_numpy()
        in_time = (part["completed_s"] - part[since] <= slo.response_time_s_p99).to_numpy() & completed
        limit = f"{name} over {1e3 * slo.response_time_s_p99:g} ms"
        found.append(Tally(limit, int((~in_time).sum()), len(part), 0.01))
        found.append(Tally(f"{name} not answered", int((~completed).sum()), len(part), 1 - slo.availability, False))
    return tuple(found)


def _errors(table: pd.DataFrame) -> list[str]:
    count = int(table["outcome"].isin(["rejected", "timed_out", "failed"]).sum())
    if count <= ERROR_SHARE_MAX * len(table):
        return []
    return [f"{count:,} requests failed ({count / len(table):.2%}, at most {ERROR_SHARE_MAX:.1%})"]


def _evidence(
    design: Design, table: pd.DataFrame, resources: Mapping[str, Any], rate_rps: float, slots: int
) -> dict[str, Any]:
    answered = table["outcome"] == "completed"
    response_s = table["completed_s"] - table["intended_s"]
    percentiles = {
        name: order_statistics(response_s[answered & (table["operation"] == name)].to_numpy(dtype=np.float64), (50, 99))
        for name in design.slo
    }
    tightest_s = min(slo.response_time_s_p99 for slo in design.slo.values())
    hits = table["cache_hit"][table["cache_hit"] >= 0]
    return {
        "requests": len(table),
        "achieved_share": validity.achieved_share(table),
        "in_flight_by_thirds": validity.in_flight_by_thirds(table),
        "response_time_s_p50": {name: found[0] for name, found in percentiles.items()},
        "response_time_s_p99": {name: found[1] for name, found in percentiles.items()},
        "hit_ratio": float(hits.mean()) if len(hits) else None,
        "utilisation": bottleneck.utilisations(resources, table, rate_rps, slots),
        "utilisation_peak": bottleneck.busiest_second(resources),
        "times_s": bottleneck.times_s(table),
        "event_loop_lag": lag.as_evidence(resources.get("event_loop_lag"), tightest_s),
        "spin_probe": resources.get("spin_probe"),
    }
