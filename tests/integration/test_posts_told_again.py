"""Posts that several sources tell: the first one to have told a post is the one it counts by."""

from datetime import date
from typing import Any

import pytest

from services.metrics.verify import verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.explain import explain_measure
from shared.rollups.query import MeasureQuery
from shared.rollups.read import read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.fold_chapters import assert_right_at_each_step
from tests.integration.planning import tell

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))
_ALL = ("shares", "shares_own", "shares_scheduled", "posts_brand")


def post(day: int, source: str = "network", /, **body: Any) -> Fact:
    """Return what a source tells of the post p1 of E1."""
    told = {"post": "p1", "employee": "E1", "network": "linkedin", **body}
    if "account" in body:
        del told["employee"]
    name = "-".join(str(told.get(field)) for field in ("post", "network", "employee", "account"))
    return fact("post.published", name, f"2025-02-{day:02}", **told).model_copy(
        update={"source": source}
    )


#: What the network tells first, and a partner again: of another day, content and kind.
TOLD = [
    post(3, campaign="c1", origin="own"),
    post(4, "partner", campaign="c2", mode="scheduled"),
    post(5, account="brand"),
    post(6, "partner", account="brand", content="item"),
]


@pytest.mark.parametrize(
    ("taken_back", "days"),
    [
        ([], {"shares": [3], "shares_own": [3], "shares_scheduled": [], "posts_brand": [5]}),
        # What was told again counts when the first to have told it takes it back.
        (
            [TOLD[0], TOLD[2]],
            {"shares": [4], "shares_own": [], "shares_scheduled": [4], "posts_brand": [6]},
        ),
        ([TOLD[1], TOLD[3]], {"shares": [3], "shares_own": [3], "posts_brand": [5]}),
        (TOLD[:2], {"shares": [], "posts_brand": [5]}),
    ],
)
async def test_a_post_that_is_told_again_counts_once(
    database: Database, org: Org, taken_back: list[Fact], days: dict[str, list[int]]
) -> None:
    await tell(database, org, TOLD)
    await catch_up(database, org.id)
    await tell(database, org, [Retraction(told.identity) for told in taken_back])
    await catch_up(database, org.id)

    for measure, expected in days.items():
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, FEBRUARY, filters={}, after=None, limit=20
            )
        assert sorted(line.day.day for line in page.lines) == expected, measure
        assert [line.quantity for line in page.lines] == [1] * len(expected), measure
        assert (page.total or 0) == page.lines_total == len(expected), measure
    assert not (await verify(database, org.id)).listed


async def test_what_others_post_elsewhere_is_another_post(database: Database, org: Org) -> None:
    others = [post(3, employee="E2"), post(3, network="x"), post(3, post="p2")]
    brands = [post(3, account="a"), post(3, account="b")]
    await tell(database, org, [post(3), *others, *brands])
    await catch_up(database, org.id)

    for measure, posts in (("shares", 4), ("posts_brand", 2)):
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, FEBRUARY, filters={}, after=None, limit=20
            )
        assert page.total == page.lines_total == posts


async def test_people_and_levels_are_counted_from_posts_that_are_told_first(
    database: Database, org: Org
) -> None:
    known = {"metric": "connections", "count": 400, "employee": "E1", "network": "linkedin"}
    await tell(
        database,
        org,
        [
            fact("member.joined", "j", "2025-02-04T06:00:00Z", employee="E1"),
            fact("audience.recorded", "c", "2025-02-01", **known),
            *(fact("content.released", name, "2025-02-02", content=name) for name in ("k1", "k2")),
            post(3, content="k1"),
            post(4, "partner", content="k2"),
        ],
    )
    await catch_up(database, org.id)

    measures = ["potential_reach", "content_used", "first_share_hours.median"]
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, measures, MeasureQuery((FEBRUARY,)))
        by_content = await read_measures(
            connection, org, ["sharers"], MeasureQuery((FEBRUARY,), "content")
        )
    # The post had gone out before they joined: that another source tells it later is no first one.
    assert [table[0, ""][measure] for measure in measures] == [400, 1, None]
    assert {name: row["sharers"] for (_, name), row in by_content.items()} == {"k1": 1}


async def test_tellings_that_come_late_or_go_move_what_counts(database: Database) -> None:
    again, first = post(10, "partner", mode="scheduled"), post(8, origin="own", content="item")
    await assert_right_at_each_step(
        database,
        [again, post(12, "file", campaign="c1")],
        [first],
        # The source of the first one puts it right: it is now the last.
        [Retraction(first.identity), post(20, origin="own")],
        # It was another post, and is the same again.
        [post(10, "partner", network="x"), Retraction(again.identity)],
        [again, post(12, "file", employee="E2")],
        [post(9, "file", account="brand"), post(9, "partner", account="brand")],
        [Retraction(told.identity) for told in (again, post(9, "file", account="brand"))],
    )
