"""A study's material to a report: compares, judges, and puts the sections in order."""

from __future__ import annotations

import math

import pandas as pd

from reports import cost, files
from reports import numbers as n
from reports.collect import Material, Study
from reports.compare import Load, Records, compare_window, group
from reports.document import KeyNumber, Report, Tone
from reports.files import Comparison, Generator, Resources, StationRow
from reports.sections import design, held_out, saturation, simulated, validation
from reports.verdict import WHOLE_DAY, Verdict, judge, place
from sdlab.errors import InvalidInput
from sdlab.runs import Run


def measured_loads(study: Study) -> list[Load]:
    """Every measured window of the study, compared with its replay. Raises `InvalidInput` for a broken file."""
    return group(compare_window(_records(study, run)) for run in study.windows())


def build(material: Material, loads: list[Load]) -> tuple[Report, Verdict]:
    """The report of a study and its verdict as data."""
    verdict = judge(material, loads)
    sections = (
        validation.latency(material, loads),
        validation.comparison(material, loads),
        held_out.tail(loads),
        held_out.parts(loads),
        held_out.machine(material, loads),
        saturation.section(material),
        simulated.day(material, verdict),
        simulated.breakdown(material),
        simulated.cache(material),
        simulated.stations(material),
        simulated.capacity(material),
        simulated.checks(material),
        design.cost(material),
        design.assumptions(material),
        design.reproduce(material),
    )
    report = Report(
        slug=material.study.slug,
        title=material.design.title,
        summary=material.design.summary,
        verdict=verdict.sentence[:1].upper() + verdict.sentence[1:],
        verdict_tone=_tone(verdict.slos_met),
        key_numbers=_key_numbers(material, verdict),
        sections=sections,
    )
    return report, verdict


def _records(study: Study, run: Run) -> Records:
    replay = study.replay_of(run)
    return Records(
        manifest=run.manifest,
        requests=_requests(run),
        resources=files.read(run, "resources", Resources),
        generator=files.read(run, "generator", Generator),
        replayed=_requests(replay) if replay and (replay.folder / "requests.parquet").is_file() else None,
        replayed_stations=(files.read(replay, "stations", list[StationRow]) or []) if replay else [],
        comparison=files.read(replay, "comparison", Comparison) if replay else None,
    )


def _requests(run: Run) -> pd.DataFrame:
    needed = {"operation", "intended_s", "sent_s", "completed_s", "outcome"}
    place_of = f"{run.manifest.run_id}/requests.parquet"
    try:
        table = run.requests()
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise InvalidInput(place_of, "?", f"cannot be read: {error}") from None
    if missing := needed - set(table.columns):
        raise InvalidInput(place_of, sorted(table.columns), f"lacks the columns {', '.join(sorted(missing))}")
    return table


def _key_numbers(material: Material, verdict: Verdict) -> tuple[KeyNumber, ...]:
    unknown = KeyNumber("", n.MISSING, "not simulated", "muted")
    tightest = validation.busiest_slo(material)
    slo = next((one for one in verdict.slos if tightest and one.operation == tightest[0]), None)
    numbers = [
        KeyNumber(
            f"{slo.operation} p99, worst hour",
            n.duration(slo.response_time_s_p99),
            f"SLO {n.duration(slo.bound.response_time_s_p99)}{_part(verdict)}",
            _tone(slo.met if not _part(verdict) else None),
        )
        if slo
        else _named(unknown, "p99, worst hour"),
        KeyNumber(
            "headroom over the peak",
            n.times(verdict.headroom),
            f"{n.rate(verdict.capacity_rate_rps or math.nan)} within the SLOs",
            _tone(verdict.headroom >= 1),
        )
        if verdict.headroom is not None
        else _named(unknown, "headroom over the peak"),
        KeyNumber("first bottleneck", place(verdict.bottleneck), _busy(verdict))
        if verdict.bottleneck
        else _named(unknown, "first bottleneck"),
        _error_number(verdict),
        _cost_number(material),
    ]
    return tuple(numbers)


def _error_number(verdict: Verdict) -> KeyNumber:
    error = verdict.model_error
    if error is None:
        return KeyNumber("model error, p99", n.MISSING, "not checked against the service", "muted")
    invalid = f"; {error.invalid_windows} INVALID left out" if error.invalid_windows else ""
    if error.loads == 1:
        return KeyNumber("model error, p99", n.signed_percent(error.worst), f"at the one held-out load{invalid}")
    beside = f"median of {error.loads} held-out loads; worst {n.signed_percent(error.worst)}{invalid}"
    return KeyNumber("model error, p99", n.absolute_percent(error.median_absolute), beside)


def _cost_number(material: Material) -> KeyNumber:
    found = cost.cost(material.design)
    beside = f"{n.usd(found.usd_per_million_requests)} per million requests"
    return KeyNumber("cost a month", n.usd(found.usd_per_month), beside)


def _part(verdict: Verdict) -> str:
    share = verdict.day_share
    return f"; only {n.percent(share)} of the day" if share is not None and share < WHOLE_DAY else ""


def _named(number: KeyNumber, label: str) -> KeyNumber:
    return KeyNumber(label, number.value, number.beside, number.tone)


def _busy(verdict: Verdict) -> str:
    busy = verdict.bottleneck.utilisation if verdict.bottleneck else math.nan
    return f"{n.percent(busy)} busy at capacity" if math.isfinite(busy) else "in the capacity search"


def _tone(good: bool | None) -> Tone:
    return "" if good is None else "good" if good else "bad"
