"""What a design's topology costs a month, from its prices: ``<tier>_worker_usd_per_hour`` is for each worker of the
tier, ``<tier>_node_usd_per_hour`` (or any other unit) for each region's node. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from sdlab.spec import Design

HOURS_PER_MONTH = 730.0
DAYS_PER_MONTH = HOURS_PER_MONTH / 24
_SUFFIX = "_usd_per_hour"


@dataclass(frozen=True)
class Line:
    """One price: ``count`` units of ``unit`` in each of ``regions`` regions."""

    tier: str
    key: str
    unit: str
    count: int
    regions: int
    usd_per_hour: float

    @property
    def usd_per_month(self) -> float:
        return self.count * self.regions * self.usd_per_hour * HOURS_PER_MONTH


@dataclass(frozen=True)
class Cost:
    """The priced lines, the tiers without a price, and the prices that no tier matches."""

    lines: tuple[Line, ...]
    unpriced_tiers: tuple[str, ...]
    unused_keys: tuple[str, ...]
    requests_per_month: float

    @property
    def usd_per_month(self) -> float:
        return sum(line.usd_per_month for line in self.lines)

    @property
    def usd_per_million_requests(self) -> float:
        return self.usd_per_month / self.requests_per_month * 1e6


def cost(design: Design) -> Cost:
    """Every tier in every region, at the design's prices."""
    owners = {key: _owner(key, list(design.topology)) for key in design.cost}
    lines = []
    for key, tier in owners.items():
        if tier is None:
            continue
        unit = key[len(tier) + 1 : -len(_SUFFIX)]
        count = design.topology[tier].workers if unit == "worker" else 1
        lines.append(Line(tier, key, unit, count, len(design.regions), design.cost[key]))
    return Cost(
        lines=tuple(lines),
        unpriced_tiers=tuple(tier for tier in design.topology if tier not in owners.values()),
        unused_keys=tuple(key for key, tier in owners.items() if tier is None),
        requests_per_month=design.workload.requests_per_day * DAYS_PER_MONTH,
    )


def _owner(key: str, tiers: list[str]) -> str | None:
    """The tier a price is for: the longest one whose name the key starts with."""
    fitting = [tier for tier in tiers if key.startswith(f"{tier}_") and key.endswith(_SUFFIX)]
    return max(fitting, key=len, default=None)
