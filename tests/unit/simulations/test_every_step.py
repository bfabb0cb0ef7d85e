"""The example of every step does use them all, and both engines agree on it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from sdlab import catalog
from simulations.distributions import Distribution
from simulations.engines import simulate
from simulations.proof.describing import python_of
from simulations.steps import Step


@pytest.fixture(scope="module")
def shop() -> ModuleType:
    spec = importlib.util.spec_from_file_location("every_step", catalog.ROOT / "examples" / "every_step.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shop_has_every_kind_of_step_and_resource_and_distribution(shop: ModuleType) -> None:
    model = shop.build()
    assert {type(step) for _, step in model.walk()} == set(get_args(Step))
    for kind in ("stations", "pools", "caches", "queues", "balancers", "buckets", "breakers", "budgets", "populations"):
        assert getattr(model, kind), kind
    written = python_of(model)
    for kind in (*get_args(Distribution), "Outage", "Breakdowns", "Autoscaler", "StartUp"):
        name = kind if isinstance(kind, str) else kind.__name__
        assert f"{name}(" in written, name


def test_both_engines_agree_on_the_shop(shop: ModuleType) -> None:
    requests = shop.customers(3_000)
    reference, compiled = (
        simulate(shop.build(), requests, 1, engine, record_spans=True, record_spawned=True, bin_s=1.0)
        for engine in ("simpy", "compiled")
    )
    assert reference.differences(compiled) == []
    ended = shop.outcomes(reference, requests)
    assert set(ended) == {"browse", "search", "order"}
    assert all(outcomes["completed"] > 0 for outcomes in ended.values())
    assert ended["search"]["failed"] > 0
    assert ended["order"]["rejected"] > 0


def test_the_shop_runs_as_a_program_and_is_drawn(
    shop: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    shop.main()
    assert "the engines agree to the last bit" in capsys.readouterr().out
    assert (tmp_path / "shop.svg").read_text().startswith("<svg")
