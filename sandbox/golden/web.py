"""What Google Analytics counted on Golden Ratio's website: finest-grained session rows."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.golden.activity import visits
from sandbox.golden.program import CAMPAIGN, NETWORK, YEAR_END, YEAR_START, CodeOf

__all__ = ["SessionRow", "session_rows"]

_CAREERS = "/careers"
_INSIGHTS = "/insights"
_NOT_SET = "(not set)"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Sessions of one day with one origin and one landing page. Days are the property's zone."""

    day: date
    source: str
    medium: str
    campaign: str
    ad_content: str
    landing_page: str
    sessions: int
    engaged_sessions: int
    key_events: int


def session_rows(code_of: CodeOf) -> tuple[SessionRow, ...]:
    """Return the year's rows, oldest first. The employee's link code is the ``utm_content``."""
    return tuple(sorted([*_advocacy(code_of), *_other_traffic()], key=_order))


def _order(row: SessionRow) -> tuple[date, str, str, str, str, str]:
    return (
        row.day,
        row.source,
        row.medium,
        row.campaign,
        row.ad_content,
        row.landing_page,
    )


def _advocacy(code_of: CodeOf) -> Iterator[SessionRow]:
    cells: dict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for visit in visits():
        cell = cells[visit.day, visit.employee]
        cell[0] += 1
        cell[1] += visit.is_engaged
        cell[2] += visit.is_lead
    for (day, employee), (sessions, engaged, leads) in cells.items():
        code = code_of(employee)
        yield SessionRow(
            day,
            NETWORK,
            "advocacy",
            CAMPAIGN,
            code,
            _INSIGHTS,
            sessions,
            engaged,
            leads,
        )


def _other_traffic() -> Iterator[SessionRow]:
    day = YEAR_START
    while day < YEAR_END:
        weekday = day.weekday()
        yield _anonymous(day, "google", "organic", "/", 40 + weekday)
        yield _anonymous(day, "(direct)", "(none)", "/", 25)
        if weekday < 5:
            yield _anonymous(day, "linkedin.com", "referral", "/", 6)
            yield _anonymous(day, NETWORK, "social", "/", 12, campaign="company-page")
        if weekday == 0:
            yield _anonymous(day, "google", "organic", _CAREERS, 4)
            yield _anonymous(day, NETWORK, "social", _CAREERS, 2, campaign="company-page")
        day += timedelta(days=1)


def _anonymous(
    day: date,
    source: str,
    medium: str,
    page: str,
    sessions: int,
    *,
    campaign: str = _NOT_SET,
) -> SessionRow:
    return SessionRow(day, source, medium, campaign, _NOT_SET, page, sessions, sessions // 2, 0)
