"""The section on saturation: the measured answer, the model's beside it, and the probes."""

from typing import Any

import pytest

from reports.build import build, measured_loads
from reports.collect import choose_study, read_study
from reports.document import Section
from reports.sections.saturation import section
from sdlab.errors import InvalidInput
from tests.unit.reports.synthetic import SyntheticStudy


def tally(broken: int) -> dict[str, Any]:
    share = broken / 5000
    return {"name": "read over 50 ms", "broken": broken, "count": 5000, "share": share, "share_low": 0.5 * share,
            "share_high": 2 * share + 0.001, "allowed": 0.01}  # fmt: skip


def probe(rate_rps: float, verdict: str, broken: int, role: str = "search") -> dict[str, Any]:
    return {"rate_rps": rate_rps, "verdict": verdict, "reasons": [f"{broken} broke it"], "role": role, "run_id": "x",
            "tallies": [tally(broken)], "response_time_s_p99": {"read": 0.03, "write": None},
            "utilisation": {"api-1": rate_rps / 600, "machine": rate_rps / 900}}  # fmt: skip


def content(**changes: Any) -> dict[str, Any]:
    curve = {"name": "read over 50 ms", "allowed": 0.01, "rate_rps": [250.0, 500.0, 520.0, 550.0],
             "share": [0, 0.008, 0.01, 0.1], "weight": [5000.0] * 4, "fitted": [0, 0.008, 0.01, 0.1]}  # fmt: skip
    words = "api-1 saturated: 92% of its limit at 550/s"
    return {
        "rate_rps": 520.0, "low_rps": 500.0, "high_rps": 550.0, "binding": "read over 50 ms", "confirmed": True,
        "confirmation": "confirmed: fresh servers pass at 520.0/s and fail at 546.0/s",
        "resource": {"name": "api-1", "utilisation": 0.92, "words": words, "low_rate_rps": 250,
                     "failing_rate_rps": 550},
        "curves": [curve],
        "probes": [probe(250.0, "pass", 0), probe(550.0, "fail", 500), probe(500.0, "pass", 40),
                   probe(520.0, "inconclusive", 50, "confirmation"), probe(546.0, "void", 900)],
    } | changes  # fmt: skip


def searched(study: SyntheticStudy, **changes: Any) -> str:
    with study.run("saturation", {"deployment": "reference"}) as run:
        run.write_json("saturation", content(**changes))
    return str(run.manifest.run_id)


def made(study: SyntheticStudy) -> Section:
    return section(read_study(choose_study(study.slug, runs=study.runs)))


def text_of(made: Section) -> str:
    cells = [cell.text for table in made.tables for group in table.groups for row in group.rows for cell in row]
    return " | ".join([*made.text, *cells, *(table.note for table in made.tables)])


def test_the_answer_stands_with_its_interval_and_the_resource_that_saturated(study: SyntheticStudy) -> None:
    searched(study)
    words = text_of(made(study))
    assert "carried 520.0 requests/s within its SLOs (between 500.0 and 550.0), confirmed: fresh servers pass" in words
    assert "api-1 saturated: 92% of its limit at 550/s" in words


def test_the_event_loops_lag_stands_below_what_the_resources_were_used(study: SyntheticStudy) -> None:
    searched(study)
    assert "lag" not in text_of(made(study)).lower()
    lags = {
        250.0: {"count": 200, "mean_s": 0.0003, "p90_s": 0.0008, "p99_s": None},
        550.0: {"count": 203, "mean_s": 0.014, "p90_s": 0.031, "p99_s": None},
    }
    searched(study, probes=[one | {"event_loop_lag": lags.get(one["rate_rps"])} for one in content()["probes"]])
    used = made(study).tables[1]
    lines = [[cell.text for cell in row] for row in used.groups[0].rows]
    assert lines[-2:] == [
        ["event loop's lag, mean", "0.300 ms", "14.0 ms"],
        ["event loop's lag, p90", "0.800 ms", "31.0 ms"],
    ]
    assert "random instant" in used.note


@pytest.mark.parametrize(
    ("model_rps", "error", "verdict"),
    [
        (530.0, "+1.9 %", "within the target"),
        (545.0, "+4.8 %", "missed; within the interval"),
        (400.0, "−23 %", "missed"),
    ],
)
def test_the_models_error_is_signed_and_judged(
    study: SyntheticStudy, model_rps: float, error: str, verdict: str
) -> None:
    searched(study)
    study.capacity(model_rps, "reference")
    cells = [cell.text for cell in made(study).tables[0].groups[0].rows[0]]
    assert cells[-2:] == [error, verdict]


def test_each_search_stands_beside_what_the_model_said_asked_the_same(study: SyntheticStudy) -> None:
    asked = {searched(study): 510.0, searched(study, rate_rps=400.0): 380.0}
    for search, model_rps in reversed(asked.items()):  # whichever was ready first
        study.capacity(model_rps, "reference", search)
        study.curve(saturation_rps=model_rps, search=search)
    rows = made(study).tables[0].groups[0].rows
    assert [[cell.text for cell in row][-3:-1] for row in rows] == [["510.0", "−1.9 %"], ["380.0", "−5.0 %"]]
    material = read_study(choose_study(study.slug, runs=study.runs))
    assert [(one.measured_rps, one.model_rps) for one in material.searched] == [(520.0, 510.0), (400.0, 380.0)]
    assert material.curve is not None
    assert max(material.curve.rate_rps) == pytest.approx(0.97 * 510)


def test_what_was_not_asked_is_said_with_the_command_that_asks(study: SyntheticStudy) -> None:
    study.capacity(500.0)
    assert "./lab saturate paste_bin" in made(study).gap
    searched(study)
    assert "./lab capacity paste_bin --deployment=reference" in made(study).gap


def test_a_search_without_a_failing_rate_has_no_upper_end(study: SyntheticStudy) -> None:
    probes = [probe(250.0, "pass", 0)]
    changes = {"confirmed": None, "confirmation": "not held against fresh servers", "generator_bound": True}
    searched(study, high_rps=None, binding=None, curves=[], probes=probes, **changes)
    words = text_of(made(study))
    assert "no higher rate certainly failed" in words
    assert "the service may carry more" in words
    assert "not held against fresh servers" in words


def test_an_answer_that_fresh_servers_contradict_says_so_in_the_text_and_in_the_table(study: SyntheticStudy) -> None:
    said = "NOT confirmed: fresh servers fail at 520.0/s and fail at 546.0/s"
    searched(study, confirmed=False, confirmation=said)
    assert said in made(study).text[0]
    assert "do NOT confirm it" in [cell.text for cell in made(study).tables[0].groups[0].rows[0]]


def test_rates_that_void_probes_left_undecided_are_named(study: SyntheticStudy) -> None:
    searched(study, given_up="given up after 3 void probes, which do not count as repeats: 546.0/s (none counted)")
    assert "Rates given up after 3 void probes" in text_of(made(study))


def test_the_figure_tells_every_probe_in_words(study: SyntheticStudy) -> None:
    searched(study)
    study.capacity(530.0, "reference")
    figure = made(study).figure
    assert figure is not None
    for part in ("250.0/s passes", "550.0/s fails", "520.0/s cannot tell", "546.0/s void", "The model's answer is 530"):
        assert part in figure.alt


def test_a_file_that_breaks_its_shape_is_one_error_that_names_it(study: SyntheticStudy) -> None:
    searched(study, probes=[])
    with pytest.raises(InvalidInput, match=r"saturation\.json probes"):
        made(study)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (((520.0, 530.0),), "error +1.9 %: within the target of 3.0 %."),
        (((520.0, 600.0),), "error +15 %: MISSED, beyond the target of 3.0 %."),
        (((480.0, 528.0), (560.0, 616.0)),
         "median error +10 %: within 22 %, twice the noise floor of the searches (beyond the bare target of 3.0 %)."),
        (((520.0, 572.0), (521.0, 573.0)), "median error +10 %: MISSED, beyond the target of 3.0 %."),
    ],
)  # fmt: skip
def test_the_validation_holds_the_answers_against_what_the_searches_differ_by(
    study: SyntheticStudy, answers: tuple[tuple[float, float], ...], verdict: str
) -> None:
    study.block(1, {0.5: (0.010, 0.010)})
    for measured_rps, model_rps in answers:
        study.capacity(model_rps, "reference", searched(study, rate_rps=measured_rps))
    chosen = choose_study(study.slug, runs=study.runs)
    report, _ = build(read_study(chosen), measured_loads(chosen))
    (words,) = [
        text for one in report.sections for text in one.text if text.startswith("Highest rate within the SLOs:")
    ]
    assert words.endswith(verdict)
