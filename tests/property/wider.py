"""How the facts about the company itself are drawn: few values, so that the same things recur."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

__all__ = ["BODIES", "COMPANY", "EVIDENCE", "FURTHER"]

_FIRST = date(2025, 3, 24)
_days = st.sampled_from([_FIRST + timedelta(days=n) for n in (2, 3, 6, 7, 13, 18)])
_employee = {"employee": st.sampled_from(["E1", "E2", "E3"])}
_network = st.none() | st.sampled_from(["linkedin", "x"])
_campaign = st.none() | st.just("c1")
_counts = st.sampled_from([0, 0, 1, 3, 10])
_team = st.sampled_from([None, "IT", "Sales"])
_department = st.sampled_from([None, "North", "South"])
_market = st.sampled_from([None, "de", "pl"])
_job = st.sampled_from([None, "j1", "j2"])
_hours = st.sampled_from(["0", "1.5", "3", "7.25"])
_early = st.sampled_from([datetime(2025, 3, day, 23, 15, tzinfo=UTC) for day in (1, 8, 9)])
_late = st.none() | st.sampled_from([datetime(2025, 5, day, tzinfo=UTC) for day in (1, 2)])

#: kind → how its fields beside the envelope are drawn; ``who`` stands for fields drawn together.
BODIES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "login.recorded": {**_employee, "system": st.sampled_from(["advocacy", "listening"])},
    "access.recorded": {
        **_employee,
        "system": st.sampled_from(["network", "network", "internal"]),
        "state": st.sampled_from(["live", "live", "expired", "removed"]),
        "network": _network,
    },
    "content.submitted": {**_employee, "content": st.sampled_from(["k1", "k2"])},
    "content.released": {
        "employee": st.none() | st.just("E1"),
        "content": st.sampled_from(["k1", "k2"]),
        "campaign": _campaign,
    },
    "points.awarded": {
        **_employee,
        "points": st.sampled_from(["10", "-4", "2.5"]),
        "rule": st.just("share"),
        "rule_version": st.sampled_from([1, 2]),
    },
    "training.completed": {
        **_employee,
        "course": st.just("c"),
        "hours": _hours,
        "is_onboarding": st.booleans(),
    },
    "activity.logged": {
        "employee": st.none() | st.just("E2"),
        "activity": st.sampled_from(["program", "event", "contest_entry"]),
        "count": _counts,
        "hours": st.none() | _hours,
        "campaign": _campaign,
    },
    "mention.recorded": {
        "mention": st.just("m"),
        "brand": st.sampled_from(["own", "own", "competitor"]),
        "sentiment": st.sampled_from([None, "positive", "neutral", "negative"]),
        "answered_at": _late,
        "employee": st.none() | st.just("E3"),
        "network": _network,
        "market": _market,
        "language": st.sampled_from([None, "de", "en"]),
    },
    "survey.recorded": {
        "topic": st.sampled_from(
            [
                *("engagement", "enps", "stress", "competence", "customer_nps", "brand_trust"),
                *("employer_brand_awareness", "brand_perception", "cohesion", "morale"),
                "retention_intent",
            ]
        ),
        "respondents": st.sampled_from([10, 30]),
        "positive": st.sampled_from([None, 0, 3]),
        "negative": st.sampled_from([None, 2]),
        "score_sum": st.sampled_from(["0", "210.5"]),
        "team": _team,
        "department": _department,
        "role": st.sampled_from([None, "leader"]),
        "market": _market,
    },
    "demographics.recorded": {
        "day": _days,
        "facet": st.sampled_from(["title", "generation"]),
        "segment": st.sampled_from(["gen_x", "gen_z"]),
        "impressions": _counts,
        "is_target": st.booleans(),
        "account": st.just("A"),
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
        "team": st.just("IT"),
        "other_team": st.sampled_from(["Legal", "Sales"]),
        "pairs": _counts,
    },
    "process.completed": {
        "process": st.sampled_from(["approval", "onboarding"]),
        "started_at": _early,
        "team": _team,
        "department": _department,
    },
    "incident.recorded": {
        "count": _counts,
        "employee": st.sampled_from([None, "E1", "E2"]),
    },
    "employment.ended": {
        **_employee,
        "reason": st.sampled_from(["adaptation", "own_wish"]),
        "in_probation": st.booleans(),
    },
    "quota.set": {
        **_employee,
        "amount": st.sampled_from(["100.00", "0.07", "99.9999"]),
        "currency": st.just("USD"),
        "who": st.builds(
            lambda starts_on, days: {
                "starts_on": starts_on,
                "ends_on": starts_on + timedelta(days=days),
            },
            _days,
            st.sampled_from([1, 3, 11]),
        ),
    },
    "figure.recorded": {
        "day": _days,
        "value": st.sampled_from(["0", "12.5", "100.0001"]),
        "team": _team,
        "who": st.sampled_from(
            [
                {"figure": "market_sales", "currency": "USD"},
                {"figure": "process_cost", "currency": "USD"},
                {"figure": "recruiting_cost", "currency": "USD"},
                {"figure": "recruiting_cost", "currency": "USD", "job": "j1"},
                {"figure": "output", "hours": "8"},
                {"figure": "output", "hours": "2", "department": "North"},
                {"figure": "recruiting_cost", "currency": "USD", "department": "North"},
                {"figure": "output", "hours": "0.5"},
                {"figure": "search_hours"},
            ]
        ),
    },
}
#: Fields of other kinds that the answers of the catalogue are counted from.
FURTHER: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "employee.recorded": {
        "department": _department,
        "role": st.sampled_from([None, "leader", "expert"]),
    },
    "post.published": {
        "mode": st.sampled_from(["manual", "scheduled"]),
        "hashtags": st.none() | st.lists(st.sampled_from(["a", "b"]), min_size=1),
    },
    "post.metrics": {"reach": st.none() | _counts},
    "engagement.daily": {
        "mentions": st.none() | _counts,
        "is_paid": st.none() | st.booleans(),
    },
    "application.submitted": {"job": _job, "department": _department},
    "hire.accepted": {
        "first_contact_at": st.none() | _early,
        "job": _job,
        "department": _department,
    },
    "deal.changed": {
        # One of them is called as a deal is.
        "customer": st.sampled_from([None, "acme", "d2"]),
        "units": st.none() | _counts,
        "is_new_market": st.none() | st.booleans(),
        "employee": st.sampled_from([None, "E1", "E2"]),
    },
}
#: Themes: what a history about the company keeps to.
COMPANY = (*BODIES, "employee.recorded", "employee.recorded", "hire.accepted")
EVIDENCE = (
    *("employee.recorded", "member.invited", "member.joined", "member.left", "post.published"),
    *("login.recorded", "access.recorded", "training.completed", "ssi.recorded"),
    *("content.released", "post.metrics", "audience.recorded", "quota.set", "mention.recorded"),
)
