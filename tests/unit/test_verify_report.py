"""A report of a verification lists what it has room for, and counts everything."""

from datetime import date
from uuid import UUID

from services.metrics.verify import Check, Mismatch, Report
from services.metrics.verify.report import MOST_LISTED


def test_all_mismatches_are_counted_and_the_first_ones_listed() -> None:
    report = Report(UUID(int=1), generation=1, position=1)
    for number in range(MOST_LISTED + 2):
        report.add(Mismatch(Check.CREDIT, f"deal d{number}", "1", "2"))

    assert report.counts == {Check.CREDIT: MOST_LISTED + 2}
    assert [found.name for found in report.listed] == [f"deal d{n}" for n in range(MOST_LISTED)]


def test_a_mismatch_is_told_in_plain_data_with_its_day_if_it_has_one() -> None:
    of_day = Mismatch(Check.CELLS, "shares", "1", "2", day=date(2025, 3, 1))
    of_none = Mismatch(Check.STATE, "roster", None, "{}")

    assert [told.document()["day"] for told in (of_day, of_none)] == ["2025-03-01", None]
