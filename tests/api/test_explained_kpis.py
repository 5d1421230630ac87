"""Every KPI explains itself: its lines make its inputs, its inputs and rates make its value."""

import ast
import operator
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import httpx
import pytest_asyncio

from shared.db import Database
from shared.facts import Fact
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.expressions import evaluate, exact_text
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.vocabulary import Dimension
from shared.orgs import Org
from tests.api.asking import Answer, assume, over, pages, refusal
from tests.api.conftest import At, Tell
from tests.integration.catalogue_facts import everything, fact
from tests.integration.catalogue_lines import made_of

FEBRUARY = {"from": "2025-02-01", "to": "2025-03-01"}
get = over(FEBRUARY)
# Late enough for every week of February's cohorts to be over.
TOLD, CORRECTED = date(2025, 10, 10), date(2025, 10, 20)
RATES = (
    ("emv.cpc", "2025-02-06", "7"),
    ("gross_margin", "2025-01-01", "0.8"),
    ("gross_margin", "2025-02-20", "0.5"),
    ("info_search.baseline_hours", "2025-01-01", "9"),
    ("info_search.baseline_hours", "2025-02-15", "8"),
    ("internal_email.baseline", "2025-01-01", "40"),
    ("cost_per_hire.referral", "2025-01-01", "1500"),
    ("service_cost.baseline", "2025-01-01", "100"),
)
#: One of each way in which lines make a value, and of several inputs.
KINDS = (
    *("engagement_rate", "sharers_any", "reach_unique_least", "ssi", "time_to_close"),
    *("time_to_close_p90", "training_time", "participation_evenness", "esn_trend"),
    *("cross_unit_ties", "attributed_revenue_linear", "enrollment_rate"),
)
#: Of these the lines that the corrections are not about, or that make the same under another name.
STILL = {"reach_unique_least", "ssi", "time_to_close", "time_to_close_p90", "cross_unit_ties"}


def company() -> Iterator[Fact]:
    """Yield the company of the catalogue's tests, with teams of which figures may be shown."""
    yield from everything()
    yield from _staff()
    yield from _seen()
    yield from _asked()
    touched = {"person": "a", "channel": "employee_advocacy", "employee": "IT0", **_WHERE}
    yield fact("touch.recorded", "applied", "2025-02-01", **touched)
    applied = {"application": "a", "person": "a", "job": "j1"}
    yield fact("application.submitted", "a", "2025-02-04", **applied)
    yield fact("hire.accepted", "a", "2025-02-24", application="a", person="a")


_WHERE: Answer = {"network": "linkedin", "campaign": "c1", "content": "story1"}


def _staff() -> Iterator[Fact]:
    for team in ("Sales", "IT"):
        for number in range(5):
            who: Answer = {"employee": f"{team}{number}"}
            row = {"team": team, "department": f"{team} & co", "role": "agent"}
            row["effective_on"] = "2024-06-01"
            yield fact("employee.recorded", f"{team}{number}", "2024-06-01", **who, **row)
            yield fact("member.joined", f"{team}{number}", "2024-06-02", **who)
            did = {"day": "2025-02-06", "comments": 1, "events": 2, "polls": 3}
            yield fact("internal.daily", f"{team}{number}", "2025-02-06", **did, **who)
            for week in range(4):
                day = f"2025-02-{3 + 7 * week:02}"
                post = f"{team}{number}-{week}"
                yield fact("post.published", post, day, post=post, origin="own", **who, **_WHERE)
    yield fact("member.left", "Sales0", "2025-02-05", employee="Sales0")
    yield fact("member.joined", "Sales0-again", "2025-02-15", employee="Sales0")
    took = {"process": "onboarding", "started_at": "2025-02-04T08:00:00Z"}
    yield fact("process.completed", "onboarding", "2025-02-20", **took)


def _seen() -> Iterator[Fact]:
    """Yield what was seen of advocates and of the brand, and what it cost."""
    for number, day in enumerate(("2025-02-03", "2025-02-09", "2025-02-22")):
        person: Answer = {"employee": f"Sales{number}", **_WHERE}
        brand: Answer = {"account": "brand", **_WHERE}
        yield fact("link.clicked", f"k{number}", day, link="k", **person)
        yield fact("post.published", f"brand{number}", day, post=f"brand{number}", **brand)
        for name, who in (("own", person), ("brand", brand)):
            channel = "brand" if who is brand else "employee_advocacy"
            seen = {"day": day, "impressions": 300 + number, "comments": number, "reshares": 2}
            yield fact("engagement.daily", f"{name}{number}", day, **seen, **who)
            came = {"day": day, "sessions": 5 + number, "channel": channel}
            for landing in ("site", "careers"):
                external_id = f"{name}{number}{landing}"
                yield fact("session.recorded", external_id, day, landing=landing, **came, **who)
            spent = {"category": "content", "amount": "33.10", "currency": "USD"}
            days = {"starts_on": day, "ends_on": "2025-02-27", "channel": channel}
            yield fact("cost.booked", f"{name}{number}", day, **spent, **days, **who)
        boosted = {"day": day, "impressions": 40, "reactions": 4, "is_paid": True}
        yield fact("engagement.daily", f"boosted{number}", day, **boosted, **person)
    prize = {"category": "rewards", "amount": "10.00", "currency": "USD"}
    days = {"starts_on": "2025-02-03", "ends_on": "2025-02-04"}
    yield fact("cost.booked", "prize", "2025-02-03", **prize, **days)
    for facet in ("company", "city"):
        views = {"facet": facet, "segment": "a", "impressions": 9, "is_target": True}
        named = {"day": "2025-02-06", "account": "brand", "network": "linkedin"}
        yield fact("demographics.recorded", facet, "2025-02-06", **views, **named)


def _asked() -> Iterator[Fact]:
    """Yield what people answered, and figures that somebody tells."""
    for topic in _TOPICS:
        answers = {
            "respondents": 9,
            "positive": 6,
            "negative": 2,
            "score_sum": "70",
            "market": "de",
        }
        yield fact("survey.recorded", topic, "2025-02-12", topic=topic, **answers)
    hours: Answer = {"figure": "search_hours", "day": "2025-02-02", "value": "3"}
    yield fact("figure.recorded", "hours", "2025-02-02", **hours)
    yield fact("figure.recorded", "hours-IT", "2025-02-02", **hours, team="IT")
    cost = {"figure": "process_cost", "value": "900.00", "currency": "USD", "day": "2025-02-02"}
    yield fact("figure.recorded", "process", "2025-02-02", **cost)
    recruiting = {**cost, "figure": "recruiting_cost", "job": "j1"}
    yield fact("figure.recorded", "recruiting", "2025-02-02", **recruiting)


_TOPICS = (
    *("stress", "competence", "customer_nps", "employer_brand_awareness", "brand_perception"),
    *("cohesion", "morale", "retention_intent"),
)


def corrections() -> Iterator[Fact]:
    """Yield facts as they are told again later, each of them otherwise."""
    for one in company():
        if one.kind == "engagement.daily" and one.employee:
            yield one.model_copy(update={"impressions": 1000, "comments": 9})
        elif one.kind in {"post.published", "training.completed", "ssi.recorded", "member.joined"}:
            yield one.model_copy(update={"employee": "Sales4"})
        elif one.kind == "internal.daily":
            yield one.model_copy(update={"posts": 7})
        elif one.kind == "deal.changed":
            yield one.model_copy(update={"amount": 77, "employee": "IT4"})


@pytest_asyncio.fixture
async def explained(
    client: httpx.AsyncClient,
    tell: Tell,
    at: At,
) -> httpx.AsyncClient:
    at(f"{TOLD}T12:00")
    await tell(list(company()))
    for key, since, value in RATES:
        await assume(client, key, value, since)
    return client


async def values_of(
    client: httpx.AsyncClient, kpi: Kpi, group_by: str | None = None, **only: Any
) -> list[Answer]:
    asked = {"ids": [kpi.id], **({"group_by": group_by} if group_by else {}), **only}
    found: list[Answer] = (await get(client, "kpis/values", **asked))["kpis"][0]["values"]
    return found


async def explanation(
    client: httpx.AsyncClient, kpi: str, limit: int = 200, **query: Any
) -> tuple[Answer, dict[str, Answer]]:
    """Return an explanation, and the facts of each input from all pages together."""
    told = await pages(client, f"kpis/{kpi}/explain", **FEBRUARY, limit=limit, **query)
    inputs: dict[str, Answer] = {}
    for page in (answer["facts"] for answer in told):
        held = inputs.setdefault(page["measure"], {**page, "lines": []})
        held["lines"] += page["lines"]
        assert (page["total"], page["combined"]) == (held["total"], held["combined"])
    return told[0], inputs


async def standing(database: Database, org: Org) -> set[tuple[Any, ...]]:
    """Return what the ledger holds: of each fact its position, source, kind and id."""
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(
            "SELECT position, source, kind, external_id FROM fact_head"
            " JOIN ledger_entry USING (org_id, position) WHERE org_id = $1 AND NOT is_retracted",
            org.id,
        )
    return {tuple(row) for row in rows}


_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def computed(text: str) -> Fraction:
    """Return what the steps of an arithmetic come to."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.BinOp(left=left, op=sign, right=right):
                return _OPERATORS[type(sign)](value(left), value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
        return Fraction(ast.get_source_segment(text, node) or "")

    return value(ast.parse(text, mode="eval").body)


def assert_near(exact: Fraction | None, shown: str, kpi: Kpi) -> None:
    """Assert that a value was rounded to what is shown; steps are written with twelve digits."""
    assert exact is not None
    places = len(shown.partition(".")[2])
    assert abs(exact - Fraction(shown)) <= Fraction(1, 2 * 10**places) + Fraction(1, 10**9), kpi.id


def assert_arithmetic(kpi: Kpi, told: Answer) -> None:
    """Assert that the steps come to the value, and the formula too where each rate is one."""
    shown, text = told["value"]["value"], told["arithmetic"]
    if shown is None:
        assert text.endswith(f" = null ({told['value']['null_reason']})")
        return
    steps = text.replace(" ≈ ", " = ").rpartition(" = ")[0]
    hundred = 100 if kpi.unit == "percent" else 1
    assert_near(computed(steps) * hundred, shown, kpi)
    rates = {rate["key"]: Fraction(rate["value"]) for rate in told["assumptions"]}
    priced, counted = catalogue().assumptions_of(kpi.id), catalogue().counted_by(kpi.id)
    assert list(rates) == [*priced, *counted]
    for rate in told["assumptions"]:
        if rate["key"] in priced:
            assert exact_text(Fraction(rate["value"])) in steps, (kpi.id, rate)
    if len(rates) == len(told["assumptions"]):
        inputs = {one["measure"]: one["value"] for one in told["inputs"]}
        known = {name: value and Fraction(value) for name, value in inputs.items()}
        result = evaluate(catalogue().expanded[kpi.id], {**known, **rates}).value
        assert result is not None, kpi.id
        assert_near(result * hundred, shown, kpi)


def assert_made_of_facts(told: Answer, inputs: dict[str, Answer], facts: set[Any]) -> int:
    """Assert that the lines of each input are facts and make its value; return how many."""
    listed = [one for one in told["inputs"] if MEASURES[one["measure"]].kept is not Kept.CALENDAR]
    assert set(inputs) - {None} == {one["measure"] for one in listed}
    for one in listed:
        page = inputs[one["measure"]]
        lines, value = page["lines"], one["value"]
        assert (page["total"], page["lines_total"]) == (value, len(lines))
        names = ("position", "source", "kind", "external_id")
        assert {tuple(line[name] for name in names) for line in lines} <= facts, one
        objects = [
            SimpleNamespace(
                **line
                | {
                    "day": date.fromisoformat(line["day"]),
                    "quantity": Fraction(line["quantity"]),
                }
            )
            for line in lines
        ]
        if not lines:
            assert value in {None, "0"}, one
            continue
        made = made_of(objects, page["combined"])
        assert (made is None) == (value is None), one
        if made is not None:
            # What never ends is written with twelve digits.
            assert abs(made - Fraction(value)) <= (value[-13:-12] == ".") * Fraction(1, 10**12), one
    return sum(len(page["lines"]) for page in inputs.values())


async def test_every_kpi_is_made_of_the_facts_it_lists(
    explained: httpx.AsyncClient, database: Database, org: Org
) -> None:
    facts = await standing(database, org)
    silent: set[str] = set()
    for kpi in (kpi for kpi in catalogue().kpis.values() if kpi.statement is None):
        only: Answer = {"hashtag": "hiring"} if Dimension.HASHTAG in kpi.dimensions else {}
        (value,) = await values_of(explained, kpi, **only)
        told, inputs = await explanation(explained, kpi.id, **only)

        assert (told["version"], told["formula"]) == (kpi.version, kpi.formula or "")
        assert told["value"] == value
        if not assert_made_of_facts(told, inputs, facts) and kpi.unavailable is None:
            silent.add(kpi.id)
        if kpi.unavailable is None:
            assert_arithmetic(kpi, told)
    assert not silent


async def test_every_part_is_made_of_the_facts_it_lists(
    explained: httpx.AsyncClient, database: Database, org: Org
) -> None:
    facts = await standing(database, org)
    lines = dict.fromkeys(Dimension, 0)
    for number, kpi in enumerate(catalogue().kpis.values()):
        dimensions = [d for d in kpi.dimensions if d is not Dimension.HASHTAG]
        if kpi.statement is not None or not dimensions:
            continue
        only = {"hashtag": "hiring"} if Dimension.HASHTAG in kpi.dimensions else {}
        dimension = min(dimensions, key=lines.__getitem__)  # of which the fewest were seen yet
        parts = await values_of(explained, kpi, dimension, **only)
        for part in parts[number % 2 :: 2]:
            asked: Answer = {**only, dimension.value: part["merged"] or part["group"]}
            if part["suppressed"]:
                await assert_refused(explained, kpi, asked)
                continue
            told, inputs = await explanation(explained, kpi.id, **asked)

            assert told["value"] == {**part, "group": None, "merged": []}, (kpi.id, asked)
            lines[dimension] += assert_made_of_facts(told, inputs, facts)
    assert {dimension for dimension, count in lines.items() if not count} == {Dimension.HASHTAG}


async def assert_refused(client: httpx.AsyncClient, kpi: Kpi, asked: Answer) -> None:
    response = await client.get(f"/v1/kpis/{kpi.id}/explain", params={**FEBRUARY, **asked})
    assert refusal(response) == (422, "small_group"), asked


async def test_pages_of_one_line_make_the_same_list_now_and_as_it_was_known(
    explained: httpx.AsyncClient,
    tell: Tell,
    at: At,
) -> None:
    whole = {kpi: await explanation(explained, kpi) for kpi in KINDS}
    for kpi in KINDS:
        _, inputs = await explanation(explained, kpi, limit=1)
        assert lines_of(inputs) == lines_of(whole[kpi][1]), kpi

    at(f"{CORRECTED}T12:00")
    await tell(list(corrections()))

    changed = set()
    for kpi in KINDS:
        told, inputs = await explanation(explained, kpi, as_of=f"{TOLD}")
        assert told["value"] == whole[kpi][0]["value"], kpi
        assert lines_of(inputs) == lines_of(whole[kpi][1]), kpi
        now, _ = await explanation(explained, kpi)
        if now["value"] != told["value"]:
            changed.add(kpi)
    assert set(KINDS) - changed == STILL


def lines_of(inputs: dict[str, Answer]) -> dict[str, list[Answer]]:
    return {measure: page["lines"] for measure, page in inputs.items()}
