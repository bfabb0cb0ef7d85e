"""What the reference engine leaves behind, as the arrays that both engines give."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simulations.engines.reference.accounts import BUSY, SERVERS, WAITING, QueueAccount
from simulations.engines.reference.engine import ReferenceEngine
from simulations.engines.reference.integrals import pieces
from simulations.engines.reference.ledger import Ledger
from simulations.sample_path import (
    Accounts,
    Background,
    Bins,
    Caches,
    Closed,
    Floats,
    Guards,
    Ints,
    Queues,
    SamplePath,
    Spawned,
)


def sample_path(engine: ReferenceEngine, record_spawned: bool) -> SamplePath:
    """Everything that was recorded."""
    ledger, model, end_s = engine.ledger, engine.program.model, float(engine.env.now)
    ledger.in_flight.until(end_s)
    for account in ledger.queues.values():
        account.up_to_now()
    shape = (len(engine.program.flows), len(engine.program.resources))
    return SamplePath(
        flows=engine.program.flows,
        resources=engine.program.resources,
        queues=engine.program.queues,
        capacity=_ints(account.servers for account in ledger.queues.values()),
        cache_names=tuple(engine.caches),
        arrival_s=_floats(ledger.arrival_s),
        completed_s=_floats(ledger.completed_s),
        outcome=np.array(ledger.outcome, dtype=np.int8),
        cache_hit=np.array(ledger.cache_hit, dtype=np.int8),
        retries=np.array(ledger.retries, dtype=np.int32),
        spans=None if ledger.spans is None else _floats(ledger.spans).reshape(len(ledger.spans), shape[1]),
        accounts=Accounts(
            _floats(ledger.wait_s).reshape(shape),
            _floats(ledger.service_s).reshape(shape),
            np.array(ledger.visits, dtype=np.int64).reshape(shape),
        ),
        queue=_queues(ledger, end_s),
        cache=Caches(
            *(
                _ints(getattr(cache.content, name) for cache in engine.caches.values())
                for name in Caches.__dataclass_fields__
            )
        ),
        background=_background(ledger),
        spawned=_spawned(ledger) if record_spawned else None,
        closed=Closed(_ints(population for population, _ in ledger.closed), _ints(user for _, user in ledger.closed)),
        guards=Guards(
            _ints(engine.buckets[bucket.name].taken for bucket in model.buckets),
            _ints(engine.buckets[bucket.name].rejected for bucket in model.buckets),
            _ints(engine.breakers[breaker.name].opened for breaker in model.breakers),
            _ints(engine.breakers[breaker.name].rejected for breaker in model.breakers),
            _ints(engine.budgets[budget.name].taken for budget in model.budgets),
            _ints(engine.budgets[budget.name].refused for budget in model.budgets),
            _ints(sent for balancer in model.balancers for sent in engine.balancers[balancer.name].sent),
        ),
        bins=None if ledger.bin_s is None else _bins(ledger, ledger.bin_s, end_s, len(engine.caches)),
        end_s=end_s,
        max_in_flight=ledger.max_in_flight,
    )


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64)


def _floats(values: object) -> Floats:
    return np.array(values, dtype=np.float64)


def _queues(ledger: Ledger, end_s: float) -> Queues:
    accounts = list(ledger.queues.values())
    return Queues(
        _ints(account.arrivals for account in accounts),
        _ints(account.completions for account in accounts),
        _ints(account.rejected for account in accounts),
        _ints(account.abandoned for account in accounts),
        _ints(account.interrupted for account in accounts),
        _floats([account.capacity_s(end_s) for account in accounts]),
        _floats([account.integrals.totals[BUSY] for account in accounts]),
        _floats([account.integrals.totals[WAITING] for account in accounts]),
        _ints(account.max_waiting for account in accounts),
    )


def _spawned(ledger: Ledger) -> Spawned:
    ended = [ledger.spawned_ended[row] for row in range(len(ledger.spawned))]
    return Spawned(
        _ints(flow for flow, _ in ledger.spawned),
        _floats([started_s for _, started_s in ledger.spawned]),
        _floats([ended_s for ended_s, _ in ended]),
        np.array([outcome for _, outcome in ended], dtype=np.int8),
    )


def _background(ledger: Ledger) -> Background:
    spawned, count = _spawned(ledger), len(ledger.program.flows)
    longest_s = np.zeros(count)
    np.maximum.at(longest_s, spawned.flow, spawned.completed_s - spawned.started_s)
    started = np.bincount(spawned.flow, minlength=count).astype(np.int64)
    return Background(started, started, _ints(ledger.background_failed), _floats(ledger.background_s), longest_s)


def _bins(ledger: Ledger, bin_s: float, end_s: float, caches: int) -> Bins:
    count = pieces(0.0, end_s, 0, bin_s)[-1][0] + 1
    accounts = list(ledger.queues.values())

    def of_each(value: str) -> tuple[int, int]:
        return count, len(accounts) if value == "queue" else caches

    def capacity_s(account: QueueAccount, which: int) -> float:
        if account.varies:
            return account.integrals.in_bin[SERVERS][which]
        return account.servers * (min((which + 1) * bin_s, end_s) - which * bin_s)

    rows = range(count)
    return Bins(
        bin_s,
        np.array([[a.bin_arrivals[b] for a in accounts] for b in rows], dtype=np.int64).reshape(of_each("queue")),
        _floats([[a.integrals.in_bin[BUSY][b] for a in accounts] for b in rows]).reshape(of_each("queue")),
        _floats([[a.integrals.in_bin[WAITING][b] for a in accounts] for b in rows]).reshape(of_each("queue")),
        _floats([[capacity_s(a, b) for a in accounts] for b in rows]).reshape(of_each("queue")),
        _floats([ledger.in_flight.in_bin[0][b] for b in rows]),
        np.array([[ledger.lookups[b, c] for c in range(caches)] for b in rows], dtype=np.int64).reshape(
            of_each("cache")
        ),
        np.array([[ledger.hits[b, c] for c in range(caches)] for b in rows], dtype=np.int64).reshape(of_each("cache")),
    )
