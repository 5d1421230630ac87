"""The fold, example by example: what the property test proves for random histories."""

from datetime import date
from decimal import Decimal
from typing import Any

from services.metrics.verify import verify
from shared.db import Database
from shared.facts import Fact, Retraction, parse_fact
from shared.kpis.costs import CostLine, cost_in
from shared.kpis.periods import Period
from shared.kpis.vocabulary import CostCategory
from shared.orgs import Org
from shared.rollups.explain import explain_measure
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.telling import tell

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))


def fact(kind: str, external_id: str, occurred_at: str, **body: Any) -> Fact:
    return parse_fact(
        {
            "kind": kind,
            "source": "test",
            "external_id": external_id,
            "occurred_at": occurred_at,
            **body,
        }
    )


async def measure(
    database: Database,
    org: Org,
    name: str,
    period: Period = FEBRUARY,
    group_by: str | None = None,
    **filters: str,
) -> Any:
    query = MeasureQuery(
        buckets=(period,),
        group_by=group_by,
        filters={key: frozenset({value}) for key, value in filters.items()},
    )
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, [name], query)
    if group_by is None:
        return table[0, ""][name]
    return {group: row[name] for (_, group), row in table.items()}


def reading(day: int, impressions: int, post: str = "p1") -> Fact:
    return fact(
        "post.metrics",
        f"{post}@{day}",
        f"2025-02-{day:02}T10:00:00Z",
        post=post,
        employee="E1",
        network="linkedin",
        impressions=impressions,
    )


def share(employee: str, day: str, number: int = 1) -> Fact:
    return fact(
        "post.published",
        f"{employee}-{day}-{number}",
        f"{day}T10:00:00Z",
        post=f"{employee}-{day}-{number}",
        employee=employee,
        network="linkedin",
    )


def place(employee: str, team: str, since: str) -> Fact:
    return fact(
        "employee.recorded",
        f"{employee}@{since}",
        f"{since}T00:00:00Z",
        employee=employee,
        effective_on=since,
        team=team,
    )


async def test_counter_readings_become_steps_that_may_be_negative(
    database: Database, org: Org
) -> None:
    for day, value in ((10, 0), (11, 10), (12, 8), (13, 15)):
        await tell(database, org, reading(day, value))

    by_day = [
        await measure(
            database, org, "impressions_advocacy", Period(date(2025, 2, d), date(2025, 2, d + 1))
        )
        for d in (10, 11, 12, 13)
    ]
    assert by_day == [0, 10, -2, 7]
    assert await measure(database, org, "impressions_advocacy") == 15


async def test_a_late_reading_only_splits_the_step_it_falls_into(
    database: Database, org: Org
) -> None:
    await tell(database, org, reading(10, 4), reading(20, 20))
    await tell(database, org, reading(15, 12))
    await tell(database, org, Retraction(reading(10, 4).identity))

    first_half = Period(date(2025, 2, 1), date(2025, 2, 16))
    assert await measure(database, org, "impressions_advocacy", first_half) == 12
    assert await measure(database, org, "impressions_advocacy") == 20


async def test_distinct_people_are_counted_never_summed(database: Database, org: Org) -> None:
    await tell(
        database,
        org,
        share("a", "2025-02-03"),
        share("b", "2025-02-03"),
        share("b", "2025-02-04"),
        share("c", "2025-02-04"),
    )

    monday = Period(date(2025, 2, 3), date(2025, 2, 4))
    tuesday = Period(date(2025, 2, 4), date(2025, 2, 5))
    week = Period(date(2025, 2, 3), date(2025, 2, 10))
    counts = [await measure(database, org, "sharers", p) for p in (monday, tuesday, week)]
    assert counts == [2, 2, 3]

    await tell(database, org, Retraction(share("a", "2025-02-03").identity))
    assert await measure(database, org, "sharers", week) == 2


async def test_a_roster_correction_moves_history_between_teams(
    database: Database, org: Org
) -> None:
    await tell(database, org, place("E1", "Sales", "2025-01-01"), reading(10, 4), reading(20, 10))
    assert await measure(database, org, "impressions_advocacy", group_by="team") == {"Sales": 10}

    await tell(database, org, place("E1", "IT", "2025-02-15"), share("E1", "2025-02-20"))
    assert await measure(database, org, "impressions_advocacy", group_by="team") == {
        "IT": 6,
        "Sales": 4,
    }

    await tell(database, org, Retraction(place("E1", "IT", "2025-02-15").identity))
    assert await measure(database, org, "impressions_advocacy", team="Sales") == 10
    assert await measure(database, org, "shares", team="Sales") == 1
    assert await measure(database, org, "shares", team="Sales", network="linkedin") == 1


async def test_days_are_the_organizations(database: Database, org: Org) -> None:
    late = fact(
        "link.clicked", "c1", "2025-03-31T22:30:00Z", link="abc", employee="E1", network="linkedin"
    )
    await tell(database, org, late)

    march = Period(date(2025, 3, 1), date(2025, 4, 1))
    april = Period(date(2025, 4, 1), date(2025, 5, 1))
    assert await measure(database, org, "clicks", march) == 0
    assert await measure(database, org, "clicks", april) == 1


async def test_missing_is_not_zero(database: Database, org: Org) -> None:
    await tell(database, org, share("a", "2025-02-03"))

    assert await measure(database, org, "sessions") is None
    assert await measure(database, org, "headcount") is None
    assert await measure(database, org, "time_to_close.median") is None
    assert await measure(database, org, "shares", Period(date(2024, 1, 1), date(2024, 2, 1))) == 0


async def test_a_cost_is_spread_to_the_cent(database: Database, org: Org) -> None:
    cost = fact(
        "cost.booked",
        "c1",
        "2025-02-01T00:00:00Z",
        category="platform",
        amount="100.00",
        currency="USD",
        starts_on="2025-01-30",
        ends_on="2025-02-02",
    )
    await tell(database, org, cost)

    days = [
        Period(date(2025, 1, 30), date(2025, 1, 31)),
        Period(date(2025, 1, 31), date(2025, 2, 1)),
    ]
    parts = [await measure(database, org, "cost", day) for day in (*days, FEBRUARY)]
    assert parts == [Decimal("33.33"), Decimal("33.34"), Decimal("33.33")]
    await tell(database, org, Retraction(cost.identity))
    assert await measure(database, org, "cost") is None


async def test_a_large_cost_is_spread_to_the_cent_as_a_small_one(
    database: Database, org: Org
) -> None:
    # After 418 of its 1866 days 1176255662827.75497… are due: a hair below half a cent.
    cost = fact(
        "cost.booked",
        "c1",
        "2020-01-01T00:00:00Z",
        category="platform",
        amount="5250940351283.71",
        currency="USD",
        starts_on="2020-01-01",
        ends_on="2025-02-09",
    )
    await tell(database, org, cost)
    line = CostLine(
        CostCategory.PLATFORM, Decimal("5250940351283.71"), date(2020, 1, 1), date(2025, 2, 9)
    )

    for period in (
        Period(line.starts_on, date(2021, 2, 22)),
        Period(date(2021, 2, 22), date(2021, 2, 23)),
        Period(line.starts_on, line.ends_on),
    ):
        assert await measure(database, org, "cost", period) == cost_in(line, period, 2)
    assert (await verify(database, org.id)).mismatches == 0


async def test_returns_are_joins_after_a_leave(database: Database, org: Org) -> None:
    def member(event: str, day: int) -> Fact:
        return fact(
            f"member.{event}", f"{event}-{day}", f"2025-02-{day:02}T08:00:00Z", employee="a"
        )

    await tell(database, org, member("joined", 3), member("joined", 20))
    assert await measure(database, org, "rejoins") == 0

    await tell(database, org, member("left", 10))
    assert await measure(database, org, "rejoins") == 1
    assert await measure(database, org, "enrolled") == 1
    gap = Period(date(2025, 2, 1), date(2025, 2, 15))
    assert await measure(database, org, "enrolled", gap) == 0


async def test_what_explain_lists_adds_up(database: Database, org: Org) -> None:
    await tell(
        database,
        org,
        place("E1", "Sales", "2025-01-01"),
        *[reading(day, value) for day, value in ((10, 3), (12, 9), (14, 7))],
        share("E1", "2025-02-03"),
        share("E2", "2025-02-04"),
        fact(
            "engagement.daily",
            "e1",
            "2025-02-05T12:00:00Z",
            day="2025-02-05",
            employee="E2",
            network="linkedin",
            impressions=100,
        ),
    )
    for name in ("impressions_advocacy", "shares", "sharers"):
        seen, after = Decimal(0), None
        while True:
            async with database.transaction(org.id) as connection:
                page = await explain_measure(
                    connection, org, name, FEBRUARY, filters={}, after=after, limit=2
                )
            seen += sum((line.quantity for line in page.lines), Decimal(0))
            after = page.next
            if after is None:
                break
        assert seen == page.total == await measure(database, org, name)


async def test_a_post_is_not_listed_where_it_was_before_a_correction(
    database: Database, org: Org
) -> None:
    published = {"post": "p1", "network": "linkedin"}
    await tell(
        database,
        org,
        place("E1", "Sales", "2025-01-01"),
        fact("post.published", "s1", "2025-02-03T12:00:00Z", employee="E1", **published),
    )
    await tell(
        database,
        org,
        fact("post.published", "s1", "2025-02-03T12:00:00Z", employee="E2", **published),
    )

    for filters, people in ({}, ["E2"]), ({"team": frozenset({"Sales"})}, []):
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, "sharers", FEBRUARY, filters=filters, after=None, limit=9
            )
        assert [line.employee for line in page.lines] == people
        assert page.lines_total == page.total == len(people)


async def test_who_is_active_on_a_network_is_active_there(database: Database, org: Org) -> None:
    days = {"2025-02-04": "linkedin", "2025-02-11": "linkedin", "2025-02-18": "x"}
    posts = [
        fact("post.published", day, f"{day}T10:00:00Z", post=day, employee="E1", network=network)
        for day, network in days.items()
    ]
    await tell(database, org, *posts)

    everywhere = frozenset(days.values())
    for networks, people in (frozenset({"linkedin"}), []), (everywhere, ["E1"]), (None, ["E1"]):
        filters = {} if networks is None else {"network": networks}
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, "active_advocates", FEBRUARY, filters=filters, after=None, limit=9
            )
        assert [line.employee for line in page.lines] == people, networks
        assert page.total == len(people)


async def test_views_of_two_channels_are_read_together(database: Database, org: Org) -> None:
    at = "2025-02-03T12:00:00Z"
    spent = {"category": "platform", "currency": "USD", "starts_on": "2025-02-01"}
    cost = {**spent, "amount": "9.00", "ends_on": "2025-02-02", "channel": "brand"}
    touch = {"person": "q", "channel": "employee_advocacy", "employee": "E1"}
    won = {"state": "won", "amount": "100.00", "currency": "USD", "opened_at": at, "closed_at": at}
    await tell(
        database,
        org,
        fact("cost.booked", "1", at, **cost),
        fact("touch.recorded", "1", at, **touch),
        fact("lead.created", "1", at, lead="l", person="q"),
        fact("deal.changed", "1", at, deal="d", lead="l", **won),
    )

    names = ("cost_brand", "revenue_advocacy.linear", "revenue_brand")
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, names, MeasureQuery((FEBRUARY,)))
    assert [table[0, ""][name] for name in names] == [9, 100, 0]
