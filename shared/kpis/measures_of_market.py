"""Measures of the market: what posts reach, what is said, who buys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shared.kpis.assumptions import EXPERT_INDEX
from shared.kpis.measure import ADVOCACY_CHANNEL, Kept, Measure, counted, read_off, summed, told
from shared.kpis.vocabulary import (
    Aggregation,
    AttributionModel,
    AudienceFacet,
    Dimension,
    Generation,
    Unit,
)

__all__ = ["declared"]

_T, _E, _N = Dimension.TEAM, Dimension.EMPLOYEE, Dimension.NETWORK
_K, _C, _X, _A = Dimension.CAMPAIGN, Dimension.CHANNEL, Dimension.CONTENT, Dimension.ACCOUNT
_POST = (_T, _E, _N, _K, _X)
_BRAND = (_N, _K, _X, _A)
_TOUCHED = (_T, _E, _N, _K, _X, _A)
_TOUCH = (*_TOUCHED, _C)
_BRAND_CHANNEL = "brand"


def declared() -> Iterator[Measure]:
    """Yield the measures of this module."""
    yield from _posts()
    yield from _audiences()
    yield from _profiles()
    yield from _talk()
    yield from _sales()
    yield from _brand_account()


def _posts() -> Iterator[Measure]:
    yield summed(
        "shares_scheduled",
        Unit.POSTS,
        _POST,
        "advocates' posts that were scheduled",
        known_by=("shares",),
    )
    yield summed("mentions_advocacy", Unit.EVENTS, _POST, "mentions on advocates' posts")
    for side, other in (("paid", "organic"), ("organic", "paid")):
        yield summed(
            f"engagements_{side}",
            Unit.EVENTS,
            _BRAND,
            f"responses on the brand's posts, {side}",
            known_by=(f"engagements_{other}",),
        )
    yield counted(
        "engagements_tagged",
        Unit.EVENTS,
        Aggregation.ADDITIVE,
        (Dimension.HASHTAG, _N),
        "responses on posts that bear a hashtag",
    )
    reach, people = Aggregation.DISTINCT, Unit.PEOPLE
    where = (_N, _K, _X, _A)
    for name, what in (
        ("most", "largest reach of one post of the brand: the least it is"),
        ("sum", "reach of all posts of the brand added up: the most it is"),
        ("followed", "reach of the posts whose account's followers were known then, added up"),
        ("followers", "followers of each post's account when its reach was read, added up"),
    ):
        counted_reach = counted(f"reach.{name}", people, reach, where, what)
        yield replace(counted_reach, has_zero=False)
    yield counted(
        "potential_reach",
        people,
        Aggregation.ADDITIVE,
        _POST,
        "connections of who shared at the time of each share, not deduplicated",
    )


def _audiences() -> Iterator[Measure]:
    gained = "followers gained less lost in the period by accounts known before it"
    for name, where, what, kept in (
        ("followers_at_start", (_N, _A), "followers before the period", Kept.COUNTED),
        ("followers_gained", (_N, _A), gained, Kept.COUNTED),
        ("competitor_followers", (_N, _A), "last known followers of competitors", Kept.STORED),
        ("market", (_N,), "people of the target market", Kept.STORED),
    ):
        yield read_off(name, Unit.PEOPLE, where, what, kept)


def _profiles() -> Iterator[Measure]:
    for facet in AudienceFacet:
        who = (_N, _K, _X, _A)
        for name, what in (
            ("profiled", f"views whose {facet} is known"),
            ("target", f"views by a {facet} that is wanted"),
        ):
            by_facet = (told("demographics.recorded", facet),)
            yield summed(f"impressions_{name}.{facet}", Unit.VIEWS, who, what, known_by=by_facet)
    for name, what in (
        ("profiled.generation", "views whose generation is known"),
        *((f"generation.{one}", f"views by the generation {one}") for one in Generation),
    ):
        by_generation = (told("demographics.recorded", "generation"),)
        yield summed(
            f"impressions_{name}", Unit.VIEWS, (_N, _K, _X, _A), what, known_by=by_generation
        )


def _talk() -> Iterator[Measure]:
    # Cells say where a mention was made; of which market and language it is, its fact alone says.
    cells_by = (_N, _K, _X)
    where = (*cells_by, Dimension.MARKET, Dimension.LANGUAGE)
    brands, moods = ("own", "competitor"), ("positive", "neutral", "negative")
    for brand, whose in zip(brands, ("the brand", "competitors"), strict=True):
        # Who listens for one finds the other: none of a competitor's is an answer.
        yield summed(
            f"mentions_{brand}",
            Unit.MENTIONS,
            where,
            f"mentions of {whose}",
            known_by=tuple(f"mentions_{one}" for one in brands if one != brand),
            parts=f"mentions_{brand}_listed",
            cells_by=cells_by,
        )
    for mood in moods:
        yield summed(
            f"mentions_{mood}",
            Unit.MENTIONS,
            where,
            f"{mood} mentions of the brand",
            known_by=tuple(f"mentions_{one}" for one in moods if one != mood),
            parts=f"mentions_{mood}_listed",
            cells_by=cells_by,
        )
    for name in (*brands, *moods):
        yield counted(
            f"mentions_{name}_listed",
            Unit.MENTIONS,
            Aggregation.ADDITIVE,
            where,
            f"mentions_{name}, counted from their facts",
        )
    yield counted(
        "reply_hours.median",
        Unit.HOURS,
        Aggregation.QUANTILE,
        (_N,),
        "median of hours from a mention of the brand to its answer",
    )
    yield counted(
        "recognized_experts",
        Unit.PEOPLE,
        Aggregation.DISTINCT,
        (_T, Dimension.DEPARTMENT),
        "employees with an index that is high enough, or whom somebody outside mentioned",
        counted_by=(EXPERT_INDEX,),
    )


def _sales() -> Iterator[Measure]:
    distinct, additive = Aggregation.DISTINCT, Aggregation.ADDITIVE
    yield counted("leads_sourced", Unit.LEADS, additive, _TOUCHED, "leads advocacy touched first")
    yield counted(
        "leads_advocacy_won",
        Unit.LEADS,
        additive,
        _TOUCHED,
        "leads advocacy touched that became a won deal, on the lead's day",
    )
    customers = Unit.CUSTOMERS
    yield counted(
        "customers_advocacy",
        customers,
        distinct,
        _TOUCHED,
        "customers of won deals with a touch by an advocate in the window",
    )
    yield counted(
        "customers_new_market",
        customers,
        distinct,
        _TOUCHED,
        "customers, in markets the company wants to enter, of won deals an advocate touched",
    )
    yield counted("customers", customers, distinct, (), "customers of won deals")
    yield counted("customers_returning", customers, distinct, (), "customers who had bought before")
    yield from _deals()


def _deals() -> Iterator[Measure]:
    additive = Aggregation.ADDITIVE
    owned = (_T, _E)
    yield counted("pipeline", Unit.MONEY, Aggregation.GAUGE, owned, "amounts of open deals")
    yield counted("units_sold", Unit.UNITS, additive, owned, "units of won deals")
    for model in AttributionModel:
        yield counted(
            f"units.{model}",
            Unit.UNITS,
            Aggregation.ATTRIBUTED,
            _TOUCH,
            f"units of won deals credited to touches by the {model} model",
        )
        yield counted(
            f"opportunities.{model}",
            Unit.DEALS,
            Aggregation.ATTRIBUTED,
            _TOUCH,
            f"deals opened, credited to their leads' touches by the {model} model",
        )
        yield Measure(
            id=f"opportunities_advocacy.{model}",
            unit=Unit.DEALS,
            aggregation=Aggregation.ATTRIBUTED,
            dimensions=frozenset(_TOUCH) - {_C, _X},
            kept=Kept.COUNTED,
            description="deals opened, credited to advocates' touches of their leads by the"
            f" {model} model",
            stored_as=f"opportunities.{model}",
            channel=ADVOCACY_CHANNEL,
        )
        yield counted(
            f"pipeline.{model}",
            Unit.MONEY,
            Aggregation.GAUGE,
            _TOUCH,
            f"amounts of open deals credited to their leads' touches by the {model} model",
        )
    for name, unit, what in (
        ("revenue_owned", Unit.MONEY, "amounts won, by whose deal it is"),
        ("wins_owned", Unit.DEALS, "deals won, by whose deal it is"),
        (
            "wins_owned_touched",
            Unit.DEALS,
            "deals won with a touch in the window, by whose deal it is",
        ),
        ("losses_owned", Unit.DEALS, "deals lost, by whose deal it is"),
        ("opportunities_owned", Unit.DEALS, "deals opened, by whose deal it is"),
        ("quota", Unit.MONEY, "quotas, each spread evenly over its days"),
    ):
        yield counted(name, unit, additive, owned, what)
    for whose in ("advocacy", "other"):
        yield counted(
            f"time_to_close_{whose}.median",
            Unit.DAYS,
            Aggregation.QUANTILE,
            (),
            f"median of whole days from lead to won deal: {whose} leads",
        )


def _brand_account() -> Iterator[Measure]:
    yield summed(
        "sessions_brand",
        Unit.SESSIONS,
        (_N, _K, _X, _A),
        "visits the brand's accounts sent",
        known_by=(told("session.recorded", "site"),),
    )
    yield summed(
        "cost_brand",
        Unit.MONEY,
        (_N, _K, _A),
        "cost of the brand's own social media, which is none of the program",
        known_by=(told("cost.booked", "brand"),),
    )
    yield Measure(
        id="revenue_brand",
        unit=Unit.MONEY,
        aggregation=Aggregation.ATTRIBUTED,
        dimensions=frozenset({_N, _K, _A}),
        kept=Kept.VIEW,
        description="revenue credited to the brand's touches by the linear model",
        stored_as=f"revenue.{AttributionModel.LINEAR}",
        channel=_BRAND_CHANNEL,
        known_by=("opportunities",),
    )
