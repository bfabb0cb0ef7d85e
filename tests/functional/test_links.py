"""What a client of the URL shortener sees, bad requests included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.functional.running import Running


async def stored(service: Running) -> int:
    return int(str(await service.value("SELECT count(*) FROM links")))


def in_future(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def test_a_created_link_redirects_to_its_url(service: Running) -> None:
    url = "https://example.com/a?b=c%20d#e"
    made = await service.client.post("/links", json={"url": url})
    assert made.status_code == 201
    body = made.json()
    assert len(body["code"]) == 7
    assert body["short_url"] == f"http://sho.rt/{body['code']}"
    assert made.headers["location"] == f"http://sho.rt/links/{body['code']}"
    followed = await service.client.get(f"/{body['code']}")
    assert followed.status_code == 302
    assert followed.headers["location"] == url
    assert followed.headers["cache-control"] == "no-store"
    assert (await service.client.get(f"/links/{body['code']}")).json() == body


async def test_an_alias_is_used_as_the_code_and_cannot_be_taken_again(service: Running) -> None:
    assert await service.create(alias="my-page") == "my-page"
    again = await service.client.post("/links", json={"url": "https://example.org/", "alias": "my-page"})
    assert again.status_code == 409
    assert again.json()["type"] == "urn:problem:alias-taken"
    assert (await service.client.get("/my-page")).headers["location"] == "https://example.com/page"
    assert await stored(service) == 1


async def test_a_deleted_link_is_gone_and_its_alias_stays_taken(service: Running) -> None:
    code = await service.create(alias="short-lived")
    assert (await service.client.get(f"/{code}")).status_code == 302
    assert (await service.client.delete(f"/links/{code}")).status_code == 204
    for path in (f"/{code}", f"/links/{code}", f"/links/{code}/statistics"):
        assert (await service.client.get(path)).status_code == 410
    assert (await service.client.delete(f"/links/{code}")).status_code == 410
    again = await service.client.post("/links", json={"url": "https://example.org/", "alias": code})
    assert again.status_code == 409
    assert (await service.client.delete("/links/never-made")).status_code == 404


async def test_an_unknown_code_is_404_in_every_spelling(service: Running) -> None:
    for code in ("unknown", "x", "a" * 33, "-dash-first", "%00%FF", "..%2Fetc", "Links"):
        answer = await service.client.get(f"/{code}")
        assert answer.status_code == 404, code
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_link_expires_in_the_cache_and_in_the_database_alike(service: Running) -> None:
    code = await service.create(expires_at=in_future(1.0))
    assert (await service.client.get(f"/{code}")).status_code == 302
    assert 0 < await service.valkey.pttl(f"link:{code}") <= 1000
    await asyncio.sleep(1.05)
    assert (await service.client.get(f"/{code}")).status_code == 410
    await service.valkey.flushall()
    assert (await service.client.get(f"/{code}")).status_code == 410
    assert (await service.client.get(f"/links/{code}")).status_code == 200


async def test_a_head_request_is_answered_like_a_redirect_and_is_no_click(service: Running) -> None:
    code = await service.create()
    answer = await service.client.head(f"/{code}")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.com/page")
    assert await service.valkey.xlen("clicks") == 0


async def test_pages_hold_every_link_once_newest_first(service: Running) -> None:
    codes = [await service.create(alias=f"page-{number}") for number in range(7)]
    await service.client.delete("/links/page-3")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await service.client.get("/links", params=query)).json()
        seen += [link["code"] for link in page["links"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        # A link made between two pages belongs to none of those that follow.
        await service.create()
    assert seen == [code for code in reversed(codes) if code != "page-3"]


BAD_REQUESTS: dict[str, tuple[int, dict[str, object]]] = {
    "not a URL": (422, {"url": "example"}),
    "a script": (422, {"url": "javascript:alert(1)"}),
    "another scheme": (422, {"url": "ftp://example.com/"}),
    "no host": (422, {"url": "https:///path"}),
    "a user name": (422, {"url": "https://bank.example@evil.example/"}),
    "a backslash": (422, {"url": "https://evil.example\\@bank.example/"}),
    "a line break": (422, {"url": "https://example.com/\r\nSet-Cookie: a=b"}),
    "not ASCII": (422, {"url": "https://exämple.com/"}),
    "a bad port": (422, {"url": "https://example.com:99999/"}),
    "too long": (422, {"url": "https://example.com/" + "a" * 2048}),
    "a reserved alias": (422, {"url": "https://example.com/", "alias": "Metrics"}),
    "a malformed alias": (422, {"url": "https://example.com/", "alias": "a/b"}),
    "an expiry that has passed": (422, {"url": "https://example.com/", "expires_at": "2020-01-01T00:00:00Z"}),
    "an expiry without offset": (422, {"url": "https://example.com/", "expires_at": "2090-01-01T00:00:00"}),
    "an expiry as a number": (422, {"url": "https://example.com/", "expires_at": 4102444800}),
    "an unknown key": (422, {"url": "https://example.com/", "ttl": 5}),
    "no URL": (422, {}),
    "a body too large": (413, {"url": "https://example.com/", "alias": "x" * 20_000}),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_bad_request_is_a_problem_and_stores_nothing(service: Running, name: str) -> None:
    status, body = BAD_REQUESTS[name]
    answer = await service.client.post("/links", json=body, headers={"Idempotency-Key": "a-key"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert await stored(service) == 0
    assert await service.value("SELECT count(*) FROM idempotency_keys") == 0


async def test_a_body_is_limited_also_when_its_length_is_not_announced(service: Running) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"url": "https://example.com/'
        for _ in range(40):
            yield b"a" * 1000

    headers = {"Content-Type": "application/json"}
    answer = await service.client.post("/links", content=chunks(), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert await stored(service) == 0


@pytest.mark.parametrize("cursor", ["x", "AAAAAAABhqAxmcMXHvC27h", "äöü", "=" * 22, "A" * 64])
async def test_a_malformed_cursor_is_400(service: Running, cursor: str) -> None:
    answer = await service.client.get("/links", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:problem:malformed-cursor"


async def test_a_body_that_is_not_json_is_422(service: Running) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await service.client.post("/links", content=b'{"url": ', headers=headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_repeated_key_gets_the_same_answer_and_makes_one_link(service: Running) -> None:
    key = {"Idempotency-Key": "order-17"}
    first = await service.client.post("/links", json={"url": "https://example.com/"}, headers=key)
    again = await service.client.post("/links", json={"url": "https://example.com/"}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = await service.client.post("/links", json={"url": "https://example.org/"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:problem:idempotency-key-reused"
    assert await stored(service) == 1


async def test_one_key_used_by_many_at_once_makes_one_link(service: Running) -> None:
    async def post() -> str:
        body = {"url": "https://example.com/"}
        answer = await service.client.post("/links", json=body, headers={"Idempotency-Key": "at-once"})
        assert answer.status_code == 201
        return answer.text

    assert len(set(await asyncio.gather(*(post() for _ in range(20))))) == 1
    assert await stored(service) == 1


async def test_a_key_of_a_request_that_failed_can_be_used_again(service: Running) -> None:
    await service.create(alias="taken")
    key = {"Idempotency-Key": "retry"}
    body = {"url": "https://example.com/", "alias": "taken"}
    assert (await service.client.post("/links", json=body, headers=key)).status_code == 409
    body["alias"] = "not-taken"
    assert (await service.client.post("/links", json=body, headers=key)).status_code == 201


async def test_an_answer_is_replayed_even_after_the_link_has_expired(service: Running) -> None:
    body = {"url": "https://example.com/", "expires_at": in_future(0.3)}
    key = {"Idempotency-Key": "replay"}
    first = await service.client.post("/links", json=body, headers=key)
    await asyncio.sleep(0.35)
    again = await service.client.post("/links", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
