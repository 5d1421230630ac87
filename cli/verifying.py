"""`earned verify`: recompute an organization's figures from its ledger and compare them exactly."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from random import Random
from typing import Any
from uuid import UUID

from cli.rebuilding import patient_database, patient_databases
from services.metrics.verify import (
    Look,
    Mismatch,
    Repair,
    Report,
    repair,
    verify,
    verify_sample,
)
from shared.db import Database

__all__ = [
    "documents",
    "ended",
    "render",
    "render_repairs",
    "repair_organizations",
    "verify_organizations",
]

_LISTED = 20
_RIGHT, _WRONG, _WAITING = 0, 1, 3  # 2 is how a command ends that was typed wrongly
_HEADINGS = ("check", "what", "day", "where", "stored", "recomputed", "facts")


def verify_organizations(
    database_url: str, organization: str | None, *, samples: int | None
) -> list[Report]:
    """Verify one organization or all of them: whole, or so many random samples of each.

    Raises:
        cli.tenant.UnknownOrganizationError, cli.tenant.AmbiguousOrganizationError: which one is
            meant cannot be said.
    """

    async def run(database: Database, org_id: UUID) -> list[Report]:
        if samples is None:
            return [await verify(database, org_id)]
        chance = Random()  # noqa: S311 - a choice of samples, no secret
        looks = islice(cycle(Look), samples)
        return [await verify_sample(database, org_id, look, chance) for look in looks]

    if organization is None:
        return [report for found in patient_databases(database_url, run) for report in found]
    return patient_database(database_url, organization, run)


def repair_organizations(database_url: str, organization: str | None) -> list[Repair]:
    """Verify one organization or all of them, mend what differs and verify again.

    Raises:
        cli.tenant.UnknownOrganizationError, cli.tenant.AmbiguousOrganizationError: which one is
            meant cannot be said.
    """
    if organization is None:
        return patient_databases(database_url, repair)
    return [patient_database(database_url, organization, repair)]


def ended(reports: Sequence[Report], repairs: Sequence[Repair] = ()) -> int:
    """Return the exit code: whether anything differs that no rebuild under way mends."""
    waiting = {done.after.org_id for done in repairs if done.is_waiting}
    wrong = {report.org_id for report in reports if report.mismatches}
    if not wrong:
        return _RIGHT
    return _WAITING if wrong <= waiting else _WRONG


def documents(reports: Sequence[Report], repairs: Sequence[Repair] = ()) -> list[dict[str, Any]]:
    """Return the reports as plain data; after repairs each says what a rebuild waits for."""
    if not repairs:
        return [report.document() for report in reports]
    return [
        {
            **done.after.document(),
            "is_waiting": done.is_waiting,
            "is_frozen": done.is_frozen,
        }
        for done in repairs
    ]


def render_repairs(repairs: Sequence[Repair]) -> Iterator[str]:
    """Yield what was wrong, how it was mended, and what a second verification says."""
    for done in repairs:
        yield from render([done.before])
        if done.is_rebuilt:
            yield "  rebuilt: deltas alone could not mend it"
        elif done.is_waiting:
            yield "  not mended: it takes a rebuild, and one is under way; verify again after that"
        elif done.is_frozen:
            yield "  not mended: it takes a rebuild, which would move published figures, told by"
            yield "  older rules or repaired since; withdraw them first"
        elif done.before.mismatches:
            yield "  mended in place; rollup_repair tells which deltas were logged"
        if done.before.mismatches:
            yield from render([done.after])


def render(reports: Sequence[Report]) -> Iterator[str]:
    """Yield the lines a person reads: what was compared, what differs, what was not verified."""
    for report in reports:
        yield (
            f"{report.org_id}, generation {report.generation}, up to entry {report.position:,}: "
            f"{_compared(report)}, {report.mismatches:,} mismatches"
        )
        yield from _table(report)
        if report.is_outdated:
            yield "  begun under older rules, which may be all that differs: `earned rebuild` first"
        if report.unverified:
            yield f"  not verified: {', '.join(report.unverified)}"


def _compared(report: Report) -> str:
    cells = f"{report.compared:,} cells recomputed"
    if not report.look:
        return cells
    # What else a sample looks at has no cells: none recomputed would read as nothing done.
    return f"a look at {report.look}" + (f", {cells}" if report.compared else "")


def _table(report: Report) -> Iterator[str]:
    if not report.listed:
        return
    rows = [_HEADINGS, *(_row(found) for found in report.listed[:_LISTED])]
    widths = [min(40, max(map(len, column))) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()
    if report.mismatches > _LISTED:
        yield f"  … and {report.mismatches - _LISTED:,} more (--json lists up to a thousand)"


def _row(found: Mismatch) -> tuple[str, ...]:
    return (
        str(found.check),
        found.name,
        str(found.day or ""),
        " ".join(f"{name}={value}" for name, value in found.cell.items()),
        found.stored or "nothing",
        found.recomputed or "nothing",
        "" if found.facts is None else f"{found.facts}: {', '.join(found.examples)}",
    )
