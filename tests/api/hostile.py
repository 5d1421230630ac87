"""What a caller who means harm would send: values for parameters, for fields and for whole bodies.

Every text carries a canary: an answer that holds it has repeated what was sent.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx

from tests.refusals import documented_codes

__all__ = [
    "BODIES",
    "CANARY",
    "MEDIA_TYPES",
    "REFUSED_JSON",
    "WILD_JSON",
    "address",
    "fault_of",
    "places_of",
    "refused_values",
    "resolved",
    "wild_values",
    "with_raw",
]

CANARY: Final = "canary-7Qx"
JSON: Final = "application/json"
_CODES: Final = documented_codes()

Place = tuple[str | int, ...]
Schema = Mapping[str, Any]

#: As long as an address may be at most.
_LONG: Final = CANARY * 2_000
#: No parameter takes these, whatever its type; bytes are put into the address as they are.
_REFUSED_EVERYWHERE: Final[Sequence[str]] = (f"{CANARY}\x00", _LONG)
_NO_DAY: Final = (
    *("0001-01-01", "9999-12-31", "2025-02-30", "20250101", "2025-W01-1", "1735689600"),
    *("2025-01-01T00:00:00Z", "٢٠٢٥-٠١-٠١", "-2025-01-01", "today", ""),
)
_NO_INTEGER: Final = ("1e3", "1.5", "NaN", "Infinity", "-Infinity", "9" * 30, "-1", "0x10", "")
_NO_NUMBER: Final = ("NaN", "Infinity", "-Infinity", "1e999", "-0", "9" * 50, "1.23456789", "")
_NO_TRUTH: Final = ("2", "maybe", "NaN", "", "null")
_NO_ID: Final = ("0", "' OR 1=1 --", "0197c1a4-6f1e-7c53-9d7b", "../../etc/passwd")
#: A reference may be called anything that can be stored: these are no mistake, and find nothing.
_WILD: Final[Sequence[str | bytes]] = (
    f"'; DROP TABLE organization; -- {CANARY}",
    "% _ \\ \" ' $1 %s {0}",
    "\u202e\ufeff💥",
    b"\xed\xa0\x80",
    "",
)

#: JSON that no field takes, whatever its type, as it is written.
REFUSED_JSON: Final[Sequence[str]] = (
    f'"{CANARY}\\u0000"',
    f'"\\ud800{CANARY}"',
    f'"{CANARY * 10_000}"',
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 50,
    "[" * 40 + "]" * 40,
    '{"a": 1, "a": 2}',
)
#: JSON that one field or another may take.
WILD_JSON: Final[Sequence[str]] = (
    *("null", "true", "0", "-0.0", "-1", "1.5", "1e308", "2147483648", "9223372036854775808"),
    *('""', '" "', '"NaN"', '"Infinity"', '"1e400"', '"-0"', '"99999999999999999999.9999"'),
    *('"0001-01-01"', '"9999-12-31"', '"2025-02-30"', '"9999-12-31T23:59:59-14:00"'),
    *('"0001-01-01T00:00:00Z"', '"2025-01-01T00:00:00"', '"\\u202e\\ufeff"'),
    *('"javascript:alert(1)"', '"https://[::1"', '"https://x/\\r\\nSet-Cookie: a"'),
    f'"\'; DROP TABLE organization; -- {CANARY}"',
    *("[]", "[null]", "[[]]", f'["{CANARY}"]', "{}", f'{{"{CANARY}": {{}}}}'),
)
#: Bodies that are none.
BODIES: Final[Sequence[bytes]] = (
    *(b"", b"{", b"null", b"[]", b'"x"', b"\x00", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"NaN"),
    "{}".encode("utf-16"),
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    f'{{"{CANARY}": 1, "{CANARY}": 2}}'.encode(),
    f'{{"{CANARY}": "\\ud800"}}'.encode(),
)
MEDIA_TYPES: Final = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    f"{CANARY}/\x7f",
    "",
)


def resolved(document: Schema, schema: Schema) -> Schema:
    """Follow references, and of what may be null take the other."""
    while True:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            options = [option for option in schema["anyOf"] if option.get("type") != "null"]
            if len(options) > 1:
                return schema
            schema = options[0]
        else:
            return schema


def refused_values(document: Schema, schema: Schema) -> Iterator[str]:
    """Yield texts that a parameter of this schema must not take."""
    yield from _REFUSED_EVERYWHERE
    given = resolved(document, schema)
    if given.get("type") == "array":
        given = resolved(document, given["items"])
    if "enum" in given or "const" in given:
        yield from (CANARY, "", "' OR 1=1 --")
    elif given.get("format") == "date":
        yield from _NO_DAY
    elif given.get("format") == "uuid":
        yield from _NO_ID
    elif given.get("type") == "integer":
        yield from _NO_INTEGER
    elif given.get("type") == "boolean":
        yield from _NO_TRUTH
    elif "anyOf" in given or given.get("type") == "number":
        yield from _NO_NUMBER


def wild_values(document: Schema, schema: Schema) -> Sequence[str | bytes]:
    """Return texts that a parameter of this schema may take: of free text, any."""
    given = resolved(document, schema)
    if given.get("type") == "array":
        given = resolved(document, given["items"])
    if "pattern" in given:
        return ("nothing_of_this_name",)
    is_free = given.get("type") == "string" and not {"enum", "const", "format"} & given.keys()
    return _WILD if is_free else ()


def address(
    path: str, query: Sequence[tuple[str, str | bytes]], given: Mapping[str, str] | None = None
) -> str:
    """Write an address; ``given`` fills the parameters of its path."""
    for name, value in (given or {}).items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path + "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query)


def places_of(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield where in a document something could be put instead of what is there."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*at, key)
            yield from places_of(inner, (*at, key))


def with_raw(document: Any, place: Place, raw: str) -> bytes:
    """Return the document with other JSON at one place, as it is written."""
    mark = "@put-it-here@"
    changed = json.loads(json.dumps(document))
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = mark
    return json.dumps(changed).replace(f'"{mark}"', raw).encode()


def fault_of(answer: httpx.Response, *, may_be_taken: bool) -> str | None:
    """Return what is wrong with the answer to a hostile request, None if nothing is."""
    if answer.status_code >= 500:
        return f"{answer.status_code}: {answer.text[:300]}"
    if answer.status_code < 400:
        return None if may_be_taken else f"taken, with {answer.status_code}"
    if answer.headers.get("content-type") != "application/problem+json":
        return f"no problem: {answer.text[:300]}"
    problem = answer.json()
    if problem["status"] != answer.status_code:
        return f"says {problem['status']}"
    if _CODES.get(problem["code"]) != answer.status_code:
        return f"{answer.status_code} {problem['code']} is not in the guide"
    if problem["code"] == "invalid" and not problem.get("errors"):
        return "does not say which field"
    if CANARY in answer.text or "\x00" in answer.text:
        return "repeats what was sent"
    return None
