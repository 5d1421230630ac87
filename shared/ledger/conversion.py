"""Amounts in other currencies: converted once, when they are told, and kept beside what was told.

An amount is worth what the rate in force on its day makes of it, as books are kept: the day a deal
closed, the first day a cost covers. The ledger then holds the organization's currency alone, and in
``told`` what the source said and the rate, so that every figure leads back to the invoice. A rate
that is stated later changes no entry, unless somebody has the amounts converted anew. Whether a
fact says anything new is judged by what was told, not by what that was worth.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from shared import clock
from shared.facts import Fact, Retraction
from shared.kpis.assumptions import exchange_rate_key
from shared.ledger.staging import Said
from shared.money import convert, exponent
from shared.orgs import Org

__all__ = [
    "Inconvertible",
    "converted",
    "converted_anew",
    "in_other_currencies",
    "remember_converted",
    "told_in",
]

#: Where payloads keep an amount of money.
_AMOUNTS: Final = ("amount", "value")
#: What an amount is a multiple of: not rounded, or the product would be another.
_PRICE: Final = "unit_rate"
_LARGEST: Final = Decimal(10) ** 14

_RATES: Final = """
SELECT w.key, w.day, r.value, r.effective_from
  FROM unnest($2::text[], $3::date[]) w (key, day)
 CROSS JOIN LATERAL (
    SELECT value, effective_from FROM assumption
     WHERE org_id = $1 AND key = w.key AND network = '' AND effective_from <= w.day
     ORDER BY effective_from DESC, version DESC
     LIMIT 1
 ) r
"""
_REMEMBER: Final = """
INSERT INTO converted_fact (org_id, currency, fact_key)
SELECT $1, * FROM unnest($2::text[], $3::bytea[]) c (currency, fact_key)
    ON CONFLICT DO NOTHING
"""
_Rates = dict[tuple[str, date], tuple[Decimal, date]]


class Inconvertible(ValueError):
    """An amount has no worth in the organization's currency; ``code`` says why."""

    def __init__(self, fact_key: bytes, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.fact_key = fact_key
        self.field = field
        self.code = code
        self.message = message


def in_other_currencies(org: Org, items: Sequence[Fact | Retraction]) -> set[bytes]:
    """Return the keys of the facts whose amounts are not in the organization's currency."""
    # The fields themselves: asking a model for what it may lack costs more than all the rest.
    own = (org.currency, None)
    return {
        item.identity.key
        for item in items
        if not isinstance(item, Retraction) and item.__dict__.get("currency") not in own
    }


async def converted(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    rows: Sequence[Said],
    keys: Collection[bytes],
) -> list[Said]:
    """Return ``rows`` with the amounts of the facts in ``keys`` in the organization's currency.

    Amounts are rounded to the minor unit, halves away from zero.

    Raises:
        Inconvertible: no rate of a currency holds on a day, or an amount becomes too large.
    """
    concerned = [row for row in rows if row.fact_key in keys and not row.is_retraction]
    told = [(row, _body(row)) for row in concerned]
    # Of several versions in a batch the last one may be in another currency, or have no amount.
    foreign = [
        (row, body) for row, body in told if body.get("currency", org.currency) != org.currency
    ]
    worth = await _worth(connection, org, foreign)
    written = {row.fact_key: row for row in worth}
    return [written.get(row.fact_key, row) for row in rows]


async def remember_converted(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org, stated: Sequence[Said]
) -> None:
    """Remember by their currency which of the facts that are stated have converted amounts."""
    currencies = [(told_in(row), row.fact_key) for row in stated]
    if known := [pair for pair in currencies if pair[0] is not None]:
        await connection.execute(_REMEMBER, org.id, *map(list, zip(*known, strict=True)))


async def converted_anew(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org, rows: Sequence[Said]
) -> list[Said]:
    """Return those of ``rows`` that the rates that hold now make something else of.

    Each has been converted before: what was told is in its payload.

    Raises:
        Inconvertible: an amount becomes too large.
    """
    told = []
    for row in rows:
        body = _body(row)
        said = body.pop("told")
        amounts = {name: said[name] for name in (*_AMOUNTS, _PRICE) if name in said}
        told.append((row, {**body, **amounts, "currency": said["currency"]}))
    worth = await _worth(connection, org, told)
    return [new for new, row in zip(worth, rows, strict=True) if new.columns != row.columns]


def told_in(row: Said) -> str | None:
    """Return the currency that a row's amounts were told in; None if nothing was converted."""
    currency: str | None = _body(row).get("told", {}).get("currency")
    return currency


def _body(row: Said) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(row.columns[-1])
    return body


async def _worth(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    told: Sequence[tuple[Said, dict[str, Any]]],
) -> list[Said]:
    """Return rows as they are written: with what the amounts told in a body are worth."""
    dated = [(row, body, _day(org, row, body)) for row, body in told]
    wanted = {(body["currency"], day) for _, body, day in dated}
    rates = await _rates(connection, org.id, wanted)
    for row, body, day in dated:
        _convert(org, row.fact_key, body, day, rates)
    return [row._replace(columns=(*row.columns[:-1], _text(body))) for row, body, _ in dated]


def _day(org: Org, row: Said, body: dict[str, Any]) -> date:
    """Return the day whose rate counts: that of a deal's close, or else the fact's own."""
    closed_at = body.get("closed_at")
    if closed_at and body["state"] != "open":  # else it is a hope
        return clock.local_day(datetime.fromisoformat(closed_at), org.zone)
    day: date = row.columns[1]
    return day


async def _rates(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    wanted: Collection[tuple[str, date]],
) -> _Rates:
    codes = {exchange_rate_key(currency): currency for currency, _ in wanted}
    found = await connection.fetch(
        _RATES,
        org_id,
        [exchange_rate_key(currency) for currency, _ in wanted],
        [day for _, day in wanted],
    )
    return {(codes[key], day): (value, since) for key, day, value, since in found}


def _convert(org: Org, fact_key: bytes, body: dict[str, Any], day: date, rates: _Rates) -> None:
    """Put what an amount is worth in its place, and what was told into ``told``."""
    currency = body["currency"]
    if (currency, day) not in rates:
        raise Inconvertible(
            fact_key,
            "currency",
            "currency_mismatch",
            f"amounts of this organization are in {org.currency}, and no assumption"
            f" {exchange_rate_key(currency)} is stated for {day}",
        )
    rate, since = rates[currency, day]
    told = {"currency": currency, "rate": rate.normalize(), "rate_from": since}
    for name in (*_AMOUNTS, _PRICE):
        if name not in body:
            continue
        told[name] = body[name]
        digits = exponent(org.currency) if name in _AMOUNTS else None
        body[name] = convert(Decimal(body[name]), rate, digits)
        if abs(body[name]) >= _LARGEST:
            raise Inconvertible(fact_key, name, "amount_too_large", f"{name} is too large")
    body.update(currency=org.currency, told=told)


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body, default=_plain, option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
