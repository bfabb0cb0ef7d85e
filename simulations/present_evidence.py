"""What became of the requests, and how far a run's numbers can be trusted, on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from simulations.terminal import ms, plain_table, plus_minus

MEASURES = ("mean", "p50", "p95", "p99")


def show_outcomes(console: Console, summary: list[dict[str, Any]], outcomes: list[dict[str, Any]]) -> None:
    """How requests ended; nothing if all completed at the first attempt."""
    if all(row["completed"] == row["requests"] and not row["retried"] for row in summary):
        return
    table = plain_table("operation", "how requests ended")
    for name in ("completed", "rejected", "timed out", "failed", "retried", "goodput (1/s)"):
        table.add_column(name, justify="right")
    for row in summary:
        counts = (row[name] for name in ("completed", "rejected", "timed_out", "failed", "retried"))
        table.add_row(row["operation"], *(f"{count:,}" for count in counts), f"{row['goodput_rps']:.4g}")
    console.print(table)
    others = [row for row in outcomes if row["outcome"] != "completed"]
    if not others:
        return
    table = plain_table("operation", "how long those took that did not complete (ms)")
    for name in ("outcome", "requests", "share", "mean", "p50", "p99", "max"):
        table.add_column(name, justify="left" if name == "outcome" else "right")
    for row in others:
        times = (ms(row[f"response_time_s_{name}"]) for name in ("mean", "p50", "p99", "max"))
        words = row["outcome"].replace("_", " ")
        table.add_row(row["operation"], words, f"{row['requests']:,}", f"{row['share']:.2%}", *times)
    console.print(table)


def show_guards(console: Console, guards: dict[str, list[dict[str, Any]]]) -> None:
    """A line for each token bucket, breaker and budget, and for each balancer with its targets' shares."""
    for row in guards.get("buckets", []):
        console.print(f"token bucket {row['name']}: let {row['taken']:,} through, rejected {row['rejected']:,}")
    for row in guards.get("breakers", []):
        times = "never opened" if not row["opened"] else f"opened {row['opened']:,} times"
        console.print(f"breaker {row['name']}: {times}, rejected {row['rejected']:,} calls")
    for row in guards.get("budgets", []):
        console.print(f"retry budget {row['name']}: allowed {row['taken']:,} retries, refused {row['refused']:,}")
    balancers = guards.get("balancers", [])
    for name in dict.fromkeys(row["name"] for row in balancers):
        shares = (f"{row['target']} {row['share']:.1%}" for row in balancers if row["name"] == name)
        console.print(f"balancer {name}: {', '.join(shares)}")


def show_steady_state(console: Console, content: dict[str, Any] | None, why_not: str) -> None:
    """The warm-up that was cut and every measure with its interval; or why there is none."""
    if content is None:
        console.print(f"no warm-up is cut: {why_not}", style="dim")
        return
    if content["rows"]:
        _intervals(console, "steady state (ms, 95 % interval)", content["rows"])
        count, until_s = content["warm_up_requests"], content["warm_up_s"]
        cut = f"the first {count:,} requests ({until_s:.3g} s)" if count else "nothing"
        console.print(f"warm-up cut by MSER-5: {cut}", style="dim")
    for warning in content["warnings"]:
        console.print(warning, style="yellow")


def show_replications(console: Console, rows: list[dict[str, Any]]) -> None:
    """Means over replications with their half-widths."""
    _intervals(console, f"over {rows[0]['replications']} replications (ms, 95 % interval)", rows)


def _intervals(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    table = plain_table("operation", title)
    for name in MEASURES:
        table.add_column(name, justify="right")
    for row in rows:
        keys = (f"response_time_s_{name}" for name in MEASURES)
        table.add_row(row["operation"], *(plus_minus(row[key], row[f"{key}_half_width"]) for key in keys))
    console.print(table)


def show_checks(console: Console, checks: list[dict[str, Any]]) -> None:
    """One line if every law holds, else each that does not."""
    broken = [check for check in checks if not check["ok"]]
    for check in broken:
        sides = f"{check['left']:.9g} is not {check['right']:.9g}"
        console.print(f"self-check broken: {check['law']} at {check['resource']}: {sides}", style="red")
    if not broken:
        console.print(f"self-checks: all {len(checks)} hold (Little's law, utilisation law, flow balance)")
