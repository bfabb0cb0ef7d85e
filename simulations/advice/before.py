"""Advice on a model and the requests it is to get, before it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sdlab.workload import Requests
from simulations.advice.advice import Advice, many, rate_text, time_text
from simulations.advice.mix import BINS, Mix, mix_of
from simulations.advice.offered import Offered, Use, offered_load, one_request
from simulations.advice.reach import unreachable
from simulations.advice.unheard import unheard
from simulations.model import Model
from simulations.resources import Breakdowns, Population, RetryBudget, Station
from simulations.steps import Hedge, Place, Retry, Step, place_text

IMPOSSIBLE_LOAD = 30.0
"""From so many times its capacity on, a station is more likely mistaken than overloaded; 1000 times a load of 3 %."""

UNITS = ((1e3, "ms"), (1e6, "µs"))

ATTEMPTS_MOST = 8
"""Nested retries that multiply to more than this are said: every layer of three makes it three times as many."""


def advise(model: Model, requests: Requests | None = None) -> list[Advice]:
    """Everything doubtful about a model with these requests, the gravest first. Without requests, the model alone.

    Loads count what the requests offer on their average over the run, and in its busiest 24th part where that is more
    than chance. Populations are described, not added: a closed workload slows down instead of overloading.
    """
    mix = mix_of(model, requests) if requests is not None else None
    steps = dict(model.walk())
    found: list[Advice] = []
    hits: dict[str, float] = {}
    if mix is not None:
        offered = offered_load(model, mix)
        hits = dict(offered.hit_ratio)
        found += _stations(model, mix, offered, steps)
        found += _pools(model, mix, offered)
        found += _queues(model, mix, offered)
        found += _limits(model, mix, offered)
        found += _timeouts(offered, steps)
    found += _never_full(model)
    found += _amplified(model)
    found += unheard(model)
    found += unreachable(model, requests)
    for population in model.populations:
        found += _population(model, population, hits)
    return found


def _stations(model: Model, mix: Mix, offered: Offered, steps: dict[Place, Step]) -> list[Advice]:
    found = []
    for station in model.stations:
        use = offered.stations.get(station.name)
        if use is None or use.rate_rps <= 0:
            continue
        servers, changing = servers_on_average(station, mix.duration_s)
        load = use.busy / servers if servers > 0 else math.inf
        mean_s = use.busy / use.rate_rps
        counted = f"{servers:.3g} servers on average{changing}" if changing else many(servers, "server")
        how = f"rate {rate_text(use.rate_rps)} x {time_text(mean_s)} / {counted}"
        ending = _ending(use, rejects=station.queue is not None, load=load * mix.busiest)
        text = _overload(load, mix, how, ending)
        if text:
            found.append(Advice(f"station {station.name}", text))
            found += _units(load, use, steps)
    return found


def _overload(load: float, mix: Mix, how: str, ending: str) -> str:
    """What to say of a load above capacity; nothing if it is below all the time."""
    if load > 1:
        return f"offered load {load:.3g} of capacity ({how}): {ending}"
    if load * mix.busiest > 1:
        when = f"in the busiest of {BINS} equal parts of the run"
        return f"offered load {load * mix.busiest:.3g} of capacity {when}, {load:.2g} on average ({how}): {ending}"
    return ""


def _ending(use: Use, *, rejects: bool, load: float) -> str:
    if rejects and load > 1:
        return f"it must reject {1 - 1 / load:.0%} or more"
    if use.shed:
        return "what is not turned away before it waits, ever longer"
    return "its queue grows without end"


def _units(load: float, use: Use, steps: dict[Place, Step]) -> list[Advice]:
    """Milliseconds written as seconds make a load about a thousand times what can be."""
    place, (rate_rps, busy) = max(use.by_place.items(), key=lambda item: item[1][1])
    mean_s = busy / rate_rps
    for factor, unit in UNITS:
        if IMPOSSIBLE_LOAD < load <= factor and mean_s >= 1e-3:
            meant = f"{mean_s:.3g} {unit} ({mean_s / factor:.3g})"
            text = f"service time {time_text(mean_s)} on average: did you mean {meant}?"
            return [Advice(place_text(place, steps[place]), text)]
    return []


def servers_on_average(station: Station, duration_s: float) -> tuple[float, str]:
    """How many servers a station has over a run, and why that is not simply ``servers``."""
    servers = float(station.servers if station.autoscaler is None else station.autoscaler.most)
    why = ", if the autoscaler adds all it may" if station.autoscaler is not None else ""
    down = 0.0
    for outage in station.outages:
        lost = servers if outage.servers is None else min(servers, outage.servers)
        if isinstance(outage, Breakdowns):
            down += lost * outage.down.mean_s / (outage.up.mean_s + outage.down.mean_s)
        else:
            within_s = max(0.0, min(duration_s, outage.start_s + outage.duration_s) - outage.start_s)
            down += lost * within_s / duration_s
    if down > 0:
        why += ", with its outages"
    return max(0.0, servers - down), why


def _pools(model: Model, mix: Mix, offered: Offered) -> list[Advice]:
    found = []
    for pool in model.pools:
        use = offered.pools.get(pool.name)
        if use is None or use.rate_rps <= 0:
            continue
        load = use.busy / pool.slots
        held = time_text(use.busy / use.rate_rps)
        how = f"rate {rate_text(use.rate_rps)} x held for {held} / {many(pool.slots, 'slot')}"
        ending = _ending(use, rejects=pool.queue is not None, load=load * mix.busiest)
        if text := _overload(load, mix, how, ending):
            found.append(Advice(f"pool {pool.name}", text))
    return found


def _queues(model: Model, mix: Mix, offered: Offered) -> list[Advice]:
    found = []
    for queue in model.queues:
        use = offered.queues.get(queue.name)
        if use is None or use.rate_rps <= 0:
            continue
        load = use.busy / queue.workers
        batch_s = use.busy / use.rate_rps * queue.batch
        how = (
            f"{rate_text(use.rate_rps)} in batches of {queue.batch}, {time_text(batch_s)} a batch / "
            f"{many(queue.workers, 'worker')}"
        )
        ending = _ending(use, rejects=queue.limit is not None, load=load * mix.busiest)
        if text := _overload(load, mix, how, ending):
            found.append(Advice(f"queue {queue.name}", text))
    return found


def _limits(model: Model, mix: Mix, offered: Offered) -> list[Advice]:
    found = []
    for bucket in model.buckets:
        comes = offered.buckets.get(bucket.name, 0.0)
        if comes > bucket.rate_rps:
            text = (
                f"{rate_text(comes)} come and {rate_text(bucket.rate_rps)} are let through: "
                f"{1 - bucket.rate_rps / comes:.0%} must be rejected"
            )
            found.append(Advice(f"token bucket {bucket.name}", text))
        elif comes * mix.busiest > bucket.rate_rps:
            text = (
                f"{rate_text(comes * mix.busiest)} come in the busiest of {BINS} equal parts of the run and "
                f"{rate_text(bucket.rate_rps)} are let through"
            )
            found.append(Advice(f"token bucket {bucket.name}", text))
    return found


def _timeouts(offered: Offered, steps: dict[Place, Step]) -> list[Advice]:
    found = []
    for place, (calls, length, after_s) in offered.timeouts.items():
        if calls > 0 and length / calls > after_s:
            text = (
                f"waits {time_text(after_s)} for what takes {time_text(length / calls)} on average without any waiting"
                ": most of it is given up"
            )
            found.append(Advice(place_text(place, steps[place]), text))
    return found


def _never_full(model: Model) -> list[Advice]:
    return [
        Advice(f"queue {queue.name}", f"its batches of {queue.batch} never fill: at most {queue.limit} items may wait")
        for queue in model.queues
        if queue.limit is not None and queue.limit < queue.batch
    ]


def _amplified(model: Model) -> list[Advice]:
    """Retries inside retries: the innermost with how often all of them together can start its steps."""
    budgets = {budget.name: budget for budget in model.budgets}
    layers: dict[Place, list[float]] = {}
    found: dict[Place, Advice] = {}
    for place, step in model.walk():
        around = next((layers[place[:end]] for end in range(len(place) - 2, 1, -2) if place[:end] in layers), [])
        own = _attempts(step, budgets)
        if own is None:
            continue
        layers[place] = [*around, own]
        product = math.prod(layers[place])
        if product > ATTEMPTS_MOST:
            counted = " x ".join(f"{attempts:g}" for attempts in layers[place])
            also = f" ({counted})" if len(layers[place]) > 1 else ""
            found = {at: advice for at, advice in found.items() if at != place[: len(at)]}
            text = f"up to {product:g} attempts{also} when what is inside keeps failing: give it a budget"
            found[place] = Advice(place_text(place, step), text)
    return list(found.values())


def _attempts(step: Step, budgets: Mapping[str, RetryBudget]) -> float | None:
    if isinstance(step, Retry):
        ratio = math.inf if step.budget is None else budgets[step.budget].ratio
        return min(float(step.attempts), 1 + ratio)
    return 1.0 + step.extra if isinstance(step, Hedge) else None


def _population(model: Model, population: Population, hits: dict[str, float]) -> list[Advice]:
    """The asymptotic bounds of a closed network (Denning & Buzen 1978): min(N / (R + Z), 1 / D of the bottleneck)."""
    offered, ran = one_request(model, population.flow, population.region, hits, np.asarray(population.keys))
    think_s = population.think.mean_s
    users_bound = population.users / (ran.elapsed + think_s) if ran.elapsed + think_s > 0 else math.inf
    limits = {
        f"station {station.name}": (station.autoscaler.most if station.autoscaler else station.servers) / use.busy
        for station in model.stations
        if (use := offered.stations.get(station.name)) is not None and use.busy > 0
    }
    limits |= {
        f"pool {pool.name}": pool.slots / use.busy
        for pool in model.pools
        if (use := offered.pools.get(pool.name)) is not None and use.busy > 0
    }
    cycle = f"{population.users:,} users / ({time_text(think_s)} thinking + {time_text(ran.elapsed)})"
    text = f"sends at most {rate_text(users_bound)}: {cycle}"
    bottleneck = min(limits, key=lambda name: limits[name], default=None)
    if bottleneck is not None and limits[bottleneck] < users_bound:
        users = limits[bottleneck] * (ran.elapsed + think_s)
        text = (
            f"sends at most {rate_text(limits[bottleneck])}, what {bottleneck} carries: "
            f"above {users:,.0f} of its {population.users:,} users they wait for each other"
        )
    return [Advice(f"population {population.name}", text, warning=False)]
