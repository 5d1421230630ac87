"""Two divisions of the same people, such as teams and roles: what one tells of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kpis.privacy import Crossed, Sizes, disclose, hidden_groups, may_filter
from tests.elimination import reduced

K = 5


def crossed(shared: Mapping[tuple[str, str], int]) -> Crossed:
    """Return the sizes of roles beside those of teams, of who has which role in which team."""
    roles, teams = Counter[str](), Counter[str]()
    for (role, team), people in shared.items():
        roles[role] += people
        teams[team] += people
    return Crossed(roles, teams, {(team, role): shared[role, team] for role, team in shared})


def test_a_role_that_lies_in_one_team_but_for_few_is_hidden() -> None:
    # Mgmt less the leaders is one person.
    told = crossed({("leader", "Mgmt"): 9, ("expert", "Mgmt"): 1, ("expert", "Sales"): 20})

    assert hidden_groups(told, K) == {"leader", "expert"}
    assert disclose([told], K).merged == ("expert", "leader")
    assert not may_filter([told], frozenset({"leader"}), K)
    assert may_filter([told], frozenset({"leader", "expert"}), K)


def test_a_role_of_one_in_each_of_many_teams_is_shown() -> None:
    teams = [f"T{number}" for number in range(6)]
    told = {("leader", team): 1 for team in teams} | {("expert", team): 8 for team in teams}

    assert hidden_groups(crossed(told), K) == frozenset()


def test_roles_that_share_few_with_each_team_are_shown_where_they_are_many_together() -> None:
    counts = {"leader": 3, "expert": 4, "clerk": 3}
    told = {(role, team): n for role, n in counts.items() for team in ("HR", "IT", "Sales")}

    assert hidden_groups(crossed(told), K) == frozenset()


def test_a_role_that_is_a_team_tells_nothing_more() -> None:
    told = crossed({("leader", "Mgmt"): 6, ("expert", "Sales"): 9})

    assert hidden_groups(told, K) == frozenset()


def test_small_roles_are_hidden_as_small_teams_are() -> None:
    told = crossed({("leader", "Sales"): 3, ("expert", "Sales"): 9, ("clerk", "Sales"): 7})

    assert hidden_groups(told, K) == {"leader", "clerk"}


def test_only_as_many_roles_are_hidden_as_must_be() -> None:
    told = crossed(
        {
            ("leader", "Mgmt"): 5,
            ("expert", "Mgmt"): 1,
            ("clerk", "Sales"): 7,
            ("expert", "Sales"): 20,
            ("expert", "IT"): 20,
        }
    )

    # With the clerks, who are in Sales, the leaders are not told apart from the others of Mgmt.
    assert hidden_groups(told, K) == {"leader", "clerk"}


def test_hidden_teams_are_one_when_roles_are_judged() -> None:
    # One of IT is an expert; but IT and HR are shown as one, and more of these are.
    told = crossed(
        {
            ("leader", "IT"): 3,
            ("expert", "IT"): 1,
            ("expert", "HR"): 4,
            ("leader", "Sales"): 5,
            ("expert", "Sales"): 5,
        }
    )

    assert hidden_groups(told, K) == frozenset()


tables = st.dictionaries(
    st.tuples(st.sampled_from(["R1", "R2", "R3", ""]), st.sampled_from(["T1", "T2", "T3", ""])),
    st.integers(0, 8),
    min_size=1,
)
tables_of_three = st.dictionaries(
    st.tuples(*(st.sampled_from([f"{what}1", f"{what}2", ""]) for what in "TDR")),
    st.integers(1, 8),
    min_size=1,
    max_size=9,
)


def _divisions(told: Sizes) -> list[tuple[int, Sizes]]:
    """Return the divisions, each with its place in the cells."""
    before = _divisions(told.others) if isinstance(told, Crossed) else []
    return [*before, (len(before), told)]


def _answers(told: Crossed, k: int) -> Iterator[list[Fraction]]:
    """Yield every answer as a vector: how often each cell of the table is in it."""
    cells = sorted(told.shared)
    for place, sizes in _divisions(told):
        groups = sorted({cell[place] for cell in cells})
        shown = disclose([sizes], k)
        allowed = [{group} for group in groups if group not in shown.hidden]
        allowed += [set(shown.merged), set(groups)]
        allowed += [
            set(some)
            for count in range(1, len(groups) + 1)
            for some in combinations(groups, count)
            if may_filter([sizes], frozenset(some), k)
        ]
        for names in allowed:
            yield [Fraction(cell[place] in names) for cell in cells]


def _tells(basis: Sequence[Sequence[Fraction]], counts: Sequence[int], k: int) -> list[int] | None:
    """Return cells of fewer than k people that some combination of answers is about."""
    for count in range(1, len(counts) + 1):
        for some in combinations(range(len(counts)), count):
            if sum(counts[n] for n in some) < k:
                # Fewer dimensions without their columns: some combination holds nothing but these.
                outside = [n for n in range(len(counts)) if n not in some]
                if len(reduced([[row[n] for n in outside] for row in basis])) < len(basis):
                    return list(some)
    return None


@settings(max_examples=150, deadline=None)
@given(shared=tables, k=st.integers(2, 6))
def test_no_combination_of_teams_and_roles_is_about_fewer_than_k_people(
    shared: dict[tuple[str, str], int], k: int
) -> None:
    _assert_nothing_follows(crossed(shared), k)


@settings(max_examples=150, deadline=None)
@given(shared=tables_of_three, k=st.integers(2, 6))
def test_nor_is_one_of_teams_departments_and_roles(
    shared: dict[tuple[str, ...], int], k: int
) -> None:
    teams, departments, roles = Counter[str](), Counter[str](), Counter[str]()
    pairs = Counter[tuple[str, ...]]()
    for (team, department, role), people in shared.items():
        teams[team] += people
        departments[department] += people
        roles[role] += people
        pairs[team, department] += people

    _assert_nothing_follows(Crossed(roles, Crossed(departments, teams, pairs), shared), k)


def _assert_nothing_follows(told: Crossed, k: int) -> None:
    cells = sorted(told.shared)
    if sum(told.shared.values()) < k:
        return  # the whole organization's figure is not one of a group
    # A cell of nobody has no figure, whatever its factor.
    held = [number for number, cell in enumerate(cells) if told.shared[cell]]
    basis = reduced([[row[n] for n in held] for row in _answers(told, k)])

    assert _tells(basis, [told.shared[cells[n]] for n in held], k) is None


@settings(max_examples=150, deadline=None)
@given(shared=tables, k=st.integers(2, 6))
def test_no_more_roles_are_hidden_than_must_be(shared: dict[tuple[str, str], int], k: int) -> None:
    told = crossed(shared)
    roles = {role: people for role, people in told.sizes.items() if people}
    if hidden_groups(roles, k) or hidden_groups(told.others, k):
        return  # the rule for single divisions decides
    cells = [cell for cell in sorted(told.shared) if told.shared[cell]]
    names = [{cell[place] for cell in cells} for place in (0, 1)]
    basis = reduced(
        [Fraction(cell[place] == name) for cell in cells]
        for place in (0, 1)
        for name in sorted(names[place])
    )

    is_told = _tells(basis, [told.shared[cell] for cell in cells], k) is not None
    assert bool(hidden_groups(told, k)) is is_told


def chained(shared: Mapping[Any, int]) -> Crossed:
    """Return the sizes of the last of several divisions beside those before it."""
    (places,) = {len(cell) for cell in shared}
    sizes: Sizes = {}
    for number in range(places):
        alone, together = Counter[str](), Counter[tuple[str, ...]]()
        for cell, people in shared.items():
            alone[cell[number]] += people
            together[cell[: number + 1]] += people
        sizes = Crossed(alone, sizes, together) if number else alone
    assert isinstance(sizes, Crossed)
    return sizes


tables_of_four = st.dictionaries(
    st.tuples(*(st.sampled_from([f"{what}1", f"{what}2", ""]) for what in "TDRC")),
    st.integers(1, 8),
    min_size=1,
    max_size=9,
)


@settings(max_examples=200, deadline=None)
@given(shared=tables_of_four, k=st.integers(2, 6))
def test_nor_is_one_of_teams_departments_roles_and_cohorts(
    shared: dict[tuple[str, ...], int], k: int
) -> None:
    _assert_nothing_follows(chained(shared), k)


def test_cohorts_of_many_small_parts_of_teams_are_shown() -> None:
    # One or two of each role of each team joined in each month: no part is k people, all are many.
    parts = [(team, "", role) for team in ("HR", "IT", "Sales") for role in ("leader", "expert")]
    told = {(*part, f"2025-0{month}"): 1 + month % 2 for part in parts for month in (1, 2, 3)}

    assert hidden_groups(chained(told), K) == frozenset()


def test_a_cohort_that_is_a_team_but_for_few_is_hidden() -> None:
    # Sales less who joined in March are two people.
    told = {
        ("Sales", "", "", "2025-01"): 2,
        ("Sales", "", "", "2025-03"): 9,
        ("IT", "", "", "2025-01"): 9,
        ("IT", "", "", "2025-02"): 9,
    }

    # With those of February, who are in IT, they are not told apart from the others of Sales.
    assert hidden_groups(chained(told), K) == {"2025-02", "2025-03"}


def test_a_cohort_that_is_a_team_is_hidden_where_parts_of_teams_are_small() -> None:
    told = {
        ("Sales", "", "leader", "2025-01"): 6,
        ("Sales", "", "agent", "2025-01"): 9,
        ("IT", "", "agent", "2025-02"): 9,
        ("IT", "", "leader", "2025-02"): 1,
    }

    assert hidden_groups(chained(told), K) == {"2025-01", "2025-02"}
