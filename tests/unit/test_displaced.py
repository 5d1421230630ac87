"""Who was moved between teams when the roster was told anew."""

from datetime import date

from shared.rollups.populations import Displaced, displaced

JANUARY, MARCH, MAY = date(2025, 1, 1), date(2025, 3, 1), date(2025, 5, 1)


def test_only_the_days_told_differently_count() -> None:
    then = {"E1": [(JANUARY, "Sales"), (MAY, "IT")], "E2": [(JANUARY, "HR")]}
    now = {"E1": [(JANUARY, "Sales"), (MARCH, "HR"), (MAY, "IT")], "E2": [(JANUARY, "HR")]}

    assert set(displaced(then, now)) == {
        Displaced("Sales", MARCH, MAY),
        Displaced("HR", MARCH, MAY),
    }


def test_who_was_nowhere_was_in_the_team_without_a_name() -> None:
    now = {"E1": [(MARCH, "Sales")]}

    expected = {Displaced("", MARCH, date.max), Displaced("Sales", MARCH, date.max)}
    assert set(displaced({}, now)) == set(displaced(now, {})) == expected


def test_a_row_that_changes_no_team_moves_nobody() -> None:
    then = {"E1": [(JANUARY, "Sales")]}

    assert not list(displaced(then, {"E1": [(JANUARY, "Sales"), (MARCH, "Sales")]}))
