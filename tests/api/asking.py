"""The API as a client uses it: facts told, questions answered page by page, refusals by name."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import islice
from typing import Any, Protocol

import httpx

from tests.api.golden import Q1

Answer = dict[str, Any]

#: As many as one request may carry.
_BATCH = 1000


async def post(client: httpx.AsyncClient, facts: Iterable[dict[str, Any]]) -> None:
    waiting = iter(facts)
    while batch := list(islice(waiting, _BATCH)):
        response = await client.post("/v1/facts", json=batch)
        assert response.status_code == 200, response.text


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> Answer:
    response = await client.get(f"/v1/{path}", params=query)
    assert response.status_code == 200, (path, query, response.text)
    answer: Answer = response.json()
    return answer


async def assume(
    client: httpx.AsyncClient,
    key: str,
    value: str,
    since: str = "2025-01-01",
    source: str = "finance",
) -> Answer:
    """State the value of an assumption from a day on."""
    statement = {"effective_from": since, "value": value, "source": source}
    response = await client.put(f"/v1/assumptions/{key}", json=statement)
    assert response.status_code == 200, response.text
    answer: Answer = response.json()
    return answer


class Get(Protocol):
    """Asks for a path under /v1."""

    async def __call__(self, client: httpx.AsyncClient, path: str, **query: Any) -> Answer: ...


def over(period: Mapping[str, str]) -> Get:
    """Return what asks about a period, where a question does not say another."""

    async def asked(client: httpx.AsyncClient, path: str, **query: Any) -> Answer:
        return await get(client, path, **{**period, **query})

    return asked


async def pages(client: httpx.AsyncClient, path: str, **query: Any) -> list[Answer]:
    """Return an answer and all that its cursors lead on to."""
    answers = [await get(client, path, **query)]
    while (cursor := cursor_of(answers[-1])) is not None:
        answers.append(await get(client, path, **{**query, "cursor": cursor}))
    return answers


def cursor_of(answer: Answer) -> str | None:
    """Return what leads on from an answer; where a KPI is explained, its facts go on."""
    listed = answer if "next_cursor" in answer else answer["facts"]
    cursor: str | None = listed["next_cursor"]
    return cursor


async def groups(client: httpx.AsyncClient, kpi: str, **query: Any) -> dict[str | None, Answer]:
    """Return group → answer of a KPI over the quarter; the group is None where all is one."""
    answer = await get(client, "kpis/values", **{**Q1, "ids": kpi, **query})
    return {one["group"]: one for one in answer["kpis"][0]["values"]}


async def values(client: httpx.AsyncClient, kpi: str, **query: Any) -> dict[str | None, Any]:
    """Return group → value of a KPI over the quarter."""
    found = await groups(client, kpi, **query)
    return {group: one["value"] for group, one in found.items()}


async def explained(
    client: httpx.AsyncClient, kpi: str, **query: Any
) -> tuple[Answer, list[Answer]]:
    """Return the explanation of a KPI over the quarter, and the lines of all its pages."""
    answers = await pages(client, f"kpis/{kpi}/explain", **{**Q1, **query})
    return answers[0], [line for answer in answers for line in answer["facts"]["lines"]]


def quantities(lines: Iterable[Answer], measure: str) -> list[Fraction]:
    return [Fraction(line["quantity"]) for line in lines if line["measure"] == measure]


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a refusal: what a client decides by."""
    return response.status_code, problem(response)["code"]


def problem(response: httpx.Response) -> Answer:
    assert response.headers["content-type"] == "application/problem+json", response.text
    body: Answer = response.json()
    assert body["status"] == response.status_code
    return body
