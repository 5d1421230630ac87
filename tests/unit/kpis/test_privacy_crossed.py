"""Two divisions of the same people, such as teams and roles: what one tells of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kpis.privacy import Crossed, disclose, hidden_groups, may_filter
from tests.elimination import reduced

K = 5


def crossed(shared: Mapping[tuple[str, str], int]) -> Crossed:
    """Return the sizes of roles beside those of teams, of who has which role in which team."""
    roles, teams = Counter[str](), Counter[str]()
    for (role, team), people in shared.items():
        roles[role] += people
        teams[team] += people
    return Crossed(roles, teams, shared)


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


def _answers(told: Crossed, k: int) -> Iterator[list[Fraction]]:
    """Yield every answer as a vector: how often each cell of the table is in it."""
    cells = sorted(told.shared)
    for place, sizes in ((0, told), (1, told.others)):
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


@settings(max_examples=150, deadline=None)
@given(shared=tables, k=st.integers(2, 6))
def test_no_combination_of_teams_and_roles_is_about_fewer_than_k_people(
    shared: dict[tuple[str, str], int], k: int
) -> None:
    told = crossed(shared)
    cells = sorted(shared)
    held = [number for number, cell in enumerate(cells) if shared[cell]]
    if sum(shared.values()) < k:
        return  # the whole organization's figure is not one of a group
    # A cell of nobody has no figure, whatever its factor.
    basis = reduced([[row[n] for n in held] for row in _answers(told, k)])

    for count in range(1, len(held) + 1):
        for some in combinations(range(len(held)), count):
            if sum(shared[cells[held[n]]] for n in some) < k:
                # Fewer dimensions without their columns: some combination holds nothing but these.
                outside = [n for n in range(len(held)) if n not in some]
                rest = reduced([[row[n] for n in outside] for row in basis])
                assert len(rest) == len(basis), [cells[held[n]] for n in some]


@settings(max_examples=150, deadline=None)
@given(shared=tables, k=st.integers(2, 6))
def test_no_more_roles_are_hidden_than_must_be(shared: dict[tuple[str, str], int], k: int) -> None:
    told = crossed(shared)
    roles = {role: people for role, people in told.sizes.items() if people}
    if hidden_groups(roles, k) or hidden_groups(told.others, k):
        return  # the rule for single divisions decides
    cells = [cell for cell in sorted(shared) if shared[cell]]
    answers = [
        [Fraction(cell[place] == name) for cell in cells]
        for place, names in ((0, told.sizes), (1, told.others))
        for name in names
    ]
    basis = reduced(answers)

    few = [
        some
        for count in range(1, len(cells) + 1)
        for some in combinations(range(len(cells)), count)
        if sum(shared[cells[n]] for n in some) < k
    ]
    tells = any(
        len(reduced([[row[n] for n in range(len(cells)) if n not in some] for row in basis]))
        < len(basis)
        for some in few
    )
    assert bool(hidden_groups(told, k)) is tells
