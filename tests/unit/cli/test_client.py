"""Calls to a running installation: patience, problems, pages."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import respx

from cli.client import Client, RefusedError, UnreachableError

BASE = "http://127.0.0.1:9"
IMPATIENT = timedelta(0)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(BASE, key="k", patience=timedelta(seconds=20)) as client:
        yield client


@respx.mock
def test_a_process_that_is_being_restarted_is_waited_for(client: Client) -> None:
    route = respx.get(f"{BASE}/v1/x").mock(
        side_effect=[
            httpx.ConnectError("refused"),
            httpx.Response(503),
            httpx.Response(200, json=1),
        ]
    )

    assert client.get("/v1/x") == 1
    assert route.call_count == 3
    assert route.calls.last.request.headers["Authorization"] == "Bearer k"


@respx.mock
def test_a_refusal_is_said_once_with_its_fields(client: Client) -> None:
    problem = {
        "code": "invalid_request",
        "title": "The request cannot be used",
        "detail": "One field is wrong.",
        "errors": [{"field": "body.name", "rule": "too_long", "message": "at most 200"}],
    }
    route = respx.post(f"{BASE}/v1/x").mock(return_value=httpx.Response(422, json=problem))

    with pytest.raises(RefusedError) as refused:
        client.post("/v1/x", {})

    assert (refused.value.status, refused.value.code) == (422, "invalid_request")
    assert "body.name: at most 200" in str(refused.value)
    assert route.call_count == 1


@respx.mock
def test_a_refusal_that_says_no_more_than_its_title_is_one_line(client: Client) -> None:
    problem = {"code": "not_found", "title": "Not found", "detail": "Not found"}
    respx.get(f"{BASE}/v1/x").mock(return_value=httpx.Response(404, json=problem))

    with pytest.raises(RefusedError) as refused:
        client.get("/v1/x")

    assert str(refused.value) == "GET /v1/x: Not found (404 not_found)"


@respx.mock
def test_an_answer_that_is_no_problem_document_is_quoted_by_its_status(client: Client) -> None:
    respx.get(f"{BASE}/v1/x").mock(return_value=httpx.Response(404, text="<html>"))

    with pytest.raises(RefusedError, match="HTTP 404"):
        client.get("/v1/x")


@respx.mock
def test_nobody_there_is_said_with_the_address() -> None:
    respx.get(f"{BASE}/v1/x").mock(side_effect=httpx.ConnectError("refused"))

    with Client(BASE, patience=IMPATIENT) as client, pytest.raises(UnreachableError, match=BASE):
        client.get("/v1/x")


@respx.mock
def test_pages_are_followed_to_the_end(client: Client) -> None:
    respx.get(f"{BASE}/v1/x", params={"cursor": "2"}).mock(
        return_value=httpx.Response(200, json={"things": [3], "next_cursor": None})
    )
    respx.get(f"{BASE}/v1/x", params={"limit": "2"}).mock(
        return_value=httpx.Response(200, json={"things": [1, 2], "next_cursor": "2"})
    )

    assert client.pages("/v1/x", "things", limit=2) == [1, 2, 3]
