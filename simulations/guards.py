"""What the protective resources and the balancers of a model did in a run."""

from __future__ import annotations

from typing import Any

from simulations.model import Model
from simulations.sample_path import SamplePath

Table = list[dict[str, Any]]


def guards(path: SamplePath, model: Model) -> dict[str, Table]:
    """Tables by kind, without the kinds that the model does not have.

    ``buckets``: tokens taken, requests rejected. ``breakers``: times opened, calls rejected. ``budgets``: retries
    allowed and refused. ``balancers``: a row for each target, what it was sent and its share (0 to 1) of all.
    """
    found = path.guards
    tables: dict[str, Table] = {
        "buckets": [
            {"name": one.name, "taken": int(found.bucket_taken[i]), "rejected": int(found.bucket_rejected[i])}
            for i, one in enumerate(model.buckets)
        ],
        "breakers": [
            {"name": one.name, "opened": int(found.breaker_opened[i]), "rejected": int(found.breaker_rejected[i])}
            for i, one in enumerate(model.breakers)
        ],
        "budgets": [
            {"name": one.name, "taken": int(found.budget_taken[i]), "refused": int(found.budget_refused[i])}
            for i, one in enumerate(model.budgets)
        ],
        "balancers": _balancers(path, model),
    }
    return {kind: table for kind, table in tables.items() if table}


def _balancers(path: SamplePath, model: Model) -> Table:
    rows: Table = []
    first = 0
    for balancer in model.balancers:
        sent = path.guards.sent[first : first + len(balancer.targets)]
        first += len(balancer.targets)
        total = max(1, int(sent.sum()))
        for target, count in zip(balancer.targets, sent.tolist(), strict=True):
            rows.append({"name": balancer.name, "target": target, "sent": count, "share": count / total})
    return rows
