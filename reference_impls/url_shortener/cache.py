"""What Valkey keeps of the links: targets by code, and the marks that keep a stale one out.

A value is one of ``L<expiry in s, or empty>|<url>`` (a link), ``N`` (no such code), ``G`` (gone). Fills only go where
nothing is, so they can neither replace the mark of a deletion nor a link made since they read the database.
"""

from __future__ import annotations

import random
import time

from reference_impls.kit.timing import CACHE, describe, stage
from reference_impls.kit.valkey import Valkey, ValkeyUnavailable
from reference_impls.url_shortener import domain
from reference_impls.url_shortener.domain import GONE, UNKNOWN, Target

# Longer than a fill can take between reading the database and writing here; older fills are dropped.
TOMBSTONE_S = 60
FILL_AGE_MAX_S = 20.0

# A new link replaces the mark that there was none, but never the mark of its deletion.
_WRITE_NEW = """
local held = redis.call('GET', KEYS[1])
if not held or held == 'N' then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
"""


class LinkCache:
    """Reads and writes that never fail: without Valkey every look-up is a miss."""

    def __init__(self, valkey: Valkey, ttl_s: float, negative_ttl_s: float) -> None:
        self._valkey = valkey
        self._ttl_s = ttl_s
        self._negative_ttl_s = negative_ttl_s
        # Jitter of expiry times only: nothing measured is reproduced from it.
        self._draw = random.Random().random

    async def get(self, code: str) -> Target | None:
        """The target kept for the code, or None."""
        try:
            with stage(CACHE):
                value = await self._valkey.execute("GET", key_of(code))
        except ValkeyUnavailable:
            describe(CACHE, "down")
            return None
        describe(CACHE, "miss" if value is None else "hit")
        return None if value is None else decode(value)

    async def fill(self, code: str, target: Target, read_at_s: float) -> None:
        """Keep what the database said at ``read_at_s`` (monotonic), unless something is there or it is too old."""
        if time.monotonic() - read_at_s > FILL_AGE_MAX_S:
            return
        ttl_ms = self._ttl_ms(target)
        if ttl_ms > 0:
            await self._try("SET", key_of(code), encode(target), "PX", ttl_ms, "NX")

    async def put_new(self, code: str, target: Target) -> None:
        """Keep a link that has just been made."""
        ttl_ms = self._ttl_ms(target)
        if ttl_ms > 0:
            await self._try("EVAL", _WRITE_NEW, 1, key_of(code), encode(target), ttl_ms)

    async def bury(self, code: str) -> bool:
        """Mark a code as gone, long enough to outlast every fill under way; False if Valkey does not answer."""
        key, mark, lifetime_s = tombstone(code)
        return await self._try("SET", key, mark, "EX", lifetime_s)

    def _ttl_ms(self, target: Target) -> int:
        now_s = time.time()
        ttl_s = domain.cache_ttl_s(target.at(now_s), now_s, self._ttl_s, self._negative_ttl_s, self._draw)
        return int(ttl_s * 1e3)

    async def _try(self, *command: str | bytes | int) -> bool:
        try:
            with stage(CACHE):
                await self._valkey.execute(*command)
        except ValkeyUnavailable:
            return False
        return True


def tombstone(code: str) -> tuple[str, bytes, int]:
    """Key, value and lifetime in seconds of the mark that a code is gone."""
    return key_of(code), b"G", TOMBSTONE_S


def encode(target: Target) -> bytes:
    if target.url is None:
        return b"G" if target.is_gone else b"N"
    expiry = "" if target.expires_at_s is None else repr(target.expires_at_s)
    return f"L{expiry}|{target.url}".encode()


def decode(value: bytes) -> Target:
    if value == b"N":
        return UNKNOWN
    if value == b"G":
        return GONE
    expiry, _, url = value[1:].decode().partition("|")
    return Target(url, float(expiry) if expiry else None)


def key_of(code: str) -> str:
    return "link:" + code
