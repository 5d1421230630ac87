"""Every measure that formulas are made of, over the days of a span, grouped or not.

A measure that nobody ever told anything of is missing, which is not 0; one of which something was
told, but nothing here, is 0, unless it is a level, a middle or a score: nothing has none of these.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import get_args

from shared.facts.costs import CostCategory
from tests.property.oracle.answers import Answer, Span, answers
from tests.property.oracle.attribution import MODELS
from tests.property.oracle.company_lines import company_lines
from tests.property.oracle.contributions import ADVOCACY, Contribution
from tests.property.oracle.ledger import History
from tests.property.oracle.lines import gathered
from tests.property.oracle.program_lines import program_lines
from tests.property.oracle.slices import Cell, place_of

__all__ = ["absent", "known", "measured", "sums", "weeks"]

_NO_FILTERS: Mapping[str, str] = {}
#: Another name for the part of a measure that came through one channel.
_VIEWS = {
    **{f"revenue_advocacy.{model}": (f"revenue.{model}", ADVOCACY) for model in MODELS},
    **{f"wins_advocacy.{model}": (f"wins.{model}", ADVOCACY) for model in MODELS},
    **{f"leads_advocacy.{model}": (f"leads.{model}", ADVOCACY) for model in MODELS},
    "revenue_brand": ("revenue.linear", "brand"),
}
_INTERNAL = (
    *("esn_posts", "esn_comments", "esn_events", "esn_polls", "esn_suggestions"),
    *("knowledge_items", "knowledge_reads"),
)
#: Who counts what posts drew counts these; views and clicks only if the source tells them.
_READ_AS = {
    **dict.fromkeys(("reactions", "comments", "reshares"), ""),
    "impressions": ".impressions",
    "network_clicks": ".network_clicks",
}
_MOODS = ("mentions_positive", "mentions_neutral", "mentions_negative")
#: Of which market and in which language they are, nothing says but themselves.
_MENTIONS = ("mentions_own", "mentions_competitor", *_MOODS)
_GENERATIONS = ("silent", "boomers", "gen_x", "millennials", "gen_z")
_APPLICATION = "told.application.submitted"
_VISITS = ("sessions", "sessions_advocacy", "sessions_brand", "engaged_sessions", "key_events")
#: Told by the same facts: where one of these is known, none of the first is 0.
_TOLD_WITH = {
    "leaves": ("joins",),
    "rejoins": ("joins",),
    "stories_published": ("stories_submitted",),
    "shares_scheduled": ("shares",),
    "engagements_paid": ("engagements_organic",),
    "engagements_organic": ("engagements_paid",),
    "mentions_own": ("mentions_competitor",),
    "mentions_competitor": ("mentions_own",),
    "adaptation_quits": ("leavers",),
    **dict.fromkeys(("deals_won", "deals_lost", "revenue_won", "leads_won"), ("opportunities",)),
    **{f"{name}.{m}": ("opportunities",) for name in ("revenue", "wins") for m in MODELS},
    # To conversions that nothing led to, nothing was credited.
    **{f"leads.{m}": ("leads",) for m in MODELS},
    **{f"applications.{m}": (_APPLICATION,) for m in MODELS},
    **{f"hires.{m}": ("told.hire.accepted",) for m in MODELS},
    "shares_own": ("shares",),
    "clicks": ("told.link.clicked",),
    **dict.fromkeys(_VISITS, ("told.session.recorded.site",)),
    "careers_sessions_advocacy": ("told.session.recorded.careers",),
    "cost": ("told.cost.booked.program",),
    "cost_brand": ("told.cost.booked.brand",),
    **{f"cost.{category}": ("told.cost.booked.program",) for category in get_args(CostCategory)},
    "points": ("told.points.awarded",),
    **dict.fromkeys(("offline_activities", "contest_entries"), ("told.activity.logged",)),
    "off_channel_incidents": ("told.incident.recorded",),
    **{
        f"{name}_{side}": (f"told.engagement.daily.{side}{told}", f"readings.{side}{told}")
        for name, told in _READ_AS.items()
        for side in ("advocacy", "boosted", "brand")
    },
    **dict.fromkeys(_MOODS, _MOODS),
    **dict.fromkeys(_INTERNAL, ("told.internal.daily",)),
    **{
        f"impressions_{part}.{facet}": (f"told.demographics.recorded.{facet}",)
        for part in ("profiled", "target")
        for facet in ("company", "title", "city")
    },
    **dict.fromkeys(
        (
            "impressions_profiled.generation",
            *(f"impressions_generation.{name}" for name in _GENERATIONS),
        ),
        ("told.demographics.recorded.generation",),
    ),
}
#: Whether anybody met a lead is told by touches, of whomever.
_TOLD_TOGETHER = {"leads_advocacy": ("leads", "told.touch.recorded")}
#: The whole is everybody's and nobody's; a team's are the deals that its people own.
_OWNED = {
    "opportunities": "opportunities_owned",
    "deals_won": "wins_owned",
    "deals_lost": "losses_owned",
    "revenue_won": "revenue_owned",
}
_VALUES = frozenset(
    {
        *("ssi", "ssi.brand", "ssi.people", "ssi.insights", "ssi.relationships", "ssi_change"),
        *("evenness", "esn_slope", "ties_possible"),
        *("search.hours", "search.people"),
        *("reach.most", "reach.sum", "reach.followed", "reach.followers", "ties"),
        *("followers", "connections", "competitor_followers", "market"),
        *("followers_at_start", "followers_gained"),
    }
)


def absent(measure: str) -> Fraction | None:
    """Return what a known measure is where nothing was told."""
    is_value = measure in _VALUES or measure.endswith((".median", ".p90"))
    return None if is_value else Fraction(0)


def known(cells: Iterable[Cell]) -> frozenset[str]:
    """Return the measures, summed from cells, of which anything was ever told."""
    told = {cell.measure for cell in cells}
    held = told | {name for name, others in _TOLD_WITH.items() if told.intersection(others)}
    held |= {name for name, others in _TOLD_TOGETHER.items() if told.issuperset(others)}
    held |= {name for name, (stored, _) in _VIEWS.items() if stored in held}
    # How many facts of a kind there are is no answer to anything.
    return frozenset(name for name in held if not name.startswith(("told.", "readings.")))


def measured(
    history: History, told: Sequence[Contribution], span: Span, held: frozenset[str]
) -> dict[str, Answer]:
    """Return measure → group → value of all measures known; ``held`` is what `known` says."""
    listed = program_lines(history, span) | company_lines(history, span)
    found = {
        **sums(history, told, span, held),
        **answers(history, told, span),
        **{name: gathered(history, lines, span) for name, lines in listed.items()},
    }
    if span.group_by in ("market", "language"):
        found |= {name: found[f"{name}_listed"] for name in _MENTIONS if f"{name}_listed" in found}
    if span.place or span.group_by == "employee":
        for whole, owned in _OWNED.items():
            found.pop(whole, None)
            found |= {whole: found[owned]} if owned in found else {}
    return found


def sums(
    history: History,
    told: Sequence[Contribution],
    span: Span,
    held: frozenset[str],
    filters: Mapping[str, str] = _NO_FILTERS,
) -> dict[str, Answer]:
    """Return the sums of a span, with an entry for every measure that is known."""
    found: dict[str, dict[str, Fraction]] = {measure: defaultdict(Fraction) for measure in held}
    for part in told:
        if not span.holds(part.day):
            continue
        if all(getattr(part.where, name) == value for name, value in filters.items()):
            for measure in held.intersection(_named(part)):
                for group in _groups_of(history, part, span):
                    found[measure][group] += part.quantity
    return {measure: {**answer} for measure, answer in found.items()}


def _named(part: Contribution) -> Iterator[str]:
    """Yield the names under which a contribution counts."""
    yield part.measure
    for name, (stored, channel) in _VIEWS.items():
        if (stored, channel) == (part.measure, part.where.channel):
            yield name


def _groups_of(history: History, part: Contribution, span: Span) -> list[str]:
    """Return the group a contribution counts in, if it has one."""
    if span.group_by is None:
        return [""]
    if span.place:
        employee = part.where.employee
        return [place_of(history, employee, part.day, span.place)] if employee else []
    value = getattr(part.where, span.group_by, "")  # what only lines say, no cell does
    return [value] if value else []


def weeks(span: Span) -> Fraction:
    """Return how many weeks a span has."""
    return Fraction((span.end - span.start) / timedelta(days=1)) / 7
