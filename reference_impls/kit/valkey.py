"""Valkey through redis-py: bounded waits, no blind retries, and a circuit breaker.

redis-py retries a command whose answer did not come, which would append a click twice. So commands are sent on its
connections one step at a time: an error before sending means the command was not carried out, an error after sending
means nobody knows, and the caller is told which. One bound holds for all of a command: with redis-py's own time-out
each sending is a task to be waited for, and costs three turns of the event loop.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import structlog
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from reference_impls.kit.settings import ServiceSettings

_log: Any = structlog.get_logger("valkey")

_FAILURES_TO_OPEN = 3
_OPEN_S = 1.0
_CONNECT_TIMEOUT_S = 0.2


class ValkeyUnavailable(Exception):
    """Valkey did not carry out a command, or (``is_ambiguous``) may have: it was sent and no answer came."""

    def __init__(self, reason: str, *, is_ambiguous: bool) -> None:
        super().__init__(reason)
        self.is_ambiguous = is_ambiguous


class Valkey:
    """Sends one command at a time. After three failures in a row it fails at once for a second, then tries again:
    a cache that is down must not add its time-out to every request."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._pool = ConnectionPool.from_url(
            settings.redis_url.get_secret_value(),
            max_connections=settings.max_in_flight + 16,
            socket_timeout=None,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._timeout_s = settings.cache_timeout_s
        self._failures = 0
        self._closed_at_s = 0.0

    async def close(self) -> None:
        await self._pool.aclose()

    async def execute(self, *command: str | bytes | int) -> Any:
        """The reply to one command. Raises ValkeyUnavailable."""
        if self._failures >= _FAILURES_TO_OPEN and monotonic() < self._closed_at_s:
            raise ValkeyUnavailable("circuit open", is_ambiguous=False)
        is_sent = False
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
                try:
                    is_sent = True
                    await connection.send_command(*command)
                    reply = await connection.read_response()
                except ResponseError:
                    raise
                except BaseException:
                    # Its reply may still come: the connection cannot be used again.
                    await connection.disconnect(nowait=True)
                    raise
                finally:
                    await self._pool.release(connection)
        except ResponseError as error:
            # An answer: the command was refused (out of memory, read only, loading), so not carried out.
            raise self._failed(error, is_ambiguous=False) from error
        except (RedisConnectionError, RedisTimeoutError, RedisError, OSError) as error:
            raise self._failed(error, is_ambiguous=is_sent) from error
        self._failures = 0
        return reply

    def _failed(self, error: Exception, *, is_ambiguous: bool) -> ValkeyUnavailable:
        self._failures += 1
        self._closed_at_s = monotonic() + _OPEN_S
        _log.warning("valkey_unavailable", error=type(error).__name__, failures=self._failures)
        return ValkeyUnavailable(type(error).__name__, is_ambiguous=is_ambiguous)

    async def check(self) -> None:
        await self.execute("PING")
