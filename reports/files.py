"""What the JSON files of a run folder hold, as validated types: the boundary between the stages and the report.

A file that breaks these types is one `InvalidInput` naming run, file, field and value. Unknown fields are ignored: a
stage may record more than a report shows. Units are in the names; ``null`` in a list of numbers reads as NaN.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from sdlab.errors import InvalidInput
from sdlab.runs import Run


def _nan(value: object) -> object:
    return float("nan") if value is None else value


Number = Annotated[float, BeforeValidator(_nan)]
Numbers = Annotated[list[Number], Field(min_length=1)]
_SWEPT = ("response_time_s_p99", "response_time_s_mean")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class OperationRow(_Part):
    """One row of summary.json."""

    operation: str
    requests: int
    completed: int
    rate_rps: Number
    availability: Number
    response_time_s_mean: Number
    response_time_s_p50: Number
    response_time_s_p95: Number
    response_time_s_p99: Number
    response_time_s_max: Number = float("nan")


class StationRow(_Part):
    """One row of stations.json: a station of the model over a run."""

    name: str
    tier: str
    region: str | None = None
    servers: int
    utilisation: Number
    queue_length_mean: Number
    queue_length_max: Number = float("nan")
    arrivals: Number = float("nan")
    wait_s_mean: Number = float("nan")
    service_s_mean: Number = float("nan")


class CacheRow(_Part):
    """One row of caches.json."""

    name: str
    capacity_entries: int | None
    capacity_bytes: int | None = None
    policy: str
    lookups: Number
    hits: Number
    hit_ratio: Number


class Breakdown(_Part):
    """breakdown.json: mean seconds a request of each operation (rows) waits for and is served by each resource."""

    operations: list[str]
    resources: list[str]
    wait_s: list[list[Number]]
    service_s: list[list[Number]]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        for table in (self.wait_s, self.service_s):
            if len(table) != len(self.operations) or any(len(row) != len(self.resources) for row in table):
                raise ValueError("wait_s and service_s need a row an operation and a column a resource")
        return self


class Hours(_Part):
    """hours.json: the day hour by hour; each list has one value an hour."""

    hour: Numbers
    arrival_rate_rps: Numbers
    response_time_s_p50: dict[str, Numbers] = Field(default_factory=dict)
    response_time_s_p95: dict[str, Numbers] = Field(default_factory=dict)
    response_time_s_p99: dict[str, Numbers]
    utilisation: dict[str, Numbers] = Field(default_factory=dict)
    queue_length_mean: dict[str, Numbers] = Field(default_factory=dict)
    hit_ratio: list[Number] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_value_an_hour(self) -> Self:
        series = [self.arrival_rate_rps, *self.response_time_s_p99.values(), *self.utilisation.values()]
        series += [self.hit_ratio] if self.hit_ratio else []
        if any(len(values) != len(self.hour) for values in series):
            raise ValueError(f"each series needs {len(self.hour)} values, one an hour")
        return self


class Check(_Part):
    """One row of checks.json: a law that the run was held against."""

    law: str
    station: str | None = Field(default=None, validation_alias=AliasChoices("station", "resource"))
    left: Number
    right: Number
    relative_difference: Number
    ok: bool = Field(validation_alias=AliasChoices("ok", "holds"))


class Bottleneck(_Part):
    station: str
    tier: str
    utilisation: Number = float("nan")


class Probe(_Part):
    rate_rps: float
    meets_slos: bool
    response_time_s_p99: dict[str, Number] = Field(default_factory=dict)
    utilisation: dict[str, Number] = Field(default_factory=dict)


class AsSearched(_Part):
    """The run id of the search on the running service that the model was asked as."""

    search: str


class Capacity(_Part):
    """capacity.json: the highest rate that meets the SLOs, and how it was searched."""

    rate_rps: float
    as_searched: AsSearched | None = None
    saturation_rate_rps: float | None = None
    bottleneck: Bottleneck | None = None
    probes: list[Probe] = Field(default_factory=list)


class Curve(_Part):
    """curve.json: the model's response time of all operations together at steady rates."""

    rate_rps: Numbers
    response_time_s_p50: Numbers
    response_time_s_p95: Numbers
    response_time_s_p99: Numbers
    utilisation: list[Number] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_value_a_rate(self) -> Self:
        series = (self.response_time_s_p50, self.response_time_s_p95, self.response_time_s_p99)
        if any(len(values) != len(self.rate_rps) for values in series):
            raise ValueError(f"each series needs {len(self.rate_rps)} values, one a rate")
        return self


class CacheSweep(_Part):
    """sweep.json: hit ratio and response times by operation against the cache's size."""

    capacity_entries: Numbers = Field(validation_alias=AliasChoices("capacity_entries", "values"))
    hit_ratio: Numbers
    response_time_s_p99_by_operation: dict[str, Numbers]
    response_time_s_mean_by_operation: dict[str, Numbers] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_one_operation(cls, content: Any) -> Any:
        """A sweep may hold the times of one operation as plain lists beside its name."""
        if not isinstance(content, dict) or "operation" not in content:
            return content
        named = {f"{k}_by_operation": {content["operation"]: content[k]} for k in _SWEPT if k in content}
        return {**content, **named}

    @model_validator(mode="after")
    def _one_value_a_size(self) -> Self:
        series = [self.hit_ratio, *self.response_time_s_p99_by_operation.values()]
        series += self.response_time_s_mean_by_operation.values()
        if any(len(values) != len(self.capacity_entries) for values in series):
            raise ValueError(f"each series needs {len(self.capacity_entries)} values, one a size")
        return self


class Process(_Part):
    """CPU of one process over a load test; ``utilisation`` is of one core."""

    cpu_s: Number = float("nan")
    utilisation: Number


class MachineLoad(_Part):
    cores: int | None = None
    utilisation: Number = float("nan")
    steal_share: Number = float("nan")


class SpeedProbe(_Part):
    """Times of the probe of the API's core, all through a load test (`sdlab.speed`)."""

    at_s: list[float] = Field(default_factory=list)
    spin_s: list[float] = Field(default_factory=list)


class Resources(_Part):
    """resources.json of a load test."""

    duration_s: Number = float("nan")
    processes: dict[str, Process] = Field(default_factory=dict)
    machine: MachineLoad = Field(default_factory=MachineLoad)
    spin_probe: dict[str, dict[str, float] | None] = Field(default_factory=dict)
    speed: SpeedProbe | None = None


class Generator(_Part):
    """generator.json of a load test."""

    lateness_s_p50: Number = float("nan")
    lateness_s_p99: Number = float("nan")


class Comparison(_Part):
    """comparison.json of a replay: seconds by statistic, ``mm1_s`` and ``mg1_s`` being the naive baselines."""

    mean: dict[str, Number]
    p50: dict[str, Number]
    p90: dict[str, Number]
    p95: dict[str, Number]
    p99: dict[str, Number]


class Searched(_Part):
    """saturation.json, as far as the validation needs it."""

    rate_rps: Number


T = TypeVar("T")


def read(run: Run, name: str, shape: type[T]) -> T | None:
    """``<name>.json`` of a run as ``shape``; `None` if the run has no such file. Raises `InvalidInput`."""
    if not run.has(name):
        return None
    place = f"{run.manifest.run_id}/{name}.json"
    try:
        return TypeAdapter(shape).validate_python(run.json(name))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(place, "?", f"is not JSON: {error}") from None
    except ValidationError as error:
        first: Any = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{place} {field}".strip(), _short(first["input"]), first["msg"]) from None


def _short(value: object) -> object:
    text = repr(value)
    return value if len(text) <= 60 else text[:57] + "..."
