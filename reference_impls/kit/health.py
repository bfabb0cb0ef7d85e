"""``/healthz``: the process answers. ``/readyz``: so do the servers it depends on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from pydantic import BaseModel

from reference_impls.kit.problems import Problem, responses

_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[object]]


class Health(BaseModel):
    status: str = "ok"


def install(app: FastAPI, checks: Mapping[str, Check]) -> None:
    """``checks`` holds, for each part this service depends on, a call that raises when the part is down."""

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> Health:
        """This process is alive. Restart it when this fails."""
        return Health()

    @app.get("/readyz", tags=["operation"], responses=responses(503))
    async def readyz() -> Health:
        """The database and the cache answer. Send no traffic here while this fails."""
        found = await asyncio.gather(*(_is_up(check) for check in checks.values()))
        failed = [name for name, up in zip(checks, found, strict=True) if not up]
        if failed:
            detail = "not ready: " + ", ".join(failed) + " down"
            raise Problem(503, "not-ready", detail, failed=failed, headers={"Retry-After": "1"})
        return Health()


async def _is_up(check: Check) -> bool:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await check()
    except Exception:
        return False
    return True
