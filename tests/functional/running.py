"""A URL shortener in this process, on real servers: what the functional and contract tests share."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
from fastapi import FastAPI
from redis.asyncio import Redis

from reference_impls.url_shortener import worker
from reference_impls.url_shortener.app import create_app
from reference_impls.url_shortener.links import Links
from reference_impls.url_shortener.service import SERVICE
from reference_impls.url_shortener.settings import Settings
from sdlab import processes
from sdlab.processes import Child

PATIENCE_S = 30.0
TABLES = ("links", "idempotency_keys", "link_clicks", "click_streams", "stray_clicks", "cache_invalidations")


@dataclass
class Running:
    """A service, a client of it, and its servers."""

    app: FastAPI
    client: httpx.AsyncClient
    settings: Settings
    valkey: Redis

    @property
    def links(self) -> Links:
        links: Links = self.app.state.links
        return links

    async def create(self, url: str = "https://example.com/page", **more: object) -> str:
        """Make a link and return its code."""
        answer = await self.client.post("/links", json={"url": url, **more})
        assert answer.status_code == 201, answer.text
        code: str = answer.json()["code"]
        return code

    async def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        try:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
            return rows
        finally:
            await connection.close()

    async def value(self, sql: str, *arguments: object) -> object:
        return (await self.query(sql, *arguments))[0][0]

    async def follow(self, code: str, times: int = 1, concurrency: int = 40) -> int:
        """Follow a link so often; how many were answered with a redirect."""
        free = asyncio.Semaphore(concurrency)

        async def once() -> bool:
            async with free:
                return (await self.client.get(f"/{code}")).status_code == 302

        return sum(await asyncio.gather(*(once() for _ in range(times))))

    async def counted(self) -> int:
        """All clicks counted, once nothing is waiting to be."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            answer = await self.client.get("/statistics")
            if answer.status_code == 200 and answer.json()["pending"] == 0:
                clicks: int = answer.json()["clicks"]
                return clicks
            assert time.monotonic() < deadline_s, answer.text
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[None]:
        """The click worker, in this process."""
        stopping = asyncio.Event()
        task = asyncio.create_task(worker.run(self.settings, stopping))
        try:
            yield
        finally:
            stopping.set()
            await task

    @contextmanager
    def worker_process(self, log_path: Path) -> Iterator[Child]:
        """The click worker as ``lab serve`` runs it."""
        environment = dict(os.environ) | {
            "DATABASE_URL": self.settings.database_url.get_secret_value(),
            "REDIS_URL": self.settings.redis_url.get_secret_value(),
        }
        program = [sys.executable, "-m", SERVICE.workers["click_worker"]]
        child = processes.start("click_worker", program, log_path=log_path, environment=environment)
        try:
            yield child
        finally:
            processes.stop([child], grace_s=2)


@asynccontextmanager
async def running(database_url: str, redis_url: str, **settings: object) -> AsyncIterator[Running]:
    """The service on a migrated database; what the database and the cache hold is deleted first."""
    chosen = Settings.model_validate(
        {"database_url": database_url, "redis_url": redis_url, "public_url": "http://sho.rt", "pool_size": 5} | settings
    )
    app = create_app(chosen)
    valkey = Redis.from_url(redis_url, protocol=2)
    await empty(database_url)
    await valkey.flushall()
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield Running(app, client, chosen, valkey)
    with suppress(Exception):
        await valkey.aclose()


async def empty(database_url: str) -> None:
    """Delete every row, which is faster than a new database."""
    connection = await asyncpg.connect(database_url)
    try:
        for table in TABLES:
            await connection.execute(f"DELETE FROM {table}")
    finally:
        await connection.close()


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        await asyncio.sleep(0.02)


def stages_of(answer: httpx.Response) -> dict[str, float]:
    """Milliseconds by stage, from the Server-Timing header; each number has three decimals or more."""
    found = {}
    for entry in answer.headers["server-timing"].split(", "):
        name, duration, *_ = entry.split(";")
        assert re.fullmatch(r"dur=\d+\.\d{3,}", duration), entry
        found[name] = float(duration.removeprefix("dur="))
    return found
