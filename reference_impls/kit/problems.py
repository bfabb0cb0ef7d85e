"""Errors as RFC 9457 problem details (``application/problem+json``), in every way a request can fail."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from reference_impls.kit import timing
from reference_impls.kit.unavailable import Unavailable

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One field of a request that breaks its bound."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """The body of an error response (RFC 9457), with the request's id for finding it in the logs."""

    type: str = Field(description="a URN for the kind of problem, or about:blank")
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldProblem] | None = None
    failed: list[str] | None = Field(default=None, description="the parts that are down")


class Problem(Exception):
    """Raise it anywhere in a request to answer with a problem. ``kind`` is its short name (``alias-taken``)."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: list[FieldProblem] | None = None,
        failed: list[str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.failed = failed
        self.headers = headers or {}

    @classmethod
    def of_field(cls, status: int, kind: str, field: str, detail: str) -> Problem:
        return cls(status, kind, f"{field}: {detail}", errors=[FieldProblem(field=field, detail=detail)])

    def response(self) -> Response:
        record = timing.current.get()
        phrase = HTTPStatus(self.status).phrase
        body: dict[str, Any] = {
            "type": f"urn:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.kind.replace("-", " ").capitalize() if self.kind else phrase,
            "status": self.status,
            "detail": self.detail,
            "request_id": record.request_id if record else "",
        }
        if self.errors is not None:
            body["errors"] = [error.model_dump() for error in self.errors]
        if self.failed is not None:
            body["failed"] = self.failed
        headers = {"Cache-Control": "no-store"} | self.headers
        return Response(orjson.dumps(body), self.status, headers, MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI declaration of problem responses, for a route's ``responses=``."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of the app as a problem, and give OpenAPI the problem's schema."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(Unavailable, _answer_unavailable)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign] # FastAPI's documented way to extend it


async def _answer_problem(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.response()


async def _answer_unavailable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    return Problem(503, "unavailable", str(error), failed=[error.part], headers={"Retry-After": "1"}).response()


async def _answer_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return Problem(error.status_code, "", str(error.detail), headers=headers).response()


async def _answer_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The rejected value is left out: it may be long, or a secret sent to the wrong place.
    fields = [
        FieldProblem(
            field=".".join(str(part) for part in found["loc"]), detail=found["msg"].removeprefix("Value error, ")
        )
        for found in error.errors()
    ]
    detail = "; ".join(f"{one.field}: {one.detail}" for one in fields)
    return Problem(422, "invalid-request", detail, errors=fields).response()


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(details.pop("$defs"))
        schemas[ProblemDetails.__name__] = details
        _drop_default_validation_errors(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _drop_default_validation_errors(schema: dict[str, Any]) -> None:
    """FastAPI declares a 422 of its own on every route with a parameter; ours are declared where they can happen."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
