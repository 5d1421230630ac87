"""A report of a verification lists what it has room for, and counts everything."""

from uuid import UUID

from services.metrics.verify import Check, Mismatch, Report
from services.metrics.verify.report import MOST_LISTED


def test_all_mismatches_are_counted_and_the_first_ones_listed() -> None:
    report = Report(UUID(int=1), generation=1, position=1)
    for number in range(MOST_LISTED + 2):
        report.add(Mismatch(Check.CREDIT, f"deal d{number}", "1", "2"))

    assert report.counts == {Check.CREDIT: MOST_LISTED + 2}
    assert [found.name for found in report.listed] == [f"deal d{n}" for n in range(MOST_LISTED)]
