"""The counting of clicks, one batch after another; ``worker`` runs it.

The place up to which a stream is counted (``click_streams.counted_up_to``) moves in the transaction that adds the
counts, and only from the value the batch was read behind: two countings of one batch cannot both commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from redis.asyncio import Redis

from reference_impls.url_shortener.cache import tombstone
from reference_impls.url_shortener.clicks import CODE_FIELD, ID_FIELD
from reference_impls.url_shortener.store import Clicks

# An append whose answer was lost is settled by looking for it on the stream: not before Valkey has answered without
# interruption for this long, so that what stood in its sockets has been carried out.
SETTLE_AFTER = timedelta(seconds=5)
# The stream keeps what is counted for this long at least, and from the first append that is not settled.
KEEP_COUNTED = timedelta(seconds=120)
# How far the clocks of the service and of Valkey may differ for such an append to be found.
CLOCK_SKEW = timedelta(seconds=30)
LOOK_AT = 10_000

IDEMPOTENCY_KEYS_KEPT = timedelta(hours=24)

_log: Any = structlog.get_logger("counting")


class CountedElsewhere(Exception):
    """The place moved under us: another worker has counted this batch."""


@dataclass(frozen=True, slots=True)
class Click:
    """One click, from the stream or from ``stray_clicks``."""

    code: str
    clicked_at: datetime


class Counting:
    """Counts the clicks of one stream over one database connection, on which it holds the stream's lock."""

    def __init__(self, connection: Any, valkey: Redis, stream: str, batch_items: int) -> None:
        self._connection = connection
        self._valkey = valkey
        self._stream = stream
        self._batch_items = batch_items
        self._answering_since_s: float | None = None

    async def lock(self) -> bool:
        """Take the stream's lock, which the connection's end releases; False if another holds it."""
        taken = await self._connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtextextended('clicks of ' || $1, 0))", self._stream
        )
        return bool(taken)

    async def counted_up_to(self) -> str:
        """The id of the last stream entry that is counted."""
        place = await self._connection.fetchval(
            "INSERT INTO click_streams VALUES ($1, '0-0') ON CONFLICT (stream) DO UPDATE "
            "SET counted_up_to = click_streams.counted_up_to RETURNING counted_up_to",
            self._stream,
        )
        return str(place)

    async def count_batch(self) -> bool:
        """Count what is on the stream, up to a batch; whether there may be more."""
        place = await self.counted_up_to()
        entries = await self._entries(f"({place}", "+", self._batch_items)
        if not entries:
            return False
        new_place = entries[-1][0].decode()
        clicks = [Click(fields[CODE_FIELD].decode(), _moment(entry)) for entry, fields in entries]
        async with self._connection.transaction():
            moved = await self._connection.execute(
                "UPDATE click_streams SET counted_up_to = $3 WHERE stream = $1 AND counted_up_to = $2",
                self._stream,
                place,
                new_place,
            )
            if moved != "UPDATE 1":
                raise CountedElsewhere(place)
            await self._add(clicks)
        _log.debug("counted", clicks=len(clicks), counted_up_to=new_place)
        return len(entries) == self._batch_items

    async def _entries(self, first: str, last: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: Any = await self._valkey.xrange(self._stream, first, last, count=count)
        if self._answering_since_s is None:
            self._answering_since_s = monotonic()
        return list(found)

    async def keep_database(self) -> None:
        """Count the clicks that certainly never reached the stream, and drop old idempotency keys."""
        await self._count_certain_strays()
        await self._connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval", IDEMPOTENCY_KEYS_KEPT
        )

    async def keep_stream(self) -> None:
        """Settle the clicks that may have reached it, tell the cache of deletions it missed, and trim."""
        await self._settle_ambiguous_strays()
        await self._forget_deleted()
        await self._trim()

    async def _count_certain_strays(self) -> None:
        async with self._connection.transaction():
            rows = await self._connection.fetch(
                "DELETE FROM stray_clicks WHERE NOT is_ambiguous RETURNING code, clicked_at"
            )
            await self._add([Click(*row) for row in rows])
        if rows:
            _log.info("stray_clicks_counted", clicks=len(rows))

    async def _settle_ambiguous_strays(self) -> None:
        """Clicks that may be on the stream as well: those that are have been or will be counted there."""
        since_s = self._answering_since_s
        if since_s is None or monotonic() - since_s < SETTLE_AFTER.total_seconds():
            return
        async with self._connection.transaction():
            rows = await self._connection.fetch(
                "DELETE FROM stray_clicks WHERE is_ambiguous AND clicked_at < now() - $1::interval "
                "RETURNING click_id, code, clicked_at",
                SETTLE_AFTER,
            )
            if not rows:
                return
            # Without Valkey this raises, and the clicks stay where they are. An append can be carried out long after
            # it was sent (a process that was stopped, and goes on), so the search has no end but the stream's.
            on_stream = await self._ids_on_stream_since(min(row["clicked_at"] for row in rows) - CLOCK_SKEW)
            strays = [Click(row["code"], row["clicked_at"]) for row in rows if row["click_id"] not in on_stream]
            await self._add(strays)
        _log.info("ambiguous_clicks_settled", counted=len(strays), on_stream=len(rows) - len(strays))

    async def _ids_on_stream_since(self, moment: datetime) -> set[str]:
        place = _entry_id(moment)
        ids: set[str] = set()
        while True:
            entries = await self._entries(place, "+", LOOK_AT)
            ids.update(fields[ID_FIELD].decode() for _, fields in entries)
            if len(entries) < LOOK_AT:
                return ids
            place = "(" + entries[-1][0].decode()

    async def _forget_deleted(self) -> None:
        rows = await self._connection.fetch("SELECT code FROM cache_invalidations LIMIT 1000")
        for row in rows:
            await self._valkey.set(*tombstone(row["code"]))
        if rows:
            codes = [row["code"] for row in rows]
            await self._connection.execute("DELETE FROM cache_invalidations WHERE code = ANY($1)", codes)
            _log.info("cache_told_of_deletions", links=len(rows))

    async def _trim(self) -> None:
        """Drop entries that are counted, old enough, and not needed to settle a click."""
        counted_at = _moment((await self.counted_up_to()).encode())
        unsettled_at = await self._connection.fetchval("SELECT min(clicked_at) FROM stray_clicks WHERE is_ambiguous")
        oldest = min(counted_at, datetime.now(UTC) - KEEP_COUNTED)
        if unsettled_at is not None:
            oldest = min(oldest, unsettled_at - CLOCK_SKEW)
        if oldest.timestamp() > 0:
            await self._valkey.xtrim(self._stream, minid=_entry_id(oldest), approximate=True)

    async def _add(self, clicks: Sequence[Click]) -> None:
        rows = tally(clicks)
        if rows:
            await self._connection.execute(
                """
                INSERT INTO link_clicks (code, day, clicks, last_clicked_at)
                SELECT * FROM unnest($1::text[], $2::date[], $3::bigint[], $4::timestamptz[])
                ON CONFLICT (code, day) DO UPDATE SET
                    clicks = link_clicks.clicks + excluded.clicks,
                    last_clicked_at = greatest(link_clicks.last_clicked_at, excluded.last_clicked_at)
                """,
                [row.code for row in rows],
                [row.day for row in rows],
                [row.clicks for row in rows],
                [row.last_clicked_at for row in rows],
            )


def tally(clicks: Iterable[Click]) -> list[Clicks]:
    """Clicks added up by link and day (UTC)."""
    found: dict[tuple[str, Any], tuple[int, datetime]] = {}
    for click in clicks:
        key = (click.code, click.clicked_at.astimezone(UTC).date())
        count, last = found.get(key, (0, click.clicked_at))
        found[key] = (count + 1, max(last, click.clicked_at))
    return [Clicks(code, day, count, last) for (code, day), (count, last) in sorted(found.items())]


def _moment(entry_id: bytes) -> datetime:
    """A stream id is the server's time in milliseconds, a dash, and a sequence number."""
    return datetime.fromtimestamp(int(entry_id.split(b"-")[0]) / 1e3, UTC)


def _entry_id(moment: datetime) -> str:
    return str(max(0, int(moment.timestamp() * 1e3)))
