"""The benchmark on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.engines.networks import NETWORKS

MIB = 2**20


def show(console: Console, document: Mapping[str, Any]) -> None:
    """Whatever the document holds."""
    if "engines" in document:
        show_rates(console, document["engines"])
    for curve in document.get("growth", {}).values():
        show_curve(console, curve)
    if "day" in document:
        show_day(console, document["day"])
    if "profile" in document:
        show_profile(console, document["profile"])


def show_rates(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Two tables a network: first runs of fresh processes, and steady ones."""
    for network in dict.fromkeys(row["network"] for row in rows):
        console.print(f"\n[bold]{NETWORKS[network].title}[/] ({network}): requests per CPU second")
        table = _table("first run", "requests/s", "spread", "× SimPy", "× Cimba", "mean", "p99", "peak MiB", "start s")
        steady = _table("steady", "requests/s", "× SimPy", "× Cimba")
        for row in (row for row in rows if row["network"] == network):
            scale, unit = (1000, " ms") if row["latency_s_p99"] < 1 else (1, " s")
            table.add_row(
                row["title"],
                f"{row['requests_per_s']:,.0f}",
                f"{row['requests_per_s_min'] / row['requests_per_s'] - 1:+.0%} "
                f"{row['requests_per_s_max'] / row['requests_per_s'] - 1:+.0%}",
                _ratio(row["ratio_to_simpy"]),
                _ratio(row["ratio_to_cimba"]),
                f"{row['latency_s_mean'] * scale:.2f} ±{row['latency_s_mean_half_width'] * scale:.2f}{unit}",
                f"{row['latency_s_p99'] * scale:.1f}{unit}",
                f"{row['peak_memory_bytes'] / MIB:,.0f}",
                _start(row),
            )
            steady.add_row(
                row["title"],
                f"{row['requests_per_s_steady']:,.0f}",
                _ratio(row["ratio_to_simpy_steady"]),
                _ratio(row["ratio_to_cimba_steady"]),
            )
        console.print(table)
        console.print(steady)
        told = "first run: of a fresh process; steady: the fastest within one, its memory at hand; ratios like to like"
        console.print(told, style="dim", soft_wrap=True)
        for row in rows:
            if row["network"] == network and (given := row["requests_per_s_arrivals_given"]):
                console.print(f"{row['title']}, arrivals given, first run: {given:,.0f} requests/s", style="dim")


def show_curve(console: Console, curve: Mapping[str, Any]) -> None:
    """Nanoseconds a request along one axis of growth."""
    console.print(f"\n[bold]Growth with {curve['title']}[/]")
    table = _table(curve["x"], "requests run", "in flight", "ns a request", "spread")
    for point in curve["points"]:
        table.add_row(
            f"{point['x']:,}",
            f"{point['requests']:,}",
            f"{point['mean_in_flight']:,.0f}",
            f"{point['ns_per_request']:,.0f}",
            _spread(point, "ns_per_request"),
        )
    console.print(table)


def show_day(console: Console, day: Mapping[str, Any]) -> None:
    """The design's whole day."""
    console.print(
        f"\n[bold]A day of {day['design']}[/], {day['requests']:,} requests on one core: "
        f"{day['engine_cpu_s']:.2f} CPU s in the engine ({day['engine_wall_s']:.2f} s on the clock; "
        f"{day['requests_per_s']:,.0f} requests/s), {day['engine_with_hours_cpu_s']:.2f} s with accounts by the hour; "
        f"{day['making_requests_cpu_s']:.2f} s to make the requests; hit ratio {day['hit_ratio']:.1%}; "
        f"peak memory {day['peak_memory_bytes'] / MIB:,.0f} MiB",
        soft_wrap=True,
    )


def show_profile(console: Console, rungs: Sequence[Mapping[str, Any]]) -> None:
    """Each rung's own cost, and its share of the whole network's."""
    console.print("\n[bold]Where a request's nanoseconds go[/]: each line adds one thing to the line it names")
    table = _table("line", "adds", "to", "ns", "ns in all", "spread", "share", text_columns=3)
    for rung in rungs:
        table.add_row(
            rung["rung"],
            rung["adds"],
            rung["on"] or "",
            f"{rung['added_ns']:+.1f}",
            f"{rung['ns_per_request']:.1f}",
            _spread(rung, "ns_per_request"),
            f"{rung['share']:.0%}",
        )
    console.print(table)
    console.print("shares are of the line `third`, the whole network of three stations", style="dim")


def _spread(one: Mapping[str, Any], name: str) -> str:
    return f"{one[f'{name}_min'] / one[name] - 1:+.0%} {one[f'{name}_max'] / one[name] - 1:+.0%}"


def _start(row: Mapping[str, Any]) -> str:
    cold_s = row["cold_compile_s"]
    return f"{row['warm_start_s']:.2f}" if cold_s is None else f"{row['warm_start_s']:.2f} ({cold_s:.1f} cold)"


def _ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(*columns: str, text_columns: int = 1) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < text_columns else "right")
    return table
