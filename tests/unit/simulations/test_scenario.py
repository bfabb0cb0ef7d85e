"""What is simulated: warm caches, replays, and the tables that come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdlab import runs, workload
from sdlab.catalog import ROOT, design_folder, load_design
from sdlab.errors import InvalidInput
from sdlab.spec import Design
from simulations import estimates, rates, results, scenario
from simulations.engines import simulate
from simulations.warm import keys_after_yesterday, last_distinct

SEED = 3


@pytest.fixture(scope="module")
def design() -> Design:
    # A smaller day, so that the whole of it takes a moment.
    return load_design("url_shortener", ["workload.requests_per_day=50000", "topology.cache.capacity_entries=2000"])


def steady(design: Design, rate_rps: float, count: int, **more: str) -> scenario.Scenario:
    return scenario.steady(
        design,
        None,
        SEED,
        process="poisson",
        rate_rps=rate_rps,
        duration_s=count / rate_rps,
        **more,  # type: ignore[arg-type]
    )


def test_a_cache_after_yesterday_holds_what_lru_would_hold() -> None:
    popularity = load_design("url_shortener", ["workload.popularity.keys=500"]).workload.popularity
    held = keys_after_yesterday(popularity, 100, SEED)
    assert held.size == np.unique(held).size == 100
    assert np.array_equal(held, keys_after_yesterday(popularity, 100, SEED))
    asked = np.array([5, 1, 5, 2, 3, 2, 9])
    assert last_distinct(asked, 3).tolist() == [3, 2, 9]
    assert last_distinct(asked, 10).tolist() == [1, 5, 3, 2, 9]


def test_the_hours_of_a_day_add_up_to_the_run(design: Design) -> None:
    day = scenario.a_day(design, None, SEED)
    path = simulate(day.model, day.requests, SEED, bin_s=3600.0)
    hours = results.hours(day.requests, path)
    assert hours["hour"] == list(range(24))
    assert sum(hours["arrival_rate_rps"]) * 3600 == pytest.approx(len(day.requests))
    assert int(np.argmax(hours["arrival_rate_rps"])) in (18, 19)
    members = [i for i, name in enumerate(path.queues) if results.tier_of(name) == "api"]
    assert path.bins is not None
    busy_s = np.dot(hours["utilisation"]["api"], path.bins.capacity_s[:24, members].sum(axis=1))
    assert busy_s == pytest.approx(path.queue.busy_s[members].sum(), rel=1e-6)
    slos = results.slo_rows(design, [row.as_dict() for row in results.summary(day.requests, path, 86_400)], hours)
    assert [row["operation"] for row in slos] == ["redirect", "create"]
    assert slos[0]["response_time_s_p99"] == pytest.approx(np.nanmax(hours["response_time_s_p99"]["redirect"]))


def test_where_the_time_goes_adds_up_to_the_response_time(design: Design) -> None:
    chosen = steady(design, 200, 20_000)
    path = simulate(chosen.model, chosen.requests, SEED)
    breakdown = results.breakdown(chosen.requests, path)
    total = np.array(breakdown["wait_s"]).sum(axis=1) + np.array(breakdown["service_s"]).sum(axis=1)
    means = {row.operation: row.response_time_s_mean for row in results.summary(chosen.requests, path, 100)}
    for operation, seconds in zip(breakdown["operations"], total, strict=True):
        assert seconds == pytest.approx(means[operation], rel=1e-6)


def test_both_engines_run_the_design_the_same(design: Design) -> None:
    for chosen in (steady(design, 300, 5_000), steady(design, 300, 5_000, deployment="reference")):
        compiled = simulate(chosen.model, chosen.requests, SEED, "compiled", record_spans=True, bin_s=5.0)
        reference = simulate(chosen.model, chosen.requests, SEED, "simpy", record_spans=True, bin_s=5.0)
        assert compiled.differences(reference) == []


def test_more_workers_never_wait_longer_at_the_same_requests(design: Design) -> None:
    waits = []
    for workers in (1, 2, 4):
        changed = load_design(
            "url_shortener", [f"topology.api.workers={workers}", "topology.cache.capacity_entries=2000"]
        )
        chosen = steady(changed, 600, 30_000)
        path = simulate(chosen.model, chosen.requests, SEED)
        waits.append(path.accounts.wait_s.sum())
    assert waits[0] > waits[1] > waits[2]


def test_a_write_from_a_far_region_pays_the_round_trip_and_a_redirect_does_not(design: Design) -> None:
    chosen = steady(design, 100, 20_000)
    path = simulate(chosen.model, chosen.requests, SEED)
    far = chosen.requests.region == chosen.requests.regions.index("ap")
    for name, pays in (("create", True), ("redirect", False)):
        of_operation = chosen.requests.operation == chosen.requests.operations.index(name)
        fastest = path.response_time_s[far & of_operation].min()
        assert (fastest >= design.regions["ap"].rtt_to_primary_s) == pays


def test_a_replay_starts_with_the_keys_that_earlier_runs_asked_for(design: Design, tmp_path: Path) -> None:
    requests = workload.steady(design, "poisson", 100, 20, SEED, keys=1000)

    def recorded(**parameters: object) -> runs.Run:
        with runs.new_run(
            "load_test", design.slug, seed=SEED, command="x", parameters=parameters, runs=tmp_path
        ) as run:
            zeros = np.zeros(len(requests), dtype=np.int8)
            run.write_requests(
                runs.records(requests, sent_s=requests.arrival_s, completed_s=requests.arrival_s + 0.01, outcome=zeros)
            )
        return runs.Run.load(run.folder)

    first = recorded()
    second = recorded(preceding_run_ids=[first.manifest.run_id])
    cold, warm = (scenario.a_replay(design, None, run) for run in (first, second))
    assert simulate(cold.model, cold.requests, SEED).cache.hit_ratio[0] < 1
    assert simulate(warm.model, warm.requests, SEED).cache.hit_ratio[0] == 1


def test_capacity_lies_below_saturation_and_names_the_worker_of_the_busiest_region(design: Design) -> None:
    probed: list[int | None] = []
    found = rates.design_capacity(design, None, SEED, "design", 0.05, 20_000, probed.append)
    assert found["bottleneck"]["tier"] == "api"
    assert found["bottleneck"]["station"].startswith("api-eu")
    assert len(probed) == len(found["probes"])
    passing = [probe["rate_rps"] for probe in found["probes"] if probe["meets_slos"]]
    failing = [probe["rate_rps"] for probe in found["probes"] if not probe["meets_slos"]]
    assert found["rate_rps"] == max(passing) < min(failing)
    assert min(failing) <= max(passing) * 1.05


@pytest.mark.parametrize("choice", ["nowhere.toml", "study:none", str(ROOT / "pyproject.toml")])
def test_a_calibration_that_is_none_is_refused(choice: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="calibration"):
        scenario.load_calibration("url_shortener", choice, tmp_path)


def test_the_document_holds_the_estimates_that_the_design_gives() -> None:
    document = design_folder("url_shortener") / "README.md"
    rows = estimates.of(load_design("url_shortener"))
    assert document.read_text() == estimates.in_document(document, rows)


def test_the_estimated_hit_ratio_is_what_the_simulation_finds(design: Design) -> None:
    small = load_design("url_shortener", ["topology.cache.capacity_entries=2000", "workload.popularity.keys=100000"])
    (row,) = [row for row in estimates.of(small) if row.what == "cache hit ratio"]
    chosen = steady(small, 1000, 100_000)
    ratio = results.hit_ratio(simulate(chosen.model, chosen.requests, SEED))
    assert float(row.value.rstrip("%")) / 100 == pytest.approx(ratio, abs=0.01)


def test_a_day_too_large_for_memory_is_shortened_and_keeps_its_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "DAY_REQUESTS_MAX", 50_000)
    huge = load_design("url_shortener", ["workload.requests_per_day=1e9", "topology.cache.capacity_entries=2000"])
    day = scenario.a_day(huge, None, SEED)
    assert day.parameters["day_s"] == pytest.approx(86_400 * 50_000 / 1e9)
    assert len(day.requests) == pytest.approx(50_000, rel=0.05)
    path = simulate(day.model, day.requests, SEED, bin_s=day.hour_s)
    assert day.hour_s is not None
    hours = results.hours(day.requests, path, day.hour_s)
    assert max(hours["arrival_rate_rps"]) == pytest.approx(huge.workload.peak_rate_rps, rel=0.1)
    assert max(hours["utilisation"]["api"]) > 0.9
