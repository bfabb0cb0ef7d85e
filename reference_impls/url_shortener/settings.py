"""Settings of the URL shortener beside those of every service."""

from __future__ import annotations

from pydantic import Field

from reference_impls.kit.settings import ServiceSettings


class Settings(ServiceSettings):
    # Keys the permutation behind codes, and cursors' checksums. Not a secret: see decision 0002. Changing it on a
    # database with links costs retries when an old and a new code coincide, nothing else.
    code_key: int = Field(default=0x2545F4914F6CDD1D, ge=0, lt=2**128)
    cache_ttl_s: float = Field(default=3600.0, gt=0)
    click_batch_items: int = Field(default=2000, ge=1, le=100_000)
    negative_cache_ttl_s: float = Field(default=10.0, gt=0)
