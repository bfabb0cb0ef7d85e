from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.build import measured_loads
from reports.collect import choose_study, read_study
from sdlab.errors import InvalidInput
from tests.unit.reports.synthetic import SyntheticStudy


def test_the_newest_study_is_chosen_and_an_older_one_by_name(tmp_path: Path) -> None:
    for minute, name in enumerate(("first", "second")):
        study = SyntheticStudy(tmp_path, study=name)
        study.made = 10 * minute
        study.capacity(100.0 * (minute + 1))
    assert choose_study("paste_bin", runs=tmp_path).name == "second"
    older = read_study(choose_study("paste_bin", "first", tmp_path))
    assert older.capacity is not None
    assert older.capacity.rate_rps == 100


def test_runs_outside_of_a_study_stand_for_the_newest_of_their_mode(tmp_path: Path) -> None:
    loose = SyntheticStudy(tmp_path, study=None)
    loose.capacity(100.0)
    loose.capacity(50.0, "reference")
    loose.capacity(200.0)
    found = read_study(choose_study("paste_bin", runs=tmp_path))
    assert found.study.name is None
    assert len(found.study.runs) == 2
    assert found.capacity is not None
    assert found.capacity_reference is not None
    assert (found.capacity.rate_rps, found.capacity_reference.rate_rps) == (200, 50)


def test_runs_of_a_study_and_loose_runs_never_mix(tmp_path: Path) -> None:
    SyntheticStudy(tmp_path).capacity(100.0)
    loose = SyntheticStudy(tmp_path, study=None)
    loose.made = 30
    loose.day()
    assert read_study(choose_study("paste_bin", runs=tmp_path)).day is None
    assert read_study(choose_study("paste_bin", "none", tmp_path)).day is not None


def test_an_interrupted_simulation_predicts_nothing(study: SyntheticStudy) -> None:
    with study.run("simulation", {"mode": "capacity", "deployment": "design"}) as run:
        run.write_json("capacity", {"rate_rps": 1.0})
        run.update(interrupted=True)
    assert read_study(choose_study(study.slug, runs=study.runs)).capacity is None


@pytest.mark.parametrize(("slug", "chosen", "words"), [
    ("no_such_design", None, "design = 'no_such_design': no such design; there are"),
    ("url_shortener", None, "design = 'url_shortener': has no runs to report; `./lab run` or `./lab simulate`"),
    ("paste_bin", "other", "--study = 'other': paste_bin has no such study; it has synthetic-study"),
    ("paste_bin", "none", "--study = 'none': paste_bin has no run outside of a study"),
])  # fmt: skip
def test_what_cannot_be_found_is_said_in_one_line(
    study: SyntheticStudy, slug: str, chosen: str | None, words: str
) -> None:
    study.capacity(100.0)
    with pytest.raises(InvalidInput) as raised:
        choose_study(slug, chosen, study.runs)
    assert str(raised.value).startswith(words)


@pytest.mark.parametrize(("content", "field"), [
    ({"rate_rps": "fast"}, "rate_rps"),
    ({"rate_rps": 1.0, "probes": [{"meets_slos": True}]}, "probes.0.rate_rps"),
    ({}, "rate_rps"),
])  # fmt: skip
def test_a_file_that_breaks_its_type_is_named_with_its_field(
    study: SyntheticStudy, content: dict[str, object], field: str
) -> None:
    with study.run("simulation", {"mode": "capacity", "deployment": "design"}) as run:
        run.write_json("capacity", content)
    with pytest.raises(InvalidInput) as raised:
        read_study(choose_study(study.slug, runs=study.runs))
    assert raised.value.field == f"{run.manifest.run_id}/capacity.json {field}"


def test_a_file_that_is_no_json_is_named(study: SyntheticStudy) -> None:
    with study.run("simulation", {"mode": "capacity", "deployment": "design"}) as run:
        (run.folder / "capacity.json").write_text("{")
    with pytest.raises(InvalidInput, match=r"capacity\.json.*is not JSON"):
        read_study(choose_study(study.slug, runs=study.runs))


def test_a_table_that_cannot_be_read_or_lacks_a_column_is_named(study: SyntheticStudy) -> None:
    run_id = study.load_test(100, np.full(400, 0.01))
    chosen = choose_study(study.slug, runs=study.runs)
    path = study.runs / run_id / "requests.parquet"
    chosen.runs[0].requests().drop(columns="sent_s").to_parquet(path)
    with pytest.raises(InvalidInput, match="lacks the columns sent_s"):
        measured_loads(chosen)
    path.write_bytes(b"not parquet")
    with pytest.raises(InvalidInput, match="cannot be read"):
        measured_loads(chosen)


def test_both_ways_of_writing_a_cache_sweep_are_read(study: SyntheticStudy) -> None:
    study.sweep()
    first = read_study(choose_study(study.slug, runs=study.runs)).sweep
    with study.run("simulation", {"mode": "cache_sweep"}) as run:
        times = {"response_time_s_p99_by_operation": {"read": [0.2, 0.1]}}
        run.write_json("sweep", {"parameter": "x", "values": [10, 100], "hit_ratio": [0.1, 0.2], **times})
    second = read_study(choose_study(study.slug, runs=study.runs)).sweep
    assert first is not None
    assert second is not None
    assert first.response_time_s_p99_by_operation["read"][0] == pytest.approx(0.028)
    assert second.capacity_entries == [10, 100]
