"""Recording a click before its redirect is answered: on the stream, or in the database if the stream fails."""

from __future__ import annotations

import itertools
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter

from reference_impls.kit.timing import STREAM, stage
from reference_impls.kit.unavailable import Unavailable
from reference_impls.kit.valkey import Valkey, ValkeyUnavailable
from reference_impls.url_shortener.store import Store, StrayClick

if TYPE_CHECKING:  # the click worker needs the names below, and not the web framework behind Metrics
    from reference_impls.kit.metrics import Metrics

STREAM_KEY = "clicks"
CODE_FIELD, ID_FIELD = b"c", b"i"

_log: Any = structlog.get_logger("clicks")


class ClickRecorder:
    """Each click carries an id of its own, by which the worker recognises one that was recorded in both places."""

    def __init__(self, valkey: Valkey, store: Store, metrics: Metrics) -> None:
        self._valkey = valkey
        self._store = store
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()
        counter = Counter("clicks_recorded", "Clicks by where they went", ["place"], registry=metrics.registry)
        self._on_stream = counter.labels("stream")
        self._in_database = counter.labels("database")
        self._lost = counter.labels("lost")

    async def record(self, code: str) -> None:
        """Returns once the click is recorded; only if neither place takes it, it is logged and the caller goes on:
        a visitor's redirect is worth more than its count."""
        click_id = f"{self._prefix}{next(self._numbers):x}"
        try:
            with stage(STREAM):
                await self._valkey.execute("XADD", STREAM_KEY, "*", CODE_FIELD, code, ID_FIELD, click_id)
        except ValkeyUnavailable as error:
            await self._record_stray(StrayClick(click_id, code, datetime.now(UTC), error.is_ambiguous))
        else:
            self._on_stream.inc()

    async def waiting(self, counted_up_to: str, look_at: int) -> int:
        """Clicks on the stream behind ``counted_up_to``, looking at no more than ``look_at`` of them."""
        try:
            found = await self._valkey.execute("XRANGE", STREAM_KEY, f"({counted_up_to}", "+", "COUNT", look_at)
        except ValkeyUnavailable as error:
            raise Unavailable("cache") from error
        return len(found)

    async def _record_stray(self, click: StrayClick) -> None:
        try:
            await self._store.record_stray(click)
        except Unavailable:
            self._lost.inc()
            _log.error("click_lost", code=click.code, click_id=click.click_id, clicked_at=click.clicked_at)
        else:
            self._in_database.inc()
