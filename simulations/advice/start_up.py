"""What a visit to a station costs more because its servers idle."""

from __future__ import annotations

import math

from simulations.resources import Station


def start_up_per_visit(station: Station, rate_rps: float, busy: float) -> float:
    """The start-up cost of a visit on average (s): of ``rate_rps`` Poisson visits that keep ``busy`` servers busy.

    Of one server as Welch (1964) has it: the chance to find it idle is (1 - load) / (1 + rate x the cost of those who
    do), and an idle time is exponential. Of several, each is taken to get its part of the visits.
    """
    if station.start_up is None or rate_rps <= 0:
        return 0.0
    own_rps = rate_rps / station.servers
    starts_s = [after_s for after_s, _ in station.start_up.levels]
    ends_s = [*starts_s[1:], math.inf]
    cost_s = math.fsum(
        extra.mean_s * (math.exp(-own_rps * start_s) - math.exp(-own_rps * end_s))
        for start_s, end_s, (_, extra) in zip(starts_s, ends_s, station.start_up.levels, strict=True)
    )
    idle = max(0.0, 1 - busy / station.servers) / (1 + own_rps * cost_s)
    return idle * cost_s
