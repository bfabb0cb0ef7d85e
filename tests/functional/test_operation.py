"""What operating the service relies on: health, metrics, timing, logs, limits, migrations."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from reference_impls.kit import timing
from reference_impls.kit.migrations import upgrade
from reference_impls.url_shortener.domain import RESERVED
from reference_impls.url_shortener.service import SERVICE
from reference_impls.url_shortener.settings import Settings
from sdlab.servers import Servers
from sdlab.spec import TestData
from tests.functional.running import TABLES, Running, running, stages_of


async def test_health_and_readiness_answer(service: Running) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await service.client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_without_database_it_is_not_ready_and_says_which_part(service: Running) -> None:
    code = await service.create()
    pool = service.links.store._database._pool
    await pool.close()
    answer = await service.client.get("/readyz")
    assert (answer.status_code, answer.json()["failed"]) == (503, ["database"])
    assert answer.headers["retry-after"] == "1"
    assert (await service.client.get(f"/links/{code}")).status_code == 503
    assert await service.follow(code) == 1  # the cache holds it, the stream takes the click
    assert (await service.client.get("/healthz")).status_code == 200


async def test_each_stage_of_a_request_is_timed_once(service: Running) -> None:
    code = await service.create()
    await service.valkey.flushall()
    miss = await service.client.get(f"/{code}")
    hit = await service.client.get(f"/{code}")
    assert ";desc=miss" in miss.headers["server-timing"]
    assert ";desc=hit" in hit.headers["server-timing"]
    own = {timing.APP, timing.CPU, timing.FIRST, timing.OWN, timing.LAST, timing.AT, timing.CLOCK}
    own |= {timing.GAP, timing.IDLE, timing.WAKES, timing.TURNS}
    before = {timing.SEND, timing.FINISH}  # of the request that ended last
    assert set(stages_of(miss)) == own | before | {timing.CACHE, timing.POOL, timing.DB, timing.STREAM}
    assert set(stages_of(hit)) == own | before | {timing.CACHE, timing.STREAM}
    for answer in (miss, hit):
        stages = stages_of(answer)
        app, cpu = stages[timing.APP], stages[timing.CPU]
        assert 0 < sum(stages.get(name, 0) for name in timing.STAGES) < app
        assert 0 < cpu < app + 1  # the two clocks have different grains
        assert 0 < stages[timing.FIRST] <= stages[timing.OWN] < app + 1
        assert stages[timing.GAP] >= 0
        assert stages[timing.WAKES] in range(5)
        assert (stages[timing.IDLE] > 0) == (stages[timing.WAKES] > 0)
    assert stages_of(miss)[timing.AT] < stages_of(hit)[timing.AT]
    assert stages_of(miss)[timing.CLOCK] < stages_of(hit)[timing.CLOCK]


async def test_waiting_for_a_connection_counts_as_pool_and_holding_one_as_db(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = service.links.store._database
    held = [await database._pool.acquire() for _ in range(service.settings.pool_size)]
    asking = asyncio.create_task(service.client.get("/links/nothing"))
    await asyncio.sleep(0.2)
    for connection in held:
        await database._pool.release(connection)
    stages = stages_of(await asking)
    assert stages[timing.POOL] > 150 > stages[timing.DB]


async def test_metrics_count_requests_by_route_and_not_by_path(service: Running) -> None:
    code = await service.create()
    await service.follow(code, 3)
    await service.client.get("/a/path/of/nobody")
    text = (await service.client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/{code}",status="302"} 3.0' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'clicks_recorded_total{place="stream"} 3.0' in text
    assert code not in text


async def test_a_blocked_event_loop_shows_in_its_lag(service: Running) -> None:
    """Whatever else the machine does: of the second in which the loop stands still, some instants are sampled."""

    async def lagged() -> tuple[float, float]:
        text = (await service.client.get("/metrics")).text
        found = [re.findall(rf"^event_loop_lag_seconds_{name} (\S+)$", text, re.MULTILINE) for name in ("count", "sum")]
        return float(found[0][0]), float(found[1][0])

    count, sum_s = await lagged()
    time.sleep(1.0)
    await asyncio.sleep(0.1)
    count_after, sum_after_s = await lagged()
    assert count_after - count >= 5
    assert sum_after_s - sum_s > 1.0


async def test_every_path_the_service_answers_itself_is_reserved(service: Running) -> None:
    paths = list((await service.client.get("/openapi.json")).json()["paths"])
    assert "/healthz" in paths
    own = {path.split("/")[1] for path in [*paths, "/docs"]} - {"{code}"}
    assert own <= RESERVED


@pytest.mark.parametrize(
    ("given", "is_kept"), [("abc-123", True), ("x" * 65, False), ("a b", False), ('{"a":1}', False), ("", False)]
)
async def test_a_request_id_is_kept_if_it_is_one(service: Running, given: str, is_kept: bool) -> None:
    answer = await service.client.get("/healthz", headers={"X-Request-ID": given})
    found = answer.headers["x-request-id"]
    assert (found == given) is is_kept
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", found)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/no/such/path", 404), ("PUT", "/links", 405), ("POST", "/healthz", 405)]
)
async def test_a_request_that_no_route_takes_is_a_problem(
    service: Running, method: str, path: str, status: int
) -> None:
    answer = await service.client.request(method, path)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_more_requests_at_once_than_allowed_are_turned_away_at_once(started: Servers, database_url: str) -> None:
    async with running(database_url, started.redis_url, max_in_flight=3) as service:
        code = await service.create()
        answers = await asyncio.gather(*(service.client.get(f"/{code}") for _ in range(10)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [302] * 3 + [503] * 7
        assert await service.follow(code) == 1


async def test_migrating_again_and_at_the_same_time_changes_nothing(started: Servers) -> None:
    admin = await asyncpg.connect(started.database_url)
    await admin.execute("CREATE DATABASE migrating")
    url = started.database_url.rsplit("/", 1)[0] + "/migrating"
    await asyncio.gather(*(upgrade(url, SERVICE.migrations) for _ in range(3)))
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO links (code, url) VALUES ('kept', 'https://example.com/')")
    await upgrade(url, SERVICE.migrations)
    assert await connection.fetchval("SELECT count(*) FROM links") == 1
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row[0] for row in tables} == {*TABLES, "alembic_version"}
    await connection.close()
    await admin.execute("DROP DATABASE migrating")
    await admin.close()


async def test_test_data_are_loaded_where_they_are_missing(service: Running, database_url: str) -> None:
    data = TestData(links=50, code_format="k{rank:07d}")
    await service.create(alias=data.code(7))
    assert await SERVICE.load_test_data(database_url, data) == 49
    assert await SERVICE.load_test_data(database_url, data) == 0
    assert (await service.client.get("/k0000007")).headers["location"] == "https://example.com/page"
    assert (await service.client.get("/k0000008")).headers["location"] == "https://example.com/k0000008"


_LOGGING = """
import asyncio, httpx
from reference_impls.url_shortener.app import app_from_environment

async def main():
    app = app_from_environment()
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            await client.get("/nothing", headers={"X-Request-ID": "find-me"})
            app.state.links.store.target = None  # a bug: None is not callable
            assert (await client.get("/nothing2", headers={"X-Request-ID": "bug"})).status_code == 500
            await app.state.links.store._database._pool.close()
            await client.get("/links/nothing")

asyncio.run(main())
"""


def test_logs_are_json_with_the_request_id_and_without_secrets(started: Servers, database_url: str) -> None:
    secrets = (database_url.split(":")[2].split("@", maxsplit=1)[0], started.redis_url.split(":")[2].split("@")[0])
    environment = dict(os.environ) | {"DATABASE_URL": database_url, "REDIS_URL": started.redis_url}
    done = subprocess.run(
        [sys.executable, "-c", _LOGGING], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    found = [event for event in events if event.get("request_id") == "find-me" and "path" in event]
    assert [(event["event"], event["status"], event["path"]) for event in found] == [("request", 404, "/nothing")]
    broken = [event for event in events if event.get("request_id") == "bug" and event["event"] == "unhandled"]
    assert "TypeError" in broken[0]["exception"]
    assert any(event["event"] == "database_unavailable" for event in events)
    for secret in secrets:
        assert secret not in done.stdout + done.stderr


def test_settings_do_not_show_their_secrets() -> None:
    settings = Settings.model_validate({"database_url": "postgresql://u:hidden@h/d", "redis_url": "redis://:hidden@h"})
    assert "hidden" not in repr(settings)


def test_importing_the_app_connects_to_nothing_and_needs_no_settings() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    program = "import reference_impls.url_shortener.app, reference_impls.url_shortener.worker"
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=Path.cwd(), check=True)
