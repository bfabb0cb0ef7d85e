"""Counts clicks: ``python -m reference_impls.url_shortener.worker``.

Each batch is read behind the place that the database says has been counted, and its counts and the new place are
committed together. Killed at any moment, it starts again where the last commit left it: nothing is lost, nothing
counted twice. See decision 0004.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import asyncpg
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from reference_impls.kit import logs
from reference_impls.url_shortener.clicks import STREAM_KEY
from reference_impls.url_shortener.counting import CountedElsewhere, Counting
from reference_impls.url_shortener.settings import Settings

# Between two batches: fewer, larger transactions, at the price of statistics that are this much older.
BATCH_INTERVAL_S = 0.2
HOUSEKEEPING_INTERVAL_S = 1.0
RETRY_S = 0.5

_log: Any = structlog.get_logger("worker")

_DOWN = (OSError, TimeoutError, RedisError, asyncpg.InterfaceError, asyncpg.PostgresError)


async def run(settings: Settings, stopping: asyncio.Event) -> None:
    """Count until ``stopping`` is set, whatever becomes of the servers meanwhile."""
    # As impatient as the API: what leaves an append there unanswered is an interruption here too.
    valkey = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=settings.cache_timeout_s,
        socket_connect_timeout=settings.cache_timeout_s,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    try:
        while not stopping.is_set():
            try:
                await _run_connected(settings, valkey, stopping)
            except (*_DOWN, CountedElsewhere) as error:
                _log.warning("interrupted", error=type(error).__name__, reason=str(error)[:200], retry_in_s=RETRY_S)
                await _wait(stopping, RETRY_S)
    finally:
        await valkey.aclose()


async def _run_connected(settings: Settings, valkey: Redis, stopping: asyncio.Event) -> None:
    connection = await asyncpg.connect(
        settings.database_url.get_secret_value(), command_timeout=settings.query_timeout_s
    )
    try:
        counting = Counting(connection, valkey, STREAM_KEY, settings.click_batch_items)
        if not await _locked(counting, stopping):
            return
        _log.info("counting", counted_up_to=await counting.counted_up_to())
        clock = asyncio.get_running_loop().time
        housekeeping_due_s = clock()
        while not stopping.is_set():
            is_due = clock() >= housekeeping_due_s
            if is_due:
                housekeeping_due_s = clock() + HOUSEKEEPING_INTERVAL_S
                await counting.keep_database()  # first: it goes on while Valkey is down
            is_full = await counting.count_batch()
            if is_due:
                await counting.keep_stream()
            if not is_full:
                await _wait(stopping, BATCH_INTERVAL_S)
        _log.info("stopped", counted_up_to=await counting.counted_up_to())
    finally:
        connection.terminate()  # which releases the lock, and rolls back what was not committed


async def _locked(counting: Counting, stopping: asyncio.Event) -> bool:
    """Wait for the stream's lock, held by one worker at a time; False if told to stop first."""
    has_said_so = False
    while not await counting.lock():
        if not has_said_so:
            _log.info("standing_by", reason="another worker counts this stream")
            has_said_so = True
        await _wait(stopping, RETRY_S)
        if stopping.is_set():
            return False
    return True


async def _wait(stopping: asyncio.Event, duration_s: float) -> None:
    try:
        async with asyncio.timeout(duration_s):
            await stopping.wait()
    except TimeoutError:
        pass


async def main() -> None:
    settings = Settings()  # type: ignore[call-arg] # the rest comes from the environment
    logs.configure(settings.log_level)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stopping.set)
    await run(settings, stopping)


if __name__ == "__main__":
    asyncio.run(main())
