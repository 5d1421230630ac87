"""Credit of every kind of conversion, and what is remembered when it is taken back."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from services.metrics.journeys import MODELS
from shared.db import Database
from shared.facts import Identity, Retraction, parse_fact
from shared.orgs import Org
from tests.integration.telling import tell

pytestmark = pytest.mark.asyncio

_WHAT = "kind, conversion, model, encode(touch_key, 'hex') AS touch, share, amount, position"
_PAST = "kind, conversion, encode(touch_key, 'hex') AS touch, position"


def _without_model(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("kind", "conversion", "touch", "position")}


def told(kind: str, external_id: str, at: str, **fields: Any) -> Any:
    """Return a fact of 2025."""
    occurred_at = f"2025-{at}T12:00:00Z"
    return parse_fact(
        {
            "kind": kind,
            "source": "crm",
            "external_id": external_id,
            "occurred_at": occurred_at,
            **fields,
        }
    )


def touch(external_id: str, at: str, channel: str, person: str = "p") -> Any:
    return told("touch.recorded", external_id, at, person=person, channel=channel)


def deal(amount: str, *, opened: str = "03-05", closed: str = "04-01") -> Any:
    return told(
        "deal.changed",
        "d",
        closed,
        deal="d",
        lead="l",
        state="won",
        amount=amount,
        currency="USD",
        opened_at=f"2025-{opened}T12:00:00Z",
        closed_at=f"2025-{closed}T12:00:00Z",
    )


TOUCHES = (
    touch("1", "02-01", "paid"),
    touch("2", "03-01", "employee_advocacy"),
    touch("3", "03-04", "direct"),
    touch("4", "03-20", "brand"),
)
LEAD = told("lead.created", "l", "03-02", lead="l", person="p")


async def rows(database: Database, org: Org, table: str, columns: str) -> list[Mapping[str, Any]]:
    async with database.transaction(org.id) as connection:
        return [
            dict(row)
            for row in await connection.fetch(
                f"SELECT {columns} FROM {table} WHERE org_id = $1 ORDER BY 1, 2, 3, 4", org.id
            )
        ]


async def by_channel(database: Database, org: Org, measure: str) -> dict[str, Decimal]:
    """Return channel → the sum of a measure over all days."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    async with database.transaction(org.id) as connection:
        found = await connection.fetch(
            "SELECT channel, value FROM rollup_value JOIN cell USING (org_id, generation, cell)"
            " WHERE org_id = $1 AND measure = $2 AND slice = 'channel'",
            org.id,
            measure,
        )
    for row in found:
        sums[row["channel"]] += row["value"]
    return {channel: value for channel, value in sums.items() if value}


async def test_leads_are_credited_to_what_came_before_them(database: Database, org: Org) -> None:
    await tell(database, org, *TOUCHES, LEAD)

    assert await by_channel(database, org, "leads.linear") == {
        "paid": Decimal("0.5"),
        "employee_advocacy": Decimal("0.5"),
    }
    assert await by_channel(database, org, "leads.last") == {"employee_advocacy": Decimal(1)}
    assert await by_channel(database, org, "revenue.linear") == {}


async def test_stages_of_a_deal_are_credited_by_w(database: Database, org: Org) -> None:
    await tell(database, org, *TOUCHES, LEAD, deal("1000.00"))

    # First: paid. Before the lead: advocacy. Before the opening: the direct visit. Rest: brand.
    assert await by_channel(database, org, "revenue.w_shaped") == {
        "paid": Decimal(300),
        "employee_advocacy": Decimal(300),
        "direct": Decimal(300),
        "brand": Decimal(100),
    }
    assert await by_channel(database, org, "wins.last_non_direct") == {"brand": Decimal(1)}


async def test_a_direct_visit_is_passed_over(database: Database, org: Org) -> None:
    closed = deal("10.00", opened="03-05", closed="03-06")
    await tell(database, org, *TOUCHES, LEAD, closed)

    assert await by_channel(database, org, "wins.last") == {"direct": Decimal(1)}
    assert await by_channel(database, org, "wins.last_non_direct") == {
        "employee_advocacy": Decimal(1)
    }


async def test_a_hire_is_its_applications_person(database: Database, org: Org) -> None:
    hire = told("hire.accepted", "h", "05-01", application="a")
    await tell(database, org, *TOUCHES, hire)
    unknown = await by_channel(database, org, "hires.linear")
    applied = told("application.submitted", "s", "03-03", application="a", person="p")
    await tell(database, org, applied)

    assert unknown == {}
    assert await by_channel(database, org, "applications.linear") == {
        "paid": Decimal("0.5"),
        "employee_advocacy": Decimal("0.5"),
    }
    assert await by_channel(database, org, "hires.first") == {"paid": Decimal(1)}
    # Its stage is the application's submission: three tenths each to the first touch and to the
    # last one before it, one tenth to the two after it.
    assert await by_channel(database, org, "hires.w_shaped") == {
        "paid": Decimal("0.428571428571"),
        "employee_advocacy": Decimal("0.428571428571"),
        "direct": Decimal("0.071428571429"),
        "brand": Decimal("0.071428571429"),
    }


async def test_late_touch_of_an_applicant_credits_the_application_anew(
    database: Database, org: Org
) -> None:
    applied = told("application.submitted", "s", "03-03", application="a", person="p")
    await tell(database, org, TOUCHES[1], applied)
    await tell(database, org, TOUCHES[0])

    assert await by_channel(database, org, "applications.first") == {"paid": Decimal(1)}


async def test_what_is_taken_back_is_kept_with_when(database: Database, org: Org) -> None:
    await tell(database, org, *TOUCHES[:2], LEAD, deal("100.00"))
    before = await rows(database, org, "credit", _WHAT)
    await tell(database, org, deal("100.02"))
    after = await rows(database, org, "credit", _WHAT)
    past = await rows(database, org, "credit_row_past", f"{_PAST}, amounts[4] AS linear, until")

    assert {row["position"] for row in before} == {4}
    # The deal is given anew, to each touch under every model; the lead's credit stands as it was.
    assert {row["kind"] for row in before if row in after} == {"lead"}
    assert {row["position"] for row in after if row["kind"] == "deal"} == {6}
    assert past == [
        {**_without_model(row), "linear": row["amount"], "until": 6}
        for row in before
        if (row["kind"], row["model"]) == ("deal", "linear")
    ]


async def test_a_touch_after_the_close_moves_no_credit(database: Database, org: Org) -> None:
    await tell(database, org, *TOUCHES[:2], LEAD, deal("100.00"))
    before = await rows(database, org, "credit", _WHAT)
    await tell(database, org, touch("9", "06-01", "brand"))

    assert await rows(database, org, "credit", _WHAT) == before
    assert await rows(database, org, "credit_row_past", _PAST) == []


async def test_a_deal_withdrawn_leaves_only_the_past(database: Database, org: Org) -> None:
    await tell(database, org, *TOUCHES[:2], LEAD, deal("100.00"))
    await tell(database, org, Retraction(Identity("crm", "deal.changed", "d")))

    assert {row["kind"] for row in await rows(database, org, "credit", _WHAT)} == {"lead"}
    assert {row["kind"] for row in await rows(database, org, "credit_row_past", _PAST)} == {"deal"}
    assert await by_channel(database, org, "revenue.linear") == {}


async def test_the_models_are_read_in_the_order_they_are_written(
    database: Database, org: Org
) -> None:
    await tell(database, org, *TOUCHES[:3], LEAD, deal("100.00"))

    written = await rows(database, org, "credit_row", f"{_PAST}, shares")
    read = await rows(database, org, "credit", _WHAT)

    assert len(read) > len(MODELS)
    assert {(row["model"], row["touch"], row["share"]) for row in read} == {
        (model, row["touch"], share)
        for row in written
        for model, share in zip(MODELS, row["shares"], strict=True)
        if share is not None
    }
