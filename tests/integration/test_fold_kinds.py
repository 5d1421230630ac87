"""Every kind of fact told, corrected and taken back: what counts is what stands, then as now."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import FACT_KINDS, Fact, Retraction
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.known import known_on, look_back
from tests.integration.catalogue_facts import everything, fact
from tests.known_reading import seen
from tests.property.comparing import assert_equals_oracle
from tests.property.engine import fold, found_org, history_of
from tests.property.oracle.ledger import History, key_of
from tests.property.worlds import Setting

Item = Fact | Retraction

_STANDING = "SELECT kind, fact_key FROM standing WHERE org_id = $1 AND generation = 1"
#: Kinds that are counted when they are asked for, and the fields for which others are.
_KEPT_WHOLE = frozenset(
    {
        *(
            "access.recorded",
            "application.submitted",
            "content.released",
            "employment.ended",
            "figure.recorded",
            "hire.accepted",
        ),
        *("internal.daily", "login.recorded", "mail.daily", "member.invited"),
        *("mention.recorded", "process.completed", "quota.set", "survey.recorded"),
        *("ties.recorded", "training.completed"),
    }
)
_KEPT_FOR = {
    "deal.changed": ("customer", "units", "is_new_market"),
    "post.metrics": ("reach",),
    "post.published": ("hashtags",),
}


def _visits() -> Iterator[Fact]:
    """Yield visits of both sites through every channel that is told apart, and of none."""
    for number, (landing, channel) in enumerate(
        (site, way)
        for site in ("site", "careers")
        for way in ("employee_advocacy", "brand", "direct", None)
    ):
        yield fact(
            "session.recorded",
            f"visit{number}",
            "2025-02-07",
            day="2025-02-07",
            landing=landing,
            sessions=number + 5,
            engaged_sessions=number + 2,
            key_events=number + 1,
            **({"channel": channel} if channel else {}),
            **({"employee": "E1"} if channel == "employee_advocacy" else {}),
        )
    for is_human in (True, False):
        yield fact(
            "link.clicked",
            f"click-{is_human}",
            "2025-02-07",
            link="abc",
            is_human=is_human,
            employee="E2",
        )


def _days_of_posts() -> Iterator[Fact]:
    """Yield daily totals of people and accounts, paid, organic and of unknown origin."""
    for number, (who, is_paid) in enumerate(
        (who, paid)
        for who in ({"employee": "E1"}, {"account": "brand"})
        for paid in (True, False, None)
    ):
        yield fact(
            "engagement.daily",
            f"day{number}",
            "2025-02-08",
            day="2025-02-08",
            network="linkedin",
            impressions=100 + number,
            reactions=10 + number,
            comments=20 + number,
            reshares=30 + number,
            clicks=40 + number,
            mentions=3,
            **who,
            **({} if is_paid is None else {"is_paid": is_paid}),
        )
    for name, origin, who in (
        ("own", "own", {"employee": "E1"}),
        ("curated", "curated", {"employee": "E1"}),
        ("brand", "own", {"account": "brand"}),
    ):
        yield fact(
            "post.published",
            f"p-{name}",
            "2025-02-08",
            post=f"p-{name}",
            origin=origin,
            mode="scheduled",
            channel="brand",
            campaign="c1",
            content="k1",
            **who,
        )


def _bookings() -> Iterator[Fact]:
    """Yield costs that do not divide evenly, by category, and one that is a refund."""
    for number, (category, amount, days) in enumerate(
        (("platform", "10.00", 3), ("rewards", "0.05", 7), ("platform", "-7.00", 3))
    ):
        starts_on = date(2025, 2, 3)
        yield fact(
            "cost.booked",
            f"cost{number}",
            "2025-02-03",
            category=category,
            amount=amount,
            currency="USD",
            starts_on=starts_on.isoformat(),
            ends_on=(starts_on + timedelta(days=days)).isoformat(),
        )


def _hiring() -> Iterator[Fact]:
    """Yield applications and hires: of somebody, through a channel, both, neither."""
    for number, who in enumerate(
        (
            {"employee": "E1", "person": "q1"},
            {"channel": "employee_advocacy", "person": "q2"},
            {"channel": "brand"},
            {"person": "q3"},
        )
    ):
        name = {"application": f"app-{number}"}
        yield fact("application.submitted", f"a{number}", "2025-02-09", **name, **who)
        yield fact("hire.accepted", f"h-{number}", "2025-02-20", **name, **who)
    # A hire before its application was told of, and one that names nobody itself.
    yield fact("hire.accepted", "h-8", "2025-02-20", application="app-8", person="q1")
    yield fact("application.submitted", "a9", "2025-02-09", application="app-9", person="q1")
    yield fact("hire.accepted", "h-9", "2025-02-20", application="app-9")


def _people() -> Iterator[Fact]:
    """Yield returns to the program, links between people, a lost deal, an unknown lead."""
    for event, day in (("joined", 3), ("left", 9), ("joined", 14), ("joined", 16)):
        yield fact(f"member.{event}", f"E4-{day}", f"2025-02-{day:02}", employee="E4")
    yield fact("person.identified", "i1", "2025-02-10", person="q3", same_as=["v1", "v2", "q3"])
    yield fact(
        "touch.recorded",
        "v2",
        "2025-01-28",
        person="v2",
        channel="employee_advocacy",
        employee="E3",
    )
    yield fact("lead.created", "l4", "2025-02-01", lead="l4")
    for state, lead in (("lost", "l2"), ("won", "l4"), ("won", None)):
        yield fact(
            "deal.changed",
            f"d-{state}-{lead}",
            "2025-02-12",
            deal=f"d-{state}-{lead}",
            state=state,
            amount="70.00",
            currency="USD",
            opened_at="2025-02-02T09:00:00Z",
            closed_at="2025-02-12T12:00:00Z",
            **({"lead": lead} if lead else {}),
        )
    # Deals that are kept for one thing each.
    one_thing_each: tuple[dict[str, Any], ...] = (
        {"employee": "E1"},
        {"customer": "dell"},
        {"units": 2},
        {"is_new_market": False},
    )
    for number, kept_for in enumerate(one_thing_each):
        yield fact(
            "deal.changed",
            f"kept{number}",
            "2025-02-12",
            deal=f"kept{number}",
            state="open",
            opened_at="2025-02-02T09:00:00Z",
            **kept_for,
        )


def _facts() -> list[Fact]:
    return [
        *everything(),
        *_visits(),
        *_days_of_posts(),
        *_bookings(),
        *_hiring(),
        *_people(),
    ]


def _moved(told: Fact) -> Fact:
    """Return the fact as it would be told of the day after."""
    return told.model_copy(update={"occurred_at": told.occurred_at + timedelta(days=1)})


def _chapters() -> list[Sequence[Item]]:
    """Return what is told on each day: all; a third corrected, a third taken back; all again."""
    facts = _facts()
    return [
        facts,
        [
            _moved(told) if number % 3 == 1 else Retraction(told.identity)
            for number, told in enumerate(facts)
            if number % 3
        ],
        [told for number, told in enumerate(facts) if number % 2],
    ]


def _is_kept(told: Fact) -> bool:
    fields = _KEPT_FOR.get(told.kind, ())
    return told.kind in _KEPT_WHOLE or any(getattr(told, name) is not None for name in fields)


async def _state(database: Database, org: Org, day: date | None = None) -> dict[str, Any]:
    async with database.transaction(org.id) as connection:
        if day is not None:
            await look_back(connection, await known_on(connection, org, day))
        return await seen(connection, org)


async def _assert_standing(database: Database, org: Org, history: History) -> None:
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(_STANDING, org.id)
    kept = {(told.kind, key_of(told)) for told in history.facts if _is_kept(told)}
    assert {tuple(row) for row in rows} == kept
    assert len(rows) == len(kept)


def test_there_is_a_fact_of_every_kind() -> None:
    assert {told.kind for told in _facts()} == set(FACT_KINDS)


@pytest.mark.parametrize("limit", [1000, 40])
async def test_what_counts_is_what_stands_and_the_past_stays(
    database: Database, limit: int
) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 30, 7))
    deliveries: list[Item] = []
    days = [date(2025, 4, 1), date(2025, 4, 3), date(2025, 4, 5)]
    present: dict[date, dict[str, Any]] = {}
    for day, items in zip(days, _chapters(), strict=True):
        deliveries += items
        async with database.transaction(org.id) as connection:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            await append(connection, org, items, received_at=noon)
        await fold(database, org, limit)
        await catch_up(database, org.id)

        history = history_of(org, deliveries)
        await _assert_equals(database, org, history)
        present[day] = await _state(database, org)
    for day, was in present.items():
        assert await _state(database, org, day) == was, day


async def _assert_equals(database: Database, org: Org, history: History) -> None:
    await assert_equals_oracle(database, org, history)
    await _assert_standing(database, org, history)
