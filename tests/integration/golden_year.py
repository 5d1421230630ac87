"""The facts of the Golden Ratio year, as the collector's doors would leave them in the ledger.

Built from the dataset alone, without any connector, so that a wrong figure in the golden test can
only come from the ledger, the fold, the readers or the formulas.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from sandbox.golden import crm, social, web
from sandbox.golden.activity import shares
from sandbox.golden.facts import partner_facts
from sandbox.golden.journeys import Journey, journeys, leads_without_deal
from sandbox.golden.people import active, employees, ssi_scores
from sandbox.golden.program import (
    BRAND_ACCOUNT,
    CAMPAIGN,
    CURRENCY,
    NETWORK,
    ORGANIZATION,
    YEAR_START,
    ZONE,
    default_code,
)
from sandbox.golden.spending import COSTS
from shared.db import Database
from shared.facts import Fact, parse_fact, parse_facts
from shared.ledger import append
from shared.orgs import Org, create_org

__all__ = ["deal_fact", "found_golden", "golden_facts", "journey_facts"]

SOURCE = "golden"
ADVOCACY = "employee_advocacy"
_CHANNEL_OF = {"advocacy": ADVOCACY, "social": "brand", "organic": "organic"}
_COUNTERS = {
    "impressions": "IMPRESSION",
    "reactions": "REACTION",
    "comments": "COMMENT",
    "reshares": "RESHARE",
    "clicks": "LINK_CLICKS",
}


async def found_golden(
    database: Database,
    facts: list[Fact],
    *,
    time_zone: str = ZONE.key,
    window_days: int = 90,
    half_life_days: int = 7,
) -> Org:
    """Create the organization and append ``facts`` to its ledger; nothing is folded yet."""
    async with database.transaction() as connection:
        org = await create_org(
            connection,
            name=ORGANIZATION,
            time_zone=time_zone,
            currency=CURRENCY,
            window_days=window_days,
            half_life_days=half_life_days,
        )
    async with database.transaction(org.id) as connection:
        await append(connection, org, facts)
    return org


def golden_facts() -> list[Fact]:
    """Return every fact of the year."""
    return [
        *parse_facts(partner_facts(code_of=default_code, person_of=_person)),
        *_people(),
        *_spending(),
        *_responses(),
        *_visits(),
        *_crm(),
    ]


def journey_facts() -> list[Fact]:
    """Return touches, leads and deals alone: all that attribution is made of."""
    told = parse_facts(partner_facts(code_of=default_code, person_of=_person))
    return [*(fact for fact in told if fact.kind == "touch.recorded"), *_crm()]


def deal_fact(name: str, revision: int, **changes: Any) -> Fact:
    """Return the deal of a journey (``"J5"``) as a later version of it has it."""
    (journey,) = (journey for journey in journeys() if journey.name == name)
    return _deal(journey, revision, **changes)


def _person(email: str) -> str:
    return "p-" + email.split("@")[0]


def _fact(kind: str, external_id: str, at: datetime, **fields: Any) -> Fact:
    present = {name: value for name, value in fields.items() if value is not None}
    envelope = {"kind": kind, "source": SOURCE, "external_id": external_id, "occurred_at": at}
    return parse_fact({**envelope, **present})


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def _people() -> Iterator[Fact]:
    for person in employees():
        yield _fact(
            "employee.recorded",
            person.ref,
            _noon(YEAR_START),
            employee=person.ref,
            effective_on=YEAR_START,
            team=person.team,
            role=person.role,
            linkedin_account=person.linkedin_account,
        )
        yield _fact("member.invited", person.ref, person.invited_at, employee=person.ref)
        if person.joined_at is not None:
            yield _fact("member.joined", person.ref, person.joined_at, employee=person.ref)
    for score in ssi_scores():
        yield _fact(
            "ssi.recorded",
            f"{score.employee}@{score.observed_on}",
            _noon(score.observed_on),
            employee=score.employee,
            **dict(zip(("brand", "people", "insights", "relationships"), map(str, score.pillars),
                       strict=True)),
        )  # fmt: skip


def _spending() -> Iterator[Fact]:
    for cost in COSTS:
        yield _fact(
            "cost.booked",
            cost.cost_id,
            _noon(cost.starts_on),
            category=cost.category,
            amount=str(cost.amount),
            currency=cost.currency,
            starts_on=cost.starts_on,
            ends_on=cost.ends_on,
            evidence=cost.evidence,
        )


def _responses() -> Iterator[Fact]:
    """Yield what members' and the page's posts earned, day by day, as LinkedIn sums it."""
    for person in active():
        days = {name: social.member_days(person.ref, m) for name, m in _COUNTERS.items()}
        for day in sorted({share.day for share in shares() if share.employee == person.ref}):
            yield _fact(
                "engagement.daily",
                f"{person.ref}@{day}",
                _noon(day),
                day=day,
                employee=person.ref,
                network=NETWORK,
                **{name: by_day[day] for name, by_day in days.items()},
            )
    for post in social.brand_posts():
        yield _fact(
            "engagement.daily",
            post.urn,
            _noon(post.day),
            day=post.day,
            account=BRAND_ACCOUNT,
            network=NETWORK,
            impressions=post.impressions,
            reactions=post.likes,
            comments=post.comments,
            reshares=post.shares,
            clicks=post.clicks,
        )


def _visits() -> Iterator[Fact]:
    employee_of = {default_code(person.ref): person.ref for person in active()}
    for number, row in enumerate(web.session_rows(default_code)):
        employee = employee_of.get(row.ad_content)
        yield _fact(
            "session.recorded",
            f"row-{number}",
            _noon(row.day),
            day=row.day,
            sessions=row.sessions,
            engaged_sessions=row.engaged_sessions,
            key_events=row.key_events,
            landing="careers" if "careers" in row.landing_page else "site",
            employee=employee,
            network=NETWORK if employee else None,
            campaign=CAMPAIGN if employee else None,
            channel=_CHANNEL_OF.get(row.medium, "other"),
        )


def _crm() -> Iterator[Fact]:
    leads = [(_person(journey.email), journey.lead_at) for journey in journeys()]
    leads += [(_person(email), at) for email, at in leads_without_deal()]
    assert len(leads) == len(crm.contacts())
    for person, created_at in leads:
        yield _fact("lead.created", person, created_at, lead=person, person=person)
    for journey in journeys():
        yield _deal(journey, revision=1)


def _deal(journey: Journey, revision: int, **changes: Any) -> Fact:
    told: dict[str, Any] = {
        "deal": journey.name,
        "lead": _person(journey.email),
        "state": journey.outcome,
        "amount": str(journey.amount),
        "currency": CURRENCY,
        "opened_at": journey.opened_at,
        "closed_at": journey.closed_at,
    }
    at = journey.closed_at or journey.opened_at
    return _fact("deal.changed", journey.name, at, revision=revision, **(told | changes))
