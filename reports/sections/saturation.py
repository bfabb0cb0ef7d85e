"""The highest rate within the SLOs: searched on the running service, and in the model."""

from __future__ import annotations

import math

from reports import numbers as n
from reports import saturation
from reports.collect import Material
from reports.document import Cell, Line, Section, Table, columns, rows
from reports.saturation import CONFIRMATION, VERDICTS, Saturation, SaturationProbe
from sdlab.agreement import SATURATION_TARGET

_REASONS = 2  # of a probe; all of them are in saturation.json
_LAGS = {"mean_s": "event loop's lag, mean", "p90_s": "event loop's lag, p90", "p99_s": "event loop's lag, p99"}
_TONES = {"pass": "good", "fail": "bad"}
_CONFIRMED = {
    True: Cell("confirm it", "good"),
    False: Cell("do NOT confirm it", "bad"),
    None: Cell("not asked", "muted"),
}


def section(material: Material) -> Section:
    """The search's probes, the resource that saturated, and the model's answer beside the measured one."""
    title = "Saturation: the highest rate within the SLOs"
    found = saturation.searches(material.study)
    if not found:
        gap = f"The running service was not searched: `./lab saturate {material.study.slug}` does it."
        return Section("saturation", title, gap=gap)
    newest = found[-1]
    answers = [one.model_rps for one in material.searched]
    model_rps = answers[-1]
    gap = "" if model_rps else (
        f"The model was not asked: `./lab capacity {material.study.slug} --deployment=reference` does it."
    )  # fmt: skip
    return Section(
        "saturation",
        title,
        text=_words(newest),
        figure=saturation.figure(newest, model_rps),
        tables=(_answers(found, answers), _resources(newest), _probes(newest)),
        gap=gap,
    )


def _words(found: Saturation) -> tuple[str, ...]:
    first = (
        f"The running service carried {n.significant(found.rate_rps, 4)} requests/s within its SLOs "
        f"({saturation.interval(found)}), {found.confirmation}."
    )
    broken = f" Broken first: {found.binding}." if found.binding else ""
    bound = " Every probe beyond was void, so the service may carry more." if found.generator_bound else ""
    left = (f"Rates {found.given_up}.",) if found.given_up else ()
    return (first + broken + bound, *left, f"{found.resource.words}.")


def _answers(found: list[Saturation], answers: list[float | None]) -> Table:
    lines: list[Line] = [
        [
            "Measured" if len(found) == 1 else f"Measured, search {number}",
            n.significant(one.rate_rps, 4),
            saturation.interval(one),
            _CONFIRMED[one.confirmed],
            one.resource.name or "none near its limit",
            n.significant(model_rps, 4) if model_rps else n.MISSING,
            *_error(one, model_rps),
        ]
        for number, (one, model_rps) in enumerate(zip(found, answers, strict=True), 1)
    ]
    heads = columns(
        "Answer", "Requests/s#", "Interval (requests/s)", "Fresh servers", "Saturated", "Model, asked so#",
        "Model's error#", "Verdict",
    )  # fmt: skip
    note = (
        f"Error: (model − measured) / measured, to be within ±{n.percent(SATURATION_TARGET)}. "
        "Interval: from the highest rate that certainly passed to the lowest that certainly failed."
    )
    return Table("Measured and modelled", heads, (rows(lines),), note)


def _error(one: Saturation, model_rps: float | None) -> tuple[str, Cell]:
    if not model_rps or not one.rate_rps:
        return n.MISSING, Cell("not known", "muted")
    error = model_rps / one.rate_rps - 1
    if abs(error) <= SATURATION_TARGET:
        return n.signed_percent(error), Cell("within the target", "good")
    if math.isfinite(one.high_rps) and one.low_rps <= model_rps <= one.high_rps:
        return n.signed_percent(error), Cell("missed; within the interval", "bad")
    return n.signed_percent(error), Cell("missed", "bad")


def _resources(found: Saturation) -> Table:
    low = _at(found, found.resource.low_rate_rps)
    failing = _at(found, found.resource.failing_rate_rps)
    names = sorted(failing.utilisation, key=lambda name: -failing.utilisation[name])
    lines: list[Line] = [
        [name, n.percent(low.utilisation.get(name, math.nan)), n.percent(failing.utilisation[name])] for name in names
    ]
    lags = _lags(low, failing)
    heads = columns(
        "Resource", f"at {n.significant(low.rate_rps, 4)}/s#", f"at {n.significant(failing.rate_rps, 4)}/s#"
    )
    note = (
        "Of its own limit: a process of one core, the database's processes and the machine of all cores, the pool of "
        "its slots, the generator of the 70 % of a core up to which it is trusted."
    )
    if lags:
        note += " Lag: how late what fell due at a random instant was run, of all API processes."
    title = "What each resource was used, at the lowest rate and at one that failed"
    return Table(title, heads, (rows(lines + lags),), note)


def _lags(low: SaturationProbe, failing: SaturationProbe) -> list[Line]:
    """The event loop's lag as the table's last lines, none where it was not measured."""
    lags = [probe.event_loop_lag for probe in (low, failing)]
    lines: list[Line] = []
    for name, words in _LAGS.items():
        values_s = [getattr(lag, name) if lag else math.nan for lag in lags]
        if any(map(math.isfinite, values_s)):
            lines.append([words, *map(n.duration, values_s)])
    return lines


def _at(found: Saturation, rate_rps: float) -> SaturationProbe:
    """The last probe at a rate; the nearest one if there is none."""
    known = rate_rps if math.isfinite(rate_rps) else found.rate_rps
    return min(reversed(found.probes), key=lambda probe: abs(probe.rate_rps - known))


def _probes(found: Saturation) -> Table:
    operations = list(dict.fromkeys(name for probe in found.probes for name in probe.response_time_s_p99))
    lines = [_probe(found, probe, operations) for probe in sorted(found.probes, key=lambda probe: probe.rate_rps)]
    heads = columns(
        "Requests/s#", "Verdict", "Server", *(f"p99 {name}#" for name in operations), "Share over#", "95 % interval#",
        "Why",
    )  # fmt: skip
    note = f"Share over: of {found.drawn}. p99 from the intended start, after the window's first tenth."
    return Table("The probes", heads, (rows(lines),), note)


def _probe(found: Saturation, probe: SaturationProbe, operations: list[str]) -> Line:
    tally = probe.tally(found.drawn)
    tone = _TONES.get(probe.verdict, "muted")
    return [
        n.significant(probe.rate_rps, 4),
        Cell(VERDICTS[probe.verdict][0], tone),  # type: ignore[arg-type]
        "fresh" if probe.role == CONFIRMATION else "the search's",
        *(n.duration(probe.response_time_s_p99.get(name, math.nan)) for name in operations),
        n.percent(tally.share) if tally else n.MISSING,
        f"{n.percent(tally.share_low)} to {n.percent(tally.share_high)}" if tally else n.MISSING,
        "; ".join(probe.reasons[:_REASONS]) if probe.verdict != "pass" else "",
    ]
