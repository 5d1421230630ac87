"""How `earned verify` ends: what is still wrong, and whether a rebuild under way mends it."""

from uuid import UUID, uuid4

import pytest

from cli.verifying import documents, ended, render, render_repairs
from services.metrics.verify import Check, Mismatch, Repair, Report

_ONE, _OTHER = uuid4(), uuid4()


def report(org_id: UUID, mismatches: int = 0) -> Report:
    made = Report(org_id, 1, 9)
    for _ in range(mismatches):
        made.add(Mismatch(Check.STATE, "touch", None, "{}"))
    return made


def repaired(org_id: UUID, left: int, *, is_waiting: bool = False) -> Repair:
    return Repair(report(org_id, 1), report(org_id, left), is_rebuilt=False, is_waiting=is_waiting)


@pytest.mark.parametrize(
    ("repairs", "code"),
    [
        ([], 0),
        ([repaired(_ONE, 0), repaired(_OTHER, 0)], 0),
        ([repaired(_ONE, 1), repaired(_OTHER, 0)], 1),
        ([repaired(_ONE, 2, is_waiting=True), repaired(_OTHER, 0)], 3),
        ([repaired(_ONE, 2, is_waiting=True), repaired(_OTHER, 1)], 1),
        # It took over before the second verification.
        ([repaired(_ONE, 0, is_waiting=True)], 0),
    ],
)
def test_it_ends_with_what_a_rebuild_under_way_does_not_mend(
    repairs: list[Repair], code: int
) -> None:
    assert ended([done.after for done in repairs], repairs) == code


def test_without_repairs_whatever_differs_is_wrong() -> None:
    assert ended([report(_ONE), report(_OTHER, 1)]) == 1
    assert "is_waiting" not in documents([report(_ONE)])[0]


def test_what_is_frozen_is_wrong_until_it_is_withdrawn() -> None:
    frozen = Repair(report(_ONE, 1), report(_ONE, 1), is_rebuilt=False, is_frozen=True)

    assert ended([frozen.after], [frozen]) == 1
    assert documents([frozen.after], [frozen])[0]["is_frozen"]
    assert any("withdraw them first" in line for line in render_repairs([frozen]))


@pytest.mark.parametrize(
    ("look", "compared", "told"),
    [
        ("", 0, "0 cells recomputed"),
        ("state", 0, "a look at state"),
        ("cells", 845, "a look at cells, 845 cells recomputed"),
    ],
)
def test_a_look_that_has_no_cells_is_not_told_as_none_recomputed(
    look: str, compared: int, told: str
) -> None:
    (line,) = render([Report(_ONE, 1, 9, compared=compared, look=look)])

    assert line == f"{_ONE}, generation 1, up to entry 9: {told}, 0 mismatches"
