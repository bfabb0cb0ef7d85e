"""What the API takes and gives."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from reference_impls.url_shortener import domain

_EXAMPLE_URL = "https://example.com/a/long/path?with=parameters"


class LinkIn(BaseModel):
    """A link to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"url": _EXAMPLE_URL}]})

    url: Annotated[str, AfterValidator(domain.check_url)] = Field(
        min_length=1, max_length=domain.URL_LENGTH_MAX, description="an absolute http or https URL"
    )
    alias: Annotated[str, AfterValidator(domain.check_alias)] | None = Field(
        default=None, description="the code to use, instead of a generated one"
    )
    expires_at: Annotated[AwareDatetime, BeforeValidator(domain.check_moment)] | None = Field(
        default=None, description="RFC 3339, with its offset, in the future; from then on the link is gone"
    )


class LinkOut(BaseModel):
    code: str
    short_url: str
    url: str
    created_at: datetime
    expires_at: datetime | None


class LinkPage(BaseModel):
    links: list[LinkOut]
    next_cursor: str | None = Field(description="pass it as ?cursor= for the next page; null on the last")


class DayClicks(BaseModel):
    day: date = Field(description="in UTC")
    clicks: int


class LinkStatistics(BaseModel):
    """Clicks counted so far: exact once the click worker has caught up, which takes it a fraction of a second."""

    code: str
    clicks: int
    last_clicked_at: datetime | None
    by_day: list[DayClicks]


class ServiceStatistics(BaseModel):
    """Clicks of all links. When ``pending`` is 0, every click that was answered is counted."""

    clicks: int
    pending: int = Field(description="clicks recorded and not yet counted; at most 1,000 of the stream are looked at")
