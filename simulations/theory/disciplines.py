"""Stations that are not first come, first served with servers that are always ready."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sdlab.errors import InvalidInput
from simulations.theory.domain import above_zero, at_least, stable
from simulations.theory.stations import Queue, mg1, mmc


def mg1_processor_sharing(arrival_rate_rps: float, service_s: float) -> Queue:
    """M/G/1 with egalitarian processor sharing: means depend on the mean service time alone (Kleinrock 1976, 4.4).

    The wait is the response time less the service time; "waiting" is who is not being served at full speed, and
    nobody has to wait for the service to begin.
    """
    utilisation = stable(arrival_rate_rps, service_s, 1)
    response_s = service_s / (1 - utilisation)
    wait_s = response_s - service_s
    return Queue(utilisation, wait_s, response_s, arrival_rate_rps * wait_s, arrival_rate_rps * response_s, 0.0)


def mmc_processor_sharing(arrival_rate_rps: float, service_s: float, servers: int) -> Queue:
    """M/G/c with processor sharing: the number there is that of M/M/c, and depends on the mean alone (Cohen 1979)."""
    return mmc(arrival_rate_rps, service_s, servers)


def mg1_set_up(arrival_rate_rps: float, service_s: float, scv: float, set_up_s: float, set_up_scv: float) -> float:
    """Mean response time of M/G/1 whose server first needs a set-up after idling (Welch 1964).

    E[T] = E[T of M/G/1] + (2 E[D] + λ E[D²]) / (2 (1 + λ E[D])), with D the set-up.
    """
    at_least("set_up_s", set_up_s, 0)
    at_least("set_up_scv", set_up_scv, 0)
    plain = mg1(arrival_rate_rps, service_s, scv).response_time_s
    second_moment = set_up_s**2 * (1 + set_up_scv)
    return plain + (2 * set_up_s + arrival_rate_rps * second_moment) / (2 * (1 + arrival_rate_rps * set_up_s))


def mg1_turns(arrival_rate_rps: float, service_s: float, scv: float) -> float:
    """Mean response time of M/G/1 whose server takes turns: all who wait at once, who leave together when all are done.

    E[T] = E[S] + ρ B (1/2 + ρ), with B = E[S²] / (E[S] (1 - ρ²)) the mean length of the turn that one meets who comes
    during any. He waits for the rest of it, B/2, and is in the next with all others that it met, ρ B. With Y a turn,
    the next one is that of the Poisson many who came during Y, or of a single one if nobody did, so E[Y²] (1 - ρ²) =
    E[S²] (λ E[Y] + P(nobody)), E[Y] (1 - ρ) = E[S] P(nobody), and B = E[Y²] / E[Y] (gated service: Takagi 1986,
    Analysis of Polling Systems, whose customers leave one by one).
    """
    at_least("scv", scv, 0)
    utilisation = stable(arrival_rate_rps, service_s, 1)
    turn_s = service_s * (1 + scv) / (1 - utilisation**2)
    return service_s + utilisation * turn_s * (0.5 + utilisation)


def mm1_turns(arrival_rate_rps: float, service_s: float, between_s: float) -> float:
    """Mean response time of M/M/1 that takes turns and needs ``between_s`` between two of which one follows the other.

    As in `mg1_turns`, with Y a turn and what comes before it: of length S if nobody came during the last, else c more
    than all who came need. So with p = P(nobody) = φ(λ), φ(s) = E[exp(-sY)]:

        E[Y] (1 - ρ) = c (1 - p) + E[S] p,
        E[Y²] (1 - ρ²) = c² (1 - p) + 2 c ρ E[Y] + E[S²] (λ E[Y] + p),
        φ(s) = exp(-sc) (φ(λ (1 - S(s))) - p) + p S(s), with S(s) the transform of the service time,

    the last of which gives p when it is followed from s = λ towards 0. Who comes during a turn (mean length B = E[Y²] /
    E[Y]) waits for the rest of it, and is in the next with all others that it met: B/2 + c + E[S] (1 + λ B).
    """
    utilisation = stable(arrival_rate_rps, service_s, 1)
    at_least("between_s", between_s, 0)
    nobody = _nobody_came(arrival_rate_rps, service_s, between_s)
    mean_s = (between_s * (1 - nobody) + service_s * nobody) / (1 - utilisation)
    square_s2 = between_s**2 * (1 - nobody) + 2 * between_s * utilisation * mean_s
    square_s2 += 2 * service_s**2 * (arrival_rate_rps * mean_s + nobody)
    met_s = square_s2 / (1 - utilisation**2) / mean_s
    busy = mean_s / (mean_s + nobody / arrival_rate_rps)
    return busy * (met_s / 2 + between_s + service_s * (1 + arrival_rate_rps * met_s)) + (1 - busy) * service_s


def _nobody_came(arrival_rate_rps: float, service_s: float, between_s: float) -> float:
    """How likely it is that nobody comes during a turn: p = A + p D, by the steps of `mm1_turns`."""
    reached, of_p, at = 1.0, 0.0, arrival_rate_rps
    while at * service_s > 1e-15:
        transform, factor = 1 / (1 + at * service_s), math.exp(-at * between_s)
        of_p += reached * (transform - factor)
        reached *= factor
        at *= arrival_rate_rps * service_s * transform
    return reached / (1 - of_p)


def mg1_priorities(
    arrival_rates_rps: Sequence[float], services_s: Sequence[float], scvs: Sequence[float]
) -> list[Queue]:
    """M/G/1 whose classes are served in order of priority, the first first, without interruption (Cobham 1954).

    W_k = W_0 / ((1 - σ_{k-1}) (1 - σ_k)), with W_0 the mean rest of the service under way, σ_k the load of the first k.
    """
    if not len(arrival_rates_rps) == len(services_s) == len(scvs) > 0:
        raise InvalidInput(
            "services_s", len(services_s), f"must be as many as rates, {len(arrival_rates_rps)}, and scvs"
        )
    classes = list(zip(arrival_rates_rps, services_s, scvs, strict=True))
    for rate, service_s, scv in classes:
        at_least("arrival_rate_rps", rate, 0)
        above_zero("services_s", service_s)
        at_least("scvs", scv, 0)
    load = math.fsum(rate * service_s for rate, service_s, _ in classes)
    if load >= 1:
        raise InvalidInput("arrival_rates_rps", arrival_rates_rps, f"offer a load of {load:g}, which must be below 1")
    rest_s = math.fsum(rate * service_s**2 * (1 + scv) / 2 for rate, service_s, scv in classes)
    queues, above = [], 0.0
    for rate, service_s, _ in classes:
        below = above + rate * service_s
        wait_s = rest_s / ((1 - above) * (1 - below))
        response_s = wait_s + service_s
        queues.append(Queue(rate * service_s, wait_s, response_s, rate * wait_s, rate * response_s, load))
        above = below
    return queues


def mm1_breakdowns(arrival_rate_rps: float, service_s: float, up_s: float, down_s: float) -> float:
    """Mean response time of M/M/1 whose server breaks down, busy or not, and then goes on where it was interrupted.

    Times up and down are exponential. L = λ ((f + r)² + μ f) / ((f + r) (r μ - λ (f + r))) with rates of failure f and
    repair r (White & Christie 1958). First come first served and processor sharing have the same mean.
    """
    above_zero("up_s", up_s)
    above_zero("down_s", down_s)
    available = up_s / (up_s + down_s)
    stable(arrival_rate_rps, service_s / available, 1)
    failure, repair, service = 1 / up_s, 1 / down_s, 1 / service_s
    both = failure + repair
    return (both**2 + service * failure) / (both * (repair * service - arrival_rate_rps * both))
