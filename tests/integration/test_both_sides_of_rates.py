"""Rates of which one side might be told and the other not: by hand, of what is known on both."""

from datetime import date
from decimal import Decimal

from shared.db import Database
from shared.facts import Fact
from shared.kpis.compose import evaluate
from shared.kpis.definitions import catalogue
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.telling import tell

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))


async def value_of(
    database: Database, org: Org, kpi_id: str, assumptions: dict[str, Decimal] | None = None
) -> Decimal | None:
    """Return a KPI of February."""
    names = [measure.id for measure in catalogue().measures_of(kpi_id)]
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, names, MeasureQuery((FEBRUARY,)))
    return evaluate(catalogue().kpis[kpi_id], table[0, ""], assumptions).value


def employed(name: str, team: str | None) -> Fact:
    where = {"employee": name, "team": team, "effective_on": "2025-01-01"}
    return fact("employee.recorded", name, "2025-01-01", **where)


async def test_reach_is_set_against_the_followers_of_the_accounts_that_reached(
    database: Database, org: Org
) -> None:
    def reached(post: str, account: str, reach: int) -> Fact:
        body = {"post": post, "account": account, "network": "linkedin", "reach": reach}
        return fact("post.metrics", post, "2025-02-06", **body)

    followers = {"metric": "followers", "count": 100, "account": "brand", "network": "linkedin"}
    await tell(
        database,
        org,
        fact("audience.recorded", "f", "2025-02-05", **followers),
        reached("b1", "brand", 40),
        reached("b2", "brand", 70),
        # Of an account whose followers nobody counted.
        reached("c1", "club", 5000),
    )

    assert await value_of(database, org, "reach_unique_most") == 5110
    assert await value_of(database, org, "organic_reach_rate") == 55


async def test_a_publication_says_whose_reach_was_read(database: Database, org: Org) -> None:
    followers = {"metric": "followers", "count": 100, "account": "brand", "network": "linkedin"}
    post = {"post": "b1", "account": "brand", "network": "linkedin"}
    own = {"post": "e1", "employee": "E1", "network": "linkedin"}
    await tell(
        database,
        org,
        fact("audience.recorded", "f", "2025-02-05", **followers),
        fact("post.published", "b1", "2025-02-05", **post),
        fact("post.published", "e1", "2025-02-05", **own),
        # Readings that say no more than which post it is.
        fact("post.metrics", "b1", "2025-02-06", post="b1", impressions=90, reach=40),
        fact("post.metrics", "e1", "2025-02-06", post="e1", impressions=900, reach=800),
    )

    assert await value_of(database, org, "impressions_brand") == 90
    assert await value_of(database, org, "reach_unique_least") == 40
    assert await value_of(database, org, "organic_reach_rate") == 40


async def test_search_time_is_weighed_by_the_people_who_search(
    database: Database, org: Org
) -> None:
    def searching(name: str, hours: str, **team: str) -> Fact:
        figure = {"figure": "search_hours", "day": "2025-02-03", "value": hours}
        return fact("figure.recorded", name, "2025-02-03", **figure, **team)

    kpi, baseline = "info_search_time_saved", {"info_search.baseline_hours": Decimal(7)}
    people = {"A": 3, "B": 1, "C": 2}
    staff = [employed(f"{team}{n}", team) for team, count in people.items() for n in range(count)]
    figures = searching("A", "2", team="A"), searching("B", "6", team="B")

    await tell(database, org, *staff, *figures)
    # Four weeks: (3 * (7 - 2) + 1 * (7 - 6)) * 4. Of team C nobody knows anything.
    assert await value_of(database, org, kpi, baseline) == 64

    await tell(database, org, searching("all", "5"))
    # What is said of the company is so where a team says nothing: 2 * (7 - 5) * 4 more.
    assert await value_of(database, org, kpi, baseline) == 80


async def test_who_is_in_no_team_has_no_ties_across_teams(database: Database, org: Org) -> None:
    teams = ["A", "A", "B", "B", None, None, None]
    staff = [employed(f"E{number}", team) for number, team in enumerate(teams)]
    pairs = {"team": "A", "other_team": "B", "pairs": 3}

    await tell(database, org, *staff, fact("ties.recorded", "t", "2025-02-03", **pairs))

    assert await value_of(database, org, "cross_unit_ties") == 75


async def test_pairs_of_teams_are_told_apart_whatever_teams_are_called(
    database: Database, org: Org
) -> None:
    pairs = {("IT", "Legal and Sales"): 1, ("IT and Legal", "Sales"): 2}
    teams = [team for pair in pairs for team in pair]
    staff = [employed(f"E{number}", team) for number, team in enumerate(teams)]
    ties = [
        fact("ties.recorded", str(count), "2025-02-03", team=one, other_team=other, pairs=count)
        for (one, other), count in pairs.items()
    ]

    await tell(database, org, *staff, *ties)

    # Three ties of the six pairs of four people in four teams.
    assert await value_of(database, org, "cross_unit_ties") == 50
