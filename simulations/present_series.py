"""A run over time on a terminal: lines of blocks for the whole, each operation and each station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console

from simulations.sample_path import Floats
from simulations.terminal import ms, plain_table, sparkline

WIDTH = 32


@dataclass(frozen=True)
class _Line:
    """A metric, what it is called, and its unit;
    it is left out where it stays below ``least``."""

    words: str
    metric: str
    unit: str = ""
    least: float = 0.0

    def shown(self, series: pd.DataFrame, part: str, name: str, step_s: float) -> tuple[str, str] | None:
        """The line of blocks and its highest value; None if there is no such metric or nothing to show."""
        if (part, name, self.metric) not in series.columns:
            return None
        values: Floats = series[part, name, self.metric].to_numpy(dtype=np.float64)
        if self.unit == "/s":
            values = values / step_s
        highest = float(np.nanmax(values, initial=0.0))
        if highest < self.least:
            return None
        written = {"ms": f"{ms(highest)} ms", "%": f"{100 * highest:.3g} %"}
        return sparkline(values, WIDTH), written.get(self.unit, f"{highest:,.3g}{self.unit}")


P99 = _Line("p99", "response_time_s_p99", "ms")
NOT_COMPLETED = tuple(
    _Line(outcome.replace("_", " "), outcome, "/s", least=1e-9) for outcome in ("rejected", "timed_out", "failed")
)
OF_ALL = (
    _Line("in flight", "in_flight_mean"),
    _Line("arrivals", "arrivals", "/s"),
    _Line("completed", "completed", "/s"),
    *NOT_COMPLETED,
    _Line("p50", "response_time_s_p50", "ms"),
    P99,
)
OF_AN_OPERATION = (*NOT_COMPLETED, P99)
OF_A_STATION = (
    _Line("busy", "utilisation", "%", least=0.01),
    _Line("queue", "queue_length_mean", least=0.1),
)


def show_series(
    console: Console, series: pd.DataFrame, step_s: float, operations: Sequence[str], stations: Sequence[str]
) -> None:
    """Each line from 0 to its own highest value over a step: a blank is a step in which there was none."""
    table = plain_table("", f"over time: {len(series):,} steps of {step_s:g} s, each line from 0 to its highest")
    for justify in ("left", "left", "right"):
        table.add_column("highest" if justify == "right" else "", justify=justify, no_wrap=True)
    rows = [("requests", "all", OF_ALL)]
    rows += [("requests", name, OF_AN_OPERATION) for name in operations]
    rows += [("stations", name, OF_A_STATION) for name in stations]
    for part, name, lines in rows:
        label = name
        for line in lines:
            shown = line.shown(series, part, name, step_s)
            if shown is not None:
                table.add_row(label, line.words, *shown)
                label = ""
    console.print(table)
    console.print("left out: stations that stay below 1 % busy, queues below 0.1", style="dim")
