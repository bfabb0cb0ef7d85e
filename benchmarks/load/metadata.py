"""What a benchmark's document says of itself: when, which command, commit and machine."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from sdlab.invocation import command_line
from sdlab.runs import Machine, commit

PACKAGES = ("locust", "geventhttpclient", "gevent", "requests", "httptools")


def metadata(measured: str, **more: Any) -> dict[str, Any]:
    """``measured`` says in words what the numbers are."""
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command_line(),
        "commit": commit(),
        "machine": Machine.this().model_dump(),
        "versions": {name: version(name) for name in PACKAGES},
        "measured": measured,
        **more,
    }
