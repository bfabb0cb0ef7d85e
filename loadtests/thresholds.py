"""Thresholds: what a load test has to meet, as expressions that a person writes and a machine decides.

    p99 < 50ms @ redirect      errors < 0.1%      rate > 290      abort: errors < 5%

An expression is a metric, a comparison (``<``, ``<=``, ``>``, ``>=``), a bound with its unit and, after ``@``, the
operation it is about (default: all of them). The metrics:

- ``p50``, ``p99.9``, any percentile above 0 and below 100, ``mean``, ``max``: the response time of completed requests
  from the *intended* start, as `sdlab.summary` defines it; the bound is a time in ``us``, ``ms`` or ``s``.
- ``errors``: what was rejected, failed or timed out; ``drops``: what was never sent. With ``%`` the share of all
  requests, without it how many.
- ``rate``: completed requests a second of the load.
- ``lateness``: the p99 of how late the generator was, a time.

A value that does not exist (a percentile of no answers) meets nothing.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from sdlab.errors import InvalidInput
from sdlab.summary import order_statistics, response_times

OPTION = "--threshold"
ABORT = "abort:"
ALL: Final = "all"

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")
_EXPRESSION = re.compile(r"([A-Za-z][\w.]*)\s*(<=|>=|<|>)\s*([^\s@]+(?:\s*[a-z%/]+)?)\s*(?:@\s*(\S+))?")
_BOUND = re.compile(r"(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)\s*([a-z%/]*)")
_TIMES = ("mean", "max", "lateness")
_COUNTS = ("errors", "drops")
METRICS = ("p50 (any percentile)", "mean", "max", "errors", "drops", "rate", "lateness")

UNSENT, ERRORS = ("dropped",), ("rejected", "failed", "timed_out")


@dataclass(frozen=True)
class Threshold:
    """One expression, read. ``bound`` is in seconds, requests a second, a share (``is_share``) or a number."""

    text: str
    metric: str
    comparison: str
    bound: float
    operation: str
    is_share: bool = False
    aborts: bool = False

    @property
    def percent(self) -> float | None:
        """Which percentile of the response time the metric is, if it is one."""
        match = _PERCENTILE.fullmatch(self.metric)
        return float(match[1]) if match else None

    @property
    def is_time(self) -> bool:
        return self.metric in _TIMES or self.percent is not None

    @property
    def is_upper(self) -> bool:
        """Whether it bounds the value from above."""
        return self.comparison in ("<", "<=")

    def is_met_by(self, value: float) -> bool:
        return not math.isnan(value) and _COMPARISONS[self.comparison](value, self.bound)

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The records that it is about."""
        return table if self.operation == ALL else table[table["operation"] == self.operation]


@dataclass(frozen=True)
class Finding:
    """A threshold and the value measured, in the unit of its bound; NaN where there is none."""

    threshold: Threshold
    value: float

    @property
    def is_met(self) -> bool:
        return self.threshold.is_met_by(self.value)

    def as_dict(self) -> dict[str, Any]:
        threshold = self.threshold
        return {
            "threshold": threshold.text,
            "metric": threshold.metric,
            "comparison": threshold.comparison,
            "bound": threshold.bound,
            "unit": _unit(threshold),
            "operation": threshold.operation,
            "aborts": threshold.aborts,
            "value": None if math.isnan(self.value) else self.value,
            "met": self.is_met,
        }


def parse(texts: Sequence[str], operations: Sequence[str], *, abort: bool = False) -> tuple[Threshold, ...]:
    """Read expressions about a design's ``operations``; ``abort`` makes each of them end the load early.

    Raises `InvalidInput` that names the expression and what of it cannot be read.
    """
    return tuple(_parse(text, operations, abort=abort) for text in texts)


def _parse(text: str, operations: Sequence[str], *, abort: bool) -> Threshold:
    expression = text.strip()
    aborts = abort or expression.startswith(ABORT)
    match = _EXPRESSION.fullmatch(expression.removeprefix(ABORT).strip())
    if not match:
        raise InvalidInput(OPTION, text, "must look like 'p99 < 50ms @ redirect', 'errors < 0.1%' or 'rate > 290'")
    metric, comparison, bound_text, operation = match[1], match[2], match[3], match[4] or ALL
    if metric not in (*_TIMES, *_COUNTS, "rate"):
        percentile = _PERCENTILE.fullmatch(metric)
        if not percentile or not 0 < float(percentile[1]) < 100:
            raise InvalidInput(OPTION, text, f"the metric must be one of {', '.join(METRICS)}, not {metric!r}")
    if operation not in (ALL, *operations):
        raise InvalidInput(OPTION, text, f"the operation must be one of {', '.join((ALL, *operations))}")
    bound, is_share = _bound(text, metric, bound_text)
    threshold = Threshold(text, metric, comparison, bound, operation, is_share, aborts)
    if aborts and not threshold.is_upper and metric != "rate":
        raise InvalidInput(OPTION, text, "only an upper bound (or one of the rate) can be missed before the end")
    return threshold


def _bound(text: str, metric: str, bound_text: str) -> tuple[float, bool]:
    """The bound in its base unit, and whether it is a share."""
    match = _BOUND.fullmatch(bound_text)
    number, unit = (float(match[1]), match[2]) if match else (math.nan, "")
    if not math.isfinite(number):
        raise InvalidInput(OPTION, text, f"the bound must be a finite number of at least 0, not {bound_text!r}")
    if metric in _COUNTS:
        return _count(text, metric, number, unit)
    if metric == "rate":
        if unit not in ("", "/s", "rps"):
            raise InvalidInput(OPTION, text, "the bound of the rate is in requests a second: 290 or 290/s")
        return number, False
    if unit not in _UNITS_S:
        raise InvalidInput(OPTION, text, f"the bound of {metric} is a time with its unit: 50ms, 800us or 0.5s")
    return number * _UNITS_S[unit], False


def _count(text: str, metric: str, number: float, unit: str) -> tuple[float, bool]:
    if unit == "%" and number <= 100:
        return number / 100, True
    if unit == "" and number == int(number):
        return number, False
    raise InvalidInput(OPTION, text, f"the bound of {metric} is a share up to 100% or a whole number of requests")


def evaluate(thresholds: Sequence[Threshold], table: pd.DataFrame) -> list[Finding]:
    """What each threshold's value is in a run's records."""
    span_s = float(table["intended_s"].max()) if len(table) else 0.0
    return [Finding(threshold, _value(threshold, threshold.of(table), span_s)) for threshold in thresholds]


def _value(threshold: Threshold, table: pd.DataFrame, span_s: float) -> float:
    metric = threshold.metric
    if metric in _COUNTS:
        count = int(table["outcome"].isin(ERRORS if metric == "errors" else UNSENT).sum())
        if not threshold.is_share:
            return float(count)
        return count / len(table) if len(table) else math.nan
    if metric == "rate":
        return float((table["outcome"] == "completed").sum()) / span_s if span_s else math.nan
    return _time_s(threshold, table)


def _time_s(threshold: Threshold, table: pd.DataFrame) -> float:
    if threshold.metric == "lateness":
        late = (table["started_s"] - table["intended_s"]).dropna().to_numpy(dtype=np.float64)
        return order_statistics(late, (99,))[0]
    times = response_times(table)
    if threshold.percent is not None:
        return order_statistics(times, (threshold.percent,))[0]
    if not times.size:
        return math.nan
    return float(times.mean() if threshold.metric == "mean" else times.max())


def _unit(threshold: Threshold) -> str:
    if threshold.is_time:
        return "s"
    if threshold.metric == "rate":
        return "1/s"
    return "share" if threshold.is_share else "requests"


def shown(value: float | None, unit: str) -> str:
    """A finding's value for people."""
    if value is None:
        return "no value"
    if unit == "s":
        return f"{value * 1000:.2f} ms"
    if unit == "share":
        return f"{value:.3%}"
    return f"{value:,.1f}/s" if unit == "1/s" else f"{value:,.0f}"
