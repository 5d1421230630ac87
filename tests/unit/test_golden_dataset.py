"""The Golden Ratio year adds up: every total is computed here from the dataset alone."""

import csv
import io
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import mean, median
from typing import Any

import pytest

from sandbox.golden import crm, files, social, web
from sandbox.golden.activity import shares, visits
from sandbox.golden.facts import partner_facts
from sandbox.golden.journeys import Journey, hires, journeys, leads_without_deal
from sandbox.golden.people import TEAMS, active, employees, enrolled, ssi_scores, tracked_links
from sandbox.golden.program import Q1_END, Q1_START, ZONE, default_code
from sandbox.golden.spending import COSTS
from shared.facts import parse_facts

COST = Decimal("22500.00")
MARGIN = Fraction(4, 5)
WON = [journey for journey in journeys() if journey.outcome == "won"]
EA = "employee_advocacy"

Share = Fraction | float


def local_day(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def closed_on(journey: Journey) -> date:
    assert journey.closed_at is not None
    return local_day(journey.closed_at)


def is_in_quarter(day: date) -> bool:
    return Q1_START <= day < Q1_END


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def facts() -> list[dict[str, Any]]:
    return partner_facts(code_of=default_code, person_of=lambda email: f"p-{email.split('@')[0]}")


class TestAdoption:
    def test_headcount_and_membership(self) -> None:
        assert len(employees()) == len({person.email for person in employees()}) == 100
        assert sum(person.linkedin_account for person in employees()) == 80
        assert all(person.linkedin_account for person in enrolled())
        assert Fraction(len(enrolled()), 100) == Fraction(30, 100)
        assert Fraction(len(active()), len(enrolled())) == Fraction(80, 100)
        assert Fraction(100, len(active())) == Fraction(100, 24)
        assert Fraction(len(enrolled()), 80) == Fraction(375, 1000)

    def test_teams_are_those_of_the_privacy_example(self) -> None:
        joined = Counter(person.team for person in enrolled())
        working = Counter(person.team for person in active())
        assert joined == {"Sales": 12, "Marketing": 6, "HR": 5, "IT": 4, "Mgmt": 3}
        assert working == {"Sales": 10, "Marketing": 5, "HR": 4, "IT": 3, "Mgmt": 2}
        assert sum(team.headcount for team in TEAMS) == 100

    def test_files_say_the_same(self) -> None:
        roster, membership = rows(files.roster_csv()), rows(files.membership_csv())
        assert sum(row["linkedin_account"] == "true" for row in roster) == 80
        assert Counter(row["event"] for row in membership) == {"invited": 100, "joined": 30}
        assert {row["occurred_at"][:8] for row in membership} == {"2025-01-"}

    def test_nobody_shares_before_joining(self) -> None:
        joined_at = {p.ref: p.joined_at for p in active() if p.joined_at is not None}
        assert all(joined_at[share.employee] < share.published_at for share in shares())

    def test_personal_data_stand_in_the_roster_alone(self) -> None:
        others = "".join(text for name, text in files.csv_files().items() if name != "roster.csv")
        told = others + repr(facts())
        assert "@" not in told
        assert not any(person.display_name in told for person in employees())


class TestActivity:
    def test_two_shares_a_week_for_thirteen_weeks(self) -> None:
        assert len(shares()) == len({share.post for share in shares()}) == 24 * 2 * 13 == 624
        per_week = Counter((share.employee, (share.day - Q1_START).days // 7) for share in shares())
        assert len(per_week) == 24 * 13
        assert set(per_week.values()) == {2}

    def test_every_share_and_click_lies_in_the_quarter_in_both_zones(self) -> None:
        for share in shares():
            for at in (share.published_at, share.clicked_at):
                assert local_day(at) == at.astimezone(UTC).date() == share.day
                assert is_in_quarter(share.day)

    def test_views_against_the_page(self) -> None:
        views = sum(share.views for share in shares())
        in_quarter = sum(p.impressions for p in social.brand_posts() if is_in_quarter(p.day))
        in_year = sum(post.impressions for post in social.brand_posts())
        assert (views, in_quarter, in_year) == (124_800, 195_000, 780_000)
        assert Fraction(views, in_quarter) == Fraction(64, 100)
        assert Fraction(15_000, social.FOLLOWERS) == Fraction(3, 2)

    def test_some_content_is_the_employees_own(self) -> None:
        assert {share.origin for share in shares()} == {"own", "curated"}
        assert {share.mode for share in shares()} == {"manual", "scheduled"}


class TestResponse:
    def test_engagement(self) -> None:
        totals = {
            metric: sum(sum(social.member_days(p.ref, metric).values()) for p in active())
            for metric in ("IMPRESSION", "REACTION", "COMMENT", "RESHARE", "LINK_CLICKS")
        }
        assert totals == {
            "IMPRESSION": 124_800,
            "REACTION": 1_872,
            "COMMENT": 312,
            "RESHARE": 312,
            "LINK_CLICKS": 624,
        }
        assert Fraction(1_872 + 312 + 312, 124_800) == Fraction(2, 100)
        assert Fraction(1_872 + 312 + 312 + 624, 124_800) == Fraction(25, 1000)

    def test_sessions_come_from_clicks(self) -> None:
        sessions = sum(
            row.sessions
            for row in web.session_rows(default_code)
            if row.medium == "advocacy" and is_in_quarter(row.day)
        )
        assert sessions == len(visits()) == 600
        assert round(100 * (1 - Fraction(sessions, 624)), 3) == Fraction("3.846")

    def test_session_to_lead_to_win(self) -> None:
        created = [local_day(contact.created_at) for contact in crm.contacts()]
        assert len(created) == sum(map(is_in_quarter, created)) == 30
        assert len(crm.deals()) == sum(is_in_quarter(local_day(d.created_at)) for d in crm.deals())
        assert (len(crm.deals()), len(WON)) == (12, 6)
        assert sum(visit.is_lead for visit in visits()) == 30
        assert Fraction(30, 600) == Fraction(5, 100)
        assert Fraction(len(WON), 30) == Fraction(20, 100)

    def test_every_session_carries_the_code_of_an_active_employee(self) -> None:
        coded = {row.ad_content for row in web.session_rows(lambda employee: f"x-{employee}")}
        links = {f"x-{link.employee}" for link in tracked_links()}
        assert coded == links | {"(not set)"}


def test_earned_media_value() -> None:
    views, clicks, interactions = 124_800, 624, 1_872 + 312 + 312
    assert clicks * 5 == 3_120
    assert Fraction(views, 1000) * 30 == 3_744
    assert 3_744 + 5 * (Fraction(interactions, 10) + clicks) == 8_112
    assert Fraction(1_872, 2) + 312 * 2 + 312 * 3 + clicks * 5 == 5_616


def test_costs() -> None:
    assert [cost.amount for cost in COSTS] == [900, 2000, 3600, 9360, 4550, 1500, 590]
    booked = [Decimal(row["amount"]) for row in rows(files.costs_csv())]
    assert sum(booked) == COST
    assert all((cost.starts_on, cost.ends_on) == (Q1_START, Q1_END) for cost in COSTS)
    assert (Decimal(750), Decimal(1875)) == (COST / 30, COST / 12)


def test_ssi_pillars_are_possible_scores() -> None:
    assert len({score.employee for score in ssi_scores()}) == 24
    assert all(0 <= pillar <= 25 for score in ssi_scores() for pillar in score.pillars)


class TestJourneys:
    def test_touches_lie_on_the_local_days_before_the_close(self) -> None:
        told = {
            journey.name: [
                (touch.channel, (closed_on(journey) - local_day(touch.occurred_at)).days)
                for touch in journey.touches
            ]
            for journey in journeys()
            if journey.closed_at
        }
        br, ad = "brand", "paid"
        assert told["J1"] == [(EA, 80), (br, 40), (EA, 10)]
        assert told["J2"] == [(EA, 30)]
        assert told["J3"] == [(ad, 60), (EA, 20)]
        assert told["J4"] == [(br, 50), (ad, 5)]
        assert told["J5"] == [(EA, 90), (ad, 45), (br, 15)]
        assert told["J6"] == [(br, 70), (EA, 49), (ad, 21), (EA, 7)]
        lost = {name: [channel for channel, _ in told[name]] for name in ("L1", "L2", "L3", "L4")}
        assert lost == {"L1": [EA], "L2": [br, EA], "L3": [ad], "L4": [ad, br]}

    def test_one_touch_of_a_win_changes_its_day_with_the_zone(self) -> None:
        moved = [
            touch.touch_id
            for journey in WON
            for touch in journey.touches
            if local_day(touch.occurred_at) != touch.occurred_at.astimezone(UTC).date()
        ]
        assert moved == ["J5-1"]

    def test_a_touch_at_half_past_midnight_belongs_to_the_second_quarter(self) -> None:
        (late,) = (touch for journey in journeys() for touch in journey.touches
                   if touch.occurred_at.isoformat() == "2025-03-31T22:30:00+00:00")  # fmt: skip
        assert local_day(late.occurred_at) == date(2025, 4, 1)

    def test_days_from_lead_to_close(self) -> None:
        days = sorted((closed_on(j) - local_day(j.lead_at)).days for j in WON)
        assert days == [25, 45, 55, 65, 75, 85]
        assert all(
            local_day(j.lead_at) - local_day(j.touches[0].occurred_at) == timedelta(days=5)
            for j in journeys()
        )
        assert median(days) == 60
        assert round(mean(days), 4) == 58.3333
        assert days[4] + (days[5] - days[4]) * Fraction(1, 2) == 80  # rank 0.9 × 5 = 4.5
        assert 90 - median(days) == 30

    def test_elapsed_time_agrees_with_the_calendar(self) -> None:
        elapsed = sorted((j.closed_at - j.lead_at).days for j in WON if j.closed_at)
        assert elapsed == [25, 45, 55, 65, 75, 85]

    def test_nothing_closes_in_the_first_quarter(self) -> None:
        assert min(closed_on(j) for j in journeys() if j.closed_at) == date(2025, 4, 2)

    def test_hires_are_accepted_in_the_second_quarter(self) -> None:
        accepted = [local_day(hire.accepted_at) for hire in hires()]
        assert len(accepted) == 2
        assert all(Q1_END <= day < date(2025, 7, 1) for day in accepted)

    def test_crm_tells_the_same(self) -> None:
        amounts = {deal.properties["dealname"]: deal.properties["amount"] for deal in crm.deals()}
        assert [amounts[f"Golden Ratio {j.name}"] for j in WON] == [
            "12000.00",
            "6000.00",
            "10000.00",
            "8000.00",
            "15000.00",
            "9000.00",
        ]
        stages = Counter(deal.properties["dealstage"] for deal in crm.deals())
        assert stages == {"closedwon": 6, "closedlost": 4, "contractsent": 2}
        mails = {contact.object_id: contact.properties["email"] for contact in crm.contacts()}
        told = zip(crm.deals(), journeys(), strict=True)
        assert all(mails[deal.associated[0]] == journey.email for deal, journey in told)
        assert len(set(mails.values())) == 30 == 12 + len(leads_without_deal())


def weights(journey: Journey, model: str, window: int = 90) -> dict[str, Share]:
    """Credit of each touch inside the window; the sum over a deal is 1."""
    days = [
        (touch, (closed_on(journey) - local_day(touch.occurred_at)).days)
        for touch in journey.touches
    ]
    inside = [(touch, before) for touch, before in days if before <= window]
    n = len(inside)
    raw: list[Share]
    match model:
        case "first":
            raw = [Fraction(place == 0) for place in range(n)]
        case "last":
            raw = [Fraction(place == n - 1) for place in range(n)]
        case "linear":
            raw = [Fraction(1)] * n
        case "position":
            middle = Fraction(1, 5 * (n - 2)) if n > 2 else Fraction(0)
            raw = [Fraction(2, 5) if place in (0, n - 1) else middle for place in range(n)]
        case _:
            half_life = int(model)
            raw = [2 ** (-before / half_life) for _, before in inside]
    total = sum(raw)
    credit: dict[str, Fraction | float] = defaultdict(Fraction)
    for (touch, _), weight in zip(inside, raw, strict=True):
        credit[touch.channel] += weight / total
    return credit


def credited(model: str, channel: str = EA, window: int = 90) -> Share:
    return sum(int(j.amount) * weights(j, model, window)[channel] for j in WON)


class TestAttribution:
    @pytest.mark.parametrize(
        ("model", "advocacy", "brand", "paid", "roi_on_margin"),
        [
            ("first", "33000.00", "17000.00", "10000.00", "17.33"),
            ("last", "37000.00", "15000.00", "8000.00", "31.56"),
            ("linear", "28500.00", "15250.00", "16250.00", "1.33"),
            ("position", "31100.00", "16000.00", "12900.00", "10.58"),
            ("7", "34447.97", "14950.75", "10601.28", "22.48"),
            ("30", "28520.74", "15466.80", "16012.46", "1.41"),
        ],
    )
    def test_credit_and_roi(
        self, model: str, advocacy: str, brand: str, paid: str, roi_on_margin: str
    ) -> None:
        totals = [credited(model, channel) for channel in (EA, "brand", "paid")]
        assert [f"{float(total):.2f}" for total in totals] == [advocacy, brand, paid]
        assert round(float(sum(totals)), 6) == 60_000
        roi = (float(totals[0]) * float(MARGIN) - 22_500) / 22_500
        assert f"{100 * roi:.2f}" == roi_on_margin

    def test_linear_weighted_wins(self) -> None:
        assert sum(weights(journey, "linear")[EA] for journey in WON) == 3

    @pytest.mark.parametrize(
        ("window", "expected"), [(90, 28_500), (89, 23_500), (60, 23_000), (30, 32_500)]
    )
    def test_window_edges(self, window: int, expected: int) -> None:
        assert credited("linear", window=window) == expected

    def test_payback(self) -> None:
        running: Share = Fraction(0)
        curve: dict[str, Share] = {}
        for journey in sorted(WON, key=closed_on):
            running += int(journey.amount) * weights(journey, "linear")[EA] * MARGIN
            curve[closed_on(journey).isoformat()[5:]] = running
        assert curve == {
            "04-02": 4_000,
            "04-03": 4_000,
            "04-05": 7_600,
            "04-10": 14_000,
            "04-15": 18_000,
            "04-20": 22_800,
        }
        paid_back = next(day for day, margin in curve.items() if margin >= 22_500)
        assert paid_back == "04-20"
        assert (date(2025, 4, 20) - Q1_START).days == 109


def test_period_view_of_the_first_quarter_shows_nothing_earned() -> None:
    earned = sum(int(j.amount) for j in WON if is_in_quarter(closed_on(j)))
    assert (earned - COST) / COST == -1


def test_restatements_of_may() -> None:
    amounts = {journey.name: int(journey.amount) for journey in WON}

    def credited_as_known(changes: dict[str, int]) -> Share:
        return sum((amounts | changes)[j.name] * weights(j, "linear")[EA] for j in WON)

    assert credited_as_known({"J5": 12_000}) == 27_500
    assert credited_as_known({"J5": 12_000, "J3": 0}) == 22_500


class TestPartnerFacts:
    def test_every_fact_is_of_the_public_vocabulary(self) -> None:
        parsed = parse_facts(facts())
        assert Counter(fact.kind for fact in parsed) == {
            "post.published": 624,
            "link.clicked": 624,
            "touch.recorded": 24,
            "application.submitted": 2,
            "hire.accepted": 2,
        }
        assert len({fact.identity.key for fact in parsed}) == len(parsed)

    def test_the_telling_is_deterministic(self) -> None:
        assert facts() == facts()

    def test_persons_are_derived_by_the_caller(self) -> None:
        seen: dict[str, str] = {}
        partner_facts(code_of=default_code, person_of=lambda email: seen.setdefault(email, "p"))
        assert seen.keys() == {journey.email for journey in journeys()}
