"""The URL shortener's model uses what the calibration measured of its API process."""

from __future__ import annotations

import numpy as np
import pytest

from sdlab.calibration import Calibration, Demand, IdleLevel
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
    client_cpu_s=0.0002,
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


def test_the_time_beside_the_generators_own_is_what_remains_of_the_clients() -> None:
    rest = Demands(DESIGN, CALIBRATION).beyond_client("redirect")
    assert rest is not None
    assert rest.mean_s == pytest.approx(0.0003)
