"""The URL shortener as ``lab serve`` runs it."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from reference_impls.kit.service import Service
from reference_impls.url_shortener import store
from sdlab.spec import Design, TestData


async def load_test_data(database_url: str, test_data: TestData) -> int:
    """Make the links that load tests ask for, by popularity rank from 0, where they are missing."""
    codes = [test_data.code(rank) for rank in range(test_data.links)]
    connection = await asyncpg.connect(database_url)
    try:
        return await store.load_links(connection, [(code, f"https://example.com/{code}") for code in codes])
    finally:
        await connection.close()


def example(url: str) -> str:
    body = '{"url": "https://example.com/"}'
    return f"curl -i {url}/links -H 'Content-Type: application/json' -d '{body}'"


def settings(design: Design) -> dict[str, str]:
    """What the design says of the service, as the variables that `Settings` reads."""
    cache, click_worker = design.topology["cache"], design.topology["click_worker"]
    return {"CACHE_TTL_S": str(cache.entry_ttl_s), "CLICK_BATCH_ITEMS": str(click_worker.batch_items)}


SERVICE = Service(
    app_factory="reference_impls.url_shortener.app:app_from_environment",
    migrations=Path(__file__).parent / "migrations",
    load_test_data=load_test_data,
    example=example,
    settings=settings,
    workers={"click_worker": "reference_impls.url_shortener.worker"},
)
