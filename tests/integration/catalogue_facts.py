"""A small company in which every kind of fact happens, with figures one can count by hand."""

from collections.abc import Iterator
from typing import Any

from shared.facts import Fact, parse_fact

__all__ = ["everything", "fact"]

_NOON = "T12:00:00Z"


def fact(kind: str, external_id: str, on: str, **body: Any) -> Fact:
    """Return a fact of one source; ``on`` is a day, or an instant."""
    return parse_fact(
        {
            "kind": kind,
            "source": "test",
            "external_id": external_id,
            "occurred_at": on if "T" in on else on + _NOON,
            **body,
        }
    )


def everything() -> Iterator[Fact]:
    """Yield the facts of February 2025; E1 and E2 sell, E3 and E4 are in IT, E4 leads."""
    yield from _staff()
    yield from _program()
    yield from _posts()
    yield from _audiences()
    yield from _talk()
    yield from _sales()
    yield from _internal()
    yield from _surveys_and_figures()


def _staff() -> Iterator[Fact]:
    teams = {"E1": "Sales", "E2": "Sales", "E3": "IT", "E4": "IT"}
    for employee, team in teams.items():
        yield fact(
            "employee.recorded",
            employee,
            "2025-01-01",
            employee=employee,
            effective_on="2025-01-01",
            team=team,
            role="leader" if employee == "E4" else "staff",
            linkedin_account=True,
        )
    yield fact(
        "employee.recorded",
        "E2-left",
        "2025-02-15",
        employee="E2",
        effective_on="2025-02-15",
        team="Sales",
        employed=False,
    )
    yield fact(
        "employment.ended",
        "E2",
        "2025-02-14",
        employee="E2",
        reason="adaptation",
        in_probation=True,
        tenure_days=45,
    )
    yield fact("training.completed", "t1", "2025-02-03", employee="E1", course="c", hours="3")
    for employee, hours in (("E1", "2"), ("E3", "4"), ("E3", "3")):
        yield fact(
            "training.completed",
            f"on-{employee}-{hours}",
            "2025-02-04",
            employee=employee,
            course="start",
            hours=hours,
            is_onboarding=True,
        )
    referred = {"employee": "E1", "first_contact_at": "2025-01-20T12:00:00Z"}
    yield fact("hire.accepted", "h0", "2025-02-19", application="app0", **referred)
    yield fact("hire.accepted", "h1", "2025-02-19", application="app1")


def _program() -> Iterator[Fact]:
    for employee in ("E1", "E2", "E3"):
        yield fact("member.invited", employee, "2025-02-01", employee=employee)
    for employee, day in (("E1", "2025-01-10"), ("E2", "2025-02-02"), ("E3", "2025-02-02")):
        yield fact("member.joined", employee, day, employee=employee)
    yield fact("member.left", "E1", "2025-02-20", employee="E1")
    yield fact("login.recorded", "l1", "2025-02-05", employee="E4")
    yield fact("login.recorded", "l2", "2025-02-05", employee="E4", system="listening")
    for employee, state in (("E2", "live"), ("E3", "expired")):
        yield fact(
            "access.recorded",
            employee,
            "2025-02-03",
            employee=employee,
            network="linkedin",
            system="network",
            state=state,
        )
    yield fact(
        "access.recorded", "esn", "2025-02-03", employee="E3", system="internal", state="live"
    )
    yield fact("content.submitted", "s1", "2025-02-03", employee="E1", content="story1")
    yield fact("content.submitted", "s2", "2025-02-03", employee="E1", content="story2")
    yield fact("content.released", "s1", "2025-02-04", employee="E1", content="story1")
    yield fact("content.released", "c1", "2025-02-04", content="item1")
    for n, points in enumerate(("10", "-4")):
        yield fact(
            "points.awarded",
            f"p{n}",
            "2025-02-06",
            employee="E1",
            points=points,
            rule="share",
            rule_version=1,
        )
    yield fact("activity.logged", "a1", "2025-02-07", employee="E1", activity="event", hours="1.5")
    yield fact("activity.logged", "a2", "2025-02-07", activity="contest_entry", campaign="quiz")


def _posts() -> Iterator[Fact]:
    for n, (employee, day, content) in enumerate(
        (("E2", "2025-02-03", "story1"), ("E2", "2025-02-10", None), ("E4", "2025-02-11", None))
    ):
        yield fact(
            "post.published",
            f"post{n}",
            day,
            post=f"post{n}",
            employee=employee,
            network="linkedin",
            mode="scheduled" if n == 1 else "manual",
            **({"content": content} if content else {}),
            **({"hashtags": ["hiring", "life"]} if n == 0 else {}),
        )
    for day, reactions in (("2025-02-04", 3), ("2025-02-09", 5)):
        yield fact(
            "post.metrics",
            f"post0@{day}",
            day,
            post="post0",
            employee="E2",
            reactions=reactions,
        )
    for post, reach in (("b1", 40), ("b2", 70)):
        yield fact(
            "post.metrics",
            f"{post}@6",
            "2025-02-06",
            post=post,
            account="brand",
            network="linkedin",
            reach=reach,
        )
    for is_paid, reactions in ((True, 7), (False, 11)):
        yield fact(
            "engagement.daily",
            f"paid-{is_paid}",
            "2025-02-06",
            day="2025-02-06",
            account="brand",
            network="linkedin",
            reactions=reactions,
            is_paid=is_paid,
        )
    yield fact(
        "engagement.daily",
        "mentions",
        "2025-02-06",
        day="2025-02-06",
        employee="E2",
        network="linkedin",
        mentions=2,
    )


def _audiences() -> Iterator[Fact]:
    for day, count in (("2025-01-20", 100), ("2025-02-20", 130)):
        yield _audience(f"f@{day}", day, "followers", count, account="brand")
    yield _audience("f@new", "2025-02-21", "followers", 50, account="second")
    yield _audience("c@E2", "2025-02-01", "connections", 400, employee="E2")
    yield _audience("rival", "2025-02-01", "competitor_followers", 900, account="rival")
    yield _audience("market", "2025-02-01", "market", 5000)
    for facet, segment, views, is_target in (
        ("title", "buyer", 30, True),
        ("title", "other", 90, False),
        ("generation", "gen_x", 25, False),
        ("generation", "gen_z", 75, False),
    ):
        yield fact(
            "demographics.recorded",
            f"{facet}-{segment}",
            "2025-02-06",
            day="2025-02-06",
            facet=facet,
            segment=segment,
            impressions=views,
            is_target=is_target,
            account="brand",
            network="linkedin",
        )
    for employee, day, brand in (("E1", "2025-01-15", "20"), ("E1", "2025-02-15", "23")):
        yield fact(
            "ssi.recorded",
            f"{employee}@{day}",
            day,
            employee=employee,
            brand=brand,
            people="20",
            insights="20",
            relationships="20",
        )


def _audience(name: str, day: str, metric: str, count: int, **who: str) -> Fact:
    return fact(
        "audience.recorded", name, day, metric=metric, count=count, network="linkedin", **who
    )


def _talk() -> Iterator[Fact]:
    for n, (brand, sentiment, answered, employee) in enumerate(
        (
            ("own", "positive", "2025-02-05T14:00:00Z", None),
            ("own", "positive", "2025-02-05T18:00:00Z", "E3"),
            ("own", "negative", None, None),
            ("competitor", "positive", None, None),
        )
    ):
        yield fact(
            "mention.recorded",
            f"m{n}",
            "2025-02-05",
            mention=f"m{n}",
            brand=brand,
            sentiment=sentiment,
            network="linkedin",
            market="de" if n % 2 else "pl",
            language="de",
            **({"answered_at": answered} if answered else {}),
            **({"employee": employee} if employee else {}),
        )


def _sales() -> Iterator[Fact]:
    for person, channel, day in (
        ("q1", "employee_advocacy", "2025-01-05"),
        ("q2", "brand", "2025-01-04"),
        ("q2", "employee_advocacy", "2025-01-05"),
        ("q3", "brand", "2025-01-05"),
    ):
        yield fact(
            "touch.recorded",
            f"{person}-{channel}",
            day,
            person=person,
            channel=channel,
            network="linkedin",
            **({"employee": "E1"} if channel == "employee_advocacy" else {"account": "brand"}),
        )
    for n in (1, 2, 3):
        yield fact("lead.created", f"l{n}", "2025-02-01", lead=f"l{n}", person=f"q{n}")
    for n, (lead, state, amount, customer, closed) in enumerate(
        (
            ("l1", "won", "1000.00", "acme", "2025-02-11"),
            ("l1", "won", "500.00", "acme", "2025-02-21"),
            ("l2", "won", "300.00", "bolt", "2025-02-06"),
            ("l3", "won", "200.00", "core", "2025-02-26"),
            ("l3", "open", "800.00", "core", None),
        )
    ):
        yield fact(
            "deal.changed",
            f"d{n}",
            "2025-02-26",
            deal=f"d{n}",
            lead=lead,
            state=state,
            amount=amount,
            currency="USD",
            opened_at="2025-02-02T09:00:00Z",
            customer=customer,
            units=n + 1,
            is_new_market=customer == "bolt",
            employee="E1",
            **({"closed_at": f"{closed}T12:00:00Z"} if closed else {}),
        )
    yield fact(
        "quota.set",
        "q",
        "2025-02-01",
        employee="E1",
        amount="2000.00",
        currency="USD",
        starts_on="2025-02-01",
        ends_on="2025-03-01",
    )


def _internal() -> Iterator[Fact]:
    for n, (day, posts) in enumerate(
        (("2025-02-03", 1), ("2025-02-10", 3), ("2025-02-17", 4), ("2025-02-24", 9))
    ):
        if n < 3:
            yield fact(
                "internal.daily",
                day,
                day,
                employee="E3",
                day=day,
                posts=posts,
                knowledge_items=2,
                knowledge_reads=3,
            )
    yield fact(
        "internal.daily", "idea", "2025-02-05", employee="E4", day="2025-02-05", suggestions=1
    )
    yield fact("internal.daily", "idle", "2025-02-05", employee="E1", day="2025-02-05")
    yield fact(
        "mail.daily", "mail", "2025-02-05", day="2025-02-05", messages=40, people=4, team="IT"
    )
    yield fact("ties.recorded", "old", "2025-02-01", team="IT", other_team="Sales", pairs=2)
    yield fact("ties.recorded", "new", "2025-02-09", team="IT", other_team="Sales", pairs=1)
    for n, days in enumerate((2, 4, 9)):
        yield fact(
            "process.completed",
            f"a{n}",
            "2025-02-20",
            process="approval",
            started_at=f"2025-02-{20 - days:02}T12:00:00Z",
            team="IT",
        )
    yield fact("incident.recorded", "i", "2025-02-20", count=2)


def _surveys_and_figures() -> Iterator[Fact]:
    yield _survey("engagement", "IT", 10, positive=6, negative=2, score_sum="700")
    yield _survey("engagement", "Sales", 30, positive=9, negative=3, score_sum="1500")
    yield _survey("enps", "IT", 10, positive=5, negative=2)
    yield _survey("brand_trust", None, 50, positive=20)
    for figure, day, value, team, unit in (
        ("market_sales", "2025-02-28", "20000.00", None, {"currency": "USD"}),
        ("recruiting_cost", "2025-02-10", "5000.00", None, {"currency": "USD"}),
        ("output", "2025-02-01", "50", "IT", {"hours": "40.0"}),
        ("output", "2025-02-10", "70", "IT", {"hours": "60.0"}),
        ("output", "2025-02-10", "30", "Sales", {"hours": "20.0"}),
    ):
        yield fact(
            "figure.recorded",
            f"{figure}-{day}-{team}",
            day,
            figure=figure,
            day=day,
            value=value,
            **({"team": team} if team else {}),
            **unit,
        )


def _survey(topic: str, team: str | None, respondents: int, **answers: Any) -> Fact:
    return fact(
        "survey.recorded",
        f"{topic}-{team}",
        "2025-02-12",
        topic=topic,
        respondents=respondents,
        **({"team": team} if team else {}),
        **answers,
    )
