"""The Golden Ratio quarter as a partner would post it: plain JSON, told from the journeys' table.

Written out by hand and not shared with the demo, so that the two check each other.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SOURCE = "golden"
WARSAW = ZoneInfo("Europe/Warsaw")
CHANNELS = {"EA": "employee_advocacy", "BR": "brand", "AD": "paid"}
ACTIVE = [f"E{number:03}" for number in range(1, 25)]
Q1 = {"from": "2025-01-01", "to": "2025-04-01"}

JOURNEYS = (
    ("J1", "won", "12000.00", date(2025, 4, 10), (("EA", 80), ("BR", 40), ("EA", 10))),
    ("J2", "won", "6000.00", date(2025, 4, 20), (("EA", 30),)),
    ("J3", "won", "10000.00", date(2025, 4, 15), (("AD", 60), ("EA", 20))),
    ("J4", "won", "8000.00", date(2025, 4, 3), (("BR", 50), ("AD", 5))),
    ("J5", "won", "15000.00", date(2025, 4, 2), (("EA", 90), ("AD", 45), ("BR", 15))),
    ("J6", "won", "9000.00", date(2025, 4, 5), (("BR", 70), ("EA", 49), ("AD", 21), ("EA", 7))),
    ("L1", "lost", "4000.00", date(2025, 4, 8), (("EA", 33),)),
    ("L2", "lost", "7000.00", date(2025, 4, 16), (("BR", 58), ("EA", 24))),
    ("L3", "lost", "5500.00", date(2025, 4, 11), (("AD", 40),)),
    ("L4", "lost", "3000.00", date(2025, 4, 25), (("AD", 62), ("BR", 30))),
)
COSTS = (
    ("infrastructure", "900.00"),
    ("expert", "2000.00"),
    ("training", "3600.00"),
    ("employee_time", "9360.00"),
    ("manager_time", "4550.00"),
    ("content", "1500.00"),
    ("rewards", "590.00"),
)


def fact(kind: str, external_id: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """Return a fact as JSON has it."""
    occurred_at = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "kind": kind,
        "source": SOURCE,
        "external_id": external_id,
        "occurred_at": occurred_at,
        **fields,
    }


def local(day: date, hour: int = 12) -> datetime:
    """Return an instant on a day of Warsaw."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=WARSAW)


def sales() -> Iterator[dict[str, Any]]:
    """Yield touches, leads and deals. People are told by their address."""
    for name, state, amount, close, path in JOURNEYS:
        address = f"{name}@client.example"
        for place, (channel, days) in enumerate(path):
            employee = {"employee": ACTIVE[place]} if channel == "EA" else {}
            yield fact(
                "touch.recorded",
                f"{name}-{place}",
                local(close - timedelta(days=days), 10),
                person_email=address,
                channel=CHANNELS[channel],
                **employee,
            )
        created = local(close - timedelta(days=path[0][1] - 5), 11)
        yield fact("lead.created", name, created, lead=name, person_email=address)
        closed_at = local(close, 12).astimezone(UTC).isoformat()
        yield fact(
            "deal.changed",
            name,
            local(close, 12),
            deal=name,
            lead=name,
            state=state,
            amount=amount,
            currency="USD",
            opened_at=(created + timedelta(days=2)).astimezone(UTC).isoformat(),
            closed_at=closed_at,
        )


def program() -> Iterator[dict[str, Any]]:
    """Yield costs, hires, roster, members, posts, clicks and what the posts earned."""
    start = date(2025, 1, 1)
    for category, amount in COSTS:
        yield fact(
            "cost.booked",
            f"cost-{category}",
            local(start),
            category=category,
            amount=amount,
            currency="USD",
            starts_on="2025-01-01",
            ends_on="2025-04-01",
        )
    for number, day in enumerate((date(2025, 4, 28), date(2025, 5, 19))):
        yield fact(
            "hire.accepted",
            f"hire-{number}",
            local(day),
            application=f"A-{number}",
            employee=ACTIVE[number],
        )
    for number in range(1, 101):
        employee = f"E{number:03}"
        yield fact(
            "employee.recorded",
            employee,
            local(start),
            employee=employee,
            effective_on="2025-01-01",
            team="sales" if number % 2 else "marketing",
        )
        yield fact("member.invited", employee, local(start), employee=employee)
        if number <= 30:
            yield fact("member.joined", employee, local(start), employee=employee)


def activity() -> Iterator[dict[str, Any]]:
    """Yield 624 posts with a click each, and 124,800 views with their responses."""
    for number, employee in enumerate(ACTIVE):
        for post in range(26):
            at = local(date(2025, 1, 1) + timedelta(days=post * 3 + number % 12), 9)
            name = f"{employee}-{post}"
            where = {"employee": employee, "network": "linkedin", "channel": CHANNELS["EA"]}
            yield fact("post.published", name, at, post=name, **where)
            yield fact("link.clicked", name, at + timedelta(hours=1), link="x", **where)
        yield fact(
            "engagement.daily",
            employee,
            local(date(2025, 2, 3)),
            day="2025-02-03",
            employee=employee,
            network="linkedin",
            impressions=5200,
            reactions=78,
            comments=13,
            reshares=13,
            clicks=26,
        )
