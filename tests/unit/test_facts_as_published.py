"""What the published schema of a kind of fact forbids, no fact of the kind holds."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from services.api.facts.documents import kind_schema
from shared.facts import FACT_KINDS, parse_fact

#: What readers who mean well take for a truth, a number, a day or an instant.
NEARLY: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, 0.5, -1, 10**18, [], {}, [1], ["a"]),
    *("", "no", "true", "yes", "0", "1", "1e3", "+5", ".5", "5.", " 5", "٣"),
    *(1735689600, "1735689600", "1735689600000", "-1735689600", "1735689600.5"),
    *("20250101", "2025-1-1", "2025-01-01", "2025-02-30"),
    *("2025-01-01T00:00:00Z", "2025-01-01T00:00:00", "2025-01-01T25:00:00Z"),
)


def is_refused(kind: str, field: str, value: Any) -> bool:
    """Tell whether a fact with this value is refused for it, whatever else it lacks."""
    try:
        parse_fact({"kind": kind, field: value})
    except ValidationError as error:
        return any(one["loc"][1:2] == (field,) for one in error.errors())
    return False


def is_forbidden(schema: dict[str, Any], described: dict[str, Any], value: Any) -> bool:
    form = described.get("format") or str(described.get("anyOf", ""))
    # A format is no more than a note to most validators: here of these only what they look like.
    if isinstance(value, str) and "date" in form:
        return not value.startswith("2025-") or ("time" in form) != ("T" in value)
    return not Draft202012Validator({**schema, **described}).is_valid(value)


def forbidden(kind: str) -> Iterator[tuple[str, Any]]:
    schema = kind_schema(kind)
    rest = {"$defs": schema.get("$defs", {})}
    for field, described in schema["properties"].items():
        if field != "kind":
            yield from ((field, each) for each in NEARLY if is_forbidden(rest, described, each))


@pytest.mark.parametrize("kind", FACT_KINDS)
def test_what_the_schema_of_a_kind_forbids_is_refused(kind: str) -> None:
    tried = list(forbidden(kind))

    taken = [(field, value) for field, value in tried if not is_refused(kind, field, value)]

    assert taken == []
    assert len(tried) > 50


@pytest.mark.parametrize("kind", FACT_KINDS)
def test_the_schema_of_a_kind_asks_for_the_kind(kind: str) -> None:
    """By it a fact is read: one that leaves it out is refused, and no default is taken for it."""
    schema = kind_schema(kind)

    assert "kind" in schema["required"]
    assert "default" not in schema["properties"]["kind"]


def test_bounds_of_days_are_published() -> None:
    day = kind_schema("employee.recorded")["properties"]["effective_on"]

    assert (day["formatMinimum"], day["formatMaximum"]) == ("2000-01-01", "2100-01-01")
