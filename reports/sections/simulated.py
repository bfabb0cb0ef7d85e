"""What the model says of the whole day, of the cache's size and of capacity."""

from __future__ import annotations

import math

from reports import figures, time_figure
from reports import numbers as n
from reports.collect import Material
from reports.document import Cell, Line, Section, Table, columns, rows
from reports.files import Breakdown, CacheRow, CacheSweep, Capacity, Check, Hours
from reports.verdict import WHOLE_DAY, SloResult, Verdict, place


def day(material: Material, verdict: Verdict) -> Section:
    """The SLOs, the operations and the hours of the simulated day."""
    title = "The day, hour by hour"
    if material.day is None:
        return Section("day", title, gap=f"No day was simulated: `./lab simulate {material.study.slug}` does it.")
    hours = material.day.hours
    tables = [_slos(verdict), _operations(material)]
    gap = "" if hours else "The run of the day has no hours.json."
    return Section(
        "day",
        title,
        text=(_requests(material, verdict),),
        figure=figures.day(hours, material.design.slo) if hours else None,
        tables=(*tables, _hours(hours)) if hours else tuple(tables),
        gap=gap,
    )


def breakdown(material: Material) -> Section:
    """Where the time goes."""
    title = "Where the time goes"
    found = material.day.breakdown if material.day else None
    if found is None:
        gap = f"No breakdown was simulated: `./lab simulate {material.study.slug}` makes one."
        return Section("breakdown", title, gap=gap)
    return Section("breakdown", title, figure=time_figure.where_time_goes(found), tables=(_parts(found),))


def cache(material: Material) -> Section:
    """Cache size against hit ratio and p99."""
    title = "Cache size"
    operation = swept_operation(material)
    caches = _caches(material)
    tables = [caches] if caches else []
    if material.sweep is None or operation is None:
        gap = "Cache sizes were not swept: `./lab run` does it."
        return Section("cache", title, tables=tuple(tables), gap=gap)
    sizes = [tier.capacity_entries for tier in material.design.topology.values() if tier.capacity_entries]
    slo = material.design.slo.get(operation)
    figure = figures.cache_size(material.sweep, operation, sizes[0] if sizes else None, slo)
    return Section("cache", title, figure=figure, tables=(*tables, _sweep(material.sweep, operation)))


def stations(material: Material) -> Section:
    """Utilisation and queue of each station over the day."""
    title = "Stations over the day"
    found = material.day.stations if material.day else []
    if not found:
        gap = f"No stations were simulated: `./lab simulate {material.study.slug}` does it."
        return Section("stations", title, gap=gap)
    groups = []
    for tier in dict.fromkeys(row.tier for row in found):
        lines: list[Line] = [
            [row.name, f"{row.servers:,}", n.percent(row.utilisation), n.significant(row.queue_length_mean),
             n.count(row.queue_length_max), n.count(row.arrivals), n.duration(row.wait_s_mean),
             n.duration(row.service_s_mean)]
            for row in found if row.tier == tier
        ]  # fmt: skip
        groups.append(rows(lines, tier))
    heads = columns("Station", "Servers#", "Utilisation#", "Queue, mean#", "Queue, longest#", "Arrivals#",
                    "Wait, mean#", "Service, mean#")  # fmt: skip
    return Section("stations", title, tables=(Table("Means over the run of the day, by tier", heads, tuple(groups)),))


def capacity(material: Material) -> Section:
    """How the highest rate within the SLOs was searched."""
    scopes = (("The design's topology", material.capacity), ("The reference deployment", material.capacity_reference))
    tables = tuple(_probes(words, found) for words, found in scopes if found)
    missing = [words.lower() for words, found in scopes if not found]
    gap = f"Not searched for {n.words(missing)}: `./lab capacity {material.study.slug}` does it." if missing else ""
    return Section("capacity", "Capacity", tables=tables, gap=gap)


def checks(material: Material) -> Section:
    """The laws that each run is held against, whatever its assumptions."""
    title = "Self-checks of the simulated day"
    found = material.day.checks if material.day else []
    if not found:
        return Section("checks", title, gap="No self-checks were recorded with the day.")
    failed = [check for check in found if not check.ok]
    text = f"All {len(found)} hold." if not failed else f"{len(failed)} of {len(found)} do NOT hold."
    lines = [_law(law, [check for check in found if check.law == law]) for law in dict.fromkeys(c.law for c in found)]
    heads = columns("Law", "Checked#", "Largest difference#", "Verdict")
    tables = [Table("Laws that need no assumption", heads, (rows(lines),))]
    if failed:
        broken: list[Line] = [
            [Cell(check.law, "bad"), check.station or "whole run", n.significant(check.left, 6),
             n.significant(check.right, 6), n.percent(abs(check.relative_difference))]
            for check in failed
        ]  # fmt: skip
        heads = columns("Law", "Station", "Left#", "Right#", "Difference#")
        tables.append(Table("Broken", heads, (rows(broken),)))
    return Section("checks", title, text=(text,), tables=tuple(tables))


def _law(law: str, found: list[Check]) -> Line:
    largest = max(abs(check.relative_difference) for check in found)
    held = all(check.ok for check in found)
    difference = f"{largest:.1e}".replace("e-0", "e-") if largest else "0"
    return [law, str(len(found)), difference, Cell("holds", "good") if held else Cell("BROKEN", "bad")]


def swept_operation(material: Material) -> str | None:
    """The operation with the largest share among those swept; "all" if nothing else was."""
    swept = material.sweep.response_time_s_p99_by_operation if material.sweep else {}
    shares = {name: operation.share for name, operation in material.design.workload.operations.items()}
    return max(swept, key=lambda name: shares.get(name, 0.0), default=None)


def slo_cell(one: SloResult) -> Cell:
    if one.met is None:
        return Cell("not known", "muted")
    return Cell("met", "good") if one.met else Cell("NOT met", "bad")


def _requests(material: Material, verdict: Verdict) -> str:
    day = material.day
    count = day.run.manifest.parameters.get("requests") if day else None
    words = f"{count:,} requests simulated one by one" if isinstance(count, int) else "Simulated request by request"
    if verdict.day_share is not None and verdict.day_share < WHOLE_DAY:
        words += f", which is only {n.percent(verdict.day_share)} of the day: no verdict on the SLOs follows"
    overrides = day.run.manifest.overrides if day else []
    return f"{words}{', with ' + n.words(overrides) if overrides else ''}."


def _slos(verdict: Verdict) -> Table:
    lines: list[Line] = [
        [one.operation, n.duration(one.response_time_s_p99), "" if one.worst_hour is None else f"{one.worst_hour:.0f}",
         n.duration(one.bound.response_time_s_p99), n.percent(one.availability), n.percent(one.bound.availability),
         slo_cell(one)]
        for one in verdict.slos
    ]  # fmt: skip
    heads = columns("Operation", "p99, worst hour#", "Hour (UTC)#", "Bound#", "Availability, day#", "Bound#", "SLO")
    whole = verdict.day_share is None or verdict.day_share >= WHOLE_DAY
    return Table("The SLOs" if whole else "The SLOs over the simulated part of the day", heads, (rows(lines),))


def _operations(material: Material) -> Table:
    lines: list[Line] = [
        [row.operation, n.count(row.requests), n.percent(row.availability), n.duration(row.response_time_s_mean),
         n.duration(row.response_time_s_p50), n.duration(row.response_time_s_p95),
         n.duration(row.response_time_s_p99), n.duration(row.response_time_s_max)]
        for row in (material.day.summary if material.day else [])
    ]  # fmt: skip
    heads = columns("Operation", "Requests#", "Completed#", "Mean#", "p50#", "p95#", "p99#", "Longest#")
    return Table("Response times over the run of the day", heads, (rows(lines),))


def _hours(hours: Hours) -> Table:
    p99, busy = hours.response_time_s_p99, hours.utilisation
    lines: list[Line] = [
        [f"{hour:.0f}", n.significant(hours.arrival_rate_rps[i]), *(n.duration(values[i]) for values in p99.values()),
         *(n.percent(values[i]) for values in busy.values()),
         *([n.percent(hours.hit_ratio[i])] if hours.hit_ratio else [])]
        for i, hour in enumerate(hours.hour)
    ]  # fmt: skip
    heads = ["Hour (UTC)#", "Requests/s#", *(f"p99 {name}#" for name in p99), *(f"{name} busy#" for name in busy)]
    heads += ["Hit ratio#"] if hours.hit_ratio else []
    return Table("The hours", columns(*heads), (rows(lines),))


def _parts(found: Breakdown) -> Table:
    groups = []
    for i, operation in enumerate(found.operations):
        total = sum(value for row in (found.wait_s[i], found.service_s[i]) for value in row if math.isfinite(value))
        lines: list[Line] = [
            [name, n.duration(wait), n.duration(service), n.percent((wait + service) / total if total else math.nan)]
            for name, wait, service in zip(found.resources, found.wait_s[i], found.service_s[i], strict=True)
            if wait + service > 0
        ]
        groups.append(rows(lines, f"{operation}: {n.duration(total)}"))
    heads = columns("Resource", "Waiting for it#", "Being served#", "Share#")
    return Table("Mean time a request", heads, tuple(groups))


def _caches(material: Material) -> Table | None:
    lines: list[Line] = [
        [row.name, _size(row), row.policy.upper(), n.count(row.lookups), n.count(row.hits),
         n.percent(row.hit_ratio)]
        for row in (material.day.caches if material.day else [])
    ]  # fmt: skip
    heads = columns("Cache", "Size#", "Eviction", "Lookups#", "Hits#", "Hit ratio#")
    return Table("The caches over the day", heads, (rows(lines),)) if lines else None


def _size(row: CacheRow) -> str:
    if row.capacity_entries is not None:
        return f"{row.capacity_entries:,} entries"
    return "" if row.capacity_bytes is None else f"{row.capacity_bytes:,} bytes"


def _sweep(sweep: CacheSweep, operation: str) -> Table:
    p99s = sweep.response_time_s_p99_by_operation[operation]
    means = sweep.response_time_s_mean_by_operation.get(operation, [math.nan] * len(p99s))
    lines: list[Line] = [
        [f"{size:,.0f}", n.percent(ratio), n.duration(mean), n.duration(p99)]
        for size, ratio, mean, p99 in zip(sweep.capacity_entries, sweep.hit_ratio, means, p99s, strict=True)
    ]
    heads = columns("Entries#", "Hit ratio#", f"Mean, {operation}#", f"p99, {operation}#")
    return Table("Sizes swept", heads, (rows(lines),))


def _probes(words: str, found: Capacity) -> Table:
    operations = list(dict.fromkeys(name for probe in found.probes for name in probe.response_time_s_p99))
    tiers = list(dict.fromkeys(name for probe in found.probes for name in probe.utilisation))
    lines: list[Line] = [
        [n.significant(probe.rate_rps, 4), Cell("met", "good") if probe.meets_slos else Cell("NOT met", "bad"),
         *(n.duration(probe.response_time_s_p99.get(name, math.nan)) for name in operations),
         *(n.percent(probe.utilisation.get(name, math.nan)) for name in tiers)]
        for probe in sorted(found.probes, key=lambda probe: probe.rate_rps)
    ]  # fmt: skip
    facts = [f"Highest rate within the SLOs: {n.rate(found.rate_rps)}."]
    if found.saturation_rate_rps:
        facts.append(f"Saturation: {n.rate(found.saturation_rate_rps)}.")
    if found.bottleneck:
        busy = (
            f", {n.percent(found.bottleneck.utilisation)} busy" if math.isfinite(found.bottleneck.utilisation) else ""
        )
        facts.append(f"First bottleneck: {place(found.bottleneck)}{busy}.")
    heads = columns(
        "Requests/s#", "SLOs", *(f"p99 {name}#" for name in operations), *(f"{name} busy#" for name in tiers)
    )
    return Table(f"{words}: probes", heads, (rows(lines),), " ".join(facts))
