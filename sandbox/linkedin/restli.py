"""The query syntax of Rest.li 2.0: ``List(a,b)``, ``(key:value)`` and percent-encoded text.

Structure characters stand as they are; the same characters inside a value must be encoded. A
client that encodes the structure, or sends a bare URN, is refused, as LinkedIn refuses it.
"""

from datetime import date
from urllib.parse import unquote

__all__ = ["RestliSyntaxError", "Value", "date_range", "parse_query"]

Value = str | list["Value"] | dict[str, "Value"]
_STRUCTURE = frozenset("(),:")
_DATE_PARTS = ("year", "month", "day")


class RestliSyntaxError(ValueError):
    """A query parameter is not Rest.li 2.0."""


def parse_query(query: str) -> dict[str, Value]:
    """Return parameter → value of a raw query string.

    Raises:
        RestliSyntaxError: a value is malformed.
    """
    parameters: dict[str, Value] = {}
    for pair in filter(None, query.split("&")):
        name, _, text = pair.partition("=")
        value, end = _value(text, 0)
        if end != len(text):
            raise RestliSyntaxError(f"parameter {name} ends unexpectedly at {text[end:]!r}")
        parameters[unquote(name)] = value
    return parameters


def date_range(value: Value) -> tuple[date, date]:
    """Return start and (exclusive) end of ``(start:(year:..,month:..,day:..),end:(..))``.

    Raises:
        RestliSyntaxError: it is not a range of two real dates.
    """
    if not isinstance(value, dict):
        raise RestliSyntaxError("dateRange is a record of start and end")
    return _date(value.get("start")), _date(value.get("end"))


def _date(value: Value | None) -> date:
    if not isinstance(value, dict):
        raise RestliSyntaxError("a date is a record of year, month and day")
    try:
        year, month, day = (int(str(value[part])) for part in _DATE_PARTS)
        return date(year, month, day)
    except (KeyError, ValueError) as error:
        raise RestliSyntaxError(f"not a date: {value}") from error


def _value(text: str, at: int) -> tuple[Value, int]:
    if text.startswith("List(", at):
        return _list(text, at + len("List("))
    if text.startswith("(", at):
        return _record(text, at + 1)
    end = at
    while end < len(text) and text[end] not in _STRUCTURE:
        end += 1
    return unquote(text[at:end]), end


def _list(text: str, at: int) -> tuple[list[Value], int]:
    items: list[Value] = []
    while not text.startswith(")", at):
        item, at = _value(text, at)
        items.append(item)
        at = _separator(text, at)
    return items, at + 1


def _record(text: str, at: int) -> tuple[dict[str, Value], int]:
    fields: dict[str, Value] = {}
    while not text.startswith(")", at):
        name, at = _value(text, at)
        if not isinstance(name, str) or not text.startswith(":", at):
            raise RestliSyntaxError("a record is made of key:value")
        fields[name], at = _value(text, at + 1)
        at = _separator(text, at)
    return fields, at + 1


def _separator(text: str, at: int) -> int:
    if text.startswith(",", at):
        return at + 1
    if text.startswith(")", at):
        return at
    raise RestliSyntaxError(f"expected ',' or ')' at {text[at:]!r}")
