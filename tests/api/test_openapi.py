"""The document partners generate their clients from."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from shared.facts import FACT_KINDS, Fact, parse_fact
from shared.web.parameters import declared_parameters
from tests.api.conftest import At, Tell
from tests.api.test_goals import clicked


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_operation_names_itself_its_scope_and_its_problems(
    document: dict[str, Any],
) -> None:
    ids = set()

    for name, operation in operations(document):
        tag = operation["tags"][0]
        assert operation["operationId"].startswith(f"{tag}_"), name
        assert operation["security"], name
        assert all(scopes for way in operation["security"] for scopes in way.values()), name
        assert operation["summary"], name
        assert operation["description"], name
        for status in ("400", "401", "403", "422", "500", "503"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], name
        ids.add(operation["operationId"])

    assert len(ids) == len(list(operations(document)))


def test_every_field_is_described_and_has_an_example(document: dict[str, Any]) -> None:
    missing = []

    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            is_nested = "$ref" in str(described) and "enum" not in described
            if "description" not in described or not (is_nested or "examples" in described):
                missing.append(f"{name}.{field}")
    for name, operation in operations(document):
        missing += [
            f"{name} {parameter['name']}"
            for parameter in operation.get("parameters", ())
            if "description" not in parameter or not list(examples(parameter))
        ]

    assert missing == []


@pytest.mark.parametrize(
    ("schema", "field", "word"),
    [
        ("Connection", "state", "degraded"),
        ("Source", "state", "degraded"),
        ("Run", "outcome", "succeeded"),
        ("FactPage", "combined", "median_by_employee"),
        ("LeftOut", "reason", "no_staff"),
        ("StatedValue", "grade", "default"),
    ],
)
def test_words_of_a_closed_list_are_an_enumeration(
    document: dict[str, Any], schema: str, field: str, word: str
) -> None:
    described = document["components"]["schemas"][schema]["properties"][field]

    validator = Draft202012Validator({**document, **described})

    assert validator.is_valid(word)
    assert not validator.is_valid("no such word")


def test_output_fields_have_no_defaults(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    answered = set()
    for _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status.startswith("2") and "content" in response:
                answered.add(response["content"]["application/json"]["schema"]["$ref"])

    for reference in answered:
        schema = schemas[reference.rpartition("/")[2]]
        assert set(schema["required"]) == set(schema["properties"]), reference


def test_what_is_said_of_a_period_says_whether_it_is_partial(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    told = {}
    for name, operation in operations(document):
        asked = {parameter["name"] for parameter in operation.get("parameters", ())}
        if {"from", "to"} <= asked:
            answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
            fields = schemas[answer["$ref"].rpartition("/")[2]]["properties"]
            if "complete_until" in fields:
                told[name] = "is_partial" in fields

    assert len(told) > 10
    # A series says it of each bucket.
    assert [name for name in told if not told[name]] == ["get /v1/kpis/{kpi_id}/series"]


def test_decimals_are_strings(document: dict[str, Any]) -> None:
    value = document["components"]["schemas"]["Point"]["properties"]["value"]

    assert {option["type"] for option in value["anyOf"]} == {"string", "null"}


def test_the_parameters_that_are_enforced_are_those_of_the_document(
    app: FastAPI, document: dict[str, Any]
) -> None:
    def is_list(schema: dict[str, Any]) -> bool:
        return any(one.get("type") == "array" for one in schema.get("anyOf", [schema]))

    documented = {
        operation["operationId"]: {
            parameter["name"]: is_list(parameter["schema"])
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        for _, operation in operations(document)
    }

    assert declared_parameters(app) == documented
    assert {True, False} <= {several for one in documented.values() for several in one.values()}


def examples(node: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield each example with its schema and its place."""
    if isinstance(node, dict):
        if isinstance(node.get("examples"), list):
            yield from ((at, node, example) for example in node["examples"])
        for name, part in node.items():
            if name != "examples":
                yield from examples(part, f"{at}/{name}")
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from examples(part, f"{at}/{index}")


def test_every_example_is_what_its_schema_says(document: dict[str, Any]) -> None:
    wrong, components = [], document["components"]
    found = list(examples({"schemas": components["schemas"], "paths": document["paths"]}))

    for at, schema, example in found:
        errors = Draft202012Validator({**schema, "components": components}).iter_errors(example)
        wrong += [f"{at}: {error.message}" for error in errors]

    assert wrong == []
    assert len(found) > 1000


def test_every_schema_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    """Generators name their classes by titles, and leave out what they have a class for."""
    schemas = document["components"]["schemas"]
    titles = [schema.get("title", name) for name, schema in schemas.items()]

    assert [name for name in schemas if "__" in name] == []
    assert len(titles) == len(set(titles))


def test_no_schema_has_a_name_that_generated_clients_use_themselves(
    document: dict[str, Any],
) -> None:
    """A model called Response takes the place of what a generated call answers with."""
    used = {"Any", "Client", "AuthenticatedClient", "Configuration", "Error", "Errors", "File"}
    used |= {"List", "Dict", "Map", "Object", "Record", "Request", "Response", "Set", "Unset"}

    assert used & document["components"]["schemas"].keys() == set()


#: Of JSON Schema 2020-12 and OpenAPI 3.1; the bounds of days are those of ajv.
KEYWORDS = {
    *("$ref", "additionalProperties", "allOf", "anyOf", "const", "default", "description"),
    *("discriminator", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format"),
    *("formatMaximum", "formatMinimum", "items", "maxItems", "maxLength", "maxProperties"),
    *("maximum", "minItems", "minLength", "minProperties", "minimum", "oneOf", "pattern"),
    *("prefixItems", "properties", "propertyNames", "required", "title", "type", "uniqueItems"),
}


def keywords(schema: Any) -> Iterator[str]:
    """Yield the keywords of a schema and of those in it."""
    if isinstance(schema, list):
        for part in schema:
            yield from keywords(part)
    elif isinstance(schema, dict):
        yield from schema
        for name, part in schema.items():
            if name == "properties":
                yield from keywords(list(part.values()))
            elif name not in ("const", "default", "discriminator", "enum", "examples"):
                yield from keywords(part)


def test_schemas_say_all_in_words_that_validators_know(document: dict[str, Any]) -> None:
    parameters = [
        parameter["schema"]
        for _, operation in operations(document)
        for parameter in operation.get("parameters", ())
    ]
    schemas = [*document["components"]["schemas"].values(), *parameters]

    assert set(keywords(schemas)) <= KEYWORDS


def test_parameters_are_never_null(document: dict[str, Any]) -> None:
    """There is none in an address: one that may be left out is not required."""
    null = {"type": "null"}

    nullable = [
        f"{name} {parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if null in parameter["schema"].get("anyOf", ())
    ]

    assert nullable == []


def test_a_change_of_a_connection_changes_something(document: dict[str, Any]) -> None:
    change = Draft202012Validator({**document, "$ref": "#/components/schemas/ConnectionPatch"})

    assert change.is_valid({"state": "paused"})
    assert not change.is_valid({})


def test_only_operations_that_meet_a_state_conflict_with_it(document: dict[str, Any]) -> None:
    met = {
        operation["operationId"]
        for name, operation in operations(document)
        if "409" in operation["responses"] and not name.startswith("get ")
    }

    assert met == {
        "connections_create_connection",
        "connections_start_sync",
        "deliveries_start_replay",
        "facts_append_facts",
        "facts_retract_facts",
        "goals_update_goal",
        "publications_publish_period",
        "publications_withdraw_publication",
    }


def test_a_fact_of_a_batch_is_of_a_type_with_a_name(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    array, wrapped = schemas["FactBatch"]["oneOf"]
    kinds = [option["$ref"].rpartition("/")[2] for option in schemas["AnyFact"]["oneOf"]]

    assert array["items"] == {"$ref": "#/components/schemas/AnyFact"}
    assert wrapped["properties"]["facts"]["items"] == array["items"]
    assert schemas["AnyFact"]["discriminator"]["propertyName"] == "kind"
    assert all("kind" in schemas[kind]["required"] for kind in kinds)
    assert len(kinds) == len(FACT_KINDS)


async def test_the_example_of_a_batch_is_taken(
    document: dict[str, Any], client: httpx.AsyncClient
) -> None:
    (batch,) = document["components"]["schemas"]["FactBatch"]["examples"]

    answer = await client.post("/v1/facts", json=batch)

    assert answer.status_code == 200, answer.text
    assert answer.json()["inserted"] == len(batch["facts"])


def in_sales(employee: str, since: datetime) -> Fact:
    return parse_fact(
        {
            "kind": "employee.recorded",
            "source": "test",
            "external_id": f"{employee}-since",
            "occurred_at": f"{since.isoformat()}Z",
            "employee": employee,
            "team": "sales",
            "effective_on": since.date().isoformat(),
        }
    )


def composed(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a body made of the first example of each field, as documentation pages make it."""
    properties = document["components"]["schemas"][name]["properties"]
    return {field: described["examples"][0] for field, described in properties.items()}


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/connections", "NewConnection"),
        ("POST", "/v1/keys", "NewKey"),
        ("POST", "/v1/links", "NewLink"),
        ("POST", "/v1/people/references", "Addresses"),
        ("POST", "/v1/publications", "NewPublication"),
        ("PUT", "/v1/assumptions/gross_margin", "NewStatement"),
        ("PUT", "/v1/organization/privacy", "Privacy"),
    ],
)
async def test_the_example_of_a_body_is_taken(
    document: dict[str, Any], client: httpx.AsyncClient, method: str, path: str, name: str
) -> None:
    answer = await client.request(method, path, json=composed(document, name))

    assert answer.is_success, answer.text


@pytest.mark.parametrize("weeks", [0, 26])
@pytest.mark.parametrize("today", ["2026-02-02T12:00", "2059-12-31T12:00"])
async def test_the_example_of_a_goal_is_taken_whenever_it_is_posted(
    document: dict[str, Any], client: httpx.AsyncClient, tell: Tell, at: At, weeks: int, today: str
) -> None:
    at(today)
    now = datetime.fromisoformat(today)
    # Of the team that the example names: enough people to be told of, and weeks for a forecast.
    people = [f"E{number}" for number in range(9)]
    await tell([in_sales(each, now - timedelta(weeks=weeks + 1)) for each in people])
    weekly = [(now - timedelta(weeks=n // 9 + 1)).date() for n in range(9 * weeks)]
    await tell([clicked(n, day, people[n % 9]) for n, day in enumerate(weekly)])

    made = await client.post("/v1/goals", json=composed(document, "NewGoal"))
    assert made.status_code == 201, made.text
    changed = await client.patch(
        f"/v1/goals/{made.json()['id']}", json=composed(document, "GoalChange")
    )

    assert changed.status_code == 200, changed.text
