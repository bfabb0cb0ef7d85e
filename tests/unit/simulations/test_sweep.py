"""A sweep's runs and what is made of them: common random numbers, intervals, resuming."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdlab.catalog import load_design
from sdlab.errors import InvalidInput, LabError
from simulations import grid, rates, sweep_results
from simulations.executor import processes_for
from simulations.grid import Axis
from simulations.journal import open_journal
from simulations.sweep import Plan

SMALL = ["workload.requests_per_day=2e7", "topology.cache.capacity_entries=2000"]
RUN = {"slo_ratio": 0.5, "hit_ratio": 0.1}


def plan(*axes: Axis, **changes: Any) -> Plan:
    variants = tuple(grid.variants("url_shortener", SMALL, axes))
    return Plan("url_shortener", axes, variants, None, **{"seed": 1, "replications": 3, "requests": 10_000, **changes})


def test_variants_with_common_random_numbers_differ_by_less_chance_than_with_seeds_of_their_own() -> None:
    two = plan(Axis("topology.api.workers", (2, 3)), replications=10)
    run = two.task()
    means = np.array(
        [[run((variant, seed))["response_time_s"]["all"]["mean"] for seed in two.seeds] for variant in (0, 1)]
    )
    with_common = np.var(means[0] - means[1], ddof=1)
    with_own = np.var(means[0, :5] - means[1, 5:], ddof=1), np.var(means[0, 5:] - means[1, :5], ddof=1)
    assert with_common < min(with_own) / 4


def test_the_difference_from_the_first_variant_is_taken_seed_by_seed() -> None:
    two = plan(Axis("topology.api.workers", (2, 3)))
    run = two.task()
    done = {key: run(key) for key in two.keys}
    first, second = sweep_results.variants(two, done)
    pairs = [done[1, seed]["slo_ratio"] - done[0, seed]["slo_ratio"] for seed in two.seeds]
    assert second["difference_from_first"] == sweep_results.estimate(pairs)
    assert first["difference_from_first"] == {"mean": 0.0, "half_width": 0.0}


def test_at_another_rate_the_same_requests_come_in_a_time_that_is_shorter_in_proportion() -> None:
    design = load_design("url_shortener", SMALL)
    slow, fast = (rates.at_rate(design, None, 1, "design", rate_rps, 10_000)[0].requests for rate_rps in (100, 300))
    assert np.allclose(slow.arrival_s, 3 * fast.arrival_s, rtol=1e-12)
    for column in ("operation", "key", "region"):
        assert np.array_equal(getattr(slow, column), getattr(fast, column))


def test_runs_go_replication_by_replication_so_that_variants_of_a_seed_follow_each_other() -> None:
    assert plan(Axis("topology.api.workers", (1, 2)), replications=2, seed=7).keys == [(0, 7), (1, 7), (0, 8), (1, 8)]


def test_what_names_a_sweep_is_what_its_runs_follow_from() -> None:
    workers = Axis("topology.api.workers", (1, 2))
    digest = plan(workers).digest
    assert plan(workers, replications=9).digest == digest
    assert plan(workers, requests=20_000).digest != digest
    assert plan(Axis("topology.api.workers", (1, 3))).digest != digest


def test_every_model_is_built_before_the_first_run() -> None:
    broken = load_design("url_shortener")
    cache = broken.topology["cache"].model_copy(update={"capacity_entries": None, "eviction": None})
    broken = broken.model_copy(update={"topology": {**broken.topology, "cache": cache}})
    good = plan(Axis("topology.api.workers", (1,)))
    both = Plan("url_shortener", good.axes, (*good.variants, grid.Variant((2,), broken)), None, 1, 1, 10_000)
    with pytest.raises(InvalidInput, match="capacity_entries"):
        both.validate()


@pytest.mark.parametrize(
    ("mean", "half_width", "available", "word"),
    [
        (0.5, 0.4, [True, True], "met"),
        (0.9, 0.2, [True, True], "unsure"),
        (1.1, 0.2, [True, True], "unsure"),
        (1.5, 0.2, [True, True], "missed"),
        (0.5, 0.1, [True, False], "unsure"),
        (0.5, 0.1, [False, False], "missed"),
        (0.99, None, [True], "met"),
        (1.01, None, [True], "missed"),
        (math.nan, None, [True], "unsure"),
    ],
)
def test_slos_are_met_or_missed_only_if_the_interval_says_so(
    mean: float, half_width: float | None, available: list[bool], word: str
) -> None:
    assert sweep_results.verdict({"mean": mean, "half_width": half_width}, available) == word


def test_an_interval_needs_two_values_and_a_missing_one_is_never_averaged_away() -> None:
    assert sweep_results.estimate([3.0]) == {"mean": 3.0, "half_width": None}
    assert sweep_results.estimate([1.0, 3.0])["mean"] == 2.0
    assert math.isnan(sweep_results.estimate([1.0, math.nan])["mean"] or 0)


def test_a_finished_run_is_on_disk_at_once_and_gone_with_the_finished_sweep(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    with open_journal(folder) as journal:
        journal.add((0, 1), RUN)
        assert json.loads((folder / "runs.jsonl").read_text())["result"] == RUN
    assert not folder.exists()


def test_an_interrupted_sweep_keeps_what_it_has_and_drops_a_line_that_was_cut_short(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    with suppress(KeyboardInterrupt), open_journal(folder) as journal:
        journal.add((0, 1), RUN)
        journal.add((1, 1), RUN)
        raise KeyboardInterrupt
    file = folder / "runs.jsonl"
    whole = file.read_bytes()
    for cut in (1, 2, 30, len(whole) // 2):
        file.write_bytes(whole[:-cut])
        with suppress(KeyboardInterrupt), open_journal(folder) as journal:
            assert set(journal.runs) == {(0, 1)}
            journal.add((2, 1), {"slo_ratio": math.nan})
            raise KeyboardInterrupt
        with suppress(KeyboardInterrupt), open_journal(folder) as journal:
            assert set(journal.runs) == {(0, 1), (2, 1)}
            raise KeyboardInterrupt


def test_a_sweep_that_has_kept_nothing_leaves_nothing(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), open_journal(tmp_path / "sweep"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_two_processes_never_write_one_journal(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path / "sweep"),
        pytest.raises(LabError, match="another process"),
        open_journal(tmp_path / "sweep"),
    ):
        pass


def test_as_many_processes_as_memory_allows_and_never_none() -> None:
    assert processes_for(10**15) == 1
    assert processes_for(1) >= 1
    assert processes_for(10**15, workers=3) == 3
