"""The verdict: what a study shows about a design, as data first and then as one sentence. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reports import numbers as n
from reports.collect import Day, Material
from reports.compare import Load, ModelError, model_error
from reports.files import Bottleneck
from sdlab.spec import SECONDS_PER_DAY, Slo

WHOLE_DAY = 0.99
"""From this share of its mean number of requests on, a day is whole: the number of arrivals is itself random."""


@dataclass(frozen=True)
class SloResult:
    """One operation's SLO against the simulated day.

    ``response_time_s_p99`` is of the worst hour (``worst_hour``, UTC), or of the whole day if the hours are not
    known; ``met`` is `None` if the day says nothing about the operation.
    """

    operation: str
    bound: Slo
    response_time_s_p99: float
    worst_hour: float | None
    availability: float

    @property
    def met(self) -> bool | None:
        if math.isnan(self.response_time_s_p99):
            return None
        return not (
            self.response_time_s_p99 > self.bound.response_time_s_p99 or self.availability < self.bound.availability
        )


@dataclass(frozen=True)
class Validation:
    """How many judged cells (a statistic at a held-out load) are within their bound, and within the bare target."""

    judged: int
    passed: int
    within_target: int

    @property
    def passes(self) -> bool:
        return self.passed == self.judged


@dataclass(frozen=True)
class Verdict:
    """What the study shows. `None` wherever it does not say.

    ``day_share`` is how much of the day's requests was simulated; the SLOs are judged only on a whole day.
    """

    design: str
    study: str | None
    requests_per_day: float
    peak_rate_rps: float
    day_share: float | None
    slos: tuple[SloResult, ...]
    slos_met: bool | None
    capacity_rate_rps: float | None
    headroom: float | None
    bottleneck: Bottleneck | None
    model_error: ModelError | None
    invalid_windows: int
    demands_measured: bool
    validation: Validation | None = None

    @property
    def sentence(self) -> str:
        parts = [self._slo_words(), self._headroom_words(), self._bottleneck_words(), self._error_words()]
        parts.append(self._validation_words())
        if not self.demands_measured:
            parts.append("the model's demands are assumed, not measured")
        return "; ".join(part for part in parts if part) + "."

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: not-a-number and infinite values as `None`."""
        content = {
            **asdict(self),
            "slos": [{**asdict(one), "bound": one.bound.model_dump(), "met": one.met} for one in self.slos],
            "bottleneck": self.bottleneck.model_dump() if self.bottleneck else None,
            "sentence": self.sentence,
        }
        plain: dict[str, Any] = _finite(content)
        return plain

    def _slo_words(self) -> str:
        target = f"{n.count(self.requests_per_day)} requests/day"
        if self.slos_met is None:
            return f"SLOs at {target} not judged: {self._unknown()}"
        if self.slos_met:
            return f"SLOs met in every hour at {target}"
        broken = [f"{one.operation} {_broken(one)}" for one in self.slos if one.met is False]
        return f"SLO not met at {target}: {n.words(broken)}"

    def _unknown(self) -> str:
        if self.day_share is None:
            return "no day was simulated"
        if self.day_share < WHOLE_DAY:
            return f"only {n.percent(self.day_share)} of the day's requests were simulated"
        return "the simulated day lacks an operation"

    def _headroom_words(self) -> str:
        if self.headroom is None:
            return ""
        return f"headroom {n.times(self.headroom)} over the peak of {n.rate(self.peak_rate_rps)}"

    def _bottleneck_words(self) -> str:
        return f"first bottleneck {place(self.bottleneck)}" if self.bottleneck else ""

    def _validation_words(self) -> str:
        if self.validation is None:
            return ""
        if self.validation.passes:
            return f"validation passed in all {self.validation.judged} judged cells"
        return (
            f"validation MISSED in {self.validation.judged - self.validation.passed} of {self.validation.judged} cells"
        )

    def _error_words(self) -> str:
        invalid = ""
        if self.invalid_windows:
            invalid = f"{self.invalid_windows} INVALID window{'s' if self.invalid_windows > 1 else ''} left out"
        error = self.model_error
        if error is None:
            return "model not checked against the running service" + (f" ({invalid})" if invalid else "")
        if error.loads == 1:
            known = f"model's p99 off by {n.signed_percent(error.worst)} at the one held-out load"
            return known + (f" ({invalid})" if invalid else "")
        details = [f"median of {error.loads} held-out loads", f"worst {n.signed_percent(error.worst)}", invalid]
        return f"model's p99 off by {n.absolute_percent(error.median_absolute)} ({'; '.join(filter(None, details))})"


def validation_of(loads: Sequence[Load]) -> Validation | None:
    """`None` if no cell is judged: no held-out load says what share of saturation it is."""
    cells = [cell for load in loads for cell in load.cells if cell.passes is not None]
    if not cells:
        return None
    return Validation(len(cells), sum(bool(c.passes) for c in cells), sum(bool(c.meets_target) for c in cells))


def judge(material: Material, loads: Sequence[Load]) -> Verdict:
    """The verdict of a study."""
    workload = material.design.workload
    slos = _slos(material)
    day_share = _day_share(material)
    capacity = material.capacity
    held_out = [load for load in loads if load.held_out]
    return Verdict(
        design=material.study.slug,
        study=material.study.name,
        requests_per_day=workload.requests_per_day,
        peak_rate_rps=workload.peak_rate_rps,
        day_share=day_share,
        slos=slos,
        slos_met=_all_met(slos) if day_share and day_share >= WHOLE_DAY else None,
        capacity_rate_rps=capacity.rate_rps if capacity else None,
        headroom=capacity.rate_rps / workload.peak_rate_rps if capacity else None,
        bottleneck=capacity.bottleneck if capacity else None,
        model_error=model_error(loads),
        invalid_windows=sum(len(load.invalid) for load in held_out),
        demands_measured=demands_measured(material),
        validation=validation_of(loads),
    )


def demands_measured(material: Material) -> bool:
    """Whether the runs say that the model had measured demands."""
    if material.calibration:
        return True
    said = [run.manifest.parameters.get("calibration") for run in material.study.runs]
    known = [word for word in said if word]
    return bool(known) and "assumed" not in known


def place(bottleneck: Bottleneck) -> str:
    """The station that saturates first, with its tier where the name does not say it."""
    named = bottleneck.tier in bottleneck.station
    return bottleneck.station if named else f"{bottleneck.station} ({bottleneck.tier})"


def _day_share(material: Material) -> float | None:
    """Simulated requests over the day's; by the hours if the run does not say how many there were.

    A day of very many requests is simulated shortened, with all its rates (``day_s``): that is a whole one too.
    """
    day = material.day
    if day is None:
        return None
    requests = day.run.manifest.parameters.get("requests")
    if isinstance(requests, int):
        shortened = day.run.manifest.parameters.get("day_s", SECONDS_PER_DAY) / SECONDS_PER_DAY
        return float(requests / (material.design.workload.requests_per_day * shortened))
    return len(day.hours.hour) / 24 if day.hours else 1.0


def _slos(material: Material) -> tuple[SloResult, ...]:
    day = material.day
    return tuple(_slo(day, name, bound) for name, bound in material.design.slo.items()) if day else ()


def _slo(day: Day, operation: str, bound: Slo) -> SloResult:
    row = next((row for row in day.summary if row.operation == operation), None)
    p99, hour = (row.response_time_s_p99 if row else float("nan")), None
    hours = day.hours.response_time_s_p99.get(operation, []) if day.hours else []
    known = [
        (value, at)
        for value, at in zip(hours, day.hours.hour if day.hours else [], strict=True)
        if not math.isnan(value)
    ]
    if known:
        p99, hour = max(known)
    return SloResult(operation, bound, p99, hour, row.availability if row else float("nan"))


def _all_met(slos: tuple[SloResult, ...]) -> bool | None:
    met = [one.met for one in slos]
    if not met:
        return None
    if False in met:
        return False
    return None if None in met else True


def _broken(one: SloResult) -> str:
    if one.response_time_s_p99 > one.bound.response_time_s_p99:
        when = f" in hour {one.worst_hour:.0f}" if one.worst_hour is not None else ""
        return f"p99 {n.duration(one.response_time_s_p99)}{when} against {n.duration(one.bound.response_time_s_p99)}"
    return f"availability {n.percent(one.availability)} against {n.percent(one.bound.availability)}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
