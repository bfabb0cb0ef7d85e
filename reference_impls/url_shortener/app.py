"""Wires the URL shortener: ``create_app(settings)``, or for uvicorn the factory ``app_from_environment``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from reference_impls.kit import health, logs, metrics, problems
from reference_impls.kit.metrics import Metrics
from reference_impls.kit.middleware import RequestMiddleware
from reference_impls.kit.postgres import Database
from reference_impls.kit.valkey import Valkey
from reference_impls.url_shortener import routes
from reference_impls.url_shortener.cache import LinkCache
from reference_impls.url_shortener.clicks import ClickRecorder
from reference_impls.url_shortener.links import Links
from reference_impls.url_shortener.settings import Settings
from reference_impls.url_shortener.store import Store


def app_from_environment() -> FastAPI:
    """``uvicorn --factory reference_impls.url_shortener.app:app_from_environment``."""
    settings = Settings()  # type: ignore[call-arg] # the rest comes from the environment
    logs.configure(settings.log_level)
    return create_app(settings)


def create_app(settings: Settings) -> FastAPI:
    """The application. Connections are made when it starts, not here."""
    counted = Metrics()
    valkey = Valkey(settings)
    database = Database(settings)
    store = Store(database, settings.code_key)
    cache = LinkCache(valkey, settings.cache_ttl_s, settings.negative_cache_ttl_s)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        try:
            with counted.event_loop_watched():
                yield
        finally:
            await valkey.close()
            await database.close()

    app = FastAPIOffline(  # its documentation asks nothing of other hosts
        title="URL shortener",
        version="1",
        description="Short codes that redirect, with clicks counted exactly once.",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.links = Links(store, cache, counted)
    app.state.clicks = ClickRecorder(valkey, store, counted)
    app.add_middleware(
        RequestMiddleware,
        metrics=counted,
        max_in_flight=settings.max_in_flight,
        max_body_bytes=settings.max_body_bytes,
    )
    problems.install(app)
    health.install(app, {"database": database.check, "cache": valkey.check})
    metrics.install(app, counted)
    # Last: its /{code} would otherwise answer for every other path of one segment.
    app.include_router(routes.router)
    return app
