"""Predictions beside what was measured, on the terminal."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console

from sdlab.agreement import JUDGED_SHARE_MAX, Agreement, all_pass, coverage
from simulations.terminal import ms, plain_table


def show(console: Console, rows: list[dict[str, Any]], loads: list[tuple[dict[str, Any], list[Agreement]]]) -> None:
    """A table a load, the windows that do not count with the reason, and the verdict."""
    for about, cells in loads:
        share = f" ({about['share']:.0%} of saturation)" if about["share"] is not None else ""
        table = plain_table("ms", f"{about['rate_rps']:.0f} requests/s{share}: {_windows(about)}")
        for name in ("measured", "model", "error", "range", "noise", "M/M/1", "M/G/1"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        for cell in cells:
            table.add_row(
                cell.statistic,
                ms(cell.measured_s),
                ms(cell.predicted_s),
                percent(cell.error),
                f"{percent(cell.error_low)} {percent(cell.error_high)}" if cell.windows > 1 else "",
                f"{cell.noise_floor:.0%}" if math.isfinite(cell.noise_floor) else "",
                percent(about["mm1"][cell.statistic]),
                percent(about["mg1"][cell.statistic]),
                verdict(cell),
            )
        console.print(table if cells else table.title or "")
    for row in rows:
        reasons = [*row["reasons"], *([row["rejected"]] if row["rejected"] else [])]
        if row["validity"] == "INVALID" or row["rejected"]:
            word = "REJECTED" if row["rejected"] else "INVALID"
            console.print(f"{word}: {row['run_id']} at {row['rate_rps'] or 0:.0f}/s: {'; '.join(reasons)}", style="dim")
    _overall(console, loads)


def verdict(cell: Agreement) -> str:
    """What the rule says of one cell, or a dash if it is not judged.

    The bound is the target, or twice the noise floor if that is larger.
    """
    if cell.passes is None or cell.bound is None:
        return "[dim]–[/]"
    return f"[green]within {cell.bound:.0%}[/]" if cell.passes else f"[red]MISSED {cell.bound:.0%}[/]"


def percent(share: float) -> str:
    """Signed, to a tenth of a per cent below a tenth; infinite where a queue has no steady state."""
    if math.isnan(share):
        return ""
    if math.isinf(share):
        return "∞"
    return f"{share:+.1%}" if abs(share) < 0.0995 else f"{share:+,.0%}"


def _windows(about: dict[str, Any]) -> str:
    count = f"{about['windows']} windows, medians" if about["windows"] != 1 else "1 window"
    left_out = f"; {about['left_out']} left out" if about["left_out"] else ""
    return (count if about["windows"] else "no window counts") + left_out


def _overall(console: Console, loads: list[tuple[dict[str, Any], list[Agreement]]]) -> None:
    judged = [cell for _, cells in loads for cell in cells if cell.passes is not None]
    found = all_pass(judged)
    if found is None:
        console.print("verdict: nothing to judge (a judged load has a share of saturation and a window that counts)")
        return
    passed, met = sum(bool(cell.passes) for cell in judged), sum(bool(cell.meets_target) for cell in judged)
    word = "[green]PASS[/]" if found else "[red]MISSED[/]"
    windows = min(cell.windows for cell in judged)
    interval = (
        f"; the range over {windows} windows holds the median error with a chance of {coverage(windows):.0%}"
        if windows > 1
        else ""
    )
    console.print(
        f"verdict up to {JUDGED_SHARE_MAX:.0%} of saturation: {word}, {passed} of {len(judged)} cells within their "
        f"bound, {met} within the bare target{interval}",
        soft_wrap=True,
    )
