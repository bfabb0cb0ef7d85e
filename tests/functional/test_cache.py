"""The cache never makes the service wrong, and keeps a stampede off the database."""

from __future__ import annotations

import asyncio

import pytest

from reference_impls.url_shortener.domain import Target
from tests.functional.running import Running


def count_reads(service: Running, monkeypatch: pytest.MonkeyPatch, hold: asyncio.Event | None = None) -> list[str]:
    """Record each read of a target from the database; ``hold`` keeps what was read back until it is set."""
    read = service.links.store.target
    codes: list[str] = []

    async def counted(code: str) -> Target:
        target = await read(code)
        codes.append(code)
        if hold is not None:
            await hold.wait()
        return target

    monkeypatch.setattr(service.links.store, "target", counted)
    return codes


async def test_a_hundred_misses_of_one_link_at_once_read_the_database_once(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await service.create()
    await service.valkey.flushall()
    reads = count_reads(service, monkeypatch)
    assert await service.follow(code, times=100, concurrency=100) == 100
    assert reads == [code]


async def test_a_hit_reads_no_database(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    code = await service.create()
    reads = count_reads(service, monkeypatch)
    answer = await service.client.get(f"/{code}")
    assert reads == []
    assert ";desc=hit" in answer.headers["server-timing"]
    assert "db;" not in answer.headers["server-timing"]


async def test_a_read_that_fails_fails_for_all_who_wait_and_is_not_remembered(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await service.create()
    await service.valkey.flushall()
    with monkeypatch.context() as patched:

        async def fail(_code: str) -> Target:
            raise RuntimeError("a bug")

        patched.setattr(service.links.store, "target", fail)
        answers = await asyncio.gather(*(service.client.get(f"/{code}") for _ in range(5)))
        assert [answer.status_code for answer in answers] == [500] * 5
        assert all("a bug" not in answer.text for answer in answers)
    assert await service.follow(code) == 1


async def test_an_unknown_code_is_remembered_for_a_while(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = count_reads(service, monkeypatch)
    for _ in range(3):
        assert (await service.client.get("/nothing")).status_code == 404
    assert reads == ["nothing"]
    assert 0 < await service.valkey.pttl("link:nothing") <= 10_000


async def test_a_link_made_after_its_code_was_asked_for_works_at_once(service: Running) -> None:
    assert (await service.client.get("/soon-there")).status_code == 404
    await service.create(alias="soon-there")
    assert await service.follow("soon-there") == 1


async def test_a_slow_miss_does_not_hide_a_link_made_meanwhile(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = asyncio.Event()
    reads = count_reads(service, monkeypatch, hold)
    early = asyncio.create_task(service.client.get("/racing"))
    while not reads:
        await asyncio.sleep(0.001)
    await service.create(alias="racing")
    hold.set()
    assert (await early).status_code == 404
    assert await service.follow("racing") == 1


async def test_a_slow_fill_does_not_bring_back_a_link_deleted_meanwhile(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await service.create()
    await service.valkey.flushall()
    hold = asyncio.Event()
    reads = count_reads(service, monkeypatch, hold)
    early = asyncio.create_task(service.client.get(f"/{code}"))
    while not reads:
        await asyncio.sleep(0.001)
    assert (await service.client.delete(f"/links/{code}")).status_code == 204
    hold.set()
    assert (await early).status_code == 302
    assert (await service.client.get(f"/{code}")).status_code == 410
    assert await service.valkey.get(f"link:{code}") == b"G"


async def test_the_write_of_a_new_link_does_not_bring_it_back_after_its_deletion(service: Running) -> None:
    code = await service.create()
    await service.client.delete(f"/links/{code}")
    await service.links._cache.put_new(code, Target("https://example.com/page"))
    assert (await service.client.get(f"/{code}")).status_code == 410


async def test_the_worker_tells_the_cache_of_a_deletion_it_missed(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await service.create()

    async def bury_nothing(_code: str) -> bool:
        return False  # as when Valkey does not answer

    monkeypatch.setattr(service.links._cache, "bury", bury_nothing)
    assert (await service.client.delete(f"/links/{code}")).status_code == 204
    assert await service.follow(code) == 1  # the cache still holds it
    async with service.counting():
        while await service.value("SELECT count(*) FROM cache_invalidations"):
            await asyncio.sleep(0.02)
    assert (await service.client.get(f"/{code}")).status_code == 410
