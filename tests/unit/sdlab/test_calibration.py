"""What a calibration file keeps, and what its digest names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdlab.calibration import Calibration, ClientFloor, Demand
from sdlab.catalog import design_folder
from sdlab.runs import Machine

FLOOR = ClientFloor(
    run_id="y",
    rate_rps=100.0,
    samples=500,
    mean_s=0.00021,
    half_width_s=0.00001,
    p50_s=0.0002,
    p95_s=0.0003,
    server_cpu_s=0.00003,
    lateness_p50_s=0.00005,
    lateness_p95_s=0.0001,
    invalid=("the generator was late",),
)


def calibration(floor: ClientFloor | None) -> Calibration:
    return Calibration(
        design="url_shortener",
        run_ids=["x"],
        commit="c",
        created_at="2026-01-01T00:00:00+00:00",
        machine=Machine.this(),
        rate_rps=100.0,
        utilisation=0.3,
        demands={"redirect": {"client": Demand(mean_s=0.0005, quantiles_s=(0.0001, 0.0005, 0.0009), samples=9)}},
        client_floor=floor,
    )


@pytest.mark.parametrize("floor", [None, FLOOR])
def test_what_is_saved_is_what_is_loaded(floor: ClientFloor | None, tmp_path: Path) -> None:
    saved = calibration(floor)
    saved.save(tmp_path / "calibration.toml")
    assert Calibration.load(tmp_path / "calibration.toml") == saved


def test_a_calibration_of_before_the_floor_was_measured_loads(tmp_path: Path) -> None:
    calibration(None).save(tmp_path / "calibration.toml")
    assert "client_floor" not in (tmp_path / "calibration.toml").read_text()
    assert Calibration.load(tmp_path / "calibration.toml").client_floor is None
    assert Calibration.load(design_folder("url_shortener") / "calibration.toml").demands


def test_the_floor_is_no_parameter_that_the_digest_names() -> None:
    assert calibration(FLOOR).digest == calibration(None).digest
    assert calibration(None).model_copy(update={"rate_rps": 101.0}).digest != calibration(None).digest


def test_the_clients_own_time_is_what_the_endpoint_did_not_need() -> None:
    assert FLOOR.client_s == pytest.approx(0.00018)
    assert FLOOR.model_copy(update={"server_cpu_s": 1.0}).client_s == 0.0


def test_a_demands_quantiles_lie_between_those_that_were_kept() -> None:
    demand = calibration(None).demands["redirect"]["client"]
    assert [demand.quantile_s(share) for share in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(
        [0.0001, 0.0003, 0.0005, 0.0009]
    )
