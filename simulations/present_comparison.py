"""Predictions beside what was measured, on the terminal."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console

from sdlab.agreement import JUDGED_SHARE_MAX, Agreement, all_pass, coverage
from simulations.terminal import ms, plain_table


def show(console: Console, rows: list[dict[str, Any]], loads: list[tuple[dict[str, Any], list[Agreement]]]) -> None:
    """One line a load and statistic, the windows that do not count with the reason, and the verdict."""
    table = plain_table("load", "response time from the send (ms): medians over windows, signed errors")
    for name in ("", "measured", "predicted", "error", "over windows", "noise", "M/M/1", "M/G/1"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for about, cells in loads:
        share = f", {about['share']:.0%}" if about["share"] is not None else ""
        heading = f"{about['rate_rps']:.0f}/s{share}"
        if not cells:
            table.add_row(heading, "", "", "", "", "", "", "", "", "no window counts")
        for number, cell in enumerate(cells):
            table.add_row(
                heading if number == 0 else f"[dim]{_windows(about)}[/]" if number == 1 else "",
                cell.statistic,
                ms(cell.measured_s),
                ms(cell.predicted_s),
                percent(cell.error),
                f"{percent(cell.error_low)} to {percent(cell.error_high)}" if cell.windows > 1 else "",
                f"{cell.noise_floor:.1%}" if math.isfinite(cell.noise_floor) else "",
                percent(about["mm1"][cell.statistic]),
                percent(about["mg1"][cell.statistic]),
                verdict(cell),
            )
    console.print(table)
    for row in rows:
        reasons = [*row["reasons"], *([row["rejected"]] if row["rejected"] else [])]
        if row["validity"] == "INVALID" or row["rejected"]:
            word = "REJECTED" if row["rejected"] else "INVALID"
            console.print(f"{word}: {row['run_id']} at {row['rate_rps'] or 0:.0f}/s: {'; '.join(reasons)}", style="dim")
    _overall(console, loads)


def verdict(cell: Agreement) -> str:
    """What the rule says of one cell, in a few words."""
    if cell.passes is None or cell.bound is None or cell.target is None:
        return "[dim]not judged[/]"
    within = f"{cell.target:.0%}" if cell.bound == cell.target else f"{cell.bound:.0%}, twice the noise"
    return f"[green]within {within}[/]" if cell.passes else f"[red]MISSED: beyond {within}[/]"


def percent(share: float) -> str:
    """Signed, to a tenth of a per cent below a tenth; infinite where a queue has no steady state."""
    if math.isnan(share):
        return ""
    if math.isinf(share):
        return "∞"
    return f"{share:+.1%}" if abs(share) < 0.0995 else f"{share:+,.0%}"


def _windows(about: dict[str, Any]) -> str:
    left_out = f", {about['left_out']} left out" if about["left_out"] else ""
    return f"{about['windows']} windows{left_out}"


def _overall(console: Console, loads: list[tuple[dict[str, Any], list[Agreement]]]) -> None:
    judged = [cell for _, cells in loads for cell in cells if cell.passes is not None]
    found = all_pass(judged)
    if found is None:
        console.print("verdict: nothing to judge (a judged load has a share of saturation and a window that counts)")
        return
    passed, met = sum(bool(cell.passes) for cell in judged), sum(bool(cell.meets_target) for cell in judged)
    word = "[green]PASS[/]" if found else "[red]MISSED[/]"
    windows = min(cell.windows for cell in judged)
    console.print(
        f"verdict up to {JUDGED_SHARE_MAX:.0%} of saturation: {word}, {passed} of {len(judged)} cells within their "
        f"bound, {met} within the bare target; the range over {windows} windows holds the median error with a chance "
        f"of {coverage(windows):.0%}",
        soft_wrap=True,
    )
