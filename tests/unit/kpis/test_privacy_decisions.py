"""What is hidden is decided once of the same sizes, however many periods share them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis import privacy
from shared.kpis.cuts import Drawing
from shared.kpis.periods import Interval, Period, buckets
from shared.kpis.privacy import Crossed, Decisions, Sizes, disclose, hidden_groups, may_filter
from shared.rollups.populations import Populations

K = 5
FIRST = date(2024, 1, 1)
YEAR = Period(FIRST, date(2025, 1, 1))


def staff(leaders: int = 9) -> Crossed:
    """Return the sizes of roles beside teams; every call makes them anew."""
    shared: dict[tuple[str, ...], int] = {("Mgmt", "leader"): leaders}
    shared |= {("Mgmt", "expert"): 1, ("Sales", "expert"): 20}
    teams = {"Mgmt": leaders + 1, "Sales": 20}
    return Crossed({"leader": leaders, "expert": 21}, teams, shared)


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[Sizes]:
    """Return the sizes of which it was decided; what is beside them is not told by itself."""
    sizes: list[Sizes] = []

    def told(one: Sizes, k: int) -> frozenset[str]:
        sizes.extend([one] if isinstance(one, Crossed) else [])
        return hidden_groups(one, k)

    monkeypatch.setattr(privacy, "hidden_groups", told)
    return sizes


def test_a_year_of_days_over_one_staff_is_decided_once(decided: list[Sizes]) -> None:
    populations = Populations([(FIRST - timedelta(days=90), staff())])
    judge = Decisions().hidden_groups

    days = [populations.during(day) for day in buckets(YEAR, Interval.DAY)]
    shown = {disclose(sizes, K, judge=judge).merged for sizes in days}
    allowed = {may_filter(sizes, frozenset({"leader"}), K, judge=judge) for sizes in days}

    assert len(days) == 366
    assert (shown, allowed) == ({("expert", "leader")}, {False})
    assert len(decided) == 1


def test_a_staff_that_is_told_again_is_not_decided_again(decided: list[Sizes]) -> None:
    judge = Decisions().hidden_groups
    told = [staff(), staff(leaders=10), staff(), staff(leaders=10)]

    assert disclose(told, K, judge=judge) == disclose(told, K)
    assert len(decided) == 2


def test_every_k_has_its_own_decision() -> None:
    judge = Decisions().hidden_groups
    sizes = {"Sales": 12, "HR": 5, "IT": 4, "Mgmt": 3}

    found = {k: judge(sizes, k) for k in (5, 2, 10, 5)}

    assert found == {k: hidden_groups(sizes, k) for k in (5, 2, 10)}


_counts = st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers(0, 8), max_size=3)
_shared = st.dictionaries(
    st.tuples(st.sampled_from(["T", "U"]), st.sampled_from(["A", "B"])), st.integers(0, 8)
)


@given(st.lists(st.one_of(_counts, st.builds(Crossed, _counts, _counts, _shared)), max_size=9))
def test_what_was_decided_is_what_is_hidden(
    days: list[Mapping[str, int] | Crossed],
) -> None:
    judge = Decisions().hidden_groups

    for sizes in [*days, *days]:
        assert judge(sizes, K) == hidden_groups(sizes, K)


@given(st.sets(st.integers(0, 12)), st.integers(0, 12), st.integers(1, 12))
def test_a_period_has_the_sizes_of_each_of_its_days(
    changes: set[int], start: int, length: int
) -> None:
    day = [FIRST + timedelta(days=number) for number in range(26)]
    populations = Populations([(day[number], {"Sales": number}) for number in sorted(changes)])

    # On each day those of the last change hold.
    held = [
        max((n for n in changes if n <= at), default=None) for at in range(start, start + length)
    ]
    expected = [{"Sales": number} for number in dict.fromkeys(held) if number is not None]
    assert populations.during(Period(day[start], day[start + length])) == expected


class _Counting(dict[tuple[str, ...], int]):
    """Who shares which groups, and how often all of it was looked at."""

    looks = 0

    def items(self) -> Any:
        self.looks += 1
        return super().items()


@pytest.mark.parametrize("roles", [10, 160])
def test_who_shares_groups_is_looked_at_once_however_many_of_them_are_hidden(
    roles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each role has a team of its own, but for one person: as long as it is shown, it tells of them.
    shared = _Counting({(f"T{number}", f"R{number}"): 10 for number in range(roles)})
    shared |= {("Sales", f"R{number}"): 1 for number in range(roles)}
    teams = {**{f"T{number}": 10 for number in range(roles)}, "Sales": roles}
    told = Crossed({f"R{number}": 11 for number in range(roles)}, teams, shared)
    tried: list[int] = []
    closed = Drawing.closed

    def counted(drawing: Drawing, k: int) -> tuple[Drawing, bool]:
        tried.append(k)
        return closed(drawing, k)

    monkeypatch.setattr(Drawing, "closed", counted)

    hidden = hidden_groups(told, 10)

    assert len(hidden) == roles
    assert shared.looks == 1
    assert len(tried) <= roles.bit_length() + 1  # halves of what is in question, not each role
