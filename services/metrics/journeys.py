"""Journeys to credit: the touches before each won deal share it, under every model."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

import asyncpg

from services.metrics.attribution import AttributionModel, Conversion, Touch, credit_journey
from services.metrics.sql import run
from shared.rollups import contributions

__all__ = ["MODELS", "credit_touched_deals"]

MODELS = tuple(AttributionModel)

_NEW_CREDIT = """
CREATE TEMPORARY TABLE IF NOT EXISTS new_credit (
    deal text, model text, touch_key bytea, share numeric, amount numeric, touch_day date,
    closed_day date, channel text, employee text, account text, network text, campaign text,
    content text
) ON COMMIT DELETE ROWS
"""

_CONTRIBUTIONS = """
INSERT INTO fold_delta
SELECT m.measure, c.closed_day, c.employee, c.account, c.network, c.campaign, c.content, c.channel,
       sum({sign} * m.quantity)
  FROM {credits} c
 CROSS JOIN LATERAL (VALUES
    ('revenue.' || c.model, c.amount), ('wins.' || c.model, c.share)
 ) m (measure, quantity)
 WHERE m.quantity <> 0
 GROUP BY m.measure, c.closed_day, c.employee, c.account, c.network, c.campaign, c.content,
          c.channel
"""
_OF_TOUCHED = """
    touched_deal k CROSS JOIN LATERAL (
        SELECT ctid, * FROM credit
         WHERE org_id = $1 AND generation = $2 AND deal = k.deal
        OFFSET 0
    )
"""
_TAKE_BACK = _CONTRIBUTIONS.format(sign="-1", credits=_OF_TOUCHED)
_GIVE = _CONTRIBUTIONS.format(sign="+1", credits="new_credit")
_FORGET = f"DELETE FROM credit WHERE ctid = ANY (ARRAY(SELECT c.ctid FROM {_OF_TOUCHED} c))"
_STORE = "INSERT INTO credit SELECT $1, $2, n.* FROM new_credit n"


async def credit_touched_deals(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    window_days: int,
    half_life_days: int,
    exponent: int,
) -> None:
    """Take back the old credits of the touched deals and give the new ones.

    Runs after the state is up to date: only the journeys the batch touched are recomputed.
    """
    await connection.execute(_NEW_CREDIT)
    rows = await connection.fetch(
        contributions.journeys("touched_deal"), org_id, generation, window_days
    )
    credits = list(_credit_rows(rows, window_days, half_life_days, exponent) if rows else ())
    if credits:
        await connection.copy_records_to_table("new_credit", records=credits)
    for statement in (_TAKE_BACK, _FORGET, _GIVE, _STORE):
        await run(connection, statement, org_id, generation)


def _credit_rows(
    rows: Iterable[Any], window_days: int, half_life_days: int, exponent: int
) -> Iterator[tuple[Any, ...]]:
    for deal, group in groupby(rows, key=lambda row: row["deal"]):
        journey = list(group)
        first = journey[0]
        where = {row["touch_key"].hex(): row for row in journey}
        conversion = Conversion(
            id=deal, at=first["closed_at"], day=first["closed_day"], amount=first["amount"]
        )
        touches = [
            Touch(id=key, at=row["touched_at"], day=row["touch_day"], channel=row["channel"])
            for key, row in where.items()
        ]
        for credit in credit_journey(
            touches,
            [conversion],
            MODELS,
            window_days=window_days,
            half_life_days=half_life_days,
            exponent=exponent,
        ):
            row = where[credit.touch_id]
            yield (
                deal,
                credit.model,
                row["touch_key"],
                credit.share,
                credit.amount,
                row["touch_day"],
                conversion.day,
                row["channel"],
                row["employee"],
                row["account"],
                row["network"],
                row["campaign"],
                row["content"],
            )
