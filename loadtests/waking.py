"""What a request costs a process that is awake, and what each waking up costs it more. Pure.

Each answer carries the CPU clock of the event loop's thread at the request's start (``span_clock_s``), for how long the
thread had slept before it (``span_gap_s``), how often and how long it slept while the request awaited something
(``span_wakes_s``, ``span_idle_s``), and in how many turns the event loop has found something (``span_turns_s``). So the
CPU time of a few requests in a row, work after the answers included, is known, and how often the thread woke up and the
loop turned for them. It is fitted as

    CPU of a stretch = sum over labels of requests x demand + sum over levels of wakes x extra + turns x turn
                       + background x time

all but the last times the pace of the moment (`sdlab.calibration.Pace`), by non-negative least squares, no level below
a shorter one: the exceptional first service of Welch (1964, On a generalized M/G/1 queuing process in which the first
customer of each busy period receives exceptional service), with a level for each class of idle times. Stretches are of
a fixed number of requests: were they busy periods, those that cost much would last longer and so hold more. What a turn
costs is not fitted here: turns and wakes go together, so it comes from elsewhere (`loadtests.turn_cost`).

For the same reason a process that happens to be slow sleeps less often and does more in a turn, and plain least squares
takes wakes to be cheap. So both are first foretold by what does not depend on the service, the gaps between the sends,
and the foretold ones count: two-stage least squares with the gaps as instruments (Theil 1953; Wooldridge 2010,
Econometric Analysis of Cross Section and Panel Data, chapter 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from sdlab.arrivals import FloatArray, stream
from sdlab.errors import LabError

LEVELS_S = (0.001, 0.003, 0.01)
"""From these idle times on, each a level. Who slept for less is not cold yet; what it takes to fall asleep and to wake
up again is in the turn."""

SEND_GAPS_S = (0.0003, 0.0006, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01)
"""The classes of gaps between sends that foretell the wakes."""

SPIN = "spin"
SPINS = (SPIN, "spin_by_one_half", "spin_by_the_other")
"""The columns with the probe's time: by all probes, and by either half of them."""

TURNS = "turns"
"""The column with `turns`."""

COLDNESS = "coldness"
"""The column with how many times its label's demand a request has (`loadtests.coldness`); once without it."""

STRETCH = 8
LEVEL_SAMPLES_MIN = 30
_RESAMPLED = 60
_CONFIDENCE = (2.5, 97.5)
NORMAL_95 = 1.96
_TURNS = 4
_NEARLY = 0.7
_LEAST = 0.2  # a residual below that is one of the clocks


@dataclass(frozen=True)
class Value:
    """Seconds, and half the width of their 95 % interval."""

    seconds: float
    half_width_s: float


@dataclass(frozen=True)
class Level:
    """What waking costs more after an idle time of at least ``after_s``; ``samples`` wakes were seen."""

    after_s: float
    extra: Value
    samples: int


@dataclass(frozen=True)
class Fitted:
    """Demands of a process that is awake, by label, and the levels, shortest idle time first, where a turn of its loop
    costs ``turn_s`` by itself; all at the mean speed.

    ``elasticity``: by what share of a change of the probe's time they change.
    """

    demands: dict[str, Value]
    levels: list[Level]
    stretches: int
    turn_s: float = 0.0
    elasticity: float = 0.0
    elasticity_half_width: float = 0.0

    def pace(self, table: pd.DataFrame) -> FloatArray:
        """How many times as long as at the mean speed each request of ``table`` took the CPU."""
        return 1 + self.elasticity * (_column(table, SPIN) - 1)

    def total_s(self, table: pd.DataFrame) -> float:
        """The CPU time of all requests of ``table``, by the demands, the turns, the levels and the pace."""
        return float(self.each_s(table).sum())

    def each_s(self, table: pd.DataFrame) -> FloatArray:
        """The CPU time of each request of ``table``, by the demands, the turns, the levels and the pace."""
        demand_s = table["label"].map({label: value.seconds for label, value in self.demands.items()})
        each_s = demand_s.to_numpy(dtype=np.float64) * _column(table, COLDNESS) + self.by_itself_s(table)
        expected_s: FloatArray = each_s * self.pace(table)
        return expected_s

    def by_itself_s(self, table: pd.DataFrame) -> FloatArray:
        """What the turns and the wakes that each request of ``table`` tells of cost at the mean speed."""
        cost: FloatArray = self.turn_s * _turns(table) + self.waking_s(table)
        return cost

    def waking_s(self, table: pd.DataFrame) -> FloatArray:
        """What the wakes that each request of ``table`` tells of cost at the mean speed, by the levels."""
        extra = np.array([level.extra.seconds for level in self.levels])
        cost: FloatArray = _wakes(table, [level.after_s for level in self.levels]) @ extra
        return cost


@dataclass(frozen=True)
class _Stretches:
    counts: NDArray[np.float64]  # stretch x label
    wakes: NDArray[np.float64]  # stretch x level
    turns: FloatArray
    cpu_s: FloatArray
    duration_s: FloatArray
    spins: NDArray[np.float64]  # stretch x `SPINS`
    gaps: NDArray[np.float64]  # stretch x class of gaps between sends


@dataclass(frozen=True)
class Stretches:
    """What `fit` fits: all stretches of several windows of one process, one after the other.

    ``steps`` (stretch x label, then stretch x level): how many requests, and how many wakes, as foretold, of at least
    each level. ``turns`` are foretold too; ``cpu_s`` is less what the process does when idle; ``changes`` (3 x stretch)
    are the probe's by each of `SPINS`.
    """

    labels: tuple[str, ...]
    after_s: tuple[float, ...]
    samples: tuple[int, ...]
    steps: NDArray[np.float64]
    turns: FloatArray
    cpu_s: FloatArray
    changes: NDArray[np.float64]
    window: NDArray[np.int64]


def stretches(tables: Sequence[pd.DataFrame], labels: Sequence[str], background: float) -> Stretches:
    """Stretches of labelled records (`labelled.labelled`), with `TURNS` where the loop was counted, and with `SPINS`,
    the probe's time around each request in units of its mean, where that is known.

    ``background`` is the process's utilisation when nobody asks anything of it. Raises `LabError` if the clocks are of
    several processes, or there are fewer stretches than unknowns.
    """
    after_s = _levels_seen(tables)
    found = [_stretches(table, labels, after_s) for table in tables]
    counts, wakes, turned, gaps = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("counts", "wakes", "turns", "gaps")
    )
    instruments = np.hstack([counts, gaps])
    felt = np.column_stack([turned, wakes])
    foretold = instruments @ np.linalg.lstsq(instruments, felt, rcond=None)[0]
    # By what each level costs more than the one below: never less, for what slept longer is no warmer.
    steps = np.hstack([counts, foretold[:, 1:][:, ::-1].cumsum(axis=1)[:, ::-1]])
    if len(steps) <= steps.shape[1]:
        raise LabError(f"calibration saw {len(steps)} stretches of {STRETCH} requests, too few: load it longer")
    return Stretches(
        labels=tuple(labels),
        after_s=tuple(after_s),
        samples=tuple(int(count) for count in wakes.sum(axis=0)),
        steps=steps,
        turns=foretold[:, 0],
        cpu_s=np.concatenate([one.cpu_s - background * one.duration_s for one in found]),
        changes=np.concatenate([one.spins for one in found]).T - 1,
        window=np.repeat(np.arange(len(found)), [len(one.cpu_s) for one in found]),
    )


def fit(found: Stretches, turn_s: float = 0.0, *, intervals: bool = True) -> Fitted:
    """Fit demands, extras and the elasticity, where a turn costs ``turn_s``.

    The intervals of demands and extras are of a bootstrap over stretches; without ``intervals`` they are NaN.
    """
    turning_s = turn_s * found.turns
    elasticity, half_width = _elasticity(found, turning_s)
    pace = 1 + elasticity * found.changes[0]
    steps, cpu_s = found.steps * pace[:, None], found.cpu_s - turning_s * pace
    known = len(found.labels)
    solution = _by_level(nnls(steps, cpu_s)[0], known)
    widths_s = np.full(solution.size, np.nan)
    if intervals:
        generator = stream(len(cpu_s), "bootstrap of stretches")
        resampled = generator.integers(0, len(cpu_s), (_RESAMPLED, len(cpu_s)))
        again = np.array([_by_level(nnls(steps[rows], cpu_s[rows])[0], known) for rows in resampled])
        low, high = np.percentile(again, _CONFIDENCE, axis=0)
        widths_s = (high - low) / 2
    values = [Value(float(x), float(w)) for x, w in zip(solution, widths_s, strict=True)]
    levels = [
        Level(at_s, value, samples)
        for at_s, value, samples in zip(found.after_s, values[known:], found.samples, strict=True)
    ]
    demands = dict(zip(found.labels, values[:known], strict=True))
    return Fitted(demands, levels, len(cpu_s), turn_s, elasticity, half_width)


def residuals(tables: Sequence[pd.DataFrame], fitted: Fitted, background: float) -> tuple[float, tuple[float, ...]]:
    """CPU time used over CPU time expected, in steps of so many seconds, of the windows of nearly the highest rate.

    A step holds about `STRETCH` requests; one without any counts 1. On the whole as much was used as expected.
    """
    spans_s = [float(table["sent_s"].max()) for table in tables]
    rates_rps = [len(table) / span_s for table, span_s in zip(tables, spans_s, strict=True)]
    step_s = STRETCH / max(rates_rps)
    used, expected = [], []
    for table, rate_rps in zip(tables, rates_rps, strict=True):
        if rate_rps < _NEARLY * max(rates_rps):
            continue
        ordered = table.sort_values("span_at_s", kind="stable")
        clock, at = (ordered[name].to_numpy(dtype=np.float64) for name in ("span_clock_s", "span_at_s"))
        step = ((at - at[0]) / step_s).astype(np.int64)[:-1]
        used.append(np.bincount(step, np.diff(clock) - background * np.diff(at)))
        expected.append(np.bincount(step, fitted.each_s(ordered)[:-1]))
    used_s, expected_s = np.concatenate(used), np.concatenate(expected)
    seen = expected_s > 0
    ratio = np.ones(used_s.size)
    ratio[seen] = used_s[seen] / expected_s[seen] * (expected_s.sum() / used_s[seen].sum())
    return step_s, tuple(np.round(np.maximum(ratio, _LEAST), 3).tolist())


def _elasticity(found: Stretches, turning_s: FloatArray) -> tuple[float, float]:
    """By what share of the probe's relative change each stretch's CPU changes, and half the width of its interval.

    Of changes within a window only: the probe also takes longer the busier the process is that it shares the core
    with, and each window has its own rate and mix (fixed effects; Wooldridge 2010, chapter 10). Changes are by all
    probes and by either half of them. What a probe errs by would make the elasticity too small, were it fitted to the
    same probe's change; so the change by each half is the other's instrument (errors in variables; chapter 5). Demands
    and elasticity are fitted in turns: each is a least-squares problem when the other is known. No more than all of it,
    and never the other way round.
    """
    elasticity = half_width = 0.0
    every, *halves = found.changes
    for _ in range(_TURNS):
        pace = 1 + elasticity * every
        unchanged_s = found.steps @ nnls(found.steps * pace[:, None], found.cpu_s - turning_s * pace)[0] + turning_s
        one_s, other_s = (_within(unchanged_s * change, unchanged_s, found.window) for change in halves)
        common_s2 = float(one_s @ other_s)
        if common_s2 <= 0:
            return 0.0, 0.0
        both_s, used_s = (one_s + other_s) / 2, _within(found.cpu_s, unchanged_s, found.window)
        elasticity = float(np.clip(both_s @ used_s / common_s2, 0, 1))
        left_s = both_s * (used_s - elasticity * both_s)
        half_width = float(NORMAL_95 * np.sqrt(left_s @ left_s) / common_s2)
    return elasticity, half_width


def _within(seconds: FloatArray, expected_s: FloatArray, window: NDArray[np.int64]) -> FloatArray:
    """Each stretch's seconds, less what is its window's: that is shared out as the expected CPU time is."""
    share = np.bincount(window, seconds) / np.bincount(window, expected_s)
    left_s: FloatArray = seconds - share[window] * expected_s
    return left_s


def turns(table: pd.DataFrame) -> FloatArray:
    """In how many turns the loop found something from a request's start to the next one's; 0 where nobody counted."""
    if "span_turns_s" not in table or not table["span_turns_s"].any():
        return np.zeros(len(table))
    order = np.argsort(table["span_at_s"].to_numpy(), kind="stable")
    counted = np.round(table["span_turns_s"].to_numpy(dtype=np.float64)[order] * 1e3)  # see `_wakes`
    found = np.zeros(len(table))
    found[order[:-1]] = np.diff(counted)
    return found


def _turns(table: pd.DataFrame) -> FloatArray:
    return table[TURNS].to_numpy(dtype=np.float64) if TURNS in table else np.zeros(len(table))


def _by_level(solution: FloatArray, known: int) -> FloatArray:
    """What is no level as it is, the levels summed up from the steps between them."""
    return np.concatenate([solution[:known], solution[known:].cumsum()])


def _levels_seen(tables: Sequence[pd.DataFrame]) -> list[float]:
    """The levels with wakes enough; those of a rarer one count as of the level below."""
    counts = sum(_wakes(table, LEVELS_S).sum(axis=0) for table in tables)
    return [
        after_s for after_s, count in zip(LEVELS_S, np.atleast_1d(counts), strict=True) if count >= LEVEL_SAMPLES_MIN
    ]


def _column(table: pd.DataFrame, name: str) -> FloatArray:
    """A column of factors; 1 where there is none."""
    return table[name].to_numpy(dtype=np.float64) if name in table else np.ones(len(table))


def _wakes(table: pd.DataFrame, after_s: Sequence[float]) -> NDArray[np.float64]:
    """How often each request woke the thread (request x level): at its start, and after what it awaited."""
    gap_s, idle_s, milli = (
        table[f"span_{name}_s"].fillna(0.0).to_numpy(dtype=np.float64) for name in ("gap", "idle", "wakes")
    )
    times = np.round(milli * 1e3)  # a number of times, in a header of milliseconds
    wakes = np.zeros((len(table), len(after_s)))
    each_s = idle_s / np.maximum(times, 1)
    for slept_s, count in ((gap_s, np.ones_like(gap_s)), (each_s, times)):
        level = np.searchsorted(after_s, slept_s, side="right") - 1
        rows = np.flatnonzero((level >= 0) & (count > 0))
        wakes[rows, level[rows]] += count[rows]
    return wakes


def _stretches(table: pd.DataFrame, labels: Sequence[str], after_s: Sequence[float]) -> _Stretches:
    ordered = table.sort_values("span_at_s", kind="stable")
    clock, at = (ordered[name].to_numpy(dtype=np.float64) for name in ("span_clock_s", "span_at_s"))
    if (np.diff(clock) < 0).any():
        raise LabError("the requests' CPU clocks are of several processes: calibrate with one worker")
    edges = np.arange(0, len(ordered), STRETCH)
    held = slice(0, STRETCH * (edges.size - 1))
    starts = edges[:-1]
    is_label = np.array([(ordered["label"] == label).to_numpy(dtype=np.float64) for label in labels]).T
    is_label *= _column(ordered, COLDNESS)[:, None]
    counts = np.add.reduceat(is_label[held], starts, axis=0)
    wakes = np.add.reduceat(_wakes(ordered, after_s)[held], starts, axis=0)
    turned = np.add.reduceat(_turns(ordered)[held], starts)
    spins = np.array([np.add.reduceat(_column(ordered, name)[held], starts) / STRETCH for name in SPINS]).T
    sent = np.sort(ordered["sent_s"].to_numpy(dtype=np.float64))
    level = np.searchsorted(SEND_GAPS_S, np.diff(sent, prepend=sent[:1]), side="right")
    is_gap = (level[:, None] == np.arange(1, len(SEND_GAPS_S) + 1)).astype(np.float64)
    gaps = np.add.reduceat(is_gap[held], starts, axis=0)
    return _Stretches(counts, wakes, turned, np.diff(clock[edges]), np.diff(at[edges]), spins, gaps)
