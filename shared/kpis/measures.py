"""Measures: the quantities that are stored or counted, out of which every KPI is a formula.

A measure is *stored* by the fold under its own name, a *view* of a stored one under a fixed filter,
*counted* when it is read, because sets and quantiles cannot be stored as sums, or *calendar*, a
property of the period alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from shared.kpis import measures_of_company, measures_of_market
from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED
from shared.kpis.measure import ADVOCACY_CHANNEL, Kept, Measure, RosterDay
from shared.kpis.measure import counted as _counted
from shared.kpis.measure import measured as _measure
from shared.kpis.measure import read_off as _level
from shared.kpis.measure import summed as _sum
from shared.kpis.measure import told as _told
from shared.kpis.vocabulary import (
    Aggregation,
    AttributionModel,
    CostCategory,
    Dimension,
    SsiPillar,
    Unit,
)

__all__ = ["ADVOCACY_CHANNEL", "MEASURES", "Kept", "Measure"]

_T, _E, _N = Dimension.TEAM, Dimension.EMPLOYEE, Dimension.NETWORK
_K, _C, _X, _A = Dimension.CAMPAIGN, Dimension.CHANNEL, Dimension.CONTENT, Dimension.ACCOUNT
_D, _R, _M = Dimension.DEPARTMENT, Dimension.ROLE, Dimension.COHORT
_STAFF = (_T, _D, _E)
_POST = (_T, _E, _N, _K, _X)
_BRAND = (_N, _K, _X, _A)
_TOUCHED = (_T, _E, _N, _K, _X, _A)
# A lead has no place of its own: only touches do, and credit is what connects them.
_CRM = ()
# Nor has a deal, but for whose it is.
_OWNED = (_T, _E)
_TOUCH = (_T, _E, _N, _K, _C, _X, _A)
_RESPONSES = ("reactions", "comments", "reshares")
#: Who has told of a deal has told that none was lost, or credited, too, until one is.
_DEALS_TOLD = ("opportunities",)
_APPLICATIONS_TOLD = (_told("application.submitted"),)
#: Pages of the site and of the careers pages are counted apart: of one the other says nothing.
_VISITS_TOLD = (_told("session.recorded", "site"),)
_COSTS_TOLD = (_told("cost.booked", "program"),)


def _posts_and_responses() -> Iterator[Measure]:
    yield _sum(
        "shares",
        Unit.POSTS,
        (*_POST, _D, _R, _M),
        "posts published by advocates; once if told again",
    )
    yield _sum(
        "shares_own",
        Unit.POSTS,
        (*_POST, _D),
        "advocates' posts they wrote themselves",
        known_by=("shares",),
    )
    yield _sum(
        "posts_brand", Unit.POSTS, _BRAND, "posts of the brand's accounts; once if told again"
    )
    for side, dimensions, whose in (
        ("advocacy", _POST, "advocates' posts"),
        ("boosted", _POST, "advocates' posts, bought by ads"),
        ("brand", _BRAND, "the brand's posts"),
    ):
        yield _sum(
            f"impressions_{side}",
            Unit.VIEWS,
            dimensions,
            f"views of {whose}",
            known_by=_readings(side, "impressions"),
        )
        for response in _RESPONSES:
            yield _sum(
                f"{response}_{side}",
                Unit.EVENTS,
                dimensions,
                f"{response} on {whose}",
                known_by=_readings(side),
            )
        yield _sum(
            f"network_clicks_{side}",
            Unit.CLICKS,
            dimensions,
            f"clicks on {whose} as the network counts them",
            known_by=_readings(side, "network_clicks"),
        )


def _readings(side: str, counter: str = "") -> tuple[str, ...]:
    """Return what counts the readings of a side's posts, or of these those that tell a counter.

    Nobody asks for it. Who counts what posts drew counts responses; views and clicks not always.
    """
    part = f".{counter}" if counter else ""
    by_day = _told("engagement.daily", side + part)
    # Of what was bought there are no readings of a post.
    return (by_day,) if side == "boosted" else (by_day, f"readings.{side}{part}")


def _site_and_sales() -> Iterator[Measure]:
    yield _sum(
        "clicks",
        Unit.CLICKS,
        _POST,
        "clicks of people on tracked links",
        known_by=(_told("link.clicked"),),
    )
    for name, unit, dimensions, what in (
        ("sessions", Unit.SESSIONS, (_N, _K, _C), "visits to the company's site"),
        ("sessions_advocacy", Unit.SESSIONS, _POST, "visits that advocates sent"),
        ("engaged_sessions", Unit.SESSIONS, (_N, _K, _C), "visits that stayed or acted"),
        ("key_events", Unit.EVENTS, (_N, _K, _C), "key events of visits"),
    ):
        yield _sum(name, unit, dimensions, what, known_by=_VISITS_TOLD)
    yield _sum(
        "careers_sessions_advocacy",
        Unit.SESSIONS,
        _POST,
        "visits of the careers pages by advocacy",
        known_by=(_told("session.recorded", "careers"),),
    )
    yield _sum("leads", Unit.LEADS, _CRM, "leads created")
    yield _sum(
        "leads_advocacy",
        Unit.LEADS,
        _TOUCHED,
        "leads an advocate touched, at the first such touch",
        # Who tells of leads alone has not told whether anybody met them.
        known_with=("leads", _told("touch.recorded")),
    )
    yield _sum(
        "leads_won",
        Unit.LEADS,
        _CRM,
        "leads that became a won deal, on the lead's day",
        known_by=_DEALS_TOLD,
    )
    for name, unit, owned, what in (
        ("opportunities", Unit.DEALS, "opportunities_owned", "deals opened"),
        ("deals_won", Unit.DEALS, "wins_owned", "deals won, on the day of close"),
        ("deals_lost", Unit.DEALS, "losses_owned", "deals lost, on the day of close"),
        (
            "revenue_won",
            Unit.MONEY,
            "revenue_owned",
            "amounts of the deals won, on the day of close",
        ),
    ):
        yield _sum(name, unit, _OWNED, what, known_by=_DEALS_TOLD, parts=owned)
    for model in AttributionModel:
        yield from _credited(model)


def _credited(model: AttributionModel) -> Iterator[Measure]:
    for name, unit, what, told in (
        ("revenue", Unit.MONEY, "revenue", _DEALS_TOLD),
        ("wins", Unit.DEALS, "won deals", _DEALS_TOLD),
        ("leads", Unit.LEADS, "leads", ("leads",)),
        ("applications", Unit.APPLICATIONS, "applications", _APPLICATIONS_TOLD),
        ("hires", Unit.HIRES, "hires", (_told("hire.accepted"),)),
    ):
        credited = _measure(
            f"{name}.{model}",
            unit,
            Aggregation.ATTRIBUTED,
            _TOUCH,
            f"{what} credited to touches by the {model} model, on the day of the conversion",
        )
        yield replace(credited, known_by=told)
        if name in {"revenue", "wins", "leads"}:
            yield Measure(
                id=f"{name}_advocacy.{model}",
                unit=unit,
                aggregation=Aggregation.ATTRIBUTED,
                # One channel is a dimension already, and content is kept for itself alone.
                dimensions=frozenset(_TOUCH) - {_C, _X},
                kept=Kept.VIEW,
                description=f"{what} credited to advocates' touches by the {model} model",
                stored_as=f"{name}.{model}",
                channel=ADVOCACY_CHANNEL,
                known_by=told,
            )


def _program() -> Iterator[Measure]:
    yield _sum("invites", Unit.EVENTS, _STAFF, "invitations to the program")
    yield _sum(
        "joins", Unit.EVENTS, _STAFF, "times somebody joined, returns included; once if told again"
    )
    yield _sum(
        "leaves",
        Unit.EVENTS,
        (*_STAFF, _M),
        "times a member left the program; once if told again",
        known_by=("joins",),
    )
    yield _sum(
        "rejoins",
        Unit.EVENTS,
        (*_STAFF, _M),
        "times somebody joined after having left",
        known_by=("joins",),
    )
    spent_on = (_T, _D, _E, _N, _K, _C)
    for name, what in (
        ("cost", "the program's cost, by day, in all categories"),
        *((f"cost.{category}", f"cost of the category {category}") for category in CostCategory),
    ):
        yield _sum(name, Unit.MONEY, spent_on, what, known_by=_COSTS_TOLD)


def _levels_and_sets() -> Iterator[Measure]:
    distinct, gauge = Aggregation.DISTINCT, Aggregation.GAUGE
    score, quantile = Aggregation.COMPOSITE, Aggregation.QUANTILE
    people = Unit.PEOPLE
    yield _counted(
        "sharers", people, distinct, (_T, _D, _R, _M, _N, _K, _X), "employees with a post"
    )
    yield _counted(
        "active_advocates",
        people,
        distinct,
        (_T, _D, _R, _M, _N),
        "employees with a post in enough of the last whole ISO weeks up to the period's end",
        counted_by=(ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED),
    )
    yield _counted(
        "enrolled",
        people,
        distinct,
        (_T, _D, _R, _M),
        "who joined and has not left at the end of the period",
    )
    yield _counted(
        "invited_enrolled", people, distinct, (_T, _D, _M), "of the invited, who ever joined"
    )
    yield _counted("invited", people, distinct, (_T, _D, _M), "everybody who was ever invited")
    for name, placed, what in (
        ("headcount", (_T, _D, _R), "employed at the end of the period"),
        ("linkedin_accounts", (_T, _D), "employed, with a LinkedIn account"),
    ):
        yield _counted(name, people, gauge, placed, what, roster=RosterDay.END)
    for name, unit, dimensions, what in (
        ("followers", people, (_N, _A), "last known followers of brand accounts"),
        ("connections", Unit.EDGES, (_T, _E, _N), "last known connections of advocates"),
    ):
        yield _level(name, unit, dimensions, what, Kept.STORED)
    yield _measure("ssi", Unit.POINTS, score, _STAFF, "mean of each person's last index")
    for pillar in SsiPillar:
        yield _measure(f"ssi.{pillar}", Unit.POINTS, score, _STAFF, f"mean of the pillar {pillar}")
    for figure in ("median", "p90"):
        yield _counted(
            f"time_to_close.{figure}",
            Unit.DAYS,
            quantile,
            (*_OWNED, _D),
            f"{figure} of whole days from lead to won deal",
        )
    yield _measure(
        "weeks", Unit.WEEKS, Aggregation.ADDITIVE, (), "days of the period / 7", Kept.CALENDAR
    )


def _declared() -> dict[str, Measure]:
    measures: dict[str, Measure] = {}
    groups = (_posts_and_responses, _site_and_sales, _program, _levels_and_sets)
    for group in (*groups, measures_of_market.declared, measures_of_company.declared):
        for measure in group():
            if measure.id in measures:
                raise ValueError(f"measure {measure.id} is declared twice")
            measures[measure.id] = measure
    return measures


MEASURES: Mapping[str, Measure] = MappingProxyType(_declared())
