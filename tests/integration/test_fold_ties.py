"""Two sources that disagree: whose word counts, and what moves when that changes.

An index returns the rows of a key in the order of the primary key, whether that was asked for or
not. So each story is told to a database without indexes, too, in which rows come as they lie.
"""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.metrics.retired import GENERATION_TABLES
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.vocabulary import ConversionKind
from shared.rollups import converting
from tests.integration.catalogue_facts import fact
from tests.integration.fold_chapters import assert_right_at_each_step
from tests.integration.planning import execute, own_database
from tests.property.engine import deliver, fold, found_org, history_of
from tests.property.oracle.sales import converted
from tests.property.worlds import Setting

_EVERY = "(SELECT DISTINCT {0} FROM {0} WHERE org_id = $1 AND generation = $2)"
_DROP_INDEXES = f"""
DO $$
DECLARE of record;
BEGIN
    FOR of IN SELECT conrelid::regclass AS holder, conname FROM pg_constraint
               WHERE contype IN ('p', 'u')
                 AND conrelid = ANY ('{{{",".join(GENERATION_TABLES)}}}'::regclass[]) LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', of.holder, of.conname);
    END LOOP;
    FOR of IN SELECT indexrelid::regclass AS holder FROM pg_index
               WHERE indrelid = ANY ('{{{",".join(GENERATION_TABLES)}}}'::regclass[]) LOOP
        EXECUTE format('DROP INDEX %s', of.holder);
    END LOOP;
END $$
"""


@pytest_asyncio.fixture(params=["by key", "as they lie"])
async def database(
    request: pytest.FixtureRequest, server_url: str, database_url: str
) -> AsyncIterator[Database]:
    """Return a database as it is, and one in which no state is found by an index."""
    if request.param == "by key":
        opened = Database(database_url, application_name="tests")
        yield opened
        await opened.close()
        return
    async with own_database(server_url) as own:
        await execute(own, _DROP_INDEXES)
        opened = Database(own, application_name="tests")
        yield opened
        await opened.close()


def share(employee: str, day: str = "2025-02-11") -> Fact:
    name = f"{employee}-{day}"
    return fact("post.published", name, day, post=name, employee=employee, network="linkedin")


def place(employee: str, source: str, team: str, since: str = "2025-02-01") -> Fact:
    told = fact(
        "employee.recorded",
        f"{employee}-{source}-{since}",
        since,
        employee=employee,
        effective_on=since,
        team=team,
    )
    return told.model_copy(update={"source": source})


def deal(source: str, lead: str, opened: str, amount: str = "100.00") -> Fact:
    told = fact(
        "deal.changed",
        f"d1-{source}",
        "2025-02-20",
        deal="d1",
        lead=lead,
        state="won",
        amount=amount,
        currency="USD",
        opened_at=f"{opened}T09:00:00Z",
        closed_at="2025-02-20T12:00:00Z",
    )
    return told.model_copy(update={"source": source})


def sold_to(*leads: str) -> list[Fact]:
    """Return leads, each with a person who was touched once."""
    return [
        told
        for lead in leads
        for told in (
            fact("lead.created", lead, "2025-02-05", lead=lead, person=f"of-{lead}"),
            fact(
                "touch.recorded",
                f"t-{lead}",
                "2025-02-03",
                person=f"of-{lead}",
                channel="employee_advocacy",
                employee="E1",
            ),
        )
    ]


#: Enough of them that no order but that of the keys can be right for all by chance.
STAFF = tuple(f"E{number}" for number in range(10, 22))


async def test_of_two_places_on_one_day_the_last_key_moves_what_was_done(
    database: Database,
) -> None:
    await assert_right_at_each_step(
        database,
        [*map(share, STAFF), *(share(employee, "2025-01-20") for employee in STAFF)],
        [place(employee, "hr", "Sales") for employee in STAFF],
        [place(employee, "crm", "IT") for employee in STAFF],
        [place(employee, "ldap", "Legal") for employee in reversed(STAFF)],
        [place(employee, "hr", "Research") for employee in STAFF],
        [Retraction(place(employee, "crm", "IT").identity) for employee in STAFF],
        # Both of a day in one batch, in either order of arrival.
        [
            place(employee, source, "Board")
            for employee in STAFF
            for source in (("crm", "hr") if int(employee[1:]) % 2 else ("hr", "crm"))
        ],
        # What comes once several have told the day is where the last key says, too.
        [place(employee, "crm", "IT") for employee in STAFF],
        [share(employee, "2025-02-14") for employee in STAFF],
    )


async def test_a_deal_that_another_source_opened_earlier_changes_its_lead(
    database: Database,
) -> None:
    await assert_right_at_each_step(
        database,
        [*sold_to("l1", "l2", "l3"), deal("crm", "l1", "2025-02-08")],
        # Another source opened it before: the first one's lead has won nothing.
        [deal("partner", "l2", "2025-02-07")],
        [deal("crm", "l1", "2025-02-06", "300.00")],
        [Retraction(deal("crm", "l1", "2025-02-06").identity)],
        [deal("erp", "l3", "2025-02-07", "50.00"), deal("tool", "l1", "2025-02-07")],
        [Retraction(deal("partner", "l2", "2025-02-07").identity)],
        [Retraction(deal("erp", "l3", "2025-02-07").identity)],
    )


def _touches() -> list[Fact]:
    """Return a touch of Ann by one employee, and one of Bob by another."""
    return [
        fact(
            "touch.recorded",
            person,
            "2025-02-03",
            person=person,
            channel="employee_advocacy",
            employee=employee,
        )
        for person, employee in (("ann", "E1"), ("bob", "E2"))
    ]


async def test_of_two_that_told_a_lead_at_once_the_first_key_speaks(database: Database) -> None:
    leads = [f"l{number}" for number in range(6)]

    def told(source: str, person: str, at: str = "2025-02-05") -> list[Fact]:
        return [
            fact("lead.created", f"{lead}-{source}", at, lead=lead, person=person).model_copy(
                update={"source": source}
            )
            for lead in leads
        ]

    await assert_right_at_each_step(
        database,
        [*_touches(), *told("crm", "ann")],
        told("web", "bob"),
        told("crm", "bob"),
        told("web", "ann"),
        # An earlier hour beats any key.
        told("form", "bob", "2025-02-04"),
    )


async def test_of_two_that_told_an_application_at_once_the_first_key_speaks(
    database: Database,
) -> None:
    applications = [f"a{number}" for number in range(6)]

    def told(kind: str, source: str, person: str) -> list[Fact]:
        return [
            fact(
                kind, f"{name}-{source}", "2025-02-05", application=name, person=person
            ).model_copy(update={"source": source})
            for name in applications
        ]

    await assert_right_at_each_step(
        database,
        [*_touches(), *told("application.submitted", "ats", "ann")],
        told("application.submitted", "web", "bob"),
        told("hire.accepted", "ats", "bob"),
        told("hire.accepted", "web", "ann"),
        [Retraction(item.identity) for item in told("application.submitted", "ats", "ann")],
    )


async def test_whose_word_counts_does_not_depend_on_where_it_lies(database: Database) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 30, 7))
    told: list[Fact] = [
        fact("lead.created", f"l-{person}", "2025-02-05", lead=f"l-{person}", person=person)
        for person in ("ann", "bob")
    ]
    for source, person in (("crm", "ann"), ("web", "bob")):
        for number in range(6):
            name = f"{number}-{source}"
            of_person = {"person": person}
            application = {"application": f"a{number}", **of_person}
            sold = deal(source, f"l-{person}", "2025-02-08")
            told += [
                fact("lead.created", name, "2025-02-05", lead=f"l{number}", **of_person),
                fact("application.submitted", name, "2025-02-05", **application),
                fact("hire.accepted", name, "2025-02-05", **application),
                sold.model_copy(update={"external_id": name, "deal": f"d{number}"}),
            ]
    await deliver(database, org, told)
    await fold(database, org, 1000)

    query = converting.conversions(*map(_EVERY.format, ("deal", "lead", "application")))
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(query, org.id, 1)
        at_once = {
            kind: await connection.fetch(converting.converted_on(kind), org.id, 1)
            for kind in ConversionKind
            if kind is not ConversionKind.DEAL
        }
    expected = {(it.kind, it.id, it.person) for it in converted(history_of(org, told))}
    found = {(row["kind"], row["conversion"], row["person"]) for row in rows}
    assert found == expected
    for kind, of_kind in at_once.items():
        people = Counter(row["person"] for row in of_kind if row["converted_on"])
        assert people == Counter(person for its, _, person in expected if its == kind), kind


async def test_of_two_that_published_a_post_the_first_names_who_and_where(
    database: Database,
) -> None:
    posts = [f"p{number}" for number in range(6)]

    def published(source: str, at: str, **where: str) -> list[Fact]:
        return [
            fact("post.published", f"{post}-{source}", at, post=post, **where).model_copy(
                update={"source": source}
            )
            for post in posts
        ]

    readings = [
        fact(
            "post.metrics",
            f"{post}-{day}",
            f"2025-02-{day:02}",
            post=post,
            network="x",
            campaign="c0",
            content="k0",
            **who,
            **dict.fromkeys(("impressions", "reactions", "comments", "reshares", "clicks"), day),
        )
        # Until anybody has published it, a reading says itself who and where.
        for post, who in zip(posts, ({"employee": "E9"}, {"account": "own"}) * 3, strict=True)
        for day in (3, 7, 5)
    ]
    everywhere = {"network": "linkedin", "campaign": "c1", "content": "k1"}
    await assert_right_at_each_step(
        database,
        readings,
        published("api", "2025-02-02", employee="E1", **everywhere),
        published("csv", "2025-02-02", account="acme", network="xing"),
        published("app", "2025-02-01", employee="E2"),
        [Retraction(told.identity) for told in published("api", "2025-02-02", employee="E1")],
    )


async def test_readings_and_touches_of_one_instant_are_taken_by_key(database: Database) -> None:
    def read(source: str, impressions: int) -> list[Fact]:
        return [
            fact(
                "post.metrics",
                f"p{number}-{source}",
                "2025-02-03",
                post=f"p{number}",
                employee="E1",
                impressions=impressions + number,
            ).model_copy(update={"source": source})
            for number in range(6)
        ]

    def touched(source: str, employee: str, **where: str) -> list[Fact]:
        return [
            fact(
                "touch.recorded",
                f"q{number}-{source}",
                "2025-02-03",
                person=f"q{number}",
                channel="employee_advocacy",
                employee=employee,
                **where,
            ).model_copy(update={"source": source})
            for number in range(6)
        ]

    created = [
        fact("lead.created", f"l{number}", "2025-02-03", lead=f"l{number}", person=f"q{number}")
        for number in range(6)
    ]
    await assert_right_at_each_step(
        database,
        [*read("a", 10), *touched("a", "E1"), *created],
        [*read("b", 4), *touched("b", "E2", network="x", campaign="c1", content="k1")],
        [*read("c", 7), *touched("c", "E3", network="linkedin")],
    )


async def test_moves_of_one_instant_are_taken_by_key(database: Database) -> None:
    def moved(event: str, source: str) -> list[Fact]:
        return [
            fact(
                f"member.{event}", f"{employee}-{source}", "2025-02-03", employee=employee
            ).model_copy(update={"source": source})
            for employee in STAFF
        ]

    await assert_right_at_each_step(
        database,
        [*moved("joined", "a"), *moved("left", "b")],
        moved("joined", "c"),
        [Retraction(told.identity) for told in moved("joined", "a")],
    )
