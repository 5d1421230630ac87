"""Recruiting, counted: applications and hires, each once, and those that employees brought.

An application may be known to several sources: one row speaks for each of its steps, the first to
have told it. A referral is an application that names who referred it, or that it came through
advocacy, or whose applicant an advocate had touched before; a referral hire is one of these hired.
A hire that names no opening or no department is for its application's. The department of a referral
is that of who referred, the one of a hire that which hires.
"""

from collections.abc import Mapping

from shared.rollups import converting
from shared.rollups.contributions import DIMENSIONS
from shared.rollups.listed import EVERYWHERE, Lines, Listed, has_standing
from shared.rollups.sql import WINDOW, ZONE

__all__ = ["LISTED", "referral_hires"]

_EVENTS = {"application.submitted": "submitted", "hire.accepted": "accepted"}


def _steps(kind: str, since: str, until: str) -> str:
    """Return the rows that speak for a step of an application, in [``since``, ``until``)."""
    return f"""
        SELECT s.*, s.body ->> 'application' AS application, s.body ->> 'person' AS person
          FROM standing s
         WHERE s.org_id = $1 AND s.generation = $2 AND s.kind = '{kind}'
           AND s.day >= {since} AND s.day < {until}
           AND NOT EXISTS (
            SELECT FROM application e
             WHERE e.org_id = $1 AND e.generation = $2
               AND e.application = s.body ->> 'application' AND e.event = '{_EVENTS[kind]}'
               AND (e.happened_at, e.fact_key) < (s.occurred_at, s.fact_key)
            OFFSET 0
           )
    """


def _applied(application: str) -> str:
    """Return the row that speaks for the submission of an application, with who and where."""
    return f"""
        SELECT a.person, a.happened_at, a.day, {", ".join(f"s.{name}" for name in DIMENSIONS)},
               s.body ->> 'job' AS job, s.body ->> 'department' AS department
          FROM (
            SELECT * FROM application
             WHERE org_id = $1 AND generation = $2 AND application = {application}
               AND event = 'submitted'
             ORDER BY happened_at, fact_key
             LIMIT 1
          ) a
         CROSS JOIN LATERAL (
            SELECT * FROM standing
             WHERE org_id = $1 AND generation = $2 AND fact_key = a.fact_key
            OFFSET 0
         ) s
    """


def _named(row: str, place: int, note: str) -> str:
    """Return who and where of a row, if it says itself that advocacy brought the applicant."""
    places = ", ".join(f"{row}.{name}" for name in DIMENSIONS)
    return f"""
        SELECT {place} AS place, {places}, '{note}' AS note
         WHERE {row}.employee <> '' OR {row}.channel = 'employee_advocacy'
    """


def _touched(person: str, at: str, day: str, place: int) -> str:
    """Return who and where of the first touch by an advocate in the window up to an instant."""
    before = f"t.channel = 'employee_advocacy' AND {converting.inside_window(at, day, WINDOW)}"
    return f"""
        SELECT {place}, {", ".join(f"t.{name}" for name in DIMENSIONS)}, 'touched by advocacy'
          FROM (
            {converting.touches_of(person, before)}
             ORDER BY t.touched_at, t.fact_key
             LIMIT 1
          ) t
    """


def _brought(steps: str, job: str, *evidence: str) -> str:
    """Return a line for each of ``steps`` (alias ``x``) with any evidence; the first one counts.

    ``job`` is SQL of the opening that a step names, null for none.
    """
    return f"""
        SELECT x.day, {", ".join(f"w.{name}" for name in DIMENSIONS)}, 1::numeric AS quantity,
               x.fact_key, x.application AS line_key, w.note, coalesce({job}, '') AS job
          FROM {steps}
         CROSS JOIN LATERAL (
            SELECT * FROM ({" UNION ALL ".join(evidence)}) e ORDER BY e.place LIMIT 1
         ) w
    """


def _referrals(since: str, until: str) -> str:
    return _brought(
        f"({_steps('application.submitted', since, until)}) x",
        "x.body ->> 'job'",
        _named("x", 1, "referred"),
        _touched("x.person", "x.occurred_at", "x.day", 2),
    )


def referral_hires(since: str, until: str) -> str:
    """Return a line for each referral hire of the days of [``since``, ``until``)."""
    # What an advocate does once somebody has applied brought nobody. Of a hire whose application
    # nobody told of, the acceptance is all there is to go by.
    return _brought(
        f"""({_steps("hire.accepted", since, until)}) x
          LEFT JOIN LATERAL ({_applied("x.application")}) a ON true""",
        "coalesce(x.body ->> 'job', a.job)",
        _named("x", 1, "referred"),
        _named("a", 2, "its application was referred"),
        _touched(
            "coalesce(a.person, x.person)",
            "coalesce(a.happened_at, x.occurred_at)",
            "coalesce(a.day, x.day)",
            3,
        ),
    )


def _hires(quantity: str, only: str, note: str) -> Lines:
    # In the list of columns: they are looked up only where somebody asks for it.
    named = ", ".join(
        f"coalesce(x.body ->> '{name}', ("
        f"SELECT a.{name} FROM ({_applied('x.application')}) a), '') AS {name}"
        for name in ("job", "department")
    )

    def lines(since: str, until: str) -> str:
        return f"""
            SELECT x.day, {EVERYWHERE}, {quantity} AS quantity, x.fact_key,
                   x.application AS line_key, '{note}' AS note,
                   {named}
              FROM ({_steps("hire.accepted", since, until)}) x
             WHERE {only}
        """

    return lines


_DAYS = f"(x.day - ((x.body ->> 'first_contact_at')::timestamptz AT TIME ZONE {ZONE})::date)"
_HIRED = has_standing("hire.accepted")
LISTED: Mapping[str, Listed] = {
    "applications_advocacy": Listed(
        _referrals, "sum", has_standing("application.submitted"), "day", is_by_day=True
    ),
    "hires_advocacy": Listed(referral_hires, "sum", _HIRED, "day", is_by_day=True),
    "hires": Listed(_hires("1::numeric", "true", "hire"), "sum", _HIRED, "own", is_by_day=True),
    "time_to_hire.median": Listed(
        _hires(f"{_DAYS}::numeric", "x.body ? 'first_contact_at'", "days from first contact"),
        "median",
        has_standing("hire.accepted", "body ? 'first_contact_at'"),
        "own",
        is_by_day=True,
    ),
}
