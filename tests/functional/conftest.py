from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from reference_impls.kit.migrations import upgrade
from reference_impls.url_shortener.service import SERVICE
from sdlab.servers import Servers, servers
from tests.functional.running import Running, running


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey, started once for all tests."""
    with servers(tmp_path_factory.mktemp("servers")) as found:
        yield found


@pytest.fixture(scope="session")
async def database_url(started: Servers) -> str:
    """A database with the newest schema."""
    await upgrade(started.database_url, SERVICE.migrations)
    return started.database_url


@pytest.fixture
async def service(started: Servers, database_url: str) -> AsyncIterator[Running]:
    """A service without links or clicks; no click worker runs unless the test starts one."""
    async with running(database_url, started.redis_url) as found:
        yield found


@pytest.fixture(autouse=True, scope="session")
def silence() -> None:
    """The service in this process logs nothing below errors; what it logs is tested in a process of its own."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
