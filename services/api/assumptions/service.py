"""State assumptions and list what was ever stated."""

from datetime import date
from decimal import Decimal
from typing import Final

from services.api.assumptions.repository import (
    Statement,
    add_statement,
    rates_of,
    statements_about,
    statements_in_force,
)
from services.api.assumptions.schemas import (
    Assumption,
    Assumptions,
    NewStatement,
    StatedValue,
    StatedValues,
)
from services.api.dependencies import Access
from services.api.model import PageQuery, exact
from services.api.paging import page_of
from shared import clock
from shared.currencies import is_currency
from shared.errors import FieldError, Invalid, InvalidCursor, NotFound
from shared.kpis.assumptions import (
    ACTIVE_WEEKS,
    ACTIVE_WEEKS_NEEDED,
    ASSUMPTIONS,
    EXCHANGE_RATE,
    InvalidAssumption,
    check,
    definition_of,
    exchange_rate_key,
)
from shared.kpis.assumptions import Assumption as Definition
from shared.kpis.rates import day_of_contradiction, rate_in_force
from shared.orgs import Org
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["list_assumptions", "list_statements", "state_assumption"]

# Credit is computed when facts are folded: these belong to the organization's rollups, and a new
# value means folding everything again.
_FIXED: Final = ("attribution.window_days", "attribution.half_life_days")


async def list_assumptions(access: Access) -> Assumptions:
    """Return every key with the value of today, and the exchange rates that were stated."""
    today = _today(access.org)
    stated = await statements_in_force(access.connection, access.org.id, today)
    keys = [*ASSUMPTIONS, *sorted(key for key in stated if key.startswith(EXCHANGE_RATE))]
    return Assumptions(
        assumptions=[
            _shown(access.org, _definition(access.org, key), stated.get(key), today) for key in keys
        ]
    )


def _definition(org: Org, key: str) -> Definition:
    """Return the definition of a key. Raises `NotFound` for one that the organization has not."""
    definition = definition_of(key)
    if definition is None or key == exchange_rate_key(org.currency):
        raise NotFound
    return definition


def _to_state(org: Org, key: str) -> Definition:
    """Return the definition of a key that is stated anew; raises as :func:`_definition`.

    What was stated of a code that is no currency is still listed, but no more is taken.
    """
    currency = key.removeprefix(EXCHANGE_RATE)
    if currency != key and not is_currency(currency):
        raise NotFound("ISO 4217 has no currency of this code that deals are closed in.")
    return _definition(org, key)


async def list_statements(
    access: Access, keyring: KeyRing, key: str, query: PageQuery
) -> StatedValues:
    """Return a page of what was stated about a key, the latest to begin first.

    Raises:
        NotFound: there is no such key.
        InvalidCursor: the cursor belongs to another list.
    """
    _definition(access.org, key)
    codec = CursorCodec(keyring, access.org.id, {"list": "statements", "key": key})
    rows = await statements_about(
        access.connection,
        access.org.id,
        key,
        after=_place(codec, query.cursor),
        limit=query.limit + 1,
    )
    page, following = page_of(
        rows, query.limit, codec, lambda row: [row.effective_from.isoformat(), row.version]
    )
    statements = [StatedValue.model_validate(row) for row in page]
    return StatedValues(statements=statements, next_cursor=following)


def _place(codec: CursorCodec, cursor: str | None) -> tuple[date, int]:
    if cursor is None:
        return date.max, 0  # before all that begin on a day that can be stated
    match codec.decode(cursor):
        case [str(effective_from), int(version)]:
            return date.fromisoformat(effective_from), version
    raise InvalidCursor


async def state_assumption(access: Access, key: str, new: NewStatement) -> Assumption:
    """State a value from a day on, as a new version; nothing is overwritten.

    What is stated of that day already is no new version: a request may be sent again.

    Raises:
        NotFound: there is no such key.
        Invalid: the key does not allow the value, or is not stated through the API.
    """
    definition = _to_state(access.org, key)
    if key in _FIXED:
        raise Invalid("This is fixed when an organization is created.", code="fixed_assumption")
    try:
        check(key, new.value)
    except InvalidAssumption:
        raise _out_of_bounds(_bounds(definition)) from None
    await add_statement(
        access.connection,
        access.org.id,
        key=key,
        effective_from=new.effective_from,
        value=new.value,
        source=new.source,
        grade=new.grade,
    )
    if key in {ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED} and (
        day := day_of_contradiction(await rates_of(access.connection, access.org.id))
    ):
        raise _out_of_bounds(f"from {day} on more weeks would be needed than are looked at")
    today = _today(access.org)
    stated = await statements_in_force(access.connection, access.org.id, today)
    return _shown(access.org, definition, stated.get(key), today)


def _today(org: Org) -> date:
    return clock.local_day(clock.now(), org.zone)


def _out_of_bounds(message: str) -> Invalid:
    error = FieldError(field="body.value", rule="out_of_bounds", message=message)
    return Invalid("The value is out of bounds.", errors=[error])


def _bounds(definition: Definition) -> str:
    whole = "a whole number, " if definition.is_whole else ""
    most = "" if definition.most is None else f" and at most {definition.most}"
    return f"{whole}at least {definition.least}{most}"


def _shown(org: Org, definition: Definition, stated: Statement | None, today: date) -> Assumption:
    return Assumption(
        key=definition.key,
        unit=definition.unit,
        description=definition.description,
        default=definition.default,
        default_source=definition.source,
        default_grade=definition.grade,
        in_force=_in_force(org, definition, stated, today),
        is_fixed=definition.key in _FIXED,
        stated=None if stated is None else StatedValue.model_validate(stated),
    )


def _in_force(
    org: Org, definition: Definition, stated: Statement | None, today: date
) -> Decimal | None:
    fixed = dict(zip(_FIXED, (org.window_days, org.half_life_days), strict=True))
    if definition.key in fixed:
        return Decimal(fixed[definition.key])
    rates = [] if stated is None else [stated.rate()]
    rate = rate_in_force(rates, definition.key, today)
    return exact(rate.value) if rate else None
