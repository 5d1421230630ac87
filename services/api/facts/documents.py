"""JSON Schema of the facts, as every validator reads it."""

from typing import Any, Final

from pydantic import TypeAdapter

from shared.facts import FACT_KINDS, AnyFact

__all__ = ["fact_batch_schemas", "kind_schema", "portable"]

# What is not printable: Unicode's category C, which many validators' regular expressions do not
# know by name. Control characters are all that they can be told about it.
_UNICODE_C: Final = r"\p{C}"
_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f"

_PERSON_EMAIL: Final[dict[str, Any]] = {
    "type": "string",
    "description": "Instead of `person`: replaced by the organization's keyed hash, never stored.",
    "examples": ["maria@example.com"],
}
# One that is taken as it stands: rules between fields are in no schema.
_BATCH: Final[list[dict[str, Any]]] = [
    {
        "kind": "post.published",
        "source": "acme-intranet",
        "external_id": "share-1",
        "occurred_at": "2025-01-07T08:00:00Z",
        "post": "urn:li:share:1",
        "employee": "E007",
        "network": "linkedin",
        "channel": "employee_advocacy",
    },
    {
        "kind": "touch.recorded",
        "source": "acme-intranet",
        "external_id": "touch-1",
        "occurred_at": "2025-01-07T08:05:00Z",
        "channel": "employee_advocacy",
        "employee": "E007",
        "person_email": "buyer@customer.example",
    },
]
_WITH_PERSON: Final = (
    "TouchRecorded",
    "PersonIdentified",
    "LeadCreated",
    "ApplicationSubmitted",
    "HireAccepted",
)


def portable(schema: Any) -> Any:
    """Return a schema whose patterns every common regular-expression engine can read."""
    if isinstance(schema, dict):
        return {
            name: part.replace(_UNICODE_C, _CONTROLS)
            if name == "pattern" and isinstance(part, str)
            else portable(part)
            for name, part in schema.items()
        }
    return [portable(part) for part in schema] if isinstance(schema, list) else schema


def kind_schema(kind: str) -> dict[str, Any]:
    """Return the schema of one kind of fact."""
    schema: dict[str, Any] = portable(_with_its_kind(FACT_KINDS[kind].model_json_schema()))
    return schema


def fact_batch_schemas(ref_template: str) -> dict[str, Any]:
    """Return the schemas of a batch of facts and of all it refers to, by name."""
    facts: TypeAdapter[Any] = TypeAdapter(list[AnyFact])
    batch = facts.json_schema(ref_template=ref_template)
    schemas: dict[str, Any] = batch.pop("$defs")
    for model in FACT_KINDS.values():
        _with_its_kind(schemas[model.__name__])
    for name in _WITH_PERSON:
        schema = schemas[name]
        schema["properties"]["person_email"] = _PERSON_EMAIL
        schema["required"] = [field for field in schema["required"] if field != "person"]
    # Named, so that generated clients have a name for it, and say it once.
    schemas["AnyFact"] = {
        "title": "AnyFact",
        "description": "A fact: of which kind, `kind` says.",
        **batch["items"],
    }
    fact = {"$ref": ref_template.format(model="AnyFact")}
    array = {"type": "array", "items": fact, "minItems": 1, "maxItems": 1000}
    wrapped = {
        "type": "object",
        "required": ["facts"],
        "additionalProperties": False,
        "properties": {"facts": array | {"description": "The facts.", "examples": [_BATCH]}},
    }
    schemas["FactBatch"] = {
        "title": "FactBatch",
        "description": "Facts, all taken or none.",
        "oneOf": [array, wrapped],
        "examples": [{"facts": _BATCH}],
    }
    return schemas


def _with_its_kind(schema: dict[str, Any]) -> dict[str, Any]:
    """Make a fact say its kind, by which it is read: here models have it by default."""
    del schema["properties"]["kind"]["default"]
    schema["required"] = ["kind", *schema["required"]]
    return schema
