"""State assumptions and list what was ever stated."""

from datetime import date
from decimal import Decimal
from typing import Final

from services.api.assumptions.repository import Statement, add_statement, statements_of
from services.api.assumptions.schemas import Assumption, Assumptions, NewStatement, StatedValue
from services.api.dependencies import Access
from services.api.model import exact
from shared import clock
from shared.errors import FieldError, Invalid, NotFound
from shared.kpis.assumptions import ASSUMPTIONS, InvalidAssumption, check
from shared.kpis.assumptions import Assumption as Definition
from shared.kpis.rates import rate_in_force
from shared.orgs import Org

__all__ = ["list_assumptions", "state_assumption"]

# Credit is computed when facts are folded: these belong to the organization's rollups, and a new
# value means folding everything again.
_FIXED: Final = ("attribution.window_days", "attribution.half_life_days")


async def list_assumptions(access: Access) -> Assumptions:
    """Return every key with the value of today and its history."""
    statements = await statements_of(access.connection, access.org.id)
    return Assumptions(
        assumptions=[
            _shown(access.org, definition, [s for s in statements if s.key == key])
            for key, definition in ASSUMPTIONS.items()
        ]
    )


async def state_assumption(access: Access, key: str, new: NewStatement) -> Assumption:
    """State a value from a day on, as a new version; nothing is overwritten.

    Raises:
        NotFound: there is no such key.
        Invalid: the key does not allow the value, or is not stated through the API.
    """
    definition = ASSUMPTIONS.get(key)
    if definition is None:
        raise NotFound
    if key in _FIXED:
        raise Invalid("This is fixed when an organization is created.", code="fixed_assumption")
    try:
        check(key, new.value)
    except InvalidAssumption:
        message = _bounds(definition)
        raise Invalid(
            "The value is out of bounds.",
            errors=[FieldError(field="body.value", rule="out_of_bounds", message=message)],
        ) from None
    await add_statement(
        access.connection,
        access.org.id,
        key=key,
        effective_from=new.effective_from,
        value=new.value,
        source=new.source,
        grade=new.grade,
        recorded_at=clock.now(),
    )
    history = await statements_of(access.connection, access.org.id, key=key)
    return _shown(access.org, definition, history)


def _bounds(definition: Definition) -> str:
    most = "" if definition.most is None else f" and at most {definition.most}"
    return f"at least {definition.least}{most}"


def _shown(org: Org, definition: Definition, history: list[Statement]) -> Assumption:
    today = clock.local_day(clock.now(), org.zone)
    return Assumption(
        key=definition.key,
        unit=definition.unit,
        description=definition.description,
        default=definition.default,
        default_source=definition.source,
        default_grade=definition.grade,
        in_force=_in_force(org, definition, history, today),
        is_fixed=definition.key in _FIXED,
        history=[StatedValue.model_validate(statement) for statement in history],
    )


def _in_force(
    org: Org, definition: Definition, history: list[Statement], today: date
) -> Decimal | None:
    fixed = dict(zip(_FIXED, (org.window_days, org.half_life_days), strict=True))
    if definition.key in fixed:
        return Decimal(fixed[definition.key])
    rate = rate_in_force([statement.rate() for statement in history], definition.key, today)
    return exact(rate.value) if rate else None
