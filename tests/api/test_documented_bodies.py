"""What the document forbids in a body is refused: nothing is read as what it nearly is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI

from tests.api.good_bodies import GOOD
from tests.api.hostile import resolved

#: By what the document says of a field: JSON that readers who mean well take for it.
NEARLY: Final[Mapping[str, Sequence[Any]]] = {
    "boolean": ("no", "true", "1", 0, 1, 0.0),
    "integer": ("10", 10.5, True),
    "date": (1735689600, 1735689600.0, "1735689600", "20250101", "2025-01-01T00:00:00Z"),
    "date-time": (4070908800, "4070908800", "4070908800000", "2099-01-01"),
    "decimal": (5, 5.5, "5e2", " 5", "+5", ".5", "5.", "5\n", "1_000", "٥"),
    "string": (5, True, ["x"]),
}


def nearly(schema: Mapping[str, Any]) -> Sequence[Any]:
    """Return what a field of this schema nearly is; nothing for one that holds others."""
    if str(schema.get("pattern")).startswith("^-?"):
        return NEARLY["decimal"]
    return NEARLY.get(schema.get("format", schema.get("type")), ())


def fields(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, Any]]:
    """Yield operations by method and path, with a field of their body and JSON it must refuse."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            if name not in GOOD or name == "facts_append_facts":
                continue
            content = operation["requestBody"]["content"]["application/json"]
            body = resolved(document, content["schema"])
            for field, described in body["properties"].items():
                for value in nearly(resolved(document, described)):
                    yield method, path, name, field, value


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


async def test_what_is_nearly_of_the_type_of_a_field_is_refused_for_it(
    document: Mapping[str, Any], client: httpx.AsyncClient
) -> None:
    nowhere = "0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"
    taken, met = [], set()

    for method, path, name, field, value in fields(document):
        address = path.replace("{key}", "emv.cpc")
        for place in ("{goal_id}", "{connection_id}", "{publication_id}"):
            address = address.replace(place, nowhere)
        body = {**GOOD[name], field: value}
        answer = await client.request(method, address, json=body)
        at_fault = [error["field"] for error in answer.json().get("errors", ())]
        if answer.status_code != 422 or f"body.{field}" not in at_fault:
            taken.append(f"{name}.{field} = {json.dumps(value)}: {answer.status_code}")
        met.add((name, field))

    assert taken == []
    assert len(met) > 30
