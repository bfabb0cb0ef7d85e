"""The URL shortener's model uses what the calibration measured of its API process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdlab import workload
from sdlab.calibration import Calibration, Demand, IdleLevel, Pace
from sdlab.catalog import load_design
from sdlab.runs import Machine
from simulations.demands import Demands
from simulations.engines import simulate
from simulations.url_shortener.model import build

DESIGN = load_design("url_shortener")


def demand(mean_s: float) -> Demand:
    return Demand(mean_s=mean_s, quantiles_s=(mean_s, mean_s), samples=100)


CALIBRATION = Calibration(
    design="url_shortener",
    run_ids=["x"],
    commit="c",
    created_at="2026-01-01T00:00:00+00:00",
    machine=Machine.this(),
    rate_rps=100.0,
    utilisation=0.3,
    demands={
        "redirect": {"api": demand(0.001), "cache": demand(0.0001), "client": demand(0.0005)},
        **{
            name: {"api": demand(0.002), "database": demand(0.001)}
            for name in ("redirect_miss", "create", "statistics", "list")
        },
        "click": {"database": demand(0.0001)},
    },
    segments={"redirect": {"parse": 0.3, "first": 0.1, "middle": 0.1, "last": 0.3, "finish": 0.2}},
    idle=(IdleLevel(after_s=0.001, extra_s=0.0002, half_width_s=0.0001, samples=50),),
)


def test_segments_are_the_measured_shares_of_the_demand() -> None:
    demands = Demands(DESIGN, CALIBRATION)
    segments = [demands.segment("redirect", names, 1 / 3) for names in (("parse", "first"), ("middle",), ("finish",))]
    assert [one.mean_s for one in segments if one is not None] == pytest.approx([0.0004, 0.0001, 0.0002])


def test_without_a_calibration_segments_are_equal_and_idling_costs_nothing() -> None:
    demands = Demands(DESIGN)
    first = demands.segment("redirect", ("first",), 1 / 3)
    assert first is not None
    assert first.mean_s == pytest.approx(DESIGN.demands["redirect"]["api_s"] / 3)
    assert demands.start_up() is None


def test_the_worker_takes_turns_and_starts_up_after_idling() -> None:
    model = build(DESIGN, CALIBRATION, deployment="reference", cached_keys=np.empty(0, dtype=np.int64))
    stations = {station.name: station for station in model.stations}
    start_up = stations["api-local-1"].start_up
    assert start_up is not None
    assert [(after_s, extra.mean_s) for after_s, extra in start_up.levels] == [(0.001, 0.0002)]
    assert [name for name, station in stations.items() if station.turns] == ["api-local-1"]


def test_at_other_paces_each_operation_is_there_again_and_only_the_apis_work_takes_longer() -> None:
    calibrated, slow = Demands(DESIGN, CALIBRATION), Demands(DESIGN, CALIBRATION, pace=1.5)
    for part, factor in (("api", 1.5), ("client", 1.0)):
        before, after = calibrated.time("redirect", part), slow.time("redirect", part)
        assert before is not None
        assert after is not None
        assert after.mean_s == pytest.approx(factor * before.mean_s)
    warm = np.empty(0, dtype=np.int64)
    model = build(DESIGN, CALIBRATION, deployment="reference", cached_keys=warm, paces=(1.0, 1.5))
    names = {flow.name for flow in model.flows}
    assert {"redirect", "redirect x1.50", "create x1.50"} <= names


def test_what_is_unexplained_varies_in_time_as_the_residuals_do() -> None:
    residuals = tuple(np.repeat([0.9, 1.2, 0.9, 1.0], 100).tolist())
    pace = Pace(spin_s=2e-5, elasticity=0.5, half_width=0.1, step_s=0.01, residuals=residuals)
    at_s = np.arange(0.0, 200.0, 0.001)
    factors = pace.unexplained(at_s, seed=1)
    assert set(factors.tolist()) == {0.9, 1.0, 1.2}
    assert factors.mean() == pytest.approx(1.0, abs=0.03)
    # Pieces, not single values: a change comes as seldom as in the residuals.
    changes_per_s = np.count_nonzero(np.diff(factors)) / 200
    assert changes_per_s < 2.5
    assert (factors == pace.unexplained(at_s, seed=1)).all()
    assert (factors != pace.unexplained(at_s, seed=2)).any()
    assert pace.when(np.array([2e-5, 3e-5])).tolist() == [1.0, 1.25]


def test_an_answer_leaves_when_all_that_were_ready_have_run() -> None:
    """Of three requests at once the first has a first turn of its own; the other two leave it, and the last, as one."""
    demands = CALIBRATION.demands | {"redirect": {"api": demand(0.001), "cache": demand(0.0)}}
    calibration = CALIBRATION.model_copy(update={"idle": (), "demands": demands})
    model = build(DESIGN, calibration, deployment="reference", cached_keys=np.arange(10, dtype=np.int64))
    code = np.int16(DESIGN.operations.index("redirect"))
    requests = replace(
        workload.steady(DESIGN, "constant", 100.0, 0.03, 1, 1), arrival_s=np.zeros(3), operation=np.full(3, code)
    )
    first, second, third = simulate(model, requests, 1).completed_s.tolist()
    assert first < second == third
