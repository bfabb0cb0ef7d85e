"""Every query of the URL shortener."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg

from reference_impls.kit.postgres import Database
from reference_impls.url_shortener import domain
from reference_impls.url_shortener.domain import GONE, UNKNOWN, Target

CODE_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Link:
    """A row of ``links``. ``number`` orders them by creation."""

    number: int
    code: str
    url: str
    created_at: datetime
    expires_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewLink:
    url: str
    alias: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Clicks:
    """Clicks of one link on one day (UTC), to be added to what is there."""

    code: str
    day: date
    clicks: int
    last_clicked_at: datetime


@dataclass(frozen=True, slots=True)
class StrayClick:
    """A click recorded in the database because the stream did not acknowledge it."""

    click_id: str
    code: str
    clicked_at: datetime
    is_ambiguous: bool


class AliasTaken(Exception):
    """Another link has, or had, this code."""


class KeyReused(Exception):
    """An Idempotency-Key came back with another body."""


_LINK = "number, code, url, created_at, expires_at, deleted_at"


class Store:
    """Links and clicks in PostgreSQL."""

    def __init__(self, database: Database, code_key: int) -> None:
        self._database = database
        self._code_key = code_key

    async def target(self, code: str) -> Target:
        """What the code leads to, expiry not yet looked at."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow("SELECT url, expires_at, deleted_at FROM links WHERE code = $1", code)
        if row is None:
            return UNKNOWN
        if row["deleted_at"] is not None:
            return GONE
        expires_at = row["expires_at"]
        return Target(row["url"], expires_at.timestamp() if expires_at else None)

    async def link(self, code: str) -> Link | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(f"SELECT {_LINK} FROM links WHERE code = $1", code)
        return Link(*row) if row else None

    async def links_before(self, number: int | None, limit: int) -> list[Link]:
        """Links newest first, those older than ``number`` if it is given; deleted ones are left out."""
        query = f"""
            SELECT {_LINK} FROM links
            WHERE deleted_at IS NULL AND ($1::bigint IS NULL OR number < $1)
            ORDER BY number DESC LIMIT $2
        """
        async with self._database.connection() as connection:
            rows = await connection.fetch(query, number, limit)
        return [Link(*row) for row in rows]

    async def create(self, new: NewLink, now: datetime, key: str | None, fingerprint: bytes) -> tuple[Link, bool]:
        """Store a link and give it back, with whether it was there before under the same Idempotency-Key.

        Of several calls with one key at the same time, one stores and the others wait for it.

        Raises AliasTaken, KeyReused, or domain.RuleBroken if ``expires_at`` is not in the future; nothing is stored
        then. An answer is replayed even after the link has expired.
        """
        async with self._database.connection() as connection:
            if key is None:
                domain.check_expiry(new.expires_at, now)
                return await self._insert(connection, new), False
            async with connection.transaction():
                # Waits for a transaction that has inserted the same key and has not ended.
                is_first = await connection.fetchval(
                    "INSERT INTO idempotency_keys (key, fingerprint) VALUES ($1, $2) "
                    "ON CONFLICT DO NOTHING RETURNING true",
                    key,
                    fingerprint,
                )
                if not is_first:
                    return await _replay(connection, key, fingerprint), True
                domain.check_expiry(new.expires_at, now)
                link = await self._insert(connection, new)
                await connection.execute("UPDATE idempotency_keys SET code = $2 WHERE key = $1", key, link.code)
                return link, False

    async def _insert(self, connection: Any, new: NewLink) -> Link:
        for _attempt in range(CODE_ATTEMPTS):
            code = new.alias or await self._next_code(connection)
            row = await connection.fetchrow(
                f"INSERT INTO links (code, url, expires_at) VALUES ($1, $2, $3) "
                f"ON CONFLICT (code) DO NOTHING RETURNING {_LINK}",
                code,
                new.url,
                new.expires_at,
            )
            if row is not None:
                return Link(*row)
            if new.alias:
                raise AliasTaken(new.alias)
        raise RuntimeError(f"{CODE_ATTEMPTS} generated codes in a row were taken as aliases")

    async def _next_code(self, connection: Any) -> str:
        while True:
            number = await connection.fetchval("SELECT nextval('link_code_number')")
            code = domain.code_of_number(number, self._code_key)
            if not domain.is_reserved(code):
                return code

    async def delete(self, code: str) -> bool:
        """Delete a link; False if there is none, or none any more.

        In the same transaction the code is put among those that the cache must forget: see ``forget``.
        """
        async with self._database.connection() as connection:
            deleted = await connection.fetchval(
                """
                WITH deleted AS (
                    UPDATE links SET deleted_at = now() WHERE code = $1 AND deleted_at IS NULL RETURNING code
                )
                INSERT INTO cache_invalidations SELECT code FROM deleted ON CONFLICT DO NOTHING RETURNING code
                """,
                code,
            )
        return deleted is not None

    async def forgotten(self, codes: Sequence[str]) -> None:
        """The cache has been told that these codes are gone."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM cache_invalidations WHERE code = ANY($1)", codes)

    async def clicks(self, code: str) -> list[Clicks]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT code, day, clicks, last_clicked_at FROM link_clicks WHERE code = $1 ORDER BY day", code
            )
        return [Clicks(*row) for row in rows]

    async def totals(self, stream: str) -> tuple[int, int, str]:
        """All clicks counted, stray clicks waiting, and how far the stream has been counted, at one moment."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                """
                SELECT (SELECT coalesce(sum(clicks), 0)::bigint FROM link_clicks),
                       (SELECT count(*) FROM stray_clicks),
                       (SELECT coalesce(max(counted_up_to), '0-0') FROM click_streams WHERE stream = $1)
                """,
                stream,
            )
        return int(row[0]), int(row[1]), str(row[2])

    async def record_stray(self, click: StrayClick) -> None:
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO stray_clicks (click_id, code, clicked_at, is_ambiguous) VALUES ($1, $2, $3, $4)",
                click.click_id,
                click.code,
                click.clicked_at,
                click.is_ambiguous,
            )


async def _replay(connection: Any, key: str, fingerprint: bytes) -> Link:
    row = await connection.fetchrow("SELECT fingerprint, code FROM idempotency_keys WHERE key = $1", key)
    if row["fingerprint"] != fingerprint:
        raise KeyReused(key)
    return Link(*await connection.fetchrow(f"SELECT {_LINK} FROM links WHERE code = $1", row["code"]))


async def load_links(connection: asyncpg.Connection, links: Sequence[tuple[str, str]]) -> int:
    """Copy (code, url) pairs in, leaving out codes that exist; how many were new."""
    async with connection.transaction():
        await connection.execute("CREATE TEMPORARY TABLE incoming (code text, url text) ON COMMIT DROP")
        await connection.copy_records_to_table("incoming", records=links, columns=["code", "url"])
        status = await connection.execute(
            "INSERT INTO links (code, url) SELECT code, url FROM incoming ON CONFLICT (code) DO NOTHING"
        )
    # Sets the row visibility bits now, not during a measurement.
    await connection.execute("VACUUM ANALYZE links")
    return int(status.split()[-1])
