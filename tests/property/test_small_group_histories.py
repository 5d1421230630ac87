"""No answer tells of a team that is too small, whatever is subtracted from what.

Small staffs in motion, told in any batches and corrected later, are asked everything that may be
asked: all spans of days, by team and in total, sets of teams, one network, now and as it was known
before the corrections. What is hidden is what the oracle hides, what is shown is what it computes;
and what follows from all answers together is no figure of fewer than k people.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from services.api.kpis.schemas import Value, ValuesQuery
from services.api.kpis.service import values
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import AudienceRecorded
from shared.kpis.periods import Period
from shared.kpis.privacy import Crossed
from shared.kpis.vocabulary import Dimension
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.populations import read_populations
from shared.rollups.read import live_generation
from shared.security.keys import Caller
from tests.elimination import reduced, remainder
from tests.property.drawing import dear
from tests.property.engine import fold, found_org, history_of
from tests.property.oracle.answers import Span
from tests.property.oracle.formulas import definitions
from tests.property.oracle.slices import team_of
from tests.property.oracle.small_groups import Groups
from tests.property.oracle.whole import Whole
from tests.property.staffs import DAYS, KPIS, TEAMS, Staff, staffs
from tests.property.worlds import Delivery, Setting, settings

pytestmark = pytest.mark.timeout(7200)

_LEVEL = "connections_total"
_TOLD = datetime(2025, 4, 20, 8, tzinfo=UTC)
_CORRECTED = _TOLD + timedelta(days=3)
_BEFORE_CORRECTIONS = _TOLD.date() + timedelta(days=1)
_SPANS = [
    (DAYS[first], DAYS[last] + timedelta(days=1))
    for first in range(len(DAYS))
    for last in range(first, len(DAYS))
]
_some_teams = st.lists(
    st.lists(st.sampled_from([*TEAMS, "nobody"]), min_size=1, max_size=3, unique=True),
    max_size=3,
)

_PLACES = ("team", "department", "role", "cohort")
Question = Mapping[str, Any]


@dear(long=75, otherwise=8)
@given(settings, staffs, st.integers(20, 80), st.sampled_from([5, 5, 7]), _some_teams)
async def test_nothing_follows_about_fewer_people_than_may_be_shown(
    database: Database, setting: Setting, staff: Staff, batch: int, k: int, some: list[list[str]]
) -> None:
    org = replace(await found_org(database, setting), smallest_group=k)
    told, corrections = staff.told(), staff.corrections()
    for start in range(0, len(told), batch):
        await _tell(database, org, told[start : start + batch], _TOLD)
    await _tell(database, org, corrections, _CORRECTED)
    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset()), connection)
        asked = list(_questions(some, is_corrected=staff.is_corrected))
        answered = [(question, await _answers(access, question)) for question in asked]

    oracle = Whole.of(history_of(org, [*told, *corrections]), ())
    groups = Groups(oracle.history, k)
    await _assert_crossed(database, org, groups)
    flows: list[list[int]] = []
    levels: list[list[int]] = []
    for question, found in answered:
        if "as_of" not in question:
            _assert_shown(found, question, oracle, groups)
        _collect(found, len(staff.people), flows, levels)
    _assert_nothing_of_days(flows, staff.people, k)
    # Whoever changes teams moves two levels by their own reading: of that, the levels do tell.
    if not staff.moves:
        _assert_nothing_of_levels(levels, staff.people, groups, oracle, k)


async def _tell(database: Database, org: Org, items: Sequence[Delivery], at: datetime) -> None:
    async with database.transaction(org.id) as connection:
        await append(connection, org, items, received_at=at)
    await fold(database, org, 50)
    await catch_up(database, org.id)


async def _assert_crossed(database: Database, org: Org, groups: Groups) -> None:
    """Compare how many people groups hold on each day, by themselves and together with others."""
    period = Period(DAYS[0], DAYS[-1] + timedelta(days=1))
    async with database.transaction(org.id) as connection:
        generation = await live_generation(connection, org.id)
        populations = await read_populations(
            connection, org.id, generation, period, Dimension.COHORT
        )
    for day in DAYS:
        (sizes,) = populations.during(Period(day, day + timedelta(days=1)))
        divisions: list[tuple[Mapping[tuple[str, ...], int], tuple[str, ...]]] = []
        for places in (_PLACES[:number] for number in range(len(_PLACES), 1, -1)):
            assert isinstance(sizes, Crossed)
            divisions += [(_alone(sizes.sizes), places[-1:]), (sizes.shared, places)]
            sizes = sizes.others
        assert not isinstance(sizes, Crossed)
        for told, places in (*divisions, (_alone(sizes), ("team",))):
            held = {group: people for group, people in told.items() if people}
            assert held == groups.heads(day, *places), (day, places)


def _alone(sizes: Mapping[str, int]) -> Mapping[tuple[str, ...], int]:
    return {(group,): people for group, people in sizes.items()}


def _questions(some: list[list[str]], *, is_corrected: bool) -> Iterator[Question]:
    """Yield what is asked: the present, then what was known before the corrections."""
    start, end = DAYS[0], DAYS[-1] + timedelta(days=1)
    whole: Question = {"from": start, "to": end}
    for first, last in _SPANS:
        yield {"from": first, "to": last}
        yield {"from": first, "to": last, "group_by": "team"}
    yield {**whole, "group_by": "team", "network": ["linkedin"]}
    yield from ({**whole, "team": teams} for teams in some)
    # Looking back holds for the rest of a transaction: it comes last.
    for asked in (whole, {"from": DAYS[1], "to": DAYS[2]}) if is_corrected else ():
        past = {**asked, "as_of": _BEFORE_CORRECTIONS}
        yield from (past, {**past, "group_by": "team"})
        yield from ({**past, "team": teams} for teams in some)


async def _answers(access: Access, question: Question) -> dict[str, list[Value]]:
    ids = [*KPIS.values(), *(() if "network" in question else (_LEVEL,))]
    query = ValuesQuery.model_validate({**question, "ids": ids})
    return {one.kpi: list(one.values) for one in (await values(access, query)).kpis}


def _assert_shown(
    found: Mapping[str, list[Value]], question: Question, oracle: Whole, groups: Groups
) -> None:
    """Compare what is hidden, what is shown as one, and every figure that is shown."""
    start, end = question["from"], question["to"]
    by_team = question.get("group_by") == "team"
    for kpi, answered in found.items():
        is_level = kpi == _LEVEL
        rule = groups.shown(start, end, of_level=is_level)
        teams = frozenset(question.get("team", ()))
        is_open = not teams or groups.are_shown_together(teams, start, end, of_level=is_level)
        for one in answered:
            told = (kpi, question, one, rule)
            if not by_team:
                assert one.suppressed is not is_open, told
            elif not one.merged:
                assert one.suppressed is (one.group in rule.hidden), told
            named = one.merged or ([one.group or ""] if by_team else teams)
            is_unread = is_level and named and not _is_read(oracle, named, end)
            assert (one.value is None) is bool(one.suppressed or is_unread), told
            if one.value is not None and not teams and "network" not in question:
                assert one.value == _figure(kpi, one, Span(start, end), oracle), told
        merged = {frozenset(one.merged) for one in answered if one.merged}
        is_one = by_team and rule.is_enough and rule.hidden
        assert merged == ({rule.hidden} if is_one else set()), (kpi, question, rule)


def _is_read(oracle: Whole, teams: Collection[str], end: date) -> bool:
    """Tell whether anybody's connections are known who is in one of some teams at the end."""
    people = {one.employee for one in oracle.history.of(AudienceRecorded)}
    day = end - timedelta(days=1)
    return any(_is_in(oracle, who, team, day) for who in people if who for team in teams)


def _figure(kpi: str, one: Value, span: Span, oracle: Whole) -> Fraction:
    """Return what the oracle says of a group, or of the teams shown as one."""
    teams = one.merged or [one.group or ""]
    grouped = span._replace(group_by="team" if one.group is not None else None)
    parts = (oracle.value(definitions()[kpi], grouped, team).value for team in teams)
    return sum((part or Fraction(0) for part in parts), Fraction(0))


def _collect(
    found: Mapping[str, list[Value]], people: int, flows: list[list[int]], levels: list[list[int]]
) -> None:
    """Take the digits of what is shown: whose figures are in it, and of which day."""
    for place in range(len(found["reactions"])):
        shown = [found[kpi][place].value for kpi in KPIS.values()]
        flows.append([digit for value in shown for digit in _digits(value, people)])
    levels += [_digits(one.value, people) for one in found.get(_LEVEL, ()) if one.value is not None]


def _digits(value: object, count: int) -> list[int]:
    whole = 0 if value is None else int(str(value))
    return [whole >> place & 1 for place in range(count)]


def _assert_nothing_of_days(flows: list[list[int]], people: Sequence[str], k: int) -> None:
    """Look through everything that is a linear combination of the answers.

    Days have columns of their own, each in rows of its own: what follows, follows of one day.
    """
    count = len(people)
    for number, day in enumerate(DAYS):
        rows = {tuple(row[number * count : (number + 1) * count]) for row in flows}
        basis = reduced([[Fraction(digit) for digit in row] for row in rows])
        for some in _few(rows, count, k):
            outside = [n for n in range(count) if n not in some]
            # Fewer dimensions without their columns: some combination holds nothing but these.
            rest = reduced([[row[n] for n in outside] for row in basis])
            assert len(rest) == len(basis), (day, [people[n] for n in sorted(some)])


def _assert_nothing_of_levels(
    levels: list[list[int]], people: Sequence[str], groups: Groups, oracle: Whole, k: int
) -> None:
    """Look for the level of any team that was too small on any day."""
    known = reduced([[Fraction(digit) for digit in row] for row in {tuple(row) for row in levels}])
    for team in sorted(groups.shown(DAYS[0], DAYS[-1] + timedelta(days=1), of_level=True).hidden):
        for day in DAYS:
            target = [Fraction(_is_in(oracle, one, team, day)) for one in people]
            if 0 < sum(target) < k:
                assert any(remainder(known, target)), (team, day)


def _few(rows: set[tuple[int, ...]], people: int, k: int) -> Iterator[frozenset[int]]:
    """Yield every set of fewer than k people that the answers do not always treat alike.

    Who is in the same answers throughout can only be found together; who is in none, not at all.
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for place in range(people):
        column = tuple(row[place] for row in sorted(rows))
        if any(column):
            alike.setdefault(column, []).append(place)
    for count in range(1, k):
        for classes in combinations(alike.values(), count):
            some = frozenset(place for one in classes for place in one)
            if len(some) < k:
                yield some


def _is_in(oracle: Whole, employee: str, team: str, day: date) -> bool:
    """Tell whether a team's level holds what somebody's connections were on a day."""
    history = oracle.history
    read = [one for one in history.of(AudienceRecorded) if one.employee == employee]
    is_read = any(history.day(one.occurred_at) <= day for one in read)
    return is_read and team_of(history, employee, day) == team
