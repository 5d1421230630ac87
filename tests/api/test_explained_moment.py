"""Lists of facts that take many requests: all their pages tell of the moment they were begun at."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.metrics.rebuild import continue_rebuild, start_rebuild
from services.metrics.verify import repair
from shared.db import Database
from shared.orgs import Org
from tests.api.asking import Answer, assume, cursor_of, over, post, refusal
from tests.api.conftest import At, Deliver, Fold, MakeClient
from tests.api.golden import Q1, fact, local
from tests.api.test_repairs_told import miscount

page = over(Q1)

JANUARY = date(2025, 1, 1)
TODAY, TOMORROW = date(2025, 4, 10), date(2025, 4, 11)
PEOPLE = ["E1", "E2", "E3", "E4", "E5"]
#: Sums, ratios of levels, sets, means and medians, priced figures, credit, and lines of money.
LISTS = (
    "kpis/shares/explain",
    "kpis/emv_mixed/explain",
    "kpis/enrollment_rate/explain",
    "kpis/sharers_any/explain",
    "kpis/connections_total/explain",
    "kpis/ssi/explain",
    "kpis/time_to_close/explain",
    "kpis/attributed_revenue_linear/explain",
    "kpis/program_cost/explain",
    "roi/explain",
    "roi/costs",
)


def told(*, again: bool = False) -> Iterator[Answer]:
    """Yield the facts of a quarter, or what corrects half of them and what comes late."""
    for number, employee in enumerate(PEOPLE[::2] if again else PEOPLE):
        yield from _of(employee, JANUARY + timedelta(days=7 * number + 3 * again), int(again))
    for number in range(1, 6, 1 + again):
        day = JANUARY + timedelta(days=9 * number)
        value = {"amount": f"{number + 10 * again}00.10", "currency": "USD"}
        touched = {
            "person": f"q{number}",
            "channel": "employee_advocacy",
            "employee": PEOPLE[again],
        }
        yield fact("touch.recorded", f"t{number}", local(day), **touched)
        yield fact("lead.created", f"l{number}", local(day), lead=f"l{number}", person=f"q{number}")
        deal = {"deal": f"d{number}", "lead": f"l{number}", "state": "won", "employee": "E2"}
        times = {"opened_at": f"{day}T12:00:00Z", "closed_at": "2025-03-20T12:00:00Z"}
        yield fact("deal.changed", f"d{number}", local(day), **deal, **value, **times)
        spent = {"category": "content", "starts_on": f"{day}", "ends_on": "2025-03-20"}
        yield fact("cost.booked", f"c{number}", local(day), **value, **spent)


def _of(employee: str, day: date, more: int) -> Iterator[Answer]:
    row = {"effective_on": f"{JANUARY}", "team": "Sales", "employed": not more}
    yield fact("employee.recorded", employee, local(JANUARY), employee=employee, **row)
    yield fact("member.joined", employee, local(day), employee=employee)
    reading = {"employee": employee, "network": "x"}
    yield fact(
        "audience.recorded", employee, local(day), metric="connections", count=40 + more, **reading
    )
    pillars = dict.fromkeys(("brand", "people", "insights", "relationships"), str(5 + more))
    yield fact("ssi.recorded", employee, local(day), employee=employee, **pillars)
    for number in range(2 + more):
        name = f"{employee}-{number}"
        yield fact("post.published", name, local(day), post=name, **reading)
        yield fact("link.clicked", name, local(day), link="k", **reading)
        counts = {"impressions": 1000 + more, "reactions": 10}
        yield fact("post.metrics", name, local(day, 20), post=name, **reading, **counts)


@pytest_asyncio.fixture
async def quarter(client: httpx.AsyncClient, deliver: Deliver, at: At) -> httpx.AsyncClient:
    at(local(TODAY))
    await deliver(told())
    return client


async def happen(client: httpx.AsyncClient, org: Org, fold: Fold) -> None:
    """Let facts be corrected, withdrawn and told late, and a rate be stated."""
    await post(client, told(again=True))
    names = [("post.published", "E2-0"), ("touch.recorded", "t5"), ("ssi.recorded", "E4")]
    gone = [{"source": "golden", "kind": kind, "external_id": name} for kind, name in names]
    response = await client.post("/v1/facts/retract", json={"identities": gone})
    assert response.status_code == 200, response.text
    await assume(client, "emv.cpc", "7")
    await fold(org)


def figure_of(answer: Answer) -> Answer:
    """Return what an answer says beside its lines, on every page."""
    beside = {"facts", *_LINES, "next_cursor", "sources"}
    return {name: said for name, said in answer.items() if name not in beside}


_LINES = ("lines", "credits", "costs")


def lines_of(answer: Answer) -> list[tuple[str, Answer]]:
    """Return the lines of a page, each with the list that it is of."""
    holder = answer.get("facts", answer)
    return [(name, line) for name in _LINES for line in holder.get(name, [])]


async def rest(client: httpx.AsyncClient, path: str, begun: Answer, **query: Any) -> list[Answer]:
    """Return a page and all that follow it."""
    answers = [begun]
    while cursor := cursor_of(answers[-1]):
        answers.append(await page(client, path, cursor=cursor, **query))
    return answers


def joined(answers: list[Answer]) -> list[tuple[str, Answer]]:
    lines = [line for answer in answers for line in lines_of(answer)]
    return sorted(lines, key=lambda line: line[0])


@pytest.mark.parametrize("asked", [{}, {"as_of": f"{TODAY}"}], ids=["present", "today"])
async def test_a_list_goes_on_as_it_was_begun(
    quarter: httpx.AsyncClient,
    org: Org,
    fold: Fold,
    at: At,
    asked: Answer,
) -> None:
    whole = {
        path: await rest(quarter, path, await page(quarter, path, **asked), **asked)
        for path in LISTS
    }
    begun = {path: await page(quarter, path, limit=2, **asked) for path in LISTS}
    assert None not in {cursor_of(answer) for answer in begun.values()}

    at(local(TODAY, 15))
    await happen(quarter, org, fold)

    for path in LISTS:
        answers = await rest(quarter, path, begun[path], **asked)
        assert joined(answers) == joined(whole[path]), path
        for answer in answers:
            assert figure_of(answer) == figure_of(begun[path]), path
        fresh = await rest(quarter, path, await page(quarter, path, **asked), **asked)
        assert joined(fresh) != joined(whole[path]), path


@pytest.mark.parametrize("kpi", ["emv_mixed", "shares_per_advocate_week"])
async def test_each_input_leads_to_its_own_facts_as_of_the_same_moment(
    quarter: httpx.AsyncClient, org: Org, fold: Fold, kpi: str
) -> None:
    path = f"kpis/{kpi}/explain"
    begun = await page(quarter, path, limit=1)
    whole = await rest(quarter, path, begun)
    await happen(quarter, org, fold)

    inputs = {one["measure"]: one["cursor"] for one in begun["inputs"]}
    assert {name for name, cursor in inputs.items() if cursor is None} <= {"weeks"}
    for measure in inputs.keys() - {"weeks"}:
        facts = [answer["facts"] for answer in whole if answer["facts"]["measure"] == measure]
        lines = [line for one in facts for line in one["lines"]]
        for limit in (1, 200):
            asked = await page(quarter, path, cursor=inputs[measure], limit=limit)
            assert figure_of(asked) == figure_of(begun)
            assert (asked["facts"]["measure"], asked["facts"]["total"]) == (
                measure,
                facts[0]["total"],
            )
            assert asked["facts"]["lines"] == lines[:limit]
        alone = await page(quarter, path, measure=measure)
        assert {one["measure"] for one in alone["inputs"] if one["cursor"]} == {measure}


async def test_until_when_a_list_is_complete_is_said_as_of_its_first_page(
    quarter: httpx.AsyncClient, org: Org, database: Database
) -> None:
    await connected(database, org)
    await read_at(database, org, 9)
    begun = {path: await page(quarter, path, limit=2) for path in LISTS}
    for answer in begun.values():
        assert [source["provider"] for source in answer["sources"]] == ["linkedin"]

    await read_at(database, org, 11)

    for path in LISTS:
        fresh = await page(quarter, path, limit=2)
        assert fresh["complete_until"] != begun[path]["complete_until"], path
        for answer in (await rest(quarter, path, begun[path], limit=2))[1:]:
            assert answer["complete_until"] == begun[path]["complete_until"], path
            assert answer["sources"] is None, path


async def connected(database: Database, org: Org) -> None:
    """Let the organization have a connection with a stream."""
    async with database.transaction(org.id) as connection:
        for statement in _CONNECTED:
            await connection.execute(statement, org.id)


async def read_at(database: Database, org: Org, hour: int) -> None:
    """Let the stream have been read last at an hour of today."""
    async with database.transaction(org.id) as connection:
        read = "UPDATE sync_state SET last_success_at = $2 WHERE org_id = $1"
        await connection.execute(read, org.id, local(TODAY, hour))


_CONNECTED = (
    """
    INSERT INTO connection (org_id, id, provider, source, name, created_at, updated_at)
    VALUES ($1, $1, 'linkedin', 'linkedin-1', 'LinkedIn', now(), now())
    """,
    """
    INSERT INTO sync_state (org_id, connection_id, stream, next_due_at, interval_seconds)
    VALUES ($1, $1, 'posts', now(), 600)
    """,
)


async def test_a_list_outlives_its_day(
    quarter: httpx.AsyncClient, org: Org, fold: Fold, at: At
) -> None:
    path = "kpis/emv_mixed/explain"
    whole = await rest(quarter, path, await page(quarter, path))
    begun = await page(quarter, path, limit=2)

    at(local(TOMORROW))
    await happen(quarter, org, fold)
    published = {"from": Q1["from"], "to": Q1["to"], "note": "as reported"}
    response = await quarter.post("/v1/publications", json=published)
    assert response.status_code == 201, response.text

    answers = await rest(quarter, path, begun)
    assert joined(answers) == joined(whole)
    assert {answer["known_position"] for answer in answers} == {begun["known_position"]}
    assert {(answer["as_of"], answer["frozen"]) for answer in answers} == {(None, False)}


@pytest.mark.parametrize("asked", [{}, {"as_of": f"{TODAY}"}], ids=["present", "today"])
async def test_what_was_stamped_before_a_list_and_committed_after_is_none_of_it(
    quarter: httpx.AsyncClient,
    org: Org,
    database: Database,
    database_url: str,
    at: At,
    asked: Answer,
) -> None:
    path = "kpis/emv_mixed/explain"

    async def state(hour: int, value: str) -> None:
        at(local(TODAY, hour))
        await assume(quarter, "emv.cpc", value)

    await state(13, "2")
    cells = {"rollup": "v", "rollup_change": "d"}
    await miscount(database, database_url, org, cells, measure="clicks")
    at(local(TODAY, 15))
    begun = await page(quarter, path, limit=2, **asked)

    at(local(TODAY, 14))
    assert (await repair(database, org.id)).after.mismatches == 0
    repaired = await page(quarter, path, **asked)
    await state(14, "7")
    at(local(TODAY, 16))

    for answer in await rest(quarter, path, begun, **asked):
        assert figure_of(answer) == figure_of(begun)
    fresh = await page(quarter, path, **asked)
    values = [answer["value"]["value"] for answer in (begun, repaired, fresh)]
    assert len(set(values)) == len(values), values


async def test_a_repair_under_way_at_midnight_is_none_of_a_list_begun_after_it(
    quarter: httpx.AsyncClient,
    org: Org,
    database: Database,
    database_url: str,
    at: At,
) -> None:
    path, asked = "kpis/emv_mixed/explain", {"as_of": f"{TOMORROW}"}
    cells = {"rollup": "v", "rollup_change": "d"}
    await miscount(database, database_url, org, cells, measure="clicks")
    at(local(TOMORROW, 1))
    begun = await page(quarter, path, limit=2, **asked)

    at(local(TODAY, 23))
    assert (await repair(database, org.id)).after.mismatches == 0
    at(local(TOMORROW, 2))

    for answer in await rest(quarter, path, begun, **asked):
        assert figure_of(answer) == figure_of(begun)
    fresh = await page(quarter, path, **asked)
    assert fresh["value"]["value"] != begun["value"]["value"]


@pytest.mark.parametrize("path", ["kpis/shares/explain", "roi/explain", "roi/costs"])
async def test_a_list_of_another_generation_is_begun_again(
    quarter: httpx.AsyncClient, org: Org, database: Database, path: str
) -> None:
    begun = await page(quarter, path, limit=2)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id)

    asked = {**Q1, "cursor": cursor_of(begun), "limit": 2}
    refused = await quarter.get(f"/v1/{path}", params=asked)

    assert refusal(refused) == (409, "list_outdated")
    again = await page(quarter, path, limit=2)
    assert lines_of(again) == lines_of(begun)


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("kpis/shares/explain", "kpis/original_posts/explain"),
        ("roi/explain", "roi/costs"),
        ("roi/costs", "roi/explain"),
    ],
)
async def test_a_cursor_leads_on_in_its_own_list_alone(
    quarter: httpx.AsyncClient, client_of: MakeClient, other_org: Org, path: str, other: str
) -> None:
    cursor = cursor_of(await page(quarter, path, limit=2))
    assert cursor is not None
    stranger = await client_of(other_org)
    changed = cursor[:-9] + ("A" if cursor[-9] != "A" else "B") + cursor[-8:]

    for client, asked, query in (
        (quarter, other, {"cursor": cursor}),
        (quarter, path, {"cursor": cursor, "to": "2025-03-31"}),
        (quarter, path, {"cursor": cursor, "as_of": f"{TODAY}"}),
        (quarter, path, {"cursor": changed}),
        (stranger, path, {"cursor": cursor}),
    ):
        refused = await client.get(f"/v1/{asked}", params={**Q1, **query})
        assert refusal(refused) == (400, "invalid_cursor"), query
