"""All models at once for leads, applications and hires: counted, where deals are money.

The removal effects are worked out by hand from the paths: with p the probability to convert, each
channel's effect is 1 - p without it / p.
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Any

import httpx
import pytest

from services.api.roi import markov
from shared.orgs import Org
from tests.api.asking import pages
from tests.api.conftest import At, Deliver, MakeClient
from tests.api.golden import CHANNELS, Q1, fact, local
from tests.api.test_golden import get, golden
from tests.api.test_golden_models import row_of

__all__ = ["golden"]

KINDS = ("lead", "application", "hire")
JANUARY = date(2025, 1, 6)

TellAll = Callable[..., Awaitable[None]]


@pytest.fixture
def tell_all(deliver: Deliver) -> TellAll:
    """Return what delivers the facts of several sources."""

    async def told(*sources: Iterator[dict[str, Any]]) -> None:
        await deliver(chain(*sources))

    return told


def touches(
    person: str, path: str, start: date = JANUARY, apart: int = 1
) -> Iterator[dict[str, Any]]:
    """Yield a touch for each channel of ``path``, some days apart."""
    for place, channel in enumerate(path.split()):
        day = start + timedelta(days=place * apart)
        name = f"{person}-{day.isoformat()}-{place}"
        yield fact("touch.recorded", name, local(day), person=person, channel=CHANNELS[channel])


def converts(kind: str, person: str, day: date) -> Iterator[dict[str, Any]]:
    """Yield the fact of a conversion; a hire has been applied for the day before."""
    at = local(day, 20)
    match kind:
        case "lead":
            yield fact("lead.created", person, at, lead=person, person=person)
        case "application":
            yield fact("application.submitted", person, at, application=person, person=person)
        case "hire":
            yield from converts("application", person, day - timedelta(days=1))
            yield fact("hire.accepted", f"hire of {person}", at, application=person)


def five_paths(kind: str) -> Iterator[dict[str, Any]]:
    """Yield three people who convert and two who never do; who converted is met again in vain."""
    for person, path, is_converted in (
        ("p1", "EA BR", True),
        ("p2", "EA", True),
        ("p3", "BR", False),
        ("p4", "EA AD", False),
        ("p5", "AD", True),
    ):
        yield from touches(person, path)
        if is_converted:
            yield from converts(kind, person, JANUARY + timedelta(days=4))
        elif kind == "hire":
            # Who never applied could not be hired: that is no journey to a hire.
            yield from converts("application", person, JANUARY + timedelta(days=4))
    yield from touches("p5", "BR", JANUARY + timedelta(days=20))


# Start→EA 3/5, BR 1/5, AD 1/5; EA→BR 1/3, AD 1/3, conv 1/3; BR→conv 1/2; AD→conv 1/2. p = 3/5;
# without EA 1/5, without BR or AD 2/5. Effects 2/3, 1/3, 1/3: half of three, and a quarter each.
EFFECTS = {
    "employee_advocacy": ("1/5", "0.666666666667", "50.00", "1.5"),
    "brand": ("2/5", "0.333333333333", "25.00", "0.75"),
    "paid": ("2/5", "0.333333333333", "25.00", "0.75"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_removal_effects_by_hand(
    client: httpx.AsyncClient, tell_all: TellAll, kind: str
) -> None:
    await tell_all(five_paths(kind))

    effects = await get(client, "roi/models/markov", conversion=kind)
    compared = await get(client, "roi/models", conversion=kind)

    assert (effects["conversion"], effects["value"]) == (kind, None)
    assert (effects["journeys"], effects["converted"]) == (5, 3)
    assert effects["probability"] == "3/5"
    assert {
        one["channel"]: (
            one["without"],
            one["removal_effect"],
            one["share_percent"],
            one["conversions"],
        )
        for one in effects["channels"]
    } == EFFECTS
    assert {one["amount"] for one in effects["channels"]} == {None}
    markov = row_of(compared, "markov")
    assert {one["channel"]: one["conversions"] for one in markov["channels"]} == {
        channel: effect[3] for channel, effect in EFFECTS.items()
    }
    assert [one["rank"] for one in markov["channels"]] == [1, 2, 2]


@pytest.mark.parametrize(("digits", "is_exact"), [(19, True), (20, False)])
def test_a_fraction_is_written_out_while_it_can_be_read(digits: int, is_exact: bool) -> None:
    # 19 digits, a stroke and 20 digits can be read.
    nearly = Fraction(10**digits - 1, 10**digits)

    assert markov._fraction(nearly) == (str(nearly) if is_exact else "1")


@pytest.mark.parametrize("kind", KINDS)
async def test_every_model_counts_each_conversion_once(
    client: httpx.AsyncClient, tell_all: TellAll, kind: str
) -> None:
    await tell_all(five_paths(kind))

    compared = await get(client, "roi/models", conversion=kind, group_by="channel")

    assert (compared["conversion"], compared["total_conversions"]) == (kind, 3)
    assert len(compared["models"]) == 9
    credited = {}
    for row in compared["models"]:
        assert row["total_conversions"] == "3"
        assert sum(Decimal(one["conversions"]) for one in row["channels"]) == 3
        assert sum(Decimal(one["conversions"]) for one in row["groups"]) == 3
        credited[row["model"]] = row["credited_conversions"]
    # p1 went through EA and BR; the application of a hire came after both of them.
    assert credited == {
        "first": "2",
        "last": "1",
        "last_non_direct": "1",
        "linear": "1.5",
        "position": "1.5",
        "w_shaped": {"lead": "1.5", "application": "1.5", "hire": "1.5"}[kind],
        "time_decay": credited["time_decay"],
        "shapley": "1.5",
        "markov": "1.5",
    }
    # A touch a day earlier weighs 2^(-1/7) of the other.
    weight = 2 ** (-1 / 7)
    assert float(credited["time_decay"]) == pytest.approx(1 + weight / (1 + weight))
    assert compared["ranking_depends_on_model"] is True
    assert compared["share_spread"] == {"lowest": "33.33", "highest": "66.67", "points": "33.33"}


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_no_money_has_no_return(
    client: httpx.AsyncClient, tell_all: TellAll, kind: str
) -> None:
    await tell_all(five_paths(kind))

    compared = await get(client, "roi/models", conversion=kind)

    assert compared["total_revenue"] is None
    assert (compared["spread"], compared["break_even"]) == ([], [])
    assert compared["sign_depends_on_model"] is False
    for row in compared["models"]:
        assert (row["total"], row["credited_revenue"]) == (None, None)
        assert {one["amount"] for one in row["channels"]} == {None}
        for form in ("roi_on_revenue", "roi_on_margin", "roi_cash"):
            assert (row[form]["percent"], row[form]["null_reason"]) == (None, "missing:revenue")


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_never_told_is_null_and_none_is_zero(
    client: httpx.AsyncClient, tell_all: TellAll, kind: str
) -> None:
    await tell_all(touches("p1", "EA"))
    never = await get(client, "roi/models", conversion=kind)
    nothing = await get(client, "roi/explain", conversion=kind)
    await tell_all(converts(kind, "p1", date(2026, 1, 1)))
    later = await get(client, "roi/models", conversion=kind)
    none = await get(client, "roi/explain", conversion=kind)

    assert (never["total_conversions"], never["models"]) == (None, [])
    assert never["share_spread"] is None
    assert (nothing["credited_conversions"], nothing["credits"]) == (None, [])
    # A year later the touch is no part of its path.
    assert later["total_conversions"] == 0
    assert {row["total_conversions"] for row in later["models"]} == {"0"}
    assert {row["share_percent"] for row in later["models"]} == {None}
    assert (none["credited_conversions"], none["credits"]) == ("0", [])
    assert none["credited_revenue"] is None


@pytest.mark.parametrize(("days_ago", "journeys"), [(90, 1), (91, 2)])
async def test_a_journey_is_over_when_its_window_is(
    client: httpx.AsyncClient,
    tell_all: TellAll,
    at: At,
    days_ago: int,
    journeys: int,
) -> None:
    await tell_all(touches("p1", "EA"), converts("lead", "p1", JANUARY), touches("p2", "BR"))
    at(local(JANUARY + timedelta(days=days_ago)))

    effects = await get(client, "roi/models/markov", conversion="lead")
    # It ended on the last day of its window, whatever day it is now.
    ended = {"from": "2025-04-06", "to": "2025-04-07"}
    on_its_day = await get(client, "roi/models/markov", conversion="lead", basis="period", **ended)

    assert (effects["journeys"], effects["converted"]) == (journeys, 1)
    assert on_its_day["journeys"] == journeys - 1


async def test_a_pause_longer_than_the_window_parts_two_journeys(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    # 31 days lie between the touches of p1, 30 between those of p2.
    await tell_all(touches("p1", "EA BR", apart=31), touches("p2", "EA BR", apart=30))
    await tell_all(touches("p3", "AD"), converts("lead", "p3", JANUARY))

    effects = await get(client, "roi/models/markov", conversion="lead", window_days=30)

    assert (effects["journeys"], effects["converted"]) == (4, 1)
    counts = {("/".join(m["state"]), m["to"]): m["count"] for m in effects["transitions"]}
    assert counts["employee_advocacy", "brand"] == 1
    assert counts["employee_advocacy", "(lost)"] == 1
    assert counts["brand", "(lost)"] == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("first", "converted"), [(3, 0), (4, 3), (5, 0)])
async def test_a_conversion_is_of_the_period_it_came_in(
    client: httpx.AsyncClient, tell_all: TellAll, kind: str, first: int, converted: int
) -> None:
    await tell_all(five_paths(kind))
    first_day, day_after = (str(JANUARY + timedelta(days=first + n)) for n in (0, 1))

    asked = {"conversion": kind, "basis": "period", "from": first_day, "to": day_after}
    effects = await get(client, "roi/models/markov", **asked)

    assert (effects["journeys"], effects["converted"]) == (converted, converted)


async def test_touches_of_the_first_day_count_and_those_of_the_day_after_the_last_do_not(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    await tell_all(touches("p1", "EA BR", date(2025, 3, 31)), touches("p2", "AD", date(2025, 1, 1)))
    await tell_all(
        converts("lead", "p1", date(2025, 4, 2)), converts("lead", "p2", date(2025, 1, 3))
    )

    markov = row_of(await get(client, "roi/models", conversion="lead"), "markov")

    # Without either of its two channels one of both journeys is lost, and so without the third: a
    # third each, of which BR's is that of a touch of April.
    third = Decimal("0.66667")
    assert {
        one["channel"]: round(Decimal(one["conversions"]), 5) for one in markov["channels"]
    } == {
        "employee_advocacy": third,
        "paid": third,
    }


async def test_who_was_met_in_the_period_brings_no_journey_of_the_day_after_it(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    day_after = JANUARY + timedelta(days=40)
    await tell_all(touches("p1", "EA"), touches("p1", "BR", day_after))
    await tell_all(converts("lead", "p1", day_after))

    asked = {"conversion": "lead", "window_days": 30, "from": str(JANUARY), "to": str(day_after)}
    effects = await get(client, "roi/models/markov", **asked)

    # The first touch led nowhere: the lead came after its window.
    assert (effects["journeys"], effects["converted"]) == (1, 0)


async def test_an_early_journey_stays_lost_when_the_person_converts_later(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    await tell_all(touches("p1", "EA"), touches("p1", "BR", date(2025, 3, 1)))
    await tell_all(converts("lead", "p1", date(2025, 3, 2)), touches("p1", "AD", date(2025, 3, 3)))

    effects = await get(client, "roi/models/markov", conversion="lead", window_days=20)

    assert (effects["journeys"], effects["converted"]) == (2, 1)
    assert {one["channel"]: one["conversions"] for one in effects["channels"]} == {
        "employee_advocacy": "0",
        "brand": "1",
    }


async def test_one_person_under_several_names_makes_one_journey(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    await tell_all(touches("visitor", "EA"), touches("p1", "BR", JANUARY + timedelta(days=1)))
    await tell_all(converts("lead", "p2", JANUARY), touches("p2", "AD"))
    apart = await get(client, "roi/models/markov", conversion="lead")
    same = fact("person.identified", "1", local(JANUARY), person="p1", same_as=["visitor"])
    await tell_all(iter([same]))
    merged = await get(client, "roi/models/markov", conversion="lead")

    assert (apart["journeys"], merged["journeys"]) == (3, 2)


async def test_who_never_applied_is_no_journey_to_a_hire(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    await tell_all(five_paths("hire"), touches("p6", "EA EA"))

    hires = await get(client, "roi/models/markov", conversion="hire")
    applications = await get(client, "roi/models/markov", conversion="application")

    assert (hires["journeys"], hires["converted"]) == (5, 3)
    # p3 and p4 applied, in their windows: only p6 did not.
    assert (applications["journeys"], applications["converted"]) == (6, 5)


@pytest.mark.parametrize("kind", KINDS)
async def test_credit_is_explained_touch_by_touch(
    client: httpx.AsyncClient, tell_all: TellAll, kind: str
) -> None:
    await tell_all(five_paths(kind))
    asked = {**Q1, "conversion": kind, "model": "linear"}
    proof = await pages(client, "roi/explain", **asked, limit=1)
    lines = [line for page in proof for line in page["credits"]]

    assert proof[-1]["credited_conversions"] == "1.5"
    assert proof[-1]["credited_revenue"] is None
    assert sum(Fraction(line["share"]) for line in lines) == Fraction(3, 2)
    prefix = "hire of " if kind == "hire" else ""
    assert {(line["conversion"], line["conversion_fact"]["external_id"]) for line in lines} == {
        (person, f"{prefix}{person}") for person in ("p1", "p2")
    }
    assert {line["amount"] for line in lines} == {None}
    assert {line["converted_day"] for line in lines} == {"2025-01-10"}


async def test_who_referred_an_applicant_is_not_told_by_the_fact_of_the_hire(
    client: httpx.AsyncClient, org: Org, client_of: MakeClient, tell_all: TellAll
) -> None:
    hired = fact("hire.accepted", "E7-2025", local(JANUARY, 20), application="p1", employee="E7")
    applied = fact("application.submitted", "E7-p1", local(JANUARY, 19), person="p1")
    referred = {**applied, "application": "p1", "employee": "E7"}
    unreferred = {**applied, "external_id": "p2", "application": "p2", "person": "p2"}
    await tell_all(touches("p1", "EA"), touches("p2", "EA"), iter([referred, hired, unreferred]))
    reader = await client_of(org, ["kpis:read", "roi:read"])

    for kind, names in (
        ("application", {"p1": "E7-p1", "p2": "p2"}),
        ("hire", {"p1": "E7-2025"}),
    ):
        whole = await get(client, "roi/explain", conversion=kind)
        answer = await get(reader, "roi/explain", conversion=kind)
        facts = {line["conversion"]: line["conversion_fact"] for line in answer["credits"]}

        assert {
            line["conversion"]: line["conversion_fact"]["external_id"] for line in whole["credits"]
        } == names, kind
        told = {conversion: one["external_id"] for conversion, one in facts.items()}
        assert told == {**names, "p1": None}, kind
        assert facts["p1"]["position"] is not None


async def test_whose_touch_it_was_is_told_to_who_may_see_people(
    client: httpx.AsyncClient, org: Org, client_of: MakeClient, tell_all: TellAll
) -> None:
    place = {"channel": CHANNELS["EA"], "network": "linkedin", "campaign": "c1", "content": "x"}
    for name, who in (("hers", {"employee": "E7"}), ("nobody-s", {})):
        told = fact("touch.recorded", name, local(JANUARY), person="p1", **place, **who)
        await tell_all(iter([told]))
    await tell_all(converts("lead", "p1", JANUARY))
    reader = await client_of(org, ["kpis:read", "roi:read"])

    whole, seen = [
        (await get(one, "roi/explain", conversion="lead", model="linear"))["credits"]
        for one in (client, reader)
    ]

    names = {(line["touch_fact"]["external_id"], line["employee"]) for line in whole}
    assert names == {("hers", "E7"), ("nobody-s", None)}
    names = {(line["touch_fact"]["external_id"], line["employee"]) for line in seen}
    assert names == {(None, None), ("nobody-s", None)}
    for line in (*whole, *seen):
        assert {where: line[where] for where in place} == place


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window_days", [90, 1])
async def test_grouping_never_changes_totals(
    client: httpx.AsyncClient, tell_all: TellAll, kind: str, window_days: int
) -> None:
    await tell_all(five_paths(kind))
    plain = await get(client, "roi/models", conversion=kind, window_days=window_days)
    for group_by in ("employee", "team", "network", "campaign", "content"):
        grouped = await get(
            client, "roi/models", conversion=kind, window_days=window_days, group_by=group_by
        )
        for row in grouped["models"]:
            groups = [Decimal(group["conversions"]) for group in row["groups"]]
            assert sum(groups) == Decimal(row["total_conversions"])
            assert {**row, "groups": None} == row_of(plain, row["model"])


@pytest.mark.parametrize("basis", ["cohort", "period"])
async def test_another_window_that_holds_the_same_touches_changes_nothing(
    client: httpx.AsyncClient, tell_all: TellAll, basis: str
) -> None:
    await tell_all(five_paths("lead"))

    kept, computed = [
        await get(client, "roi/models", conversion="lead", basis=basis, window_days=days)
        for days in (90, 30)
    ]

    assert kept["total_conversions"] == 3
    assert computed["models"] == kept["models"]


async def test_leads_as_they_were_known(
    client: httpx.AsyncClient, tell_all: TellAll, at: At
) -> None:
    at(local(date(2025, 5, 1)))
    await tell_all(touches("p1", "EA BR"), converts("lead", "p1", date(2025, 1, 8)))
    at(local(date(2025, 5, 10)))
    await tell_all(converts("lead", "p2", date(2025, 1, 8)), touches("p2", "AD"))
    at(local(date(2025, 6, 1)))

    known = [
        await get(client, "roi/models", conversion="lead", as_of=day)
        for day in ("2025-05-05", "2025-05-20")
    ]
    told = await get(client, "roi/explain", conversion="lead", as_of="2025-05-05")
    effects = await get(client, "roi/models/markov", conversion="lead", as_of="2025-05-05")

    assert [answer["total_conversions"] for answer in known] == [1, 2]
    # Without advocacy p1 is lost, without paid p2: a third of two, where there are two.
    credited = [row_of(answer, "markov")["credited_conversions"] for answer in known]
    assert credited == ["0.5", "0.666666666667"]
    assert told["credited_conversions"] == "0.5"
    assert effects["converted"] == 1


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("touched_again", ["p2", "p3"])
async def test_credit_as_it_was_known_is_listed_page_by_page(
    client: httpx.AsyncClient, tell_all: TellAll, at: At, touched_again: str, limit: int
) -> None:
    people = ("p1", "p2", "p3")
    at(local(date(2025, 5, 1)))
    for number, person in enumerate(people):
        day = JANUARY + timedelta(days=number)
        await tell_all(touches(person, "EA", day), converts("lead", person, day))
    at(local(date(2025, 5, 10)))
    # What the touch before was credited with is taken back: it is half of the lead now.
    await tell_all(touches(touched_again, "BR", JANUARY))
    at(local(date(2025, 6, 1)))

    asked = {**Q1, "conversion": "lead", "model": "linear", "limit": limit}
    known = await pages(client, "roi/explain", **asked, as_of="2025-05-05")

    lines = [line for page in known for line in page["credits"]]
    assert [(line["conversion"], Decimal(line["share"])) for line in lines] == [
        (person, Decimal(1)) for person in people
    ]


async def test_deals_are_counted_beside_their_money(golden: httpx.AsyncClient) -> None:
    compared = await get(golden, "roi/models")
    effects = await get(golden, "roi/models/markov")

    assert (compared["conversion"], compared["total_conversions"]) == ("deal", 6)
    # Thirds of deals are kept with twelve digits, of which one deal's add up to it.
    assert row_of(compared, "linear")["credited_conversions"] == "3.000000000001"
    for row in compared["models"]:
        assert sum(Fraction(one["conversions"]) for one in row["channels"]) == 6
    # EA's part of six deals is what it is of 60,000: 45.05 %.
    (ours,) = [e for e in effects["channels"] if e["channel"] == "employee_advocacy"]
    assert row_of(compared, "markov")["credited_conversions"] == ours["conversions"]
    exact = Fraction(71_550_000, 2_647) / 10_000
    assert abs(Fraction(ours["conversions"]) - exact) < Fraction(1, 10**11)


async def test_a_kind_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("roi/models", "roi/models/markov", "roi/explain"):
        response = await client.get(f"/v1/{path}", params={**Q1, "conversion": "visit"})
        assert response.status_code == 422
