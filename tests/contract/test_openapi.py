"""The running service keeps what its OpenAPI document promises, whatever is thrown at it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from reference_impls.kit.problems import MEDIA_TYPE
from reference_impls.url_shortener.app import create_app
from reference_impls.url_shortener.settings import Settings
from sdlab.servers import Servers
from tests.functional.running import Running

EXAMPLES = 120
EXAMPLES_OF_A_LINK = 30

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="session")
def url(started: Servers, database_url: str) -> Iterator[str]:
    """A service on a real socket, in a thread of its own."""
    app = create_app(
        Settings.model_validate({"database_url": database_url, "redis_url": started.redis_url, "pool_size": 2})
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, http="httptools", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def promised() -> dict[str, Any]:
    """The document's operations by label; the app connects to nothing until it is started."""
    app = create_app(Settings.model_validate({"database_url": "postgresql://h/d", "redis_url": "redis://h"}))
    found = [result.ok() for result in schemathesis.openapi.from_dict(app.openapi()).get_all_operations()]  # type: ignore[union-attr]
    return {operation.label: operation for operation in found}


OPERATIONS = promised()


def check(
    label: str, url: str, change: Callable[[Any], None] = lambda case: None, examples: int = EXAMPLES
) -> set[int]:
    """Send examples of an operation, each changed by ``change``, check the answers; the statuses that came."""
    statuses = set()

    @given(OPERATIONS[label].as_strategy())
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def answers_as_promised(case: Any) -> None:
        change(case)
        response = case.call(base_url=url, allow_redirects=False)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)
        if response.status_code >= 400:
            assert response.headers["content-type"] == [MEDIA_TYPE]
            assert response.json()["status"] == response.status_code

    answers_as_promised()
    return statuses


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_one_that_the_document_promises(url: str, label: str) -> None:
    assert check(label, url)


@pytest.mark.parametrize("label", [label for label in OPERATIONS if "{code}" in label])
def test_so_is_every_answer_about_a_link_that_exists(url: str, label: str) -> None:
    def name_a_link(case: Any) -> None:
        made = httpx.post(f"{url}/links", json={"url": "https://example.com/"})
        case.path_parameters["code"] = made.json()["code"]

    assert {status // 100 for status in check(label, url, name_a_link, EXAMPLES_OF_A_LINK)} <= {2, 3}


def test_a_link_is_made_from_what_the_document_allows(url: str) -> None:
    def name_an_allowed_url(case: Any) -> None:
        if isinstance(case.body, dict):
            case.body = {"url": "https://example.com/"}

    assert 201 in check("POST /links", url, name_an_allowed_url)


def test_the_document_names_every_operation() -> None:
    assert {"POST /links", "GET /links", "GET /{code}", "DELETE /links/{code}"} <= set(OPERATIONS)


async def test_every_operation_promises_its_errors_as_problems(service: Running) -> None:
    document = (await service.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == [MEDIA_TYPE], (path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]
