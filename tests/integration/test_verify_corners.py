"""Verify where two ways of counting could part: ties, equal instants, edges of windows, moves."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from services.metrics.verify import Check, verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact
from shared.orgs import Org, create_org
from tests.integration.catalogue_facts import fact
from tests.integration.falsifying import by_hand
from tests.integration.test_rebuild import tell

#: Enough of them that no order but that of the keys can be right for all by chance.
_MANY = range(12)
_ADVOCACY: dict[str, Any] = {"channel": "employee_advocacy", "employee": "E1"}


async def _found(database: Database, org: Org, facts: list[Fact]) -> None:
    await tell(database, org, *facts)
    await catch_up(database, org.id)


async def test_of_what_two_sources_say_of_one_instant_the_same_one_speaks(
    database: Database, org: Org
) -> None:
    facts = [told for number in _MANY for told in _told_by_two(number)]
    await _found(database, org, facts)
    report = await verify(database, org.id)

    assert not report.listed
    assert report.compared > 500


def _told_by_two(n: int) -> Iterator[Fact]:
    """Yield facts about one of each: of most, two sources say different things at one instant."""
    employee, person, noon = f"E{n}", f"q{n}", "2025-03-10"
    for source in ("crm", "erp"):
        own = f"{source}-{n}"
        other = {"crm": ("Sales", "brand"), "erp": ("IT", "paid")}[source]
        for told in (
            fact(
                "employee.recorded",
                own,
                noon,
                employee=employee,
                effective_on="2025-03-01",
                team=other[0],
            ),
            fact("post.published", own, noon, post=f"p{n}", employee=f"{employee}-{source}"),
            fact("post.metrics", own, "2025-03-11", post=f"p{n}", impressions=10 + len(other[0])),
            fact(
                "member.joined" if source == "crm" else "member.left", own, noon, employee=employee
            ),
            fact("touch.recorded", own, "2025-03-02", person=person, channel=other[1]),
            fact(
                "touch.recorded",
                f"{own}-advocacy",
                "2025-03-03",
                person=person,
                channel="employee_advocacy",
                employee=f"{employee}-{source}",
            ),
            fact("lead.created", own, "2025-03-05", lead=f"l{n}", person=person),
            _won(own, f"d{n}", f"l{n}", f"{n + len(other[0])}00.00"),
            fact("application.submitted", own, "2025-03-06", application=f"a{n}", person=person),
            fact(
                "application.submitted",
                f"{own}-of-somebody",
                "2025-03-06",
                application=f"b{n}",
                person=f"{person}-{source}",
            ),
            fact(
                "touch.recorded",
                f"{own}-of-one",
                "2025-03-02",
                person=f"{person}-{source}",
                channel=other[1],
            ),
            fact(
                "lead.created",
                f"{own}-of-one",
                "2025-03-05",
                lead=f"m{n}",
                person=f"{person}-{source}",
            ),
        ):
            yield told.model_copy(update={"source": source})
    yield fact("post.published", f"by-{n}", "2025-03-12", post=f"by-{n}", employee=employee)
    yield fact("member.joined", f"again-{n}", "2025-03-20", employee=employee)


def _won(name: str, deal: str, lead: str, amount: str) -> Fact:
    return _closed(name, deal, lead, amount, state="won")


def _closed(name: str, deal: str, lead: str, amount: str, *, state: str) -> Fact:
    return fact(
        "deal.changed",
        name,
        "2025-03-25",
        deal=deal,
        lead=lead,
        state=state,
        amount=amount,
        currency="USD",
        opened_at="2025-03-15T12:00:00Z",
        closed_at="2025-03-25T12:00:00Z",
    )


async def test_touches_count_up_to_the_instant_and_from_the_first_day_of_the_window(
    database: Database, org: Org
) -> None:
    closed = date(2025, 3, 25)
    edge = closed - timedelta(days=org.window_days)
    days = [
        *(edge + timedelta(days=days) for days in (-1, 0, 1)),
        # The lead comes in at noon, as the touch of that day; so the deal is opened, and closed.
        *(date(2025, 3, 5), date(2025, 3, 15), closed, closed + timedelta(days=1)),
    ]
    await _found(
        database,
        org,
        [
            *(
                fact("touch.recorded", f"t{n}", str(day), person="q1", **_ADVOCACY)
                for n, day in enumerate(days)
            ),
            fact("lead.created", "l1", "2025-03-05", lead="l1", person="q1"),
            _won("d1", "d1", "l1", "1000.00"),
        ],
    )
    async with database.transaction(org.id) as connection:
        credited = await connection.fetchval(
            "SELECT count(DISTINCT touch_key) FROM credit WHERE org_id = $1 AND kind = 'deal'",
            org.id,
        )

    assert credited == len(days) - 2
    assert not (await verify(database, org.id)).listed


async def test_who_is_who_follows_every_link_and_what_is_lost_earns_nobody_credit(
    database: Database, org: Org
) -> None:
    # Several chains of several links: what goes by a wrong name meets the touches of others.
    facts = [
        told
        for n in range(3)
        for told in (
            *(
                fact(
                    "person.identified",
                    f"i{n}-{link}",
                    "2025-03-01",
                    person=f"p{n}-{link}",
                    same_as=[f"p{n}-{link + 1}"],
                )
                for link in (3, 1, 2)
            ),
            fact("touch.recorded", f"t{n}", "2025-03-02", person=f"p{n}-4", **_ADVOCACY),
            fact("lead.created", f"l{n}", "2025-03-05", lead=f"l{n}", person=f"p{n}-1"),
            _won(f"d{n}", f"d{n}", f"l{n}", "100.00"),
            _closed(f"e{n}", f"e{n}", f"l{n}", "100.00", state="lost"),
        )
    ]
    await _found(database, org, facts)
    async with database.transaction(org.id) as connection:
        credited = await connection.fetchval(
            "SELECT count(DISTINCT conversion) FROM credit WHERE org_id = $1 AND kind = 'deal'",
            org.id,
        )

    assert credited == 3
    assert not (await verify(database, org.id)).listed


async def test_amounts_are_divided_into_units_of_the_organizations_own_currency(
    database: Database, org: Org
) -> None:
    async with database.transaction() as connection:
        japanese = await create_org(
            connection, name="Another", time_zone="Europe/Warsaw", currency="JPY"
        )
    days = {"starts_on": "2025-03-01", "ends_on": "2025-03-04"}
    for one, currency in ((org, "USD"), (japanese, "JPY")):
        money = {"amount": "100", "currency": currency, "category": "platform"}
        await _found(database, one, [fact("cost.booked", "c1", "2025-03-01", **money, **days)])
        assert not (await verify(database, one.id)).listed


async def test_what_was_paid_for_is_told_apart_on_a_brand_and_on_an_advocate(
    database: Database, org: Org
) -> None:
    everywhere = {"day": "2025-03-10", "network": "linkedin"}
    counted = {"impressions": 5, "reactions": 4, "comments": 3, "reshares": 2, "clicks": 1}
    await _found(
        database,
        org,
        [
            fact("engagement.daily", f"{who}-{paid}", "2025-03-10", **everywhere, **counted, **told)
            for who in ("employee", "account")
            for paid, told in (
                ("unsaid", {who: "X"}),
                ("true", {who: "X", "is_paid": True}),
                ("false", {who: "X", "is_paid": False}),
            )
        ],
    )
    assert not (await verify(database, org.id)).listed


async def test_what_comes_to_nothing_is_no_difference(database: Database, org: Org) -> None:
    rule: dict[str, Any] = {"employee": "E1", "rule": "share", "rule_version": 1}
    awarded = [
        fact("points.awarded", f"p{n}", "2025-03-10", points=points, **rule)
        for n, points in enumerate(("5", "-5"))
    ]
    oneself = fact("person.identified", "i1", "2025-03-10", person="q1", same_as=["q1", "q2"])
    await _found(database, org, [*awarded, oneself])

    assert not (await verify(database, org.id)).listed


async def test_behind_a_wrong_cell_of_a_team_are_the_facts_of_its_people_while_they_were_in_it(
    database: Database, org: Org, database_url: str
) -> None:
    places = (
        *(("E1", "2025-03-01", "IT"), ("E1", "2025-03-10", "Sales")),
        *(("E2", "2025-03-01", "IT"), ("E3", "2025-03-01", "Sales")),
    )
    # On the day of the move itself, and on those around it.
    shared = (
        *(("E1", 10, 7), ("E2", 10, 1), ("E1", 11, 2), ("E2", 11, 1)),
        *(("E1", 9, 4), ("E3", 9, 1)),
    )
    roster = [
        fact(
            "employee.recorded",
            f"{employee}-{since}",
            since,
            employee=employee,
            effective_on=since,
            team=team,
        )
        for employee, since, team in places
    ]
    shares = [
        fact("post.published", post, f"2025-03-{day:02}", post=post, employee=employee)
        for employee, day, count in shared
        for post in (f"{employee}-{day}-{n}" for n in range(count))
    ]
    await _found(database, org, [*roster, *shares])
    await by_hand(
        database_url,
        "DELETE FROM rollup r USING cell c WHERE r.org_id = $1 AND c.org_id = $1"
        " AND c.cell = r.cell AND c.slice = 'team'",
        org.id,
    )

    report = await verify(database, org.id)
    told = [
        (str(m.day), m.cell["team"], m.recomputed, m.facts, len(m.examples))
        for m in report.listed
        if m.check is Check.CELLS and m.name == "shares"
    ]
    assert told == [
        ("2025-03-09", "IT", "4", 4, 4),
        ("2025-03-09", "Sales", "1", 1, 1),
        ("2025-03-10", "IT", "1", 1, 1),
        ("2025-03-10", "Sales", "7", 7, 5),
        ("2025-03-11", "IT", "1", 1, 1),
        ("2025-03-11", "Sales", "2", 2, 2),
    ]
