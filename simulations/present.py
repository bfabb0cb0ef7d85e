"""Results on a terminal: the answer first, then the tables behind it. Times in milliseconds."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from sdlab.runs import Run
from sdlab.spec import Design
from simulations.estimates import Estimate
from simulations.scenario import ASSUMED
from simulations.study import interval


def show(console: Console, design: Design, content: dict[str, Any], parameters: dict[str, Any], took_s: float) -> None:
    """One run: SLOs met or not, percentiles, stations, caches, where the time goes, self-checks."""
    total = content["summary"][0]
    console.print(
        f"[bold]{design.title}[/]: {total['requests']:,} requests simulated in {took_s:.1f} s "
        f"({total['requests'] / took_s:,.0f} requests/s, {parameters['engine']} engine)"
    )
    for row in content["slo"]:
        console.print(_slo_line(row))
    if parameters["calibration"] == ASSUMED:
        console.print("demands are the design's assumptions: nothing has been measured yet", style="yellow")
    _percentiles(console, content["summary"])
    _stations(console, content["stations"])
    for cache in content["caches"]:
        console.print(
            f"cache {cache['name']}: hit ratio {cache['hit_ratio']:.1%} of {cache['lookups']:,} lookups "
            f"({cache['capacity_entries']:,} entries, {cache['policy']})"
        )
    _breakdown(console, content["breakdown"])
    broken = [check for check in content["checks"] if not check["ok"]]
    for check in broken:
        console.print(f"self-check broken: {check}", style="red")
    if not broken:
        console.print(f"self-checks: all {len(content['checks'])} hold (Little's law, utilisation law, flow balance)")


def _slo_line(row: dict[str, Any]) -> str:
    word = "[green]met[/]" if row["met"] else "[red]MISSED[/]"
    where = "p99 of the worst hour" if row["worst_hour"] else "p99"
    return (
        f"SLO {row['operation']} {word}: {where} {1e3 * row['response_time_s_p99']:.2f} ms of "
        f"{1e3 * row['response_time_s_p99_bound']:g} ms, availability {row['availability']:.3%} of "
        f"{row['availability_bound']:.2%}"
    )


def _percentiles(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table("operation", title="response time (ms)", title_justify="left", box=None)
    for name in ("requests", "rate (1/s)", "mean", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    for row in rows:
        times = (row[f"response_time_s_{name}"] for name in ("mean", "p50", "p95", "p99", "max"))
        table.add_row(
            row["operation"], f"{row['requests']:,}", f"{row['rate_rps']:.4g}", *(_ms(time_s) for time_s in times)
        )
    console.print(table)


def _stations(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table("station", title="stations and pools", title_justify="left", box=None)
    for name in ("servers", "utilisation", "mean queue", "max queue", "wait (ms)", "service (ms)"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["name"],
            str(row["servers"]),
            f"{row['utilisation']:.1%}",
            f"{row['queue_length_mean']:.3g}",
            f"{row['queue_length_max']:,}",
            _ms(row["wait_s_mean"]),
            _ms(row["service_s_mean"]),
        )
    console.print(table)


def _breakdown(console: Console, content: dict[str, Any]) -> None:
    """The mean time of a request by tier; "+" separates waiting from service."""
    wait_s, service_s = np.asarray(content["wait_s"]), np.asarray(content["service_s"])
    used = [i for i in range(len(content["resources"])) if (wait_s[:, i] + service_s[:, i]).any()]
    table = Table("operation", title="where the time goes: wait + service (ms)", title_justify="left", box=None)
    for index in used:
        table.add_column(content["resources"][index], justify="right")
    for row, operation in enumerate(content["operations"]):
        cells = (f"{_ms(wait_s[row, i])} + {_ms(service_s[row, i])}" for i in used)
        table.add_row(operation, *cells)
    console.print(table)


def across_replications(summaries: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Mean and 95 % half-width (Student's t) of each percentile over replications, per operation."""
    rows = []
    for index, first in enumerate(summaries[0]):
        row: dict[str, Any] = {"operation": first["operation"], "replications": len(summaries)}
        for name in ("mean", "p50", "p95", "p99"):
            found = interval([summary[index][f"response_time_s_{name}"] for summary in summaries])
            row[f"response_time_s_{name}"] = found.mean
            row[f"response_time_s_{name}_half_width"] = found.half_width
        rows.append(row)
    return rows


def show_replications(console: Console, rows: list[dict[str, Any]]) -> None:
    count = rows[0]["replications"]
    title = f"over {count} replications: mean ± half-width (95 %) (ms)"
    table = Table("operation", title=title, title_justify="left", box=None)
    for name in ("mean", "p50", "p95", "p99"):
        table.add_column(name, justify="right")
    for row in rows:
        cells = (
            f"{_ms(row[f'response_time_s_{name}'])} ± {_ms(row[f'response_time_s_{name}_half_width'])}"
            for name in ("mean", "p50", "p95", "p99")
        )
        table.add_row(row["operation"], *cells)
    console.print(table)


def show_estimates(console: Console, rows: list[Estimate]) -> None:
    table = Table("what", "how much", "how it follows", box=None)
    for row in rows:
        table.add_row(row.what, row.value, f"[dim]{row.how}[/]")
    console.print(table)


def comparison(measured: Run, content: dict[str, Any]) -> dict[str, Any]:
    """Percentiles of all operations together, measured and predicted, with the signed relative error."""
    ours, theirs = content["summary"][0], measured.json("summary")[0]
    validity = measured.manifest.validity
    row: dict[str, Any] = {
        "run_id": measured.manifest.run_id,
        "rate_rps": measured.manifest.parameters.get("rate_rps"),
        "validity": validity.word if validity else None,
    }
    for name in ("mean", "p50", "p95", "p99"):
        predicted_s, measured_s = ours[f"response_time_s_{name}"], theirs[f"response_time_s_{name}"]
        row[name] = {
            "predicted_s": predicted_s,
            "measured_s": measured_s,
            "error": predicted_s / measured_s - 1 if measured_s else float("nan"),
        }
    return row


def show_comparison(console: Console, rows: list[dict[str, Any]], source: str) -> None:
    """One line a load test, by rate: predicted, measured and the signed error of each percentile."""
    title = f"predicted / measured (ms), signed error; demands {source}"
    table = Table("rate (1/s)", title=title, title_justify="left", box=None)
    names = ("p50", "p95", "p99")
    for name in (*names, "validity"):
        table.add_column(name, justify="right")
    for row in sorted(rows, key=lambda row: float(row["rate_rps"] or 0)):
        cells = (
            f"{_ms(row[name]['predicted_s'])} / {_ms(row[name]['measured_s'])}  {row[name]['error']:+.0%}"
            for name in names
        )
        table.add_row(f"{row['rate_rps'] or 0:.0f}", *cells, row["validity"] or "")
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
    table = Table("rate (1/s)", title="probes", title_justify="left", box=None)
    operations = list(found["probes"][0]["response_time_s_p99"])
    for operation in operations:
        table.add_column(f"{operation} p99 (ms)", justify="right")
    table.add_column("SLOs")
    for probe in sorted(found["probes"], key=lambda probe: float(probe["rate_rps"])):
        times = (_ms(probe["response_time_s_p99"][operation]) for operation in operations)
        table.add_row(f"{probe['rate_rps']:,.1f}", *times, "met" if probe["meets_slos"] else "[red]missed[/]")
    console.print(table)


def show_sweep(console: Console, place: str, content: dict[str, Any]) -> None:
    table = Table(place, title=f"at {content['rate_rps']:,.0f} requests/s", title_justify="left", box=None)
    columns = [f"{operation} p99 (ms)" for operation in content["response_time_s_p99_by_operation"]]
    for name in ("hit ratio", *columns, "busiest station", "utilisation"):
        table.add_column(name, justify="right")
    for index, value in enumerate(content["values"]):
        times = [_ms(series[index]) for series in content["response_time_s_p99_by_operation"].values()]
        table.add_row(
            f"{value:,}",
            f"{content['hit_ratio'][index]:.1%}",
            *times,
            content["busiest"][index],
            f"{content['utilisation'][index]:.1%}",
        )
    console.print(table)


def _ms(time_s: float) -> str:
    """Milliseconds to three significant digits, without an exponent."""
    value = 1e3 * time_s
    if not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
