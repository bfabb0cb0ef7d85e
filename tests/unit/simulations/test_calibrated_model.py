"""The URL shortener's model uses what the calibration measured of its API process."""

from __future__ import annotations

import numpy as np
import pytest

from sdlab.calibration import Calibration, Demand, IdleLevel, TwoSpeeds
from sdlab.catalog import load_design
from sdlab.runs import Machine
from simulations.demands import Demands
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
    segments={"redirect": {"first": 0.4, "middle": 0.1, "last": 0.3, "finish": 0.2}},
    idle=(IdleLevel(after_s=0.001, extra_s=0.0002, half_width_s=0.0001, samples=50),),
)


def test_segments_are_the_measured_shares_of_the_demand() -> None:
    demands = Demands(DESIGN, CALIBRATION)
    segments = [demands.segment("redirect", (name,), 1 / 3) for name in ("first", "middle", "last")]
    assert [one.mean_s for one in segments if one is not None] == pytest.approx([0.0004, 0.0001, 0.0003])
    finish = demands.finish("redirect")
    assert finish is not None
    assert finish.mean_s == pytest.approx(0.0002)


def test_without_a_calibration_segments_are_equal_and_idling_costs_nothing() -> None:
    demands = Demands(DESIGN)
    first = demands.segment("redirect", ("first",), 1 / 3)
    assert first is not None
    assert first.mean_s == pytest.approx(DESIGN.demands["redirect"]["api_s"] / 3)
    assert demands.finish("redirect") is None
    assert demands.start_up() is None


def test_the_worker_starts_up_after_idling_and_finishes_behind_the_answer() -> None:
    model = build(DESIGN, CALIBRATION, deployment="reference", cached_keys=np.empty(0, dtype=np.int64))
    stations = {station.name: station for station in model.stations}
    start_up = stations["api-local-1"].start_up
    assert start_up is not None
    assert [(after_s, extra.mean_s) for after_s, extra in start_up.levels] == [(0.001, 0.0002)]
    assert "finish-redirect-api-local-1" in {flow.name for flow in model.flows}
    assert "Spawn(flow='finish-redirect-api-local-1')" in repr(model.flows)


def test_at_two_speeds_each_operation_is_there_twice_and_the_mean_speed_is_the_calibrated_one() -> None:
    speeds = TwoSpeeds(fast_spin_s=2e-5, slow_share=0.25, slow_factor=2.0)
    calibration = CALIBRATION.model_copy(update={"speeds": speeds})
    fast, slow = Demands(DESIGN, calibration).at_speeds()
    times = [one.time("redirect", "api") for one in (fast, slow)]
    assert [time.mean_s for time in times if time is not None] == pytest.approx([0.0008, 0.0016])
    mean_s = CALIBRATION.demands["redirect"]["api"].mean_s
    assert mean_s == pytest.approx(0.75 * 0.0008 + 0.25 * 0.0016)
    client = slow.time("redirect", "client")
    assert client is not None
    assert client.mean_s == pytest.approx(0.0005)
    warm = np.empty(0, dtype=np.int64)
    names = {
        flow.name for flow in build(DESIGN, calibration, deployment="reference", cached_keys=warm, at_speeds=True).flows
    }
    assert {"redirect", "redirect (slow)", "finish-redirect-api-local-1 (slow)"} <= names
    assert "redirect (slow)" not in {
        flow.name for flow in build(DESIGN, CALIBRATION, deployment="reference", cached_keys=warm, at_speeds=True).flows
    }
