"""Whether a drawing comes apart at few lines, against every way to take it apart."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.cuts import Drawing
from shared.kpis.privacy import Crossed, hidden_groups

_POINTS = 6
drawings = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(3, _POINTS - 1)), st.integers(1, 6), max_size=9
)
#: Who has which role in which team.
staffs = st.dictionaries(
    st.tuples(st.sampled_from(["T1", "T2", "T3"]), st.sampled_from(["R1", "R2", "R3", "R4", "R5"])),
    st.integers(0, 9),
    min_size=1,
)


def _comes_apart(lines: dict[tuple[int, int], int], k: int) -> bool:
    """Take the points apart in every way; what no line connects is no cut."""
    points = sorted({point for line in lines for point in line})
    for count in range(1, len(points)):
        for side in combinations(points, count):
            between = sum(n for (one, two), n in lines.items() if (one in side) != (two in side))
            if 0 < between < k:
                return True
    return False


@given(lines=drawings, k=st.integers(1, 9))
def test_a_drawing_comes_apart_where_some_cut_is_of_few_lines(
    lines: dict[tuple[int, int], int], k: int
) -> None:
    assert Drawing(lines).closed(k)[1] == _comes_apart(lines, k)


@given(
    lines=drawings,
    k=st.integers(1, 9),
    pairs=st.lists(st.tuples(st.integers(0, _POINTS - 1), st.integers(0, _POINTS - 1)), max_size=4),
)
def test_what_is_left_comes_apart_as_the_whole_does_when_more_points_are_joined(
    lines: dict[tuple[int, int], int], k: int, pairs: list[tuple[int, int]]
) -> None:
    drawing = Drawing(lines)
    left, _ = drawing.closed(k)

    assert left.joined(pairs).closed(k)[1] == drawing.joined(pairs).closed(k)[1]


@given(shared=staffs, k=st.integers(2, 9))
def test_as_few_roles_are_hidden_as_leave_no_cut(
    shared: dict[tuple[str, str], int], k: int
) -> None:
    teams, roles = Counter[str](), Counter[str]()
    for (team, role), people in shared.items():
        teams[team] += people
        roles[role] += people

    told = Crossed(roles, teams, {(team, role): shared[team, role] for team, role in shared})
    assert hidden_groups(told, k) == _hidden(shared, teams, roles, k)


def _hidden(
    shared: dict[tuple[str, str], int], teams: Counter[str], roles: Counter[str], k: int
) -> set[str]:
    """Hide one role after another, in order of size, until nothing is told of fewer than k."""
    in_order = sorted((size, name) for name, size in roles.items() if size)
    hidden_teams = hidden_groups(teams, k)
    for number, (size, _) in enumerate(in_order):
        hidden = {name for _, name in in_order[:number]}
        lines = Counter[tuple[int, int]]()
        numbers: dict[object, int] = {}
        for (team, role), people in shared.items():
            ends = (0 if team in hidden_teams else team, 1 if role in hidden else ("role", role))
            if people:
                one, two = (numbers.setdefault(("end", end), len(numbers)) for end in ends)
                lines[one, two] += people
        is_covered = size >= k and (not hidden or sum(n for n, _ in in_order[:number]) >= k)
        if is_covered and not _comes_apart(lines, k):
            return hidden
    return {name for _, name in in_order}
