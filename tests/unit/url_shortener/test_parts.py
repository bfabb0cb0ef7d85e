"""Parts of the service that need no server: adding up clicks, single flight, timing, idempotency fingerprints."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impls.kit import timing
from reference_impls.kit.single_flight import SingleFlight
from reference_impls.url_shortener.counting import Click, tally
from reference_impls.url_shortener.links import _fingerprint
from reference_impls.url_shortener.store import NewLink

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.integers(0, 3 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
clicks = st.lists(st.builds(Click, st.sampled_from(["abc", "def"]), moments))


@given(clicks)
def test_a_tally_holds_each_click_once_under_its_link_and_day(found: list[Click]) -> None:
    rows = tally(found)
    expected = Counter((click.code, click.clicked_at.date()) for click in found)
    assert {(row.code, row.day): row.clicks for row in rows} == expected
    for row in rows:
        of_row = [click.clicked_at for click in found if (click.code, click.clicked_at.date()) == (row.code, row.day)]
        assert row.last_clicked_at == max(of_row)


def test_the_day_of_a_click_is_the_day_in_utc() -> None:
    late = datetime(2026, 1, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert tally([Click("abc", late)])[0].day == date(2026, 1, 2)


class Calls:
    """A call that takes until it is let go, and counts how often it was made."""

    def __init__(self) -> None:
        self.count = 0
        self.go = asyncio.Event()

    async def __call__(self) -> int:
        self.count += 1
        await self.go.wait()
        return self.count


async def test_callers_at_the_same_time_share_one_call() -> None:
    flights: SingleFlight[int] = SingleFlight()
    call = Calls()
    waiting = [asyncio.create_task(flights.do("a", call, asking_since_s=monotonic())) for _ in range(10)]
    await asyncio.sleep(0)
    call.go.set()
    assert await asyncio.gather(*waiting) == [1] * 10
    assert await flights.do("a", call, asking_since_s=monotonic()) == 2


async def test_a_caller_whose_question_is_older_than_the_answer_gets_that_answer() -> None:
    flights: SingleFlight[int] = SingleFlight()
    call = Calls()
    call.go.set()
    before_s = monotonic()
    assert await flights.do("a", call, asking_since_s=before_s) == 1
    await asyncio.sleep(0)
    assert await flights.do("a", call, asking_since_s=before_s) == 1
    assert await flights.do("b", call, asking_since_s=before_s) == 2
    assert await flights.do("a", call, asking_since_s=monotonic()) == 3


async def test_a_cancelled_caller_does_not_take_the_others_with_it() -> None:
    flights: SingleFlight[int] = SingleFlight()
    call = Calls()
    first = asyncio.create_task(flights.do("a", call, asking_since_s=monotonic()))
    second = asyncio.create_task(flights.do("a", call, asking_since_s=monotonic()))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    call.go.set()
    assert await second == 1


async def test_the_answers_that_linger_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_impls.kit.single_flight.LINGER_S", 0.01)
    flights: SingleFlight[int] = SingleFlight()
    call = Calls()
    call.go.set()
    for key in "abc":
        await flights.do(key, call, asking_since_s=monotonic())
    await asyncio.sleep(0.03)
    assert flights._landed == {}


def test_a_body_spelled_differently_has_the_same_fingerprint_and_another_body_another() -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    same = noon.astimezone(timezone(timedelta(hours=5)))
    url = "https://example.com/"
    assert _fingerprint(NewLink(url, None, noon)) == _fingerprint(NewLink(url, None, same))
    others = [NewLink(url, None, None), NewLink(url, "alias", noon), NewLink(url + "a", None, noon)]
    assert len({_fingerprint(new) for new in [*others, NewLink(url, None, noon)]}) == 4


async def test_stages_add_up_in_the_header_and_carry_their_description() -> None:
    record = timing.RequestRecord("id")
    timing.current.set(record)
    record.add(timing.DB, 0.001)
    record.add(timing.DB, 0.0005)
    record.add(timing.CACHE, 0.00025)
    timing.describe(timing.CACHE, "hit")
    header = record.server_timing(0.01)
    assert header.startswith("app;dur=10.000, ")
    assert "db;dur=1.500" in header
    assert "cache;dur=0.250;desc=hit" in header
    timing.current.set(None)
