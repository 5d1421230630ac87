"""Groups of people: golden number 13, and an attack that tries every combination of answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kpis.privacy import (
    FLOOR,
    Disclosure,
    disclose,
    hidden_groups,
    levels_apart,
    may_filter,
)
from tests.elimination import reduced, remainder

ENROLLED = {"Sales": 12, "Marketing": 6, "HR": 5, "IT": 4, "Mgmt": 3}
ACTIVE = {"Sales": 10, "Marketing": 5, "HR": 4, "IT": 3, "Mgmt": 2}


def test_two_small_teams_are_shown_only_together() -> None:
    shown = disclose([ENROLLED], FLOOR)

    assert shown == Disclosure(frozenset({"IT", "Mgmt"}), ("IT", "Mgmt"))
    assert sum(ENROLLED[team] for team in shown.merged) == 7
    assert sum(ACTIVE[team] for team in shown.merged) == 5


def test_a_single_small_team_takes_the_next_smallest_with_it() -> None:
    assert hidden_groups(ENROLLED, 4) == {"Mgmt", "IT"}
    assert hidden_groups({"A": 3, "B": 9, "C": 7}, 5) == {"A", "C"}


def test_teams_that_are_large_enough_are_all_shown() -> None:
    assert hidden_groups({"A": 5, "B": 6}, 5) == frozenset()
    assert hidden_groups({}, 5) == frozenset()


def test_an_empty_team_neither_hides_nor_covers_anybody() -> None:
    assert hidden_groups({"A": 0, "B": 6}, 5) == frozenset()
    assert hidden_groups({"A": 0, "B": 2, "C": 8}, 5) == {"B", "C"}


def test_fewer_people_than_k_in_all_are_not_shown_even_together() -> None:
    assert disclose([{"A": 2, "B": 2}], 5) == Disclosure(frozenset({"A", "B"}), ())
    assert not may_filter([{"A": 2, "B": 2}], frozenset({"A", "B"}), 5)


def test_a_period_hides_what_any_of_its_days_hides() -> None:
    before = {"A": 4, "B": 9, "C": 6}
    after = {"A": 5, "B": 9, "C": 6}

    assert disclose([after], 5).hidden == frozenset()
    assert disclose([before, after], 5).hidden == {"A", "C"}


def test_groups_between_which_people_were_moved_are_hidden_whatever_their_size() -> None:
    bound = frozenset({"Sales", "HR"})

    assert disclose([{"Sales": 12, "HR": 5, "IT": 6}], 5, bound=bound) == Disclosure(
        bound, ("HR", "Sales")
    )
    assert disclose([ENROLLED], 5, bound=bound).hidden == {"HR", "IT", "Mgmt", "Sales"}
    assert disclose([{"Sales": 2, "HR": 2}], 5, bound=bound).merged == ()
    assert not may_filter([ENROLLED], frozenset({"Sales"}), 5, bound=bound)
    assert may_filter([ENROLLED], frozenset({"Marketing"}), 5, bound=bound)


@pytest.mark.parametrize(
    ("only", "allowed"),
    [
        ({"Sales"}, True),
        ({"IT"}, False),
        ({"Sales", "IT"}, False),
        ({"IT", "Mgmt"}, True),
        ({"Sales", "IT", "Mgmt"}, True),
        ({"unknown"}, True),
    ],
)
def test_a_filter_holds_all_hidden_teams_or_none(only: set[str], *, allowed: bool) -> None:
    assert may_filter([ENROLLED], frozenset(only), FLOOR) is allowed


def test_a_group_of_one_is_never_asked_for() -> None:
    with pytest.raises(ValueError, match="a person"):
        hidden_groups(ENROLLED, 1)


# The attack. What is unknown is one figure for each team and day. Every allowed answer is a sum of
# some of them; whatever follows from the answers is a linear combination of these sums.

Day = dict[str, int]
organizations = st.integers(2, 5).flatmap(
    lambda teams: st.lists(
        st.fixed_dictionaries({f"T{n}": st.integers(0, 9) for n in range(teams)}),
        min_size=1,
        max_size=2,
    )
)


def _answers(days: Sequence[Day], k: int) -> Iterator[list[Fraction]]:
    """Yield the vector of every answer that is given: all spans of days, all sets of teams."""
    teams = sorted(days[0])
    for first in range(len(days)):
        for last in range(first, len(days)):
            span = days[first : last + 1]
            shown = disclose(span, k)
            allowed = [{team} for team in teams if team not in shown.hidden]
            allowed += [set(shown.merged), set(teams)]
            allowed += [
                set(some)
                for count in range(1, len(teams) + 1)
                for some in combinations(teams, count)
                if may_filter(span, frozenset(some), k)
            ]
            for names in allowed:
                yield [
                    Fraction(first <= day <= last and team in names)
                    for day in range(len(days))
                    for team in teams
                ]


@settings(max_examples=60, deadline=None)
@given(days=organizations, k=st.integers(2, 6))
def test_no_combination_of_answers_is_about_fewer_than_k_people(days: list[Day], k: int) -> None:
    teams = sorted(days[0])
    basis = reduced(_answers(days, k))

    for day, sizes in enumerate(days):
        if sum(sizes.values()) < k:
            continue  # the whole organization's figure is not one of a group
        for count in range(1, len(teams) + 1):
            for some in combinations(teams, count):
                people = sum(sizes[team] for team in some)
                target = [
                    Fraction(other == day and team in some)
                    for other in range(len(days))
                    for team in teams
                ]
                if 0 < people < k:
                    assert any(remainder(basis, target)), (some, day)


@given(days=organizations, k=st.integers(2, 6))
def test_what_is_large_enough_on_its_own_and_needed_by_nobody_is_shown(
    days: list[Day], k: int
) -> None:
    sizes = days[0]
    hidden = hidden_groups(sizes, k)
    small = {team for team, size in sizes.items() if 0 < size < k}

    assert small <= hidden
    if sum(sizes[team] for team in small) >= k or not small:
        assert hidden == small


@pytest.mark.parametrize(("weeks", "days"), [(1, 35), (4, 35), (5, 41), (52, 370)])
def test_a_level_is_judged_by_as_many_days_as_it_looks_back_on(weeks: int, days: int) -> None:
    assert levels_apart(weeks) == timedelta(days=days)
