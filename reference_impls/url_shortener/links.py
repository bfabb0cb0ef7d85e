"""What the service does with links: the database is the truth, the cache is asked first."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime

import orjson
from prometheus_client import Counter

from reference_impls.kit.metrics import Metrics
from reference_impls.kit.single_flight import SingleFlight
from reference_impls.url_shortener.cache import LinkCache
from reference_impls.url_shortener.domain import Target
from reference_impls.url_shortener.store import Link, NewLink, Store


class Links:
    """Resolves, makes and deletes links, keeping the cache in step with the database."""

    def __init__(self, store: Store, cache: LinkCache, metrics: Metrics) -> None:
        self.store = store
        self._cache = cache
        self._flights: SingleFlight[Target] = SingleFlight()
        lookups = Counter("link_cache_lookups", "Look-ups of targets", ["result"], registry=metrics.registry)
        self._hits, self._misses = lookups.labels("hit"), lookups.labels("miss")
        self._fills = Counter("link_cache_fills", "Targets read from the database", registry=metrics.registry)

    async def resolve(self, code: str) -> Target:
        """What the code leads to now. Concurrent misses of one code read the database once."""
        asking_since_s = time.monotonic()
        target = await self._cache.get(code)
        if target is None:
            self._misses.inc()
            target = await self._flights.do(code, lambda: self._read(code), asking_since_s=asking_since_s)
        else:
            self._hits.inc()
        return target.at(time.time())

    async def _read(self, code: str) -> Target:
        self._fills.inc()
        read_at_s = time.monotonic()
        target = await self.store.target(code)
        await self._cache.fill(code, target, read_at_s)
        return target

    async def create(self, new: NewLink, idempotency_key: str | None) -> tuple[Link, bool]:
        """Make a link; see ``Store.create``. The cache gets it at once: it replaces a mark that there was none."""
        now = datetime.now(UTC)
        link, is_replay = await self.store.create(new, now, idempotency_key, _fingerprint(new))
        if not is_replay:
            expires_at_s = link.expires_at.timestamp() if link.expires_at else None
            await self._cache.put_new(link.code, Target(link.url, expires_at_s))
        return link, is_replay

    async def delete(self, code: str) -> bool:
        """Delete a link; False if there is none. When Valkey does not answer, the worker tells it later."""
        if not await self.store.delete(code):
            return False
        if await self._cache.bury(code):
            await self.store.forgotten([code])
        return True


def _fingerprint(new: NewLink) -> bytes:
    """The same for bodies that ask for the same link, however they are spelled."""
    expires_at = new.expires_at.astimezone(UTC).isoformat() if new.expires_at else None
    return hashlib.sha256(orjson.dumps([new.url, new.alias, expires_at])).digest()
