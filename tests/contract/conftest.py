from __future__ import annotations

from tests.functional.conftest import database_url, service, silence, started

__all__ = ["database_url", "service", "silence", "started"]
