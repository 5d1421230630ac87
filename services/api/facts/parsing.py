"""From a request's raw bytes to typed facts: all of them, or a list of what is wrong.

An address of a person never gets further than this module: ``person_email`` is replaced by the
organization's keyed hash, and an address anywhere else is refused.
"""

import re
import unicodedata
from typing import Any, Final

import orjson
from pydantic import ValidationError

from shared.errors import FieldError, Invalid
from shared.facts import FACT_KINDS, Fact, parse_facts
from shared.orgs import person_of
from shared.web.json import parse_json

__all__ = ["MOST_FACTS", "InvalidFacts", "parse_batch"]

MOST_FACTS: Final = 1000
_MOST_ERRORS: Final = 100
_LONGEST_ADDRESS: Final = 320

_WITH_PERSON: Final = frozenset(
    {
        "touch.recorded",
        "person.identified",
        "lead.created",
        "application.submitted",
        "hire.accepted",
    }
)
_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_FIELDS: Final = frozenset(name for model in FACT_KINDS.values() for name in model.model_fields)
_PLAIN: Final = {
    "extra_forbidden": "This field does not exist here.",
    "union_tag_invalid": "There is no such kind of fact.",
    "union_tag_not_found": "A fact says its kind.",
}


class InvalidFacts(Invalid):
    """A batch with something wrong in it; nothing of it was written."""

    code = "invalid_facts"
    title = "The facts cannot be taken"


def parse_batch(body: bytes, person_key: bytes) -> list[Fact]:
    """Return the facts of a JSON array, or of an object ``{"facts": […]}``.

    Raises:
        MalformedJson: the bytes are not the JSON this product reads.
        InvalidFacts: a fact breaks a rule; ``errors`` name its place and field.
    """
    items = _items(parse_json(body))
    errors: list[FieldError] = []
    prepared = [_prepared(item, index, person_key, errors) for index, item in enumerate(items)]
    if errors:
        raise _invalid(errors)
    try:
        return parse_facts(orjson.dumps(prepared))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise _invalid([_field_error(dict(one)) for one in found]) from None
    except TypeError:
        # Integers beyond 64 bits: no field holds them.
        raise InvalidFacts("A number is out of range.", code="invalid_number") from None


def _items(document: Any) -> list[Any]:
    items = document.get("facts") if isinstance(document, dict) else document
    is_wrapped = not isinstance(document, dict) or len(document) == 1
    if not isinstance(items, list) or not is_wrapped:
        raise InvalidFacts('Send a JSON array of facts, or {"facts": […]}.')
    if not 1 <= len(items) <= MOST_FACTS:
        raise InvalidFacts(f"A batch holds 1 to {MOST_FACTS:,} facts.", code="batch_size")
    return items


def _prepared(item: Any, index: int, person_key: bytes, errors: list[FieldError]) -> Any:
    """Return the item with its person's address hashed; note addresses that have no business."""
    if not isinstance(item, dict):
        return item
    prepared = dict(item)
    address = prepared.pop("person_email", None)
    if "person_email" in item:
        if problem := _person_problem(item, address):
            errors.append(_error(index, "person_email", *problem))
        else:
            prepared["person"] = person_of(person_key, address)
    errors += [
        _error(index, name if name in _FIELDS else "?", "email_not_allowed", _NO_ADDRESS)
        for name, value in prepared.items()
        if _holds_address(value)
    ]
    return prepared


_NO_ADDRESS: Final = "An e-mail address may be given as person_email only; use an opaque reference."


def _person_problem(item: dict[str, Any], address: Any) -> tuple[str, str] | None:
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in _WITH_PERSON:
        return "extra_forbidden", "Facts of this kind have no person_email."
    if "person" in item:
        return "ambiguous_person", "Give person or person_email, not both."
    is_text = isinstance(address, str) and len(address) <= _LONGEST_ADDRESS
    if not is_text or not _ADDRESS.fullmatch(address.strip()):
        return "invalid_email", "Expected an e-mail address."
    return None


def _holds_address(value: Any) -> bool:
    if isinstance(value, str):
        # Full-width and other spellings of @ read as an address, too.
        text = value if value.isascii() else unicodedata.normalize("NFKC", value)
        return "@" in text and _ADDRESS.search(text) is not None
    if isinstance(value, dict):
        return any(_holds_address(inner) for inner in value.values())
    return isinstance(value, list) and any(_holds_address(inner) for inner in value)


def _field_error(error: dict[str, Any]) -> FieldError:
    # Second in the location is the kind by which the model was chosen, unless nothing was chosen.
    index, *rest = error["loc"]
    names = [str(part) if part in _FIELDS else "?" for part in rest if part not in FACT_KINDS]
    rule = str(error["type"])
    message = _PLAIN.get(rule, str(error["msg"]).removeprefix("Value error, "))
    return _error(index, ".".join(names), rule, message)


def _error(index: Any, field: str, rule: str, message: str) -> FieldError:
    place = f"facts.{index}"
    return FieldError(field=f"{place}.{field}" if field else place, rule=rule, message=message)


def _invalid(errors: list[FieldError]) -> InvalidFacts:
    return InvalidFacts("Nothing was written.", errors=errors[:_MOST_ERRORS])
