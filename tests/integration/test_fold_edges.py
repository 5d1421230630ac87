"""Edges of the fold that examples of single measures do not reach."""

from datetime import date, timedelta

import pytest

from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.periods import Period
from shared.orgs import Org
from tests.integration.telling import tell
from tests.integration.test_fold import fact, measure, place, reading, share
from tests.property.comparing import assert_equals_oracle
from tests.property.engine import credited_at_once, deliver, fold, found_org, history_of
from tests.property.worlds import Setting


def touch(day: int, person: str, employee: str = "E1") -> Fact:
    return fact(
        "touch.recorded",
        f"t{person}{day}",
        f"2025-02-{day:02}T09:00:00Z",
        person=person,
        channel="employee_advocacy",
        network="linkedin",
        employee=employee,
    )


def lead(name: str, person: str, day: int = 12) -> Fact:
    return fact("lead.created", name, f"2025-02-{day:02}T09:00:00Z", lead=name, person=person)


def won(name: str, lead: str, amount: str = "100.00", day: int = 20) -> Fact:
    return fact(
        "deal.changed",
        name,
        f"2025-02-{day:02}T12:00:00Z",
        deal=name,
        lead=lead,
        state="won",
        amount=amount,
        currency="USD",
        opened_at="2025-02-13T09:00:00Z",
        closed_at=f"2025-02-{day:02}T12:00:00Z",
    )


def applied(day: int) -> Fact:
    at = f"2025-02-{day:02}T09:00:00Z"
    return fact("application.submitted", "a1", at, application="a1", person="ann")


def member(event: str, day: int) -> Fact:
    return fact(f"member.{event}", f"{event}-{day}", f"2025-02-{day:02}T08:00:00Z", employee="E1")


def audience(day: int, count: int) -> Fact:
    return fact(
        "audience.recorded",
        f"a{day}",
        f"2025-02-{day:02}T08:00:00Z",
        metric="followers",
        account="acme",
        network="linkedin",
        count=count,
    )


HISTORY: tuple[tuple[Fact | Retraction, ...], ...] = (
    (
        place("E1", "Sales", "2025-01-01"),
        *(reading(day, count) for day, count in ((3, 4), (7, 10), (11, 16), (15, 30), (17, 33))),
        share("E1", "2025-02-03"),
        member("joined", 2),
        member("left", 9),
        audience(3, 100),
        *(touch(day, "ann") for day in (2, 8, 11)),
        touch(10, "bob", "E2"),
        lead("l1", "ann"),
        lead("l2", "bob"),
        won("d1", "l1"),
        won("d2", "l2", "70.00"),
        applied(8),
    ),
    (
        place("E1", "IT", "2025-02-05"),
        reading(9, 12),
        member("joined", 14),
        audience(6, 120),
        touch(9, "ann", "E3"),
        won("d3", "l1", "30.00"),
    ),
    (
        Retraction(reading(7, 10).identity),
        Retraction(place("E1", "IT", "2025-02-05").identity),
        place("E1", "HR", "2025-02-08"),
        Retraction(member("left", 9).identity),
        Retraction(audience(6, 120).identity),
        Retraction(touch(8, "ann").identity),
        Retraction(won("d1", "l1").identity),
        lead("l2", "bob", 13),
        applied(10),
    ),
)


def identified(alias: str, person: str) -> Fact:
    return fact(
        "person.identified",
        f"i{alias}",
        "2025-02-16T08:00:00Z",
        person=person,
        same_as=[alias],
    )


def published(employee: str, day: int, number: int, **where: str) -> Fact:
    name = f"{employee}-{day}-{number}"
    at = f"2025-02-{day:02}T10:00:00Z"
    return fact("post.published", name, at, post=name, employee=employee, **where)


def told_again(post: Fact) -> Fact:
    """Return a post as another source tells it, a day later; the first to have told it speaks."""
    return post.model_copy(
        update={
            "external_id": f"again-{post.external_id}",
            "occurred_at": post.occurred_at + timedelta(days=1),
        }
    )


def open_deal(name: str, lead: str) -> Fact:
    return fact(
        "deal.changed",
        name,
        "2025-02-14T12:00:00Z",
        deal=name,
        lead=lead,
        state="open",
        opened_at="2025-02-13T09:00:00Z",
    )


def other_source(deal: str, lead: str, opened_day: int) -> Fact:
    """Return a won deal as another source tells it; who opened it first speaks for it."""
    told = won(deal, lead)
    return told.model_copy(
        update={
            "external_id": f"other-{deal}",
            "opened_at": told.occurred_at.replace(day=opened_day),
        }
    )


def two_places_on_one_day() -> list[Fact]:
    """Return people of whom two sources say different things: the last key speaks."""
    facts = []
    for number in range(10, 16):
        employee = f"E{number}"
        facts.append(published(employee, 11, 1, network="linkedin"))
        for source, team in (("a", "Sales"), ("b", "IT")):
            facts.append(
                fact(
                    "employee.recorded",
                    f"{employee}@{source}",
                    "2025-02-01T00:00:00Z",
                    employee=employee,
                    effective_on="2025-02-01",
                    team=team,
                )
            )
    return facts


#: What `HISTORY` leaves out: work before anybody had a team, places, people under two names, deals
#: that change their lead or their mind, several late readings of one post at once, two sources that
#: do not agree.
FURTHER: tuple[tuple[Fact | Retraction, ...], ...] = (
    (
        published("E3", 4, 1, network="linkedin", campaign="c1", content="a"),
        published("E1", 4, 1, network="xing", campaign="c1", content="b"),
        published("E1", 4, 2, network="linkedin", campaign="c2", content="a"),
        *(published("E2", 5, number, network="linkedin") for number in (1, 2)),
        told_again(published("E2", 5, 1, network="linkedin")),
        place("E2", "Sales", "2025-01-01"),
        *(reading(day, count, "p2") for day, count in ((4, 5), (19, 50))),
        *(touch(day, "cyd", employee) for day, employee in ((6, "E2"), (7, "E1"), (16, "E2"))),
        lead("l3", "cyd"),
        open_deal("d4", "l3"),
        lead("l5", "eve"),
        won("d6", "l5"),
        identified("ann-at-home", "ann"),
    ),
    (
        place("E3", "Sales", "2025-02-01"),
        place("E2", "IT", "2025-02-05"),
        place("E2", "Sales", "2025-02-15"),
        *(reading(day, count, "p2") for day, count in ((9, 12), (12, 30), (15, 21))),
        touch(15, "ann-at-home", "E2"),
        won("d2", "l1", "55.00"),
        won("d4", "l3", "210.01", 18),
        lead("l4", "dan", 3),
        won("d5", "l4", "5.00", 5),
        told_again(published("E2", 5, 2, network="linkedin")),
        other_source("d6", "l3", 12),
    ),
    (
        Retraction(place("E2", "IT", "2025-02-05").identity),
        Retraction(reading(12, 30, "p2").identity),
        Retraction(identified("ann-at-home", "ann").identity),
        Retraction(won("d5", "l4").identity),
        *(Retraction(published("E2", 5, number).identity) for number in (1, 2)),
        published("E3", 4, 1, network="xing", campaign="c1", content="a"),
        open_deal("d4", "l3"),
        lead("l3", "ann"),
        touch(12, "dan"),
        # On both sides of readings that are there already.
        *(reading(day, count, "p2") for day, count in ((8, 9), (14, 25))),
        *two_places_on_one_day(),
    ),
)

#: Both, told together in three batches.
CHAPTERS = [(*one, *other) for one, other in zip(HISTORY, FURTHER, strict=True)]


@pytest.mark.parametrize("window", [9, 1])
@pytest.mark.parametrize("limit", [1000, 3])
async def test_a_rich_history_is_what_the_oracle_says(
    database: Database, window: int, limit: int
) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", window, 2))
    deliveries: list[Fact | Retraction] = []
    for told in CHAPTERS:
        deliveries += told
        await deliver(database, org, told)
        await fold(database, org, limit)
        await fold(database, org, 1000)

        await assert_equals_oracle(database, org, history_of(org, deliveries))


@pytest.mark.parametrize("at_once", [1, 2])
async def test_journeys_that_are_read_in_pieces_are_divided_whole(
    database: Database, at_once: int
) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 9, 2))
    deliveries: list[Fact | Retraction] = []
    for told in CHAPTERS:
        deliveries += told
        await deliver(database, org, told)
        with credited_at_once(at_once):
            await fold(database, org, 1000)

        await assert_equals_oracle(database, org, history_of(org, deliveries))


def connections(day: int, count: int, employee: str = "E1") -> Fact:
    return fact(
        "audience.recorded",
        f"n{employee}{day}",
        f"2025-02-{day:02}T08:00:00Z",
        metric="connections",
        employee=employee,
        network="linkedin",
        count=count,
    )


def index(day: int, employee: str, brand: str, people: str) -> Fact:
    return fact(
        "ssi.recorded",
        f"s{employee}{day}",
        f"2025-02-{day:02}T08:00:00Z",
        employee=employee,
        network="linkedin",
        brand=brand,
        people=people,
        insights="10",
        relationships="5",
    )


async def test_a_level_is_its_last_reading(database: Database, org: Org) -> None:
    until_the_fifth = Period(date(2025, 2, 1), date(2025, 2, 5))
    await tell(database, org, audience(6, 120), audience(3, 100))
    await tell(database, org, connections(2, 500), connections(4, 7, "E2"), connections(4, 510))

    assert await measure(database, org, "followers") == 120
    assert await measure(database, org, "followers", until_the_fifth) == 100
    assert await measure(database, org, "connections") == 517
    assert await measure(database, org, "connections", employee="E1") == 510

    await tell(
        database,
        org,
        Retraction(audience(6, 120).identity),
        Retraction(connections(4, 510).identity),
    )
    assert await measure(database, org, "followers") == 100
    assert await measure(database, org, "connections") == 507


@pytest.mark.parametrize("name", ["followers", "followers_at_start", "followers_gained"])
async def test_a_level_that_was_not_read_yet_is_not_0(
    database: Database, org: Org, name: str
) -> None:
    await tell(database, org, audience(3, 100), audience(6, 120))

    january = Period(date(2025, 1, 1), date(2025, 2, 1))
    assert await measure(database, org, name, january) is None
    assert await measure(database, org, name, account="other") is None
    since_the_third = Period(date(2025, 2, 4), date(2025, 2, 5))
    assert await measure(database, org, name, since_the_third) == {"followers_gained": 0}.get(
        name, 100
    )


@pytest.mark.parametrize(
    ("name", "group_by", "who"),
    [
        ("followers", "network", {"account": "acme"}),
        ("followers", "account", {"employee": "E1"}),
        ("connections", "employee", {"account": "acme"}),
    ],
)
async def test_what_was_read_nowhere_in_particular_makes_no_group(
    database: Database, org: Org, name: str, group_by: str, who: dict[str, str]
) -> None:
    at = "2025-02-03T08:00:00Z"
    await tell(database, org, fact("audience.recorded", "a", at, metric=name, count=70, **who))

    assert await measure(database, org, name) == 70
    assert await measure(database, org, name, group_by=group_by) == {}


_PAID = fact("touch.recorded", "t", "2025-02-01T08:00:00Z", person="q", channel="paid")
_LEAD = fact("lead.created", "l", "2025-02-02T08:00:00Z", lead="l", person="q")
_BOUGHT = fact(
    "deal.changed",
    "d",
    "2025-02-10T08:00:00Z",
    deal="d",
    state="won",
    amount="10.00",
    currency="USD",
    opened_at="2025-02-05T08:00:00Z",
    closed_at="2025-02-10T08:00:00Z",
)
_SEARCHED = fact(
    "session.recorded", "s", "2025-02-03T08:00:00Z", day="2025-02-03", sessions=7, channel="organic"
)
_LICENSE = fact(
    "cost.booked",
    "c",
    "2025-02-01T08:00:00Z",
    category="platform",
    amount="28.00",
    currency="USD",
    starts_on="2025-02-01",
    ends_on="2025-03-01",
)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shares_own", [share("E1", "2025-02-03")]),
        ("reshares_advocacy", [reading(3, 4)]),
        ("comments_advocacy", [reading(3, 4)]),
        ("sessions_advocacy", [_SEARCHED]),
        ("sessions_brand", [_SEARCHED]),
        ("leads_advocacy", [_PAID, _LEAD]),
        ("leads_won", [_LEAD, _BOUGHT]),
        ("wins.linear", [_BOUGHT]),
        ("revenue_advocacy.first", [_BOUGHT]),
        ("revenue_brand", [_BOUGHT]),
        ("cost.rewards", [_LICENSE]),
    ],
)
async def test_who_tells_of_others_tells_that_there_are_none_of_these(
    database: Database, org: Org, name: str, told: list[Fact]
) -> None:
    assert await measure(database, org, name) is None

    await tell(database, org, *told)
    assert await measure(database, org, name) == 0


async def test_an_index_is_the_mean_of_the_last_of_each_person(
    database: Database, org: Org
) -> None:
    await tell(database, org, index(3, "E1", "20", "15"), index(9, "E1", "22", "15"))
    await tell(database, org, index(5, "E2", "10", "5"))

    assert await measure(database, org, "ssi") == (52 + 30) // 2
    assert await measure(database, org, "ssi.brand") == 16
    assert await measure(database, org, "ssi.people") == 10
    assert await measure(database, org, "followers") is None

    await tell(database, org, Retraction(index(9, "E1", "22", "15").identity))
    assert await measure(database, org, "ssi.brand") == 15
