"""HubSpot's CRM search: filter groups, one sort, offset cursor, ten thousand results at most."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sandbox.errors import VendorError, error_body
from sandbox.hubspot.store import DEFAULT_PROPERTIES, CrmStore, Record, render

__all__ = ["search"]

LARGEST_PAGE = 200
LARGEST_RESULT = 10_000
_DEFAULT_PAGE = 10
_MOST_GROUPS, _MOST_FILTERS = 5, 6

# Ordered text and numbers never meet: a value is compared as (rank, number, text).
_Key = tuple[int, Decimal, str]

_COMPARISONS: dict[str, Callable[[_Key, _Key], bool]] = {
    "EQ": eq,
    "NEQ": ne,
    "GT": gt,
    "GTE": ge,
    "LT": lt,
    "LTE": le,
}


def search(store: CrmStore, object_type: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of a search.

    Raises:
        VendorError: 400, in HubSpot's words.
    """
    limit = _number(body, "limit", _DEFAULT_PAGE)
    after = _number(body, "after", 0)
    if not 0 < limit <= LARGEST_PAGE:
        raise _invalid(f"limit must be between 1 and {LARGEST_PAGE}, was {limit}.")
    if after + limit > LARGEST_RESULT:
        raise _invalid("The requested page lies beyond the first 10,000 results of the query.")
    groups = _groups(body, store.known_properties(object_type))
    found = [
        record
        for record in store.records(object_type)
        if not groups or any(all(_matches(record, f) for f in group) for group in groups)
    ]
    _sort(found, body.get("sorts") or [])
    page = found[after : after + limit]
    wanted = body.get("properties") or DEFAULT_PROPERTIES[object_type]
    known = store.known_properties(object_type)
    names = [name for name in wanted if name in known]
    answer: dict[str, Any] = {
        "total": len(found),
        "results": [render(record, object_type, properties=names) for record in page],
    }
    if after + limit < len(found):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return answer


def _number(body: Mapping[str, Any], name: str, default: int) -> int:
    # Recorded clients send both 200 and "200".
    try:
        value = int(body.get(name, default))
    except (TypeError, ValueError):
        raise _invalid(f"{name} must be a number.") from None
    if value < 0:
        raise _invalid(f"{name} must not be negative.")
    return value


def _groups(body: Mapping[str, Any], known: set[str]) -> list[list[dict[str, Any]]]:
    groups = [list(group.get("filters", [])) for group in body.get("filterGroups") or []]
    if len(groups) > _MOST_GROUPS or any(len(group) > _MOST_FILTERS for group in groups):
        raise _invalid(f"At most {_MOST_GROUPS} groups of {_MOST_FILTERS} filters are allowed.")
    for condition in (condition for group in groups for condition in group):
        if condition.get("propertyName") not in known:
            raise _invalid(f"There was a problem with the property {condition!r}.")
    return groups


def _matches(record: Record, condition: Mapping[str, Any]) -> bool:
    stored = record.properties.get(condition["propertyName"])
    operator = condition.get("operator")
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return (stored is not None) is (operator == "HAS_PROPERTY")
    if operator in ("IN", "NOT_IN"):
        wanted = {str(value).lower() for value in condition.get("values", [])}
        return ((stored or "").lower() in wanted) is (operator == "IN")
    if stored is None:
        return operator == "NEQ"
    have, want = _key(stored), _key(str(condition.get("value", "")))
    if operator == "BETWEEN":
        return want <= have <= _key(str(condition.get("highValue", "")))
    if operator not in _COMPARISONS:
        raise _invalid(f"The operator {operator!r} is not allowed here.")
    return _COMPARISONS[operator](have, want)


def _sort(records: list[Record], sorts: list[Any]) -> None:
    if len(sorts) > 1:
        raise _invalid("Only one sort is allowed.")
    for sort in sorts:
        rule = sort if isinstance(sort, dict) else {"propertyName": str(sort)}
        name = rule.get("propertyName", "")
        records.sort(
            key=lambda record: _key(record.properties.get(name) or ""),
            reverse=rule.get("direction") == "DESCENDING",
        )


def _key(value: str) -> _Key:
    """Return what a value is compared by: instants as milliseconds, numbers as numbers."""
    try:
        if "T" in value:
            moment = datetime.fromisoformat(value)
            return 1, Decimal(int(moment.timestamp() * 1000)), ""
        return 1, Decimal(value), ""
    except (InvalidOperation, ValueError):
        return 0, Decimal(0), value.lower()


def _invalid(message: str) -> VendorError:
    body = error_body("hubspot", status=400, message=message, code="VALIDATION_ERROR")
    return VendorError(400, body)
