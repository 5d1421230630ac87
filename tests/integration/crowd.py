"""A crowd: any number of people with the same life, and the same news of any of them.

Whoever is asked about, the work is the same: what one costs among a hundred, one costs among
thousands. Nobody shares a post, a person or a deal with anybody else; some share a team.
"""

from collections.abc import Iterator
from typing import Any

from shared.facts import Fact, Retraction
from tests.integration.catalogue_facts import fact

__all__ = ["life", "news", "schooling"]

_TEAMS = 5
_ADVOCACY = "employee_advocacy"


def life(number: int) -> Iterator[Fact]:
    """Yield what is told of one employee and of the one client and applicant they brought."""
    employee, where = f"E{number}", {"employee": f"E{number}", "network": "linkedin"}
    yield _placed(number, "2025-01-01", number % _TEAMS)
    yield fact("member.invited", f"i{number}", "2025-01-02", employee=employee)
    yield fact("member.joined", f"j{number}", "2025-01-03", employee=employee)
    yield fact("login.recorded", f"l{number}", "2025-01-04", employee=employee)
    yield _post(number, campaign="spring")
    for day in (5, 9, 13):
        yield _reading(number, day, 10 * day)
    yield fact("link.clicked", f"k{number}", "2025-01-06", link="l", channel=_ADVOCACY, **where)
    yield fact(
        "audience.recorded", f"c{number}", "2025-01-07", metric="connections", count=100, **where
    )
    yield _index(number, "20")
    yield _met(number, "2025-01-08")
    yield _met(number, "2025-01-10")
    yield _lead(number)
    yield _deal(number, "open")
    yield _deal(number, "won", closed_at="2025-02-20T12:00:00Z", amount="90.00")
    yield _applied(number, f"applicant{number}")
    yield fact(
        "touch.recorded", f"a{number}", "2025-01-08", person=f"applicant{number}", channel="brand"
    )
    yield fact("hire.accepted", f"h{number}", "2025-02-10", application=f"app{number}")
    yield _cost(number, "10.00")


def schooling(number: int) -> Iterator[Fact]:
    """Yield what else is told of one of the crowd, of which only readers make anything."""
    who = {"employee": f"E{number}"}
    yield fact("training.completed", f"tr{number}", "2025-01-06", course="c", hours="3", **who)
    yield fact(
        "access.recorded",
        f"ac{number}",
        "2025-01-06",
        network="linkedin",
        system="network",
        state="live",
        **who,
    )
    yield fact("content.released", f"re{number}", "2025-01-06", content=f"story{number}")
    yield fact(
        "post.published",
        f"q{number}",
        "2025-01-07T08:00:00Z",
        post=f"story{number}",
        network="linkedin",
        content=f"story{number}",
        **who,
    )
    yield fact("login.recorded", f"ll{number}", "2025-01-08", system="listening", **who)
    yield fact(
        "employee.recorded",
        f"E{number}@lead",
        "2025-01-11",
        effective_on="2025-01-11",
        team=f"team{number % _TEAMS}",
        role="leader",
        **who,
    )


def news(number: int) -> Iterator[Fact | Retraction]:
    """Yield corrections, deletions and late facts of every kind about one of the crowd.

    The client turns out to be a visitor who came with another post, too; the employee was in
    another team all the while, and changes to a third one.
    """
    yield _placed(number, "2025-01-01", (number + 1) % _TEAMS)
    yield _placed(number, "2025-01-09", (number + 2) % _TEAMS)
    yield fact("member.left", f"x{number}", "2025-01-20", employee=f"E{number}")
    yield fact("member.joined", f"y{number}", "2025-01-30", employee=f"E{number}")
    yield Retraction(fact("login.recorded", f"l{number}", "2025-01-04", employee="E").identity)
    yield _post(number, campaign="autumn")
    yield _reading(number, 7, 65)
    yield _reading(number, 9, 95)
    yield fact(
        "audience.recorded",
        f"c{number}",
        "2025-01-07",
        metric="connections",
        count=120,
        employee=f"E{number}",
        network="linkedin",
    )
    yield _index(number, "21")
    yield _met(number, "2025-01-09")
    yield Retraction(_met(number, "2025-01-10").identity)
    yield fact(
        "touch.recorded", f"v{number}", "2025-01-05", person=f"visitor{number}", channel="organic"
    )
    yield fact(
        "person.identified",
        f"same{number}",
        "2025-02-12",
        person=f"client{number}",
        same_as=[f"visitor{number}"],
    )
    yield _lead(number, account="brand")
    yield _deal(number, "won", closed_at="2025-02-21T12:00:00Z", amount="110.00")
    yield _applied(number, f"client{number}")
    yield Retraction(fact("hire.accepted", f"h{number}", "2025-02-10", application="a").identity)
    yield _cost(number, "12.00")


def _placed(number: int, day: str, team: int) -> Fact:
    return fact(
        "employee.recorded",
        f"E{number}@{day}",
        day,
        employee=f"E{number}",
        effective_on=day,
        team=f"team{team}",
    )


def _post(number: int, **where: str) -> Fact:
    return fact(
        "post.published",
        f"p{number}",
        "2025-01-05T08:00:00Z",
        post=f"post{number}",
        employee=f"E{number}",
        network="linkedin",
        hashtags=["work"],
        **where,
    )


def _reading(number: int, day: int, seen: int) -> Fact:
    return fact(
        "post.metrics",
        f"p{number}@{day}",
        f"2025-01-{day:02}",
        post=f"post{number}",
        employee=f"E{number}",
        impressions=seen,
        reactions=seen // 5,
    )


def _index(number: int, brand: str) -> Fact:
    return fact(
        "ssi.recorded",
        f"s{number}",
        "2025-01-15",
        employee=f"E{number}",
        brand=brand,
        people="20",
        insights="20",
        relationships="20",
    )


def _met(number: int, day: str) -> Fact:
    return fact(
        "touch.recorded",
        f"t{number}@{day}",
        day,
        person=f"client{number}",
        channel=_ADVOCACY,
        employee=f"E{number}",
        network="linkedin",
    )


def _lead(number: int, **where: str) -> Fact:
    return fact(
        "lead.created",
        f"lead{number}",
        "2025-02-01",
        lead=f"lead{number}",
        person=f"client{number}",
        **where,
    )


def _deal(number: int, state: str, **told: Any) -> Fact:
    money = {"currency": "USD"} if "amount" in told else {}
    return fact(
        "deal.changed",
        f"deal{number}",
        "2025-02-03",
        deal=f"deal{number}",
        lead=f"lead{number}",
        state=state,
        opened_at="2025-02-03T09:00:00Z",
        employee=f"E{number}",
        units=2,
        **told,
        **money,
    )


def _applied(number: int, person: str) -> Fact:
    return fact(
        "application.submitted",
        f"app{number}",
        "2025-02-05",
        application=f"app{number}",
        person=person,
        employee=f"E{number}",
        channel=_ADVOCACY,
    )


def _cost(number: int, amount: str) -> Fact:
    return fact(
        "cost.booked",
        f"cost{number}",
        "2025-01-01",
        category="platform",
        amount=amount,
        currency="USD",
        starts_on="2025-01-01",
        ends_on="2025-01-31",
    )
