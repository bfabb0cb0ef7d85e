"""Structured logs: one JSON object a line on standard output, with the request's id when there is one."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from reference_impls.kit import timing


def configure(level: str) -> None:
    """Send structlog and the standard library's loggers (uvicorn's, asyncio's) to the same JSON lines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        _add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        # Never with local variables: they hold URLs with passwords.
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=lambda *a, **k: _dumps(*a, **k).decode()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = timing.current.get()
    if record is not None:
        event["request_id"] = record.request_id
    return event


def _dumps(value: object, **_options: object) -> bytes:
    return orjson.dumps(value, default=str)
