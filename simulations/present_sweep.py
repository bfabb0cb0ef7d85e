"""A sweep on a terminal: which variants meet the SLOs, then the numbers, in eighty columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from simulations.grid import Axis, shown
from simulations.results import place_of
from simulations.sweep_binding import binding
from simulations.sweep_results import SATURATED, Rows, saturated

ROWS_MAX = 60
MAP_COLUMNS_MAX = 30
MARKS = {"met": "[green]■[/]", "missed": "[red]·[/]", "unsure": "[yellow]?[/]"}


def show_sweep(console: Console, axes: tuple[Axis, ...], found: dict[str, Any]) -> None:
    """The answer in one line, what binds in another, a map if two numbers were varied, and a line for each variant."""
    rows: Rows = found["variants"]
    console.print(f"[bold]{answer(axes, rows)}[/]")
    console.print(binding(axes, rows))
    console.print(
        f"{found['replications']} x {found['requests']:,} requests at each variant's peak rate, the same seeds for all",
        style="dim",
    )
    if len(axes) == 2:
        _map(console, axes, rows)
    if len(rows) <= ROWS_MAX:
        _table(console, axes, rows)
    else:
        console.print(f"all {len(rows)} variants: variants.csv in the run folder")
    if count := saturated(rows):
        console.print(
            f"busy {SATURATED:.0%} and more in {count} variants: response times there grow with --requests",
            style="yellow",
        )


def answer(axes: tuple[Axis, ...], rows: Rows) -> str:
    """Where the SLOs are met, in words."""
    met = [row for row in rows if row["slos"] == "met"]
    if len(met) in (0, len(rows)):
        unsure = sum(row["slos"] == "unsure" for row in rows)
        return f"the SLOs are {'met by all' if met else 'surely met by none of the'} {len(rows)} variants" + (
            f" ({unsure} unsure)" if unsure else ""
        )
    if len(axes) == 1:
        path, values = axes[0].path, [row["values"][axes[0].path] for row in met]
        positions = [axes[0].values.index(value) for value in values]
        if len(values) > 2 and positions[-1] - positions[0] == len(positions) - 1 and axes[0].is_numeric:
            return f"SLOs met with {path} from {shown(values[0])} to {shown(values[-1])}"
        return f"SLOs met with {path} = {', '.join(map(shown, values))}"
    return f"SLOs met by {len(met)} of {len(rows)} variants"


def _map(console: Console, axes: tuple[Axis, ...], rows: Rows) -> None:
    """One mark a variant: rows of the first number, columns of the second."""
    down, across = axes
    count = len(across.values)
    if count > MAP_COLUMNS_MAX:
        return
    console.print(f"down: {down.path}; across: {across.path}, {shown(across.values[0])} to {shown(across.values[-1])}")
    width = max(len(shown(value)) for value in down.values)
    for index, value in enumerate(down.values):
        marks = " ".join(MARKS[row["slos"]] for row in rows[index * count : (index + 1) * count])
        console.print(f"  {shown(value):>{width}} {marks}")
    console.print(f"  {MARKS['met']} met  {MARKS['missed']} missed  {MARKS['unsure']} unsure: more --replications")


def _table(console: Console, axes: tuple[Axis, ...], rows: Rows) -> None:
    table = Table(box=None, pad_edge=False)
    for axis in axes:
        table.add_column(_short_name(axis) if len(axes) > 1 else "value", justify="right", no_wrap=True)
    for name in ("peak/s", "p99/SLO", "of", "SLOs", "busiest", "busy", "hits"):
        table.add_column(name, justify="left" if name in ("of", "SLOs", "busiest") else "right", no_wrap=True)
    for row in rows:
        colour = {"met": "green", "missed": "red", "unsure": "yellow"}[row["slos"]]
        hits = row["hit_ratio"]["mean"]
        table.add_row(
            *(shown(value) for value in row["values"].values()),
            f"{row['rate_rps']:,.4g}" if row["rate_rps"] < 1e4 else f"{row['rate_rps']:,.0f}",
            _estimate(row["slo_ratio"]),
            str(row["slo_operation"]),
            f"[{colour}]{row['slos']}[/]",
            place_of(row["busiest"]),
            f"{row['utilisation']['mean']:.1%}",
            f"{hits:.1%}" if np.isfinite(hits) else "-",
        )
    console.print(table)


def _short_name(axis: Axis) -> str:
    """The end of the path, so short that the table fits."""
    leaf = axis.path.rpartition(".")[2]
    return leaf if len(leaf) <= 10 else f"{leaf[:9]}…"


def _estimate(found: dict[str, float | None]) -> str:
    """The mean to two decimals or three digits, and the half-width to as many decimals."""
    mean, half_width = found["mean"], found["half_width"]
    if mean is None or not np.isfinite(mean):
        return "-"
    decimals = 0 if abs(mean) >= 100 else 1 if abs(mean) >= 10 else 2
    return f"{mean:,.{decimals}f}" + ("" if half_width is None else f" ±{half_width:,.{decimals}f}")
