"""Strict JSON: UTF-8, no duplicate names, no NaN, no deep nesting, no text that cannot be stored.

What parsers disagree on is refused, so that what was checked is what is used. Use it on every
public operation that takes a body: ``APIRouter(route_class=StrictJsonRoute)``.
"""

import json
from collections.abc import Callable, Coroutine
from math import isfinite
from typing import Any, Final, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from shared.errors import Invalid, MalformedJson

__all__ = ["StrictJsonRoute", "parse_json"]

_DEEPEST: Final = 32
_LONGEST_NUMBER: Final = 40


class StrictJsonRoute(APIRoute):
    """A route whose JSON body is read by :func:`parse_json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return handle


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


def parse_json(body: bytes) -> Any:
    """Return the value ``body`` spells.

    Raises:
        MalformedJson: not UTF-8 (or with a byte-order mark), not JSON, a duplicate name, NaN or
            Infinity, nesting beyond 32.
        Invalid: a number no field can hold (``invalid_number``), or text with NUL or half a
            surrogate pair (``invalid_text``).
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_fraction,
        )
    except (ValueError, RecursionError):
        raise MalformedJson from None
    _check(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate name")
    return members


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise Invalid("A number is too long.", code="invalid_number")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if len(digits) > _LONGEST_NUMBER or not isfinite(number):
        raise Invalid("A number is out of range.", code="invalid_number")
    return number


def _check(value: Any) -> None:
    """Walk the value level by level, without recursion: it may be as deep as the parser allows."""
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.keys())
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and not _is_storable(item):
                raise Invalid(
                    "A text holds characters that cannot be stored.",
                    code="invalid_text",
                )
        depth += any(isinstance(item, dict | list) for item in level)
        if depth > _DEEPEST:
            raise MalformedJson("Nested too deeply.")
        level = below


def _is_storable(text: str) -> bool:
    if "\x00" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
