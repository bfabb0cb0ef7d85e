"""What runs is what the design says."""

from __future__ import annotations

import pytest

from reference_impls.url_shortener.service import SERVICE
from reference_impls.url_shortener.settings import Settings
from sdlab.catalog import load_design


def test_the_designs_numbers_reach_the_service_through_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    design = load_design("url_shortener", ["topology.cache.entry_ttl_s=123.0", "topology.click_worker.batch_items=45"])
    servers = {"DATABASE_URL": "postgresql://lab@127.0.0.1/lab", "REDIS_URL": "redis://127.0.0.1:1"}
    for name, value in {**servers, **SERVICE.settings(design)}.items():
        monkeypatch.setenv(name, value)
    settings = Settings()  # type: ignore[call-arg] # from the environment
    assert settings.cache_ttl_s == 123
    assert settings.click_batch_items == 45
