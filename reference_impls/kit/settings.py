"""Settings every service has, read from the environment (``DATABASE_URL``, ``POOL_SIZE``, ...)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Frozen once read. The two URLs hold passwords, so they print as asterisks."""

    model_config = SettingsConfigDict(frozen=True)

    database_url: SecretStr
    redis_url: SecretStr
    # What clients see in short links, Location headers and the like. Never taken from the Host header, which the
    # client writes.
    public_url: str = "http://127.0.0.1:8000"

    pool_size: int = Field(default=10, ge=1, le=90)
    pool_timeout_s: float = Field(default=2.0, gt=0)
    query_timeout_s: float = Field(default=5.0, gt=0)
    cache_timeout_s: float = Field(default=0.5, gt=0)
    # Bounds the event loop's queue: at about 1 ms of CPU a request, the last of 256 waits a quarter of a second.
    max_in_flight: int = Field(default=256, ge=1)
    max_body_bytes: int = Field(default=16_384, ge=1)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
