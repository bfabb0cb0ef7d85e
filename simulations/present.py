"""Results on a terminal: the answer first, then the tables behind it. Times in milliseconds."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from sdlab.spec import SECONDS_PER_DAY, Design
from simulations.estimates import Estimate
from simulations.present_evidence import (
    show_checks,
    show_guards,
    show_outcomes,
    show_replications,
    show_steady_state,
)
from simulations.present_series import show_series
from simulations.run import Simulated
from simulations.scenario import ASSUMED
from simulations.terminal import ms, plain_table

WHY_NO_WARM_UP = {
    "day": "it is the whole day that counts",
    "trace": "it is the whole log that counts",
    "replay": "it is what was sent that counts",
    "histograms": "histograms keep no order of requests; --replications gives intervals",
    "steady": "the rate changes during the run, which has no steady state",
}


def show(console: Console, simulated: Simulated) -> None:
    """One run: SLOs met or not, percentiles, outcomes, intervals, stations, caches, guards, time, self-checks."""
    scenario, content = simulated.scenario, simulated.content
    total = content["summary"][0]
    if "account" in scenario.parameters:
        console.print(f"trace: {scenario.parameters['account']}", style="dim")
    console.print(
        f"[bold]{scenario.design.title}[/]: {total['requests']:,} requests simulated in {simulated.took_s:.1f} s "
        f"({total['requests'] / simulated.took_s:,.0f}/s, {simulated.engine})"
    )
    day_s = scenario.parameters.get("day_s", SECONDS_PER_DAY)
    if day_s < SECONDS_PER_DAY:
        console.print(
            f"a day of {scenario.design.workload.requests_per_day:,.0f} requests, shortened to {day_s:,.0f} s: "
            "every rate of the day occurs, for a shorter time",
            style="yellow",
        )
    for row in content["slo"]:
        console.print(_slo_line(row))
    if scenario.parameters["calibration"] == ASSUMED:
        console.print("demands are the design's assumptions: nothing has been measured yet", style="yellow")
    _percentiles(console, content["summary"])
    show_outcomes(console, content["summary"], content["outcomes"])
    if "replications" in content:
        show_replications(console, content["replications"])
    else:
        mode = "steady" if simulated.path.histograms is None else "histograms"
        mode = scenario.parameters["mode"] if scenario.parameters["mode"] != "steady" else mode
        show_steady_state(console, content.get("steady_state"), WHY_NO_WARM_UP[mode])
    if simulated.series is not None:
        step_s = simulated.path.bins.bin_s if simulated.path.bins else 0.0
        show_series(console, simulated.series, step_s, simulated.requests.operations, simulated.path.queues)
    _stations(console, content["stations"])
    for cache in content["caches"]:
        by_entries = cache["capacity_bytes"] is None
        size = f"{cache['capacity_entries']:,} entries" if by_entries else f"{cache['capacity_bytes']:,} bytes"
        console.print(
            f"cache {cache['name']}: hit ratio {cache['hit_ratio']:.1%} of {cache['lookups']:,} lookups "
            f"({size}, {cache['policy']})"
        )
    _breakdown(console, content["breakdown"])
    show_guards(console, content["guards"])
    show_checks(console, content["checks"])


def _slo_line(row: dict[str, Any]) -> str:
    word = "[green]met[/]" if row["met"] else "[red]MISSED[/]"
    where = "p99 of the worst hour" if row["worst_hour"] else "p99"
    return (
        f"SLO {row['operation']} {word}: {where} {ms(row['response_time_s_p99'])} ms of "
        f"{1e3 * row['response_time_s_p99_bound']:g} ms, availability {row['availability']:.3%} of "
        f"{row['availability_bound']:.2%}"
    )


def _percentiles(console: Console, rows: list[dict[str, Any]]) -> None:
    table = plain_table("operation", "response time of completed requests (ms)")
    for name in ("requests", "rate (1/s)", "mean", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    for row in rows:
        times = (row[f"response_time_s_{name}"] for name in ("mean", "p50", "p95", "p99", "max"))
        table.add_row(
            row["operation"], f"{row['requests']:,}", f"{row['rate_rps']:.4g}", *(ms(time_s) for time_s in times)
        )
    console.print(table)


def _stations(console: Console, rows: list[dict[str, Any]]) -> None:
    table = plain_table("station", "stations, pools, queues: share busy, queue, mean times of a visit")
    for name in ("servers", "busy", "queue", "max", "wait (ms)", "service (ms)"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["name"],
            str(row["servers"]),
            f"{row['utilisation']:.1%}",
            f"{row['queue_length_mean']:.3g}",
            f"{row['queue_length_max']:,}",
            ms(row["wait_s_mean"]),
            ms(row["service_s_mean"]),
        )
    console.print(table)


def _breakdown(console: Console, content: dict[str, Any]) -> None:
    """The mean time of a request of each operation at each tier; "+" separates waiting from service."""
    table = plain_table("", "where the time goes: wait + service (ms)")
    for operation in content["operations"]:
        table.add_column(operation, justify="right")
    for index, resource in enumerate(content["resources"]):
        waits, services = ([row[index] for row in content[name]] for name in ("wait_s", "service_s"))
        if any(waits) or any(services):
            cells = (f"{ms(w)} + {ms(s)}" if w or s else "" for w, s in zip(waits, services, strict=True))
            table.add_row(resource, *cells)
    console.print(table)


def show_estimates(console: Console, rows: list[Estimate]) -> None:
    table = Table("what", "how much", "how it follows", box=None)
    for row in rows:
        table.add_row(row.what, row.value, f"[dim]{row.how}[/]")
    console.print(table)


def show_capacity(console: Console, design: Design, found: dict[str, Any]) -> None:
    """The highest rate within the SLOs, what saturates first, and the probes."""
    peak = design.workload.peak_rate_rps
    bottleneck = found["bottleneck"]
    console.print(
        f"[bold]{design.title}[/]: meets its SLOs up to {found['rate_rps']:,.0f} requests/s, "
        f"{found['rate_rps'] / peak:.1f} times the design's peak of {peak:,.0f}"
    )
    console.print(f"first to saturate: {bottleneck['station']} ({bottleneck['utilisation']:.0%} busy there)")
    if asked := found["as_searched"]:
        console.print(
            f"as the running service was searched ({asked['search']}): {asked['keys']:,} keys, all in the cache",
            soft_wrap=True,
        )
    table = plain_table("rate (1/s)", "probes")
    operations = list(found["probes"][0]["response_time_s_p99"])
    for operation in operations:
        table.add_column(f"{operation} p99 (ms)", justify="right")
    table.add_column("SLOs")
    for probe in sorted(found["probes"], key=lambda probe: float(probe["rate_rps"])):
        times = (ms(probe["response_time_s_p99"][operation]) for operation in operations)
        table.add_row(f"{probe['rate_rps']:,.1f}", *times, "met" if probe["meets_slos"] else "[red]missed[/]")
    console.print(table)
