"""The numbers of a design, as frozen, validated types.

``designs/<slug>/design.toml`` is read in two steps: `sdlab.sources` separates each number from its source, and the
types below validate the numbers once, here at the boundary; everything behind trusts them. Units are in the names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sdlab.errors import InvalidInput
from sdlab.sources import Source

SECONDS_PER_DAY = 86_400.0

Share = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeSeconds = Annotated[float, Field(ge=0, le=3600)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Frozen(BaseModel):
    """Immutable, and strict about unknown keys: a typing error is never silently a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Operation(_Frozen):
    """One kind of request; ``share`` is its part of all requests."""

    share: Share


class DayCurve(_Frozen):
    """The arrival rate over a day: a bell on the circle with a given peak."""

    peak_to_mean_ratio: float = Field(ge=1, le=12)
    peak_hour_utc: float = Field(ge=0, lt=24)


class Popularity(_Frozen):
    """Zipf's law over ``keys`` keys: the k-th most popular is asked for in proportion to ``k ** -zipf_exponent``."""

    keys: int = Field(ge=1, le=10**12)
    zipf_exponent: float = Field(ge=0, le=3)


class Workload(_Frozen):
    requests_per_day: float = Field(gt=0, le=1e12)
    operations: dict[Name, Operation] = Field(min_length=1)
    day_curve: DayCurve
    popularity: Popularity

    @property
    def mean_rate_rps(self) -> float:
        return self.requests_per_day / SECONDS_PER_DAY

    @property
    def peak_rate_rps(self) -> float:
        return self.mean_rate_rps * self.day_curve.peak_to_mean_ratio


class Region(_Frozen):
    """A place requests come from; ``rtt_to_primary_s`` is the round trip to the region that takes the writes."""

    share: Share
    rtt_to_primary_s: NonNegativeSeconds


class Slo(_Frozen):
    """What is promised for one operation, in each hour: a response time and the share of requests answered."""

    response_time_s_p99: float = Field(gt=0, le=3600)
    availability: float = Field(gt=0, lt=1)


class Tier(_Frozen):
    """One kind of server, per region. What a field means for a tier is said where the design's model uses it."""

    workers: int = Field(ge=1, le=100_000)
    pool_slots: PositiveInt | None = None
    capacity_entries: PositiveInt | None = None
    eviction: Literal["lru", "fifo", "clock", "sieve", "s3fifo", "wtinylfu"] | None = None
    entry_ttl_s: float | None = Field(default=None, gt=0)
    batch_items: PositiveInt | None = None


class ReferenceDeployment(_Frozen):
    """What runs on one machine to be load-tested: one region, so many API workers, no network."""

    workers: int = Field(ge=1, le=64)
    pool_slots: PositiveInt


class TestData(_Frozen):
    """Rows loaded before a load test; the key of popularity rank r has the code ``code_format.format(rank=r)``."""

    __test__ = False  # not a test class, whatever its name says to pytest

    links: int = Field(ge=1, le=10_000_000)
    code_format: str = Field(min_length=1)

    def code(self, rank: int) -> str:
        return self.code_format.format(rank=rank)


class Design(_Frozen):
    """A whole design.

    ``sizes`` are bytes of what is kept or sent. ``demands[operation][part]`` are mean seconds before anything has
    been measured. ``trace_methods`` says which operation a request of a replayed access log stands for, by its HTTP
    method. ``sources`` maps each number's dotted path to where it comes from.
    """

    slug: Name
    title: str
    summary: str
    workload: Workload
    regions: dict[Name, Region] = Field(min_length=1)
    slo: dict[Name, Slo] = Field(min_length=1)
    topology: dict[Name, Tier] = Field(min_length=1)
    demands: dict[Name, dict[Name, NonNegativeSeconds]]
    sizes: dict[Name, PositiveInt]
    cost: dict[Name, Annotated[float, Field(ge=0)]]
    reference_deployment: ReferenceDeployment
    test_data: TestData
    trace_methods: dict[str, Name]
    sources: Mapping[str, Source] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _adds_to_one("workload.operations.*.share", [o.share for o in self.workload.operations.values()])
        _adds_to_one("regions.*.share", [r.share for r in self.regions.values()])
        operations = ", ".join(self.workload.operations)
        for name in self.slo:
            if name not in self.workload.operations:
                raise InvalidInput(f"slo.{name}", name, f"no such operation; the workload has {operations}")
        for method, name in self.trace_methods.items():
            if name not in self.workload.operations:
                raise InvalidInput(f"trace_methods.{method}", name, f"no such operation; the workload has {operations}")
        for name in self.workload.operations:
            if name not in self.demands:
                raise InvalidInput(f"demands.{name}", None, "each operation of the workload needs its demands")
        for tier, values in self.topology.items():
            if (values.capacity_entries is None) != (values.eviction is None):
                raise InvalidInput(
                    f"topology.{tier}.eviction", values.eviction, "capacity_entries and eviction go together"
                )
        return self

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(self.workload.operations)

    @property
    def operation_asked_for_most(self) -> str:
        """The name of the operation with the largest share; of equals, the first."""
        return max(self.operations, key=lambda name: self.workload.operations[name].share)


def _adds_to_one(field: str, shares: list[float]) -> None:
    total = math.fsum(shares)
    if abs(total - 1) > 1e-9:
        raise InvalidInput(field, round(total, 12), "must add to 1")


def build_design(slug: str, values: Mapping[str, Any], sources: Mapping[str, Source]) -> Design:
    """Validate plain nested ``values`` (see `sdlab.sources.separate`) into a `Design`.

    Raises `InvalidInput` for the first value that breaks a bound, naming its dotted path.
    """
    try:
        return Design(slug=slug, sources=dict(sources), **values)
    except ValidationError as error:
        # A misspelt key is both an unknown and a missing one; the unknown one is what the person typed.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        path = ".".join(str(part) for part in first["loc"] if part != "[key]")
        if first["type"] == "extra_forbidden":
            raise InvalidInput(path, first["input"], "unknown key") from None
        if first["type"] == "missing":
            raise InvalidInput(path, None, "is missing") from None
        raise InvalidInput(path, first["input"], _lower_first(first["msg"])) from None


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
