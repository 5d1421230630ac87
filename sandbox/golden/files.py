"""The CSV files an administrator of Golden Ratio imports. Header row, comma, UTF-8, LF."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from sandbox.golden.people import employees, ssi_scores
from sandbox.golden.program import YEAR_START
from sandbox.golden.spending import COSTS

__all__ = ["costs_csv", "csv_files", "membership_csv", "roster_csv", "ssi_csv"]


def csv_files() -> dict[str, str]:
    """Return file name → text of all four files, in the order they are imported."""
    return {
        "roster.csv": roster_csv(),
        "membership.csv": membership_csv(),
        "costs.csv": costs_csv(),
        "ssi.csv": ssi_csv(),
    }


def roster_csv() -> str:
    """Return the roster as of New Year's Day: 100 employees."""
    header = "employee,effective_on,employed,team,role,linkedin_account,display_name,email"
    return _csv(
        header,
        (
            (
                person.ref,
                YEAR_START.isoformat(),
                "true",
                person.team,
                person.role,
                "true" if person.linkedin_account else "false",
                person.display_name,
                person.email,
            )
            for person in employees()
        ),
    )


def membership_csv() -> str:
    """Return who was invited (100) and who joined (30), in order of time."""
    invited = [(person.invited_at, person.ref, "invited") for person in employees()]
    joined = [
        (person.joined_at, person.ref, "joined")
        for person in employees()
        if person.joined_at is not None
    ]
    return _csv(
        "employee,event,occurred_at",
        ((employee, event, _instant(at)) for at, employee, event in sorted(invited + joined)),
    )


def costs_csv() -> str:
    """Return the seven cost lines of the quarter; ``ends_on`` is the first day after it."""
    header = "cost_id,category,amount,currency,starts_on,ends_on,evidence,quantity,unit_rate,note"
    return _csv(
        header,
        (
            (
                cost.cost_id,
                cost.category,
                format(cost.amount, ".2f"),
                cost.currency,
                cost.starts_on.isoformat(),
                cost.ends_on.isoformat(),
                cost.evidence,
                "" if cost.quantity is None else str(cost.quantity),
                "" if cost.unit_rate is None else str(cost.unit_rate),
                cost.note,
            )
            for cost in COSTS
        ),
    )


def ssi_csv() -> str:
    """Return the Social Selling Index readings of the active members (no vendor API has them)."""
    return _csv(
        "employee,observed_on,brand,people,insights,relationships",
        (
            (
                score.employee,
                score.observed_on.isoformat(),
                *(str(p) for p in score.pillars),
            )
            for score in ssi_scores()
        ),
    )


def _csv(header: str, rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue()


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
