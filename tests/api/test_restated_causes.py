"""Whatever moved a figure is listed: also what is no fact that the figure is counted from."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.asking import get
from tests.api.conftest import At, Deliver
from tests.api.golden import WARSAW, fact, local

MARCH = {"from": "2025-03-01", "to": "2025-04-01"}
#: The day on which March is first told, and the one on which something else becomes known.
FIRST, THEN = "2025-04-02", "2025-04-08"
Told = dict[str, Any]


def at(day: int) -> datetime:
    return datetime(2025, 3, day, 12, tzinfo=WARSAW)


def touch(name: str, person: str, day: int, employee: str = "E1") -> Told:
    who = {"channel": "employee_advocacy", "employee": employee}
    return fact("touch.recorded", name, at(day), person=person, **who)


def on_network(name: str, day: int, channel: str = "employee_advocacy") -> Told:
    where = {"channel": channel, "network": "linkedin"}
    return fact("touch.recorded", name, at(day), person="known", **where)


def same(name: str, *people: str) -> Told:
    return fact("person.identified", name, at(1), person=people[0], same_as=list(people[1:]))


def deal(lead: str, state: str = "won") -> Told:
    money = {"amount": "100.00", "currency": "USD", "units": 3}
    span = {"opened_at": at(10).isoformat(), "closed_at": at(20).isoformat()}
    return fact("deal.changed", "d1", at(20), deal="d1", lead=lead, state=state, **money, **span)


def reading(name: str, day: int, impressions: int) -> Told:
    return fact("post.metrics", name, at(day), post="p1", employee="E1", impressions=impressions)


def place(team: str, since: int = 1, employee: str = "E1", **more: Any) -> Told:
    day = f"2025-03-{since:02}"
    name = f"{employee}@{day}"
    held = {"employee": employee, "effective_on": day, "team": team, **more}
    return fact("employee.recorded", name, at(since), **held)


def account(state: str, day: int) -> Told:
    held = {"employee": "E1", "system": "network", "network": "linkedin", "state": state}
    return fact("access.recorded", f"a{day}", at(day), **held)


def ended(source: str, hour: int, **why: Any) -> Told:
    left = fact("employment.ended", source, at(20).replace(hour=hour), employee="E1", **why)
    return {**left, "source": source}


LEAD = fact("lead.created", "l1", at(10), lead="l1", person="known")
VISIT = touch("t1", "visitor", 3)
READING = reading("r1", 12, 40)
JOINED = fact("member.joined", "j1", at(2), employee="E1")
COST = fact(
    "cost.booked",
    "k1",
    at(1),
    category="platform",
    network="linkedin",
    amount="31.00",
    currency="USD",
    starts_on="2025-03-01",
    ends_on="2025-04-01",
)
#: A deal is won a month before.
EARLIER = {"opened_at": "2025-02-10T12:00:00Z", "closed_at": "2025-02-20T12:00:00Z"}
SHARE = fact("post.published", "s1", at(20), post="p2", employee="E1")
#: Teams that are large enough to be shown.
STAFF = [place(team, 1, f"{team}-{n}") for team in ("sales", "marketing") for n in range(6)]
LEADERS = [place("sales", 1, f"leader-{n}", role="leader") for n in range(6)]
LONG_AGO = datetime(2024, 1, 10, 12, tzinfo=WARSAW)
JANUARY = datetime(2025, 1, 10, 12, tzinfo=WARSAW)
_WON = {"state": "won", "amount": "10.00", "currency": "USD", "customer": "c9"}
#: What becomes known together with a cause, and is none: of every kind something about others, and
#: what happened to the same ones once March was over.
OTHERS = [
    fact("link.clicked", "c1", at(5), link="x", employee="E9"),
    fact("touch.recorded", "o1", JANUARY, person="other", channel="paid"),
    fact("person.identified", "o2", JANUARY, person="other", same_as=["another"]),
    fact("lead.created", "o3", JANUARY, lead="l9", person="other"),
    fact(
        "deal.changed",
        "o4",
        JANUARY,
        deal="d9",
        lead="l9",
        opened_at=JANUARY.isoformat(),
        closed_at=JANUARY.isoformat(),
        **_WON,
    ),
    fact("application.submitted", "o5", JANUARY, application="a9", person="other"),
    # Of content that has the name of a deal.
    fact("post.published", "o6", JANUARY, post="p9", employee="E9", content="d1"),
    fact("post.metrics", "o7", JANUARY, post="p9", impressions=9),
    fact("touch.recorded", "o8", at(31) + timedelta(days=1), person="known", channel="paid"),
    fact("post.metrics", "o9", at(31) + timedelta(days=1), post="p1", impressions=99),
]
_MERGED = ("person.identified", "m1", 1)
_PARTED = ("person.identified", "m1", -1)

CASES = {
    "records are merged": (
        [LEAD, VISIT, deal("l1")],
        [same("m1", "known", "visitor")],
        ("attributed_revenue_linear", "attributed_units_linear", "leads_advocacy"),
        {},
        [_MERGED],
    ),
    "and parted": (
        [LEAD, VISIT, deal("l1"), same("m1", "visitor", "known")],
        [same("m1", "visitor", "somebody")],
        ("attributed_revenue_first", "influenced_leads", "sourced_leads"),
        {},
        [_PARTED, _MERGED],
    ),
    "a lead goes to whom its visitor had met before": (
        [LEAD, touch("t2", "known", 4, "E2"), VISIT],
        [same("m1", "visitor", "known")],
        ("leads_advocacy", "influenced_leads"),
        {"employee": "E2"},
        [_MERGED],
    ),
    "and comes back": (
        [LEAD, touch("t2", "known", 4, "E2"), VISIT, same("m1", "visitor", "known")],
        [same("m1", "visitor", "somebody")],
        ("leads_advocacy", "influenced_leads"),
        {"employee": "E2"},
        [_PARTED, _MERGED],
    ),
    "it is the same visitor by way of others": (
        [LEAD, touch("t2", "known", 4, "E2"), VISIT],
        [same("m1", "visitor", "between"), same("m2", "between", "known")],
        ("leads_advocacy",),
        {"employee": "E2"},
        [_MERGED, ("person.identified", "m2", 1)],
    ),
    "a touch comes late": (
        [LEAD],
        [touch("t2", "known", 4)],
        ("leads_advocacy", "sourced_leads"),
        {},
        [("touch.recorded", "t2", 1)],
    ),
    "a lead's deal is won": (
        [LEAD, deal("l1", "lost")],
        [deal("l1")],
        ("lead_conversion_rate",),
        {},
        [("deal.changed", "d1", -1), ("deal.changed", "d1", 1)],
    ),
    "another touch takes credit": (
        [LEAD, touch("t1", "known", 3), deal("l1")],
        [touch("t2", "known", 5, "E2")],
        ("attributed_revenue_linear", "attributed_units_last", "attributed_leads_linear"),
        {"employee": "E1"},
        [("touch.recorded", "t2", 1)],
    ),
    "a touch too old for credit": (
        [LEAD, touch("t1", "known", 3), deal("l1")],
        [fact("touch.recorded", "t0", LONG_AGO, person="known", channel="paid")],
        ("attribution_coverage",),
        {},
        [],
    ),
    "another source speaks for a deal": (
        [deal("l1")],
        [{**deal("l1", "lost"), "source": "older", "opened_at": at(9).isoformat()}],
        ("revenue_won", "orders_units"),
        {},
        [("deal.changed", "d1", 1)],
    ),
    "credit goes to another channel": (
        [LEAD, deal("l1"), COST, on_network("t1", 3), on_network("t2", 4)],
        [on_network("t2", 4, "paid")],
        ("cost_per_win",),
        {"network": "linkedin"},
        [("touch.recorded", "t2", -1), ("touch.recorded", "t2", 1)],
    ),
    "a client's deal is lost after all": (
        [LEAD, touch("t1", "known", 3), deal("l1")],
        [deal("l1", "lost")],
        ("clients_won", "attribution_coverage"),
        {},
        [("deal.changed", "d1", -1), ("deal.changed", "d1", 1)],
    ),
    "a customer had bought before": (
        [{**deal("l1"), "customer": "c1"}],
        [{**deal("l2"), "deal": "d0", "external_id": "d0", "customer": "c1"} | EARLIER],
        ("customer_loyalty",),
        {},
        [("deal.changed", "d0", 1)],
    ),
    "the lead of a deal came earlier": (
        [LEAD, deal("l1")],
        [fact("lead.created", "l1", at(7), lead="l1", person="known")],
        ("time_to_close",),
        {},
        [("lead.created", "l1", -1), ("lead.created", "l1", 1)],
    ),
    "a post had been read before": (
        [READING],
        [fact("post.metrics", "r0", at(1) - timedelta(days=3), post="p1", impressions=15)],
        ("impressions_advocacy",),
        {"employee": "E1"},
        [("post.metrics", "r0", 1)],
    ),
    "somebody had left the company": (
        [*STAFF, place("sales"), JOINED],
        [place("sales", 20, employed=False)],
        ("headcount", "enrollment_rate"),
        {},
        [("employee.recorded", "E1@2025-03-20", 1)],
    ),
    "a leader is none any more": (
        [*STAFF, place("sales", role="leader"), place("sales", 1, "E2", role="leader"), SHARE],
        [place("sales", 15)],
        ("leadership_participation_rate",),
        {},
        [("employee.recorded", "E1@2025-03-15", 1)],
    ),
    "an account works no more": (
        [JOINED, account("live", 3)],
        [account("expired", 9)],
        ("connected_accounts_rate",),
        {},
        [("access.recorded", "a9", 1)],
    ),
    "somebody was invited before": (
        [SHARE, *(fact("member.invited", f"i-{e}", at(5), employee=e) for e in ("E1", "E9"))],
        [fact("member.invited", "i0", at(1) - timedelta(days=60), employee="E1")],
        ("invite_activation_rate",),
        {},
        [("member.invited", "i0", 1)],
    ),
    "a post turns out to be somebody else's": (
        [READING],
        [fact("post.published", "p1", at(11), post="p1", employee="E2")],
        ("impressions_advocacy",),
        {"employee": "E2"},
        [("post.published", "p1", 1)],
    ),
    "a post turns out to be another account's": (
        [fact("post.metrics", "r1", at(12), post="p1", account="brand", reach=30)],
        [fact("post.published", "p1", at(11), post="p1", account="another")],
        ("reach_unique_least",),
        {"account": "brand"},
        [("post.published", "p1", 1)],
    ),
    "what was released turns out to be shared": (
        [fact("content.released", "k1", at(5), content="k1")],
        [fact("post.published", "s1", at(20), post="p2", employee="E1", content="k1")],
        ("content_use_rate",),
        {},
        [("post.published", "s1", 1)],
    ),
    "another source had told of a post before": (
        [SHARE, fact("post.published", "s2", at(21), post="p3", employee="E1")],
        [{**SHARE, "source": "older", "occurred_at": "2025-02-27T12:00:00+01:00"}],
        ("shares",),
        {},
        [("post.published", "s1", 1)],
    ),
    "and takes it back": (
        [SHARE, {**SHARE, "source": "older", "occurred_at": at(19).isoformat(), "campaign": "c1"}],
        [{**SHARE, "source": "older", "occurred_at": at(25).isoformat(), "campaign": "c1"}],
        ("shares",),
        {"campaign": "c1"},
        [("post.published", "s1", -1), ("post.published", "s1", 1)],
    ),
    "who told of a post first names other content": (
        [fact("content.released", "k1", at(5), content="k1"), {**SHARE, "content": "k1"}],
        [{**SHARE, "source": "older", "occurred_at": at(19).isoformat(), "content": "k2"}],
        ("content_use_rate",),
        {},
        [("post.published", "s1", 1)],
    ),
    "another source had told of a leaver before, and says why": (
        [ended("hr", 12, reason="adaptation", in_probation=True)],
        [ended("payroll", 9, reason="own_wish")],
        ("adaptation_quits",),
        {},
        [("employment.ended", "payroll", 1)],
    ),
    "a member had left": (
        [JOINED],
        [fact("member.left", "q1", at(25), employee="E1")],
        ("enrolled_employees",),
        {},
        [("member.left", "q1", 1)],
    ),
    "the roster is corrected": (
        [*STAFF, place("sales"), SHARE],
        [place("marketing", 10)],
        ("shares",),
        {"team": "sales"},
        [("employee.recorded", "E1@2025-03-10", 1)],
    ),
    "the roster tells another role, in the same team": (
        [*STAFF, *LEADERS, place("sales", role="leader"), SHARE],
        [place("sales", 10)],
        ("shares",),
        {"role": "leader"},
        [("employee.recorded", "E1@2025-03-10", 1)],
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_moved_a_figure_is_listed(
    client: httpx.AsyncClient, deliver: Deliver, at: At, name: str
) -> None:
    first, later, kpis, part, expected = CASES[name]
    for day, news in ((FIRST, first), (THEN, [*later, *OTHERS])):
        at(local(date.fromisoformat(day), 9))
        await deliver(news)

    for kpi in kpis:
        asked = {**MARCH, **part, "kpi": kpi}
        moves = await get(client, "restatements", **asked)
        facts = await get(client, "restatements/facts", **asked, day=THEN)
        told = [(f["kind"], f["external_id"], f["weight"]) for f in facts["facts"]]
        days = [move["day"] for move in moves["restatements"]]
        assert (days[-1:] == [THEN]) is bool(expected), kpi
        assert told == expected, kpi
