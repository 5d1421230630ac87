"""What facts about the company itself may say: few values, so that the same things recur."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

__all__ = ["BODIES", "COMPANY", "EVIDENCE", "FURTHER", "Fields"]

_FIRST = date(2025, 3, 24)
_days = [_FIRST + timedelta(days=n) for n in (2, 3, 6, 7, 13, 18)]
_employee = {"employee": ("E1", "E2", "E3")}
_network = (None, None, "linkedin", "x")
_campaign = (None, "c1")
_counts = (0, 0, 1, 3, 10)
_team = (None, "IT", "Sales")
_department = (None, "North", "South")
_market = (None, "de", "pl")
_job = (None, "j1", "j2")
_hours = ("0", "1.5", "3", "7.25")
#: Before clocks change, in the hour that belongs to another day since: in Warsaw and Lord Howe.
_early = [
    datetime(2025, 3, day, hour, minute, tzinfo=UTC)
    for day, hour, minute in ((1, 23, 15), (8, 22, 30), (9, 13, 15))
]
_late = (None, None, *(datetime(2025, 5, day, tzinfo=UTC) for day in (1, 2)))

#: Field → the values it may have, usual ones several times; None is to say nothing.
Fields = Mapping[str, Sequence[Any]]

#: Kind → its fields beside the envelope; ``who`` stands for fields that go together.
BODIES: dict[str, Fields] = {
    "login.recorded": {**_employee, "system": ("advocacy", "listening")},
    "access.recorded": {
        **_employee,
        "system": ("network", "network", "internal"),
        "state": ("live", "live", "expired", "removed"),
        "network": _network,
    },
    "content.submitted": {**_employee, "content": ("k1", "k2")},
    "content.released": {
        "employee": (None, "E1"),
        "content": ("k1", "k2"),
        "campaign": _campaign,
    },
    "points.awarded": {
        **_employee,
        "points": ("10", "-4", "2.5"),
        "rule": ("share",),
        "rule_version": (1, 2),
    },
    "training.completed": {
        **_employee,
        "course": ("c",),
        "hours": _hours,
        "is_onboarding": (False, True),
    },
    "activity.logged": {
        "employee": (None, "E2"),
        "activity": ("program", "event", "contest_entry"),
        "count": _counts,
        "hours": (*(None,) * 4, *_hours),
        "campaign": _campaign,
    },
    "mention.recorded": {
        "mention": ("m",),
        "brand": ("own", "own", "competitor"),
        "sentiment": (None, "positive", "neutral", "negative"),
        "answered_at": _late,
        "employee": (None, "E3"),
        "network": _network,
        "market": _market,
        "language": (None, "de", "en"),
    },
    "survey.recorded": {
        "topic": (
            *("engagement", "enps", "stress", "competence", "customer_nps", "brand_trust"),
            *("employer_brand_awareness", "brand_perception", "cohesion", "morale"),
            "retention_intent",
        ),
        "respondents": (10, 30),
        "positive": (None, 0, 3),
        "negative": (None, 2),
        "score_sum": ("0", "210.5"),
        "team": _team,
        "department": _department,
        "role": (None, "leader"),
        "market": _market,
    },
    "demographics.recorded": {
        "day": _days,
        "facet": ("title", "generation"),
        "segment": ("gen_x", "gen_z"),
        "impressions": _counts,
        "is_target": (False, True),
        "account": ("A",),
        "network": _network,
    },
    "internal.daily": {
        **_employee,
        "day": _days,
        **dict.fromkeys(
            ("posts", "comments", "reactions", "reads", "events", "polls", "suggestions"), _counts
        ),
        "knowledge_items": _counts,
        "knowledge_reads": _counts,
    },
    "mail.daily": {
        "day": _days,
        "messages": _counts,
        "people": _counts,
        "team": _team,
        "department": _department,
    },
    "ties.recorded": {
        "team": ("IT",),
        "other_team": ("Legal", "Sales"),
        "pairs": _counts,
    },
    "process.completed": {
        "process": ("approval", "onboarding"),
        "started_at": _early,
        "team": _team,
        "department": _department,
    },
    "incident.recorded": {
        "count": _counts,
        "employee": (None, "E1", "E2"),
    },
    "employment.ended": {
        **_employee,
        "reason": ("adaptation", "own_wish"),
        "in_probation": (False, True),
    },
    "quota.set": {
        **_employee,
        "amount": ("100.00", "0.07", "99.9999"),
        "currency": ("USD",),
        "who": [
            {"starts_on": starts_on, "ends_on": starts_on + timedelta(days=days)}
            for starts_on in _days
            for days in (1, 3, 11)
        ],
    },
    "figure.recorded": {
        "day": _days,
        "value": ("0", "12.5", "100.0001"),
        "team": _team,
        "who": (
            {"figure": "market_sales", "currency": "USD"},
            {"figure": "process_cost", "currency": "USD"},
            {"figure": "recruiting_cost", "currency": "USD"},
            {"figure": "recruiting_cost", "currency": "USD", "job": "j1"},
            {"figure": "output", "hours": "8"},
            {"figure": "output", "hours": "2", "department": "North"},
            {"figure": "recruiting_cost", "currency": "USD", "department": "North"},
            {"figure": "output", "hours": "0.5"},
            {"figure": "search_hours"},
        ),
    },
}
#: Fields of other kinds that the answers of the catalogue are counted from.
FURTHER: dict[str, Fields] = {
    "employee.recorded": {
        "department": _department,
        "role": (None, "leader", "expert"),
    },
    "post.published": {
        "mode": ("manual", "scheduled"),
        "hashtags": (None, None, None, ("a",), ("b",), ("a", "b")),
    },
    "post.metrics": {"reach": (*(None,) * 5, *_counts)},
    "engagement.daily": {
        "mentions": (*(None,) * 5, *_counts),
        "is_paid": (None, None, False, True),
    },
    "application.submitted": {"job": _job, "department": _department},
    "hire.accepted": {
        "first_contact_at": (*(None,) * 3, *_early),
        "job": _job,
        "department": _department,
    },
    "deal.changed": {
        # One of them is called as a deal is.
        "customer": (None, "acme", "d2"),
        "units": (*(None,) * 5, *_counts),
        "is_new_market": (None, None, False, True),
        "employee": (None, "E1", "E2"),
    },
}
#: Themes: what a history about the company keeps to.
COMPANY = (*BODIES, "employee.recorded", "employee.recorded", "hire.accepted")
EVIDENCE = (
    *("employee.recorded", "member.invited", "member.joined", "member.left", "post.published"),
    *("login.recorded", "access.recorded", "training.completed", "ssi.recorded"),
    *("content.released", "post.metrics", "audience.recorded", "quota.set", "mention.recorded"),
)
