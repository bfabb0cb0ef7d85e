"""PostgreSQL through a pool of fixed size, with the time of waiting and of holding recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import structlog

from reference_impls.kit.settings import ServiceSettings
from reference_impls.kit.timing import DB, POOL, stage
from reference_impls.kit.unavailable import Unavailable

_log: Any = structlog.get_logger("postgres")

# What asyncpg and the system raise when the server is away, restarting or too slow.
_DOWN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)


class Database:
    """A pool. Every use of a connection goes through ``connection``; a server that is down answers as 503."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._pool: Any = None

    async def open(self) -> None:
        """Connect. Raises what the driver raises if the server does not answer."""
        settings = self._settings
        self._pool = await asyncpg.create_pool(
            settings.database_url.get_secret_value(),
            min_size=settings.pool_size,
            max_size=settings.pool_size,
            max_inactive_connection_lifetime=0,
            command_timeout=settings.query_timeout_s,
            # asyncpg resets a session on its return, one round trip each time; no query here changes its session.
            reset=_keep_session,
        )

    async def close(self) -> None:
        """Drop the connections; only called when no request is being handled."""
        self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection of the pool: the wait counts as ``pool``, the block as ``db``."""
        try:
            with stage(POOL):
                connection = await self._pool.acquire(timeout=self._settings.pool_timeout_s)
            try:
                with stage(DB):
                    yield connection
            finally:
                await self._pool.release(connection)
        except _DOWN as error:
            if isinstance(error, ValueError):
                raise  # asyncpg's DataError: a value that does not fit its parameter is our mistake
            _log.warning("database_unavailable", error=type(error).__name__)
            raise Unavailable("database") from error

    async def check(self) -> None:
        async with self.connection() as connection:
            await connection.execute("SELECT 1")


async def _keep_session(_connection: object) -> None:
    return None
