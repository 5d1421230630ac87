"""Late facts, each in a batch of its own: whatever they change is found, however they reach it."""

from decimal import Decimal

import pytest

from shared.db import Database
from shared.facts import Fact, Retraction
from shared.rollups import converting
from tests.integration.catalogue_facts import fact
from tests.integration.fold_chapters import assert_right_at_each_step
from tests.property.engine import credited_at_once, deliver, fold, found_org
from tests.property.worlds import Setting

_CREDITED = """
SELECT conversion, position FROM credit_row WHERE org_id = $1
UNION ALL SELECT conversion, position FROM credit_row_past WHERE org_id = $1
ORDER BY conversion, position
"""
CREATED, OPENED, CLOSED = "2025-02-05T12:00:00Z", "2025-02-08T12:00:00Z", "2025-02-20T12:00:00Z"


def touch(person: str, at: str, employee: str = "E1", name: str = "") -> Fact:
    return fact(
        "touch.recorded",
        name or f"{person}-{at}",
        at,
        person=person,
        channel="employee_advocacy",
        employee=employee,
    )


def lead(name: str, person: str, at: str = CREATED) -> Fact:
    return fact("lead.created", name, at, lead=name, person=person)


def deal(name: str, lead: str, closed: str = CLOSED, opened: str = OPENED) -> Fact:
    return fact(
        "deal.changed",
        name,
        closed,
        deal=name,
        lead=lead,
        state="won",
        amount="100.00",
        currency="USD",
        opened_at=opened,
        closed_at=closed,
    )


def same(person: str, *others: str, name: str = "") -> Fact:
    return fact(
        "person.identified", name or person, "2025-02-16", person=person, same_as=list(others)
    )


def applied(person: str, at: str = CREATED) -> Fact:
    return fact("application.submitted", "a1", at, application="a1", person=person)


async def test_a_late_touch_credits_what_came_at_or_after_it(database: Database) -> None:
    await assert_right_at_each_step(
        database,
        [lead("l1", "ann"), deal("d1", "l1"), lead("l2", "bob"), lead("l9", "zoe")],
        [touch("ann", CREATED, "E1")],
        [touch("bob", CREATED, "E2")],
        [touch("ann", CLOSED, "E3")],
        [touch("ann", "2025-02-10", "E4")],
        [touch("ann", "2025-02-21", "E5")],
        # On either side of the lead, told at once, and each taken back alone.
        [touch("bob", "2025-02-03", "E3"), touch("bob", "2025-02-28", "E4")],
        [Retraction(touch("bob", "2025-02-03").identity)],
        [Retraction(touch("ann", CREATED).identity), touch("ann", "2025-02-04", "E6")],
    )


async def test_a_touch_of_midnight_credits_what_came_at_the_same_instant(
    database: Database,
) -> None:
    created, closed = "2025-02-06T00:00:00Z", "2025-02-20T00:00:00Z"
    await assert_right_at_each_step(
        database,
        [lead("l1", "ann", created), lead("l2", "bob"), deal("d2", "l2", closed)],
        [touch("ann", created, "E1")],
        [touch("bob", closed, "E2")],
    )


async def test_a_link_reaches_back_whatever_else_is_told_with_it(database: Database) -> None:
    await assert_right_at_each_step(
        database,
        [lead("l1", "ann"), deal("d1", "l1"), touch("web1", "2025-02-02", "E1"), lead("l2", "bob")],
        [same("ann", "web1"), touch("ann", "2025-02-27", "E2")],
        [touch("web1", "2025-02-03", "E3"), touch("web2", "2025-02-01", "E4")],
        [same("web1", "web2", name="other")],
        [touch("web2", "2025-02-04", "E5")],
        [Retraction(same("ann", "web1").identity), touch("web2", "2025-02-26", "E5")],
        [same("bob", "ann", "bob", name="merge")],
        [touch("ann", "2025-02-04T01:00:00Z", "E6")],
        [same("bob", "web2", name="merge")],
    )


async def test_an_application_marked_twice_is_credited_once(database: Database) -> None:
    hired = fact("hire.accepted", "h1", "2025-02-19", application="a1")
    await assert_right_at_each_step(
        database,
        [touch("ann", "2025-02-02", "E1"), applied("ann")],
        [hired, touch("ann", "2025-02-01", "E2")],
        [touch("ann", "2025-02-03", "E3"), applied("ann", "2025-02-06T12:00:00Z")],
        [same("ann", "web"), touch("web", "2025-02-04", "E4"), applied("ann")],
        [applied("bob"), touch("bob", "2025-02-01", "E5")],
        [touch("ann", "2025-02-05", "E6")],
        [Retraction(applied("bob").identity)],
    )


async def test_a_hire_is_credited_before_anybody_tells_of_its_application(
    database: Database,
) -> None:
    hired = fact("hire.accepted", "h1", CLOSED, application="a1", person="ann")
    await assert_right_at_each_step(
        database,
        [touch("ann", "2025-02-04"), touch("bob", "2025-02-03", "E2"), hired],
        [applied("bob")],
        [Retraction(hired.identity), hired.model_copy(update={"person": None})],
        [Retraction(applied("bob").identity)],
    )


async def test_a_deal_and_its_lead_are_told_in_any_order(database: Database) -> None:
    await assert_right_at_each_step(
        database,
        [deal("d1", "l1"), touch("ann", "2025-02-02", "E1"), deal("d2", "l2")],
        [lead("l1", "ann")],
        [deal("d1", "l1", closed="2025-02-22T12:00:00Z"), lead("l2", "ann")],
        [lead("l1", "bob"), touch("bob", "2025-02-03", "E2")],
        [Retraction(lead("l1", "bob").identity)],
        [lead("l1", "ann", "2025-02-06T12:00:00Z"), Retraction(deal("d2", "l2").identity)],
        [deal("d1", "l2")],
        [deal("d2", "l1"), Retraction(lead("l2", "ann").identity)],
    )


async def test_a_touch_counts_from_the_first_day_of_the_window_to_the_last(
    database: Database,
) -> None:
    # In Warsaw an hour before UTC's midnight is the next day.
    days = ("2025-02-10T22:59:00Z", "2025-02-10T23:01:00Z", "2025-02-11T22:59:00Z")
    await assert_right_at_each_step(
        database,
        [lead("l1", "ann", "2025-02-20T22:30:00Z"), deal("d1", "l1", "2025-02-20T22:30:00Z")],
        *([touch("ann", at, f"E{number}")] for number, at in enumerate(days)),
        [Retraction(touch("ann", days[1]).identity)],
        [lead("l1", "ann", "2025-02-20T23:30:00Z"), deal("d1", "l1", "2025-02-20T23:30:00Z")],
        window_days=9,
    )


def reading(post: str, day: int, count: int, source: str = "test") -> Fact:
    told = fact(
        "post.metrics",
        f"{post}-{day}",
        f"2025-02-{day:02}",
        post=post,
        employee="E1",
        network="linkedin",
        **dict.fromkeys(("impressions", "reactions", "comments", "reshares", "clicks"), count),
    )
    return told.model_copy(update={"source": source})


def published(post: str, day: int, **who: str) -> Fact:
    return fact("post.published", post, f"2025-02-{day:02}", post=post, **who)


async def test_readings_reach_the_steps_on_both_sides(database: Database) -> None:
    await assert_right_at_each_step(
        database,
        [reading("p1", 10, 100), reading("p2", 10, 7)],
        [reading("p1", 4, 30), reading("p2", 12, 7)],
        [reading("p1", 7, 60), reading("p1", 15, 90), reading("p1", 18, 120)],
        # Both ends and the middle of what is there, told at once.
        [reading("p1", 3, 20), reading("p1", 8, 65), reading("p1", 20, 130), reading("p2", 1, 3)],
        [Retraction(reading("p1", 10, 0).identity), reading("p2", 11, 9)],
        [published("p1", 2, employee="E2", network="xing", campaign="c1", content="k1")],
        [reading("p1", 16, 95), published("p2", 2, account="acme")],
        [reading("p1", 3, 25), reading("p1", 20, 140)],
        [reading("p1", 8, 66, "other"), reading("p1", 8, 64)],
        [Retraction(published("p1", 2).identity), Retraction(reading("p1", 4, 0).identity)],
        [Retraction(reading("p2", 1, 0).identity), reading("p2", 30 - 2, 4)],
    )


async def test_who_leaves_comes_back_and_is_moved(database: Database) -> None:
    def move(event: str, day: int, employee: str = "E1") -> Fact:
        return fact(f"member.{event}", f"{employee}-{day}", f"2025-02-{day:02}", employee=employee)

    await assert_right_at_each_step(
        database,
        [move("joined", 2), move("joined", 9), move("joined", 2, "E2")],
        [move("left", 5), move("left", 3, "E2")],
        [move("left", 12), move("joined", 20)],
        [Retraction(move("left", 5).identity), move("joined", 4, "E2")],
        [move("left", 8), Retraction(move("left", 3, "E2").identity)],
        # Who leaves twice, or joins twice, has not come back.
        [move("left", 22), move("left", 24), move("joined", 6, "E2"), move("joined", 26)],
    )


async def test_a_place_told_late_moves_its_days_and_no_other(database: Database) -> None:
    def place(team: str, since: int) -> list[Fact]:
        day = f"2025-02-{since:02}"
        return [
            fact(
                "employee.recorded",
                f"{employee}-{day}",
                day,
                employee=employee,
                effective_on=day,
                team=team,
            )
            for employee in ("E1", "E2")
        ]

    # Two people on every day, so that a day of a team is a sum.
    done = [
        published(f"{employee}-{day}", day, employee=employee)
        for employee in ("E1", "E2")
        for day in range(3, 13)
    ]
    await assert_right_at_each_step(
        database,
        [*place("Sales", 1), *done],
        # Up to the next place, from then on, and before the first.
        place("Legal", 10),
        place("IT", 5),
        place("Board", 4)[:1],
        [Retraction(told.identity) for told in place("IT", 5)],
        [Retraction(told.identity) for told in place("Sales", 1)],
        [Retraction(told.identity) for told in place("Legal", 10)],
    )


@pytest.mark.parametrize("at_once", [1000, 4], ids=["at once", "in portions"])
async def test_credit_that_comes_out_the_same_stays_where_it_is(
    database: Database, at_once: int
) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 30, 7))
    other = deal("d2", "l1")

    async def tell(*items: Fact) -> list[tuple[str, int]]:
        await deliver(database, org, items)
        with credited_at_once(at_once):
            await fold(database, org, 1000)
        async with database.transaction(org.id) as connection:
            rows = await connection.fetch(_CREDITED, org.id)
        return [(row["conversion"], row["position"]) for row in rows]

    told = [touch("ann", "2025-02-02"), touch("ann", "2025-02-04"), lead("l1", "ann")]
    first = await tell(*told, deal("d1", "l1"), other)
    again = await tell(deal("d1", "l1").model_copy(update={"units": 3}), other)
    after = await tell(deal("d1", "l1").model_copy(update={"amount": Decimal(90)}))

    # By conversion: two deals and a lead of two touches each; and what was taken back at last.
    assert first == again == [(name, 5) for name in ("d1", "d1", "d2", "d2", "l1", "l1")]
    assert after == [("d1", 5), ("d1", 5), ("d1", 9), ("d1", 9), *first[2:]]


async def test_of_a_decided_deal_it_is_told_whether_it_was_won(database: Database) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 30, 7))
    lost = deal("d2", "l1").model_copy(update={"state": "lost", "amount": None})
    open_still = deal("d3", "l1").model_copy(update={"state": "open", "closed_at": None})
    await deliver(
        database,
        org,
        [touch("ann", "2025-02-02"), lead("l1", "ann"), deal("d1", "l1"), lost, open_still],
    )
    await fold(database, org, 1000)

    keys = "(SELECT unnest(ARRAY['d1', 'd2', 'd3']) AS deal)"
    query = f"{converting.journeys(converting.decided_deals(keys))} ORDER BY conversion"
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(query, org.id, 1, 30)

    assert [(row["conversion"], row["is_won"]) for row in rows] == [("d1", True), ("d2", False)]
