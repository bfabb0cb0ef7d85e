"""Brings a database to a service's newest schema; safe to run from several places at once, and again.

A service brings only its ``migrations/*.py`` (Alembic revisions with plain SQL); the environment is shared.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

_LOCK = 0x5D1AB  # any number, the same for all: one migration at a time in a database


async def upgrade(database_url: str, migrations: Path) -> None:
    """Apply the revisions in ``migrations`` that are missing, all of them or none."""
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade, migrations)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    config.set_main_option("version_locations", str(migrations))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
