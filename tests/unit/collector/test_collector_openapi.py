"""The collector's document: every operation, and what it really refuses with."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from starlette.routing import Route

from services.collector.app import create_app
from shared.settings import CollectorSettings
from tests.integration.collector_server import settings_for
from tests.refusals import documented_codes

PROBES = {"/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/docs/oauth2-redirect"}


@pytest.fixture(scope="module")
def settings() -> CollectorSettings:
    return settings_for("postgresql://nobody@127.0.0.1:1/none")


@pytest.fixture(scope="module")
def document(settings: CollectorSettings) -> dict[str, Any]:
    return create_app(settings).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_route_is_in_the_document(
    settings: CollectorSettings, document: dict[str, Any]
) -> None:
    plain = [route for route in create_app(settings).routes if isinstance(route, Route)]
    paths = {route.path.replace(":uuid", "") for route in plain} - PROBES

    assert len(paths) >= 2
    assert paths <= document["paths"].keys()
    assert "/v1/imports/{kind}" in document["paths"]


def test_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    refusals = 0

    for name, operation in operations(document):
        assert operation["operationId"].startswith(f"{operation['tags'][0]}_"), name
        for parameter in operation["parameters"]:
            assert parameter["description"], name
            assert "example" in str(parameter), (name, parameter["name"])
        for status, answer in operation["responses"].items():
            if status >= "400":
                refusals += 1
                assert list(answer["content"]) == ["application/problem+json"], (name, status)

    assert refusals > 15
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_code_of_webhooks_has_its_status_in_the_document(document: dict[str, Any]) -> None:
    answers = document["paths"]["/webhooks/{provider}/{connection_id}"]["post"]["responses"]
    codes = documented_codes()

    for code in (
        *("bad_signature", "stale_delivery", "malformed_delivery", "conflicting_delivery"),
        *("not_found", "too_large", "request_timeout", "unsupported_media_type", "unavailable"),
    ):
        assert str(codes[code]) in answers, code
