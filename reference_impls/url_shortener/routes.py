"""The HTTP interface of the URL shortener."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from reference_impls.kit.problems import Problem, responses
from reference_impls.url_shortener import clicks, domain, store
from reference_impls.url_shortener.domain import RuleBroken
from reference_impls.url_shortener.schemas import (
    DayClicks,
    LinkIn,
    LinkOut,
    LinkPage,
    LinkStatistics,
    ServiceStatistics,
)
from reference_impls.url_shortener.store import Link, NewLink

PENDING_LOOKED_AT = 1_000

router = APIRouter()

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="repeat a request with the same key and body: the same answer, and one link",
    ),
]


@router.post("/links", status_code=201, tags=["links"], responses=responses(409, 413, 422, 503))
async def create(request: Request, response: Response, body: LinkIn, idempotency_key: IdempotencyKey = None) -> LinkOut:
    """Make a short link."""
    new = NewLink(body.url, body.alias, body.expires_at)
    try:
        link, is_replay = await request.app.state.links.create(new, idempotency_key)
    except store.AliasTaken:
        raise Problem.of_field(409, "alias-taken", "alias", f"{body.alias} is taken") from None
    except store.KeyReused:
        detail = "was used with another body; use a new key"
        raise Problem.of_field(422, "idempotency-key-reused", "Idempotency-Key", detail) from None
    except RuleBroken as error:
        raise Problem.of_field(422, "invalid-request", "body.expires_at", str(error)) from None
    made = _out(request, link)
    response.headers["Location"] = f"{request.app.state.settings.public_url}/links/{made.code}"
    if is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return made


@router.get("/links", tags=["links"], responses=responses(400, 422, 503))
async def list_links(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=64, description="next_cursor of the page before")] = None,
) -> LinkPage:
    """Links, newest first, without those that were deleted."""
    key = request.app.state.settings.code_key
    try:
        before = domain.number_of_cursor(cursor, key) if cursor is not None else None
    except RuleBroken as error:
        raise Problem.of_field(400, "malformed-cursor", "cursor", str(error)) from None
    # One more than asked for tells whether there is a next page.
    links = await request.app.state.links.store.links_before(before, limit + 1)
    page = links[:limit]
    has_more = len(links) > limit
    next_cursor = domain.cursor_of_number(page[-1].number, key) if has_more else None
    return LinkPage(links=[_out(request, link) for link in page], next_cursor=next_cursor)


@router.get("/links/{code}", tags=["links"], responses=responses(404, 410, 503))
async def get(request: Request, code: str) -> LinkOut:
    """A link as it was made, expired or not."""
    return _out(request, await _existing(request, code))


@router.delete("/links/{code}", status_code=204, tags=["links"], responses=responses(404, 410, 503))
async def delete(request: Request, code: str) -> Response:
    """Delete a link for good: its code answers 410 from then on and is never used again."""
    if not domain.is_code(code) or not await request.app.state.links.delete(code):
        await _existing(request, code)  # raises the 404 or 410
    return Response(status_code=204)


@router.get("/links/{code}/statistics", tags=["links"], responses=responses(404, 410, 503))
async def statistics(request: Request, code: str) -> LinkStatistics:
    """How often a link was followed."""
    await _existing(request, code)
    days = await request.app.state.links.store.clicks(code)
    return LinkStatistics(
        code=code,
        clicks=sum(day.clicks for day in days),
        last_clicked_at=max((day.last_clicked_at for day in days), default=None),
        by_day=[DayClicks(day=day.day, clicks=day.clicks) for day in days],
    )


@router.get("/statistics", tags=["operation"], responses=responses(503))
async def service_statistics(request: Request) -> ServiceStatistics:
    """Clicks of all links together, and how many wait to be counted."""
    counted, stray, counted_up_to = await request.app.state.links.store.totals(clicks.STREAM_KEY)
    waiting = await request.app.state.clicks.waiting(counted_up_to, PENDING_LOOKED_AT)
    return ServiceStatistics(clicks=counted, pending=stray + waiting)


@router.get(
    "/{code}",
    status_code=302,
    tags=["redirect"],
    response_class=Response,
    responses={302: {"description": "Found"}, **responses(404, 410, 503)},
)
async def redirect(request: Request, code: str) -> Response:
    """Follow a short link. The click is recorded before the answer goes out."""
    location = await _location(request, code)
    await request.app.state.clicks.record(code)
    return _found(location)


@router.head("/{code}", include_in_schema=False)
async def preview(request: Request, code: str) -> Response:
    """What link checkers ask: answered like a redirect, and not a click."""
    return _found(await _location(request, code))


async def _location(request: Request, code: str) -> str:
    if not domain.is_code(code):
        raise _unknown(code)
    target = await request.app.state.links.resolve(code)
    if target.url is None:
        raise _gone(code) if target.is_gone else _unknown(code)
    url: str = target.url
    return url


def _found(location: str) -> Response:
    # Not stored by browsers or proxies: every click is to be counted, and a deletion to take effect.
    return Response(status_code=302, headers={"Location": location, "Cache-Control": "no-store"})


async def _existing(request: Request, code: str) -> Link:
    link: Link | None = await request.app.state.links.store.link(code) if domain.is_code(code) else None
    if link is None:
        raise _unknown(code)
    if link.deleted_at is not None:
        raise _gone(code)
    return link


def _unknown(code: str) -> Problem:
    return Problem(404, "unknown-link", f"there is no link {code[:64]!r}")


def _gone(code: str) -> Problem:
    return Problem(410, "gone", f"the link {code!r} has expired or was deleted")


def _out(request: Request, link: Link) -> LinkOut:
    base: Any = request.app.state.settings.public_url
    return LinkOut(
        code=link.code,
        short_url=f"{base}/{link.code}",
        url=link.url,
        created_at=link.created_at,
        expires_at=link.expires_at,
    )
