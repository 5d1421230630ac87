"""Measures of the company: taking part, the internal network, surveys, people, recruiting."""

from __future__ import annotations

from collections.abc import Iterator

from shared.kpis.assumptions import ACTIVATION_DAYS
from shared.kpis.measure import Kept, Measure, RosterDay, counted, read_off, summed, told
from shared.kpis.vocabulary import Aggregation, Dimension, RetentionWeek, SurveyTopic, Unit

__all__ = ["SURVEYS", "declared"]

_SCORED = ("score", "answers")
_AFFIRMED = ("positive", "answers")
_BALANCED = ("positive", "negative", "answers")
#: Topic → what its answers are summed to. Answers are those to surveys that tell all the others.
SURVEYS = {
    SurveyTopic.ENGAGEMENT: ("positive", "negative", "score", "answers"),
    SurveyTopic.ENPS: _BALANCED,
    SurveyTopic.STRESS: _SCORED,
    SurveyTopic.COMPETENCE: _SCORED,
    SurveyTopic.CUSTOMER_NPS: _BALANCED,
    SurveyTopic.BRAND_TRUST: _AFFIRMED,
    SurveyTopic.EMPLOYER_BRAND_AWARENESS: _AFFIRMED,
    SurveyTopic.BRAND_PERCEPTION: _SCORED,
    SurveyTopic.COHESION: _SCORED,
    SurveyTopic.MORALE: _SCORED,
    SurveyTopic.RETENTION_INTENT: _AFFIRMED,
}
#: What is asked outside the company: staff are asked by team, and nobody knows how many of them
#: work in which market.
_OUTSIDE = frozenset(
    {
        SurveyTopic.CUSTOMER_NPS,
        SurveyTopic.BRAND_TRUST,
        SurveyTopic.EMPLOYER_BRAND_AWARENESS,
        SurveyTopic.BRAND_PERCEPTION,
    }
)
_PARTS = {
    "answers": "answers",
    "positive": "promoters, the engaged or who said yes",
    "negative": "detractors, the actively disengaged or who said no",
    "score": "sum of scores",
}
_T, _E, _N = Dimension.TEAM, Dimension.EMPLOYEE, Dimension.NETWORK
_K, _X = Dimension.CAMPAIGN, Dimension.CONTENT
_D, _J = Dimension.DEPARTMENT, Dimension.JOB
_TEAM = (_T, _D)
_PLACED = (*_TEAM, Dimension.ROLE)
_STAFF = (*_TEAM, _E)
#: What is told of people by when they joined, too.
_JOINED = (*_TEAM, Dimension.COHORT)
#: Figures by hand name a team or the company; some that are summed are told by more.
_BY_HAND = (_T,)


_DAILY = {
    **{
        f"esn_{word}": (Unit.EVENTS, f"{word} on the internal network")
        for word in ("posts", "comments", "events", "polls", "suggestions")
    },
    "knowledge_items": (Unit.ITEMS, "items added to the knowledge base"),
    "knowledge_reads": (Unit.EVENTS, "reads of the knowledge base"),
}


def declared() -> Iterator[Measure]:
    """Yield the measures of this module."""
    yield from _taking_part()
    yield from _cohorts()
    yield from _efforts()
    yield from _internal_network()
    yield from _surveys()
    yield from _people()
    yield from _recruiting()
    yield from _figures()


def _people_in(
    id: str,
    description: str,
    *,
    dimensions: tuple[Dimension, ...] = _TEAM,
    roster: RosterDay | None = None,
) -> Measure:
    return counted(id, Unit.PEOPLE, Aggregation.DISTINCT, dimensions, description, roster=roster)


def _taking_part() -> Iterator[Measure]:
    yield _people_in("engaged_users", "employees who opened the sharing platform or posted")
    yield _people_in("enrolled_at_start", "members before the period", dimensions=_JOINED)
    yield _people_in("trained", "members who ever completed a training", dimensions=_JOINED)
    on_networks = (*_TEAM, _N)
    yield _people_in(
        "connected", "members with a network account whose token works", dimensions=on_networks
    )
    # Else nothing could be compared with the accounts of one network.
    yield _people_in(
        "connectable",
        "members: of each network whose accounts were told of, all of them",
        dimensions=on_networks,
    )
    yield _people_in(
        "leaders", "employed, with the role leader", dimensions=_PLACED, roster=RosterDay.END
    )
    for name, what in (
        ("sharing", "leaders with a post"),
        ("listening", "leaders who opened a report of social listening"),
    ):
        yield _people_in(f"leaders_{name}", what, dimensions=_PLACED)
    yield counted(
        "headcount_at_start",
        Unit.PEOPLE,
        Aggregation.GAUGE,
        _TEAM,
        "employed before the period",
        roster=RosterDay.START,
    )
    yield counted(
        "evenness",
        Unit.RATIO,
        Aggregation.COMPOSITE,
        _TEAM,
        "1 less the Gini coefficient of posts of members: 1 if all posted the same",
    )
    yield counted(
        "ssi_change",
        Unit.POINTS,
        Aggregation.COMPOSITE,
        (*_JOINED, _E),
        "mean change of the index of people who had one before the period",
    )


def _cohorts() -> Iterator[Measure]:
    yield _people_in("invitees", "people first invited in the period", dimensions=_JOINED)
    yield counted(
        "invitees_activated",
        Unit.PEOPLE,
        Aggregation.DISTINCT,
        _JOINED,
        "people first invited in the period who posted soon enough after it",
        counted_by=(ACTIVATION_DAYS,),
    )
    yield counted(
        "first_share_hours.median",
        Unit.HOURS,
        Aggregation.QUANTILE,
        _JOINED,
        "median of hours from joining to the first post, of who first joined in the period",
    )
    for week in RetentionWeek:
        yield _people_in(
            f"cohort.{_word(week)}",
            f"who first joined in the period and whose week {week} after that is over",
            dimensions=_JOINED,
        )
        yield _people_in(
            f"cohort_active.{_word(week)}",
            f"who first joined in the period and posted in week {week} after that",
            dimensions=_JOINED,
        )


def _word(week: RetentionWeek) -> str:
    # A name of a formula begins with a letter.
    return f"w{week}"


def _efforts() -> Iterator[Measure]:
    yield summed("stories_submitted", Unit.ITEMS, _STAFF, "stories proposed for others")
    yield summed(
        "stories_published",
        Unit.ITEMS,
        _STAFF,
        "proposed stories that were released",
        known_by=("stories_submitted",),
    )
    yield summed("content_released", Unit.ITEMS, (_K, _X), "items released to share")
    yield counted(
        "content_used",
        Unit.ITEMS,
        Aggregation.DISTINCT,
        (_K, _X),
        "items released in the period that were shared by its end",
    )
    yield counted(
        "content_offered",
        Unit.ITEMS,
        Aggregation.DISTINCT,
        (_K, _X),
        "different items released in the period",
    )
    yield summed("points", Unit.POINTS, _STAFF, "game points", known_by=(told("points.awarded"),))
    yield summed("hours_logged", Unit.HOURS, _STAFF, "working time logged for advocacy")
    for name, where, what in (
        ("offline_activities", (_T, _E, _K), "advocacy away from the networks"),
        ("contest_entries", (_N, _K), "entries in contests"),
    ):
        yield summed(name, Unit.EVENTS, where, what, known_by=(told("activity.logged"),))
    yield counted(
        "training_hours.median",
        Unit.HOURS,
        Aggregation.QUANTILE,
        _JOINED,
        "median hours of onboarding training of each newcomer",
    )


def _internal_network() -> Iterator[Measure]:
    # Kept for employees, because people are counted; answered for teams only.
    for name, (unit, description) in _DAILY.items():
        yield summed(name, unit, _TEAM, description, known_by=(told("internal.daily"),))
    yield counted(
        "knowledge_base",
        Unit.ITEMS,
        Aggregation.GAUGE,
        _TEAM,
        "items in the knowledge base at the end of the period",
    )
    yield _people_in("esn_registered", "employees with an account of the internal network")
    yield _people_in("esn_active", "employees who did or read something there")
    yield counted(
        "esn_slope",
        Unit.PER_WEEK,
        Aggregation.COMPOSITE,
        _TEAM,
        "Theil-Sen slope of posts, comments and reactions of the whole weeks of the period",
    )
    yield read_off("ties", Unit.PAIRS, (), "pairs in contact across teams", Kept.COUNTED)
    yield counted(
        "ties_possible", Unit.PAIRS, Aggregation.COMPOSITE, (), "pairs of people of two teams"
    )
    mail = Aggregation.ADDITIVE
    yield counted("mail.messages", Unit.EVENTS, mail, _TEAM, "internal e-mails")
    yield counted("mail.person_days", Unit.PERSON_DAYS, mail, _TEAM, "mailboxes times days counted")
    for process in ("approval", "onboarding"):
        yield counted(
            f"process.{process}.median",
            Unit.DAYS,
            Aggregation.QUANTILE,
            _TEAM,
            f"median of days of each {process} that ended in the period",
        )
    yield summed(
        "off_channel_incidents",
        Unit.EVENTS,
        _TEAM,
        "leaks through public messengers",
        known_by=(told("incident.recorded"),),
    )


def _surveys() -> Iterator[Measure]:
    for topic, parts in SURVEYS.items():
        # Competence is the one that the catalogue divides by role.
        dimensions = _PLACED if topic is SurveyTopic.COMPETENCE else _TEAM
        if topic in _OUTSIDE:
            dimensions = (*_TEAM, Dimension.MARKET)
        for part in parts:
            unit = Unit.POINTS if part == "score" else Unit.ANSWERS
            yield counted(
                f"survey.{topic}.{part}",
                unit,
                Aggregation.ADDITIVE,
                dimensions,
                f"{_PARTS[part]}, in surveys about {topic}",
            )


def _people() -> Iterator[Measure]:
    yield summed(
        "leavers",
        Unit.PEOPLE,
        (*_PLACED, Dimension.COHORT),
        "people who left the company; once a day if told again",
    )
    yield summed(
        "adaptation_quits",
        Unit.PEOPLE,
        _JOINED,
        "who never settled in, in probation",
        known_by=("leavers",),
    )
    yield counted(
        "person_days",
        Unit.PERSON_DAYS,
        Aggregation.ADDITIVE,
        (*_PLACED, Dimension.COHORT),
        "days of employment of everybody",
        roster=RosterDay.END,
    )


def _recruiting() -> Iterator[Measure]:
    additive = Aggregation.ADDITIVE
    for name, unit, dimensions, what in (
        ("applications_advocacy", Unit.APPLICATIONS, (*_STAFF, _J), "applications by referral"),
        ("hires_advocacy", Unit.HIRES, (*_STAFF, _J), "accepted offers by referral"),
        ("hires", Unit.HIRES, (_D, _J), "accepted offers"),
    ):
        yield counted(name, unit, additive, dimensions, what)
    yield counted(
        "time_to_hire.median",
        Unit.DAYS,
        Aggregation.QUANTILE,
        (_D, _J),
        "median of days from first contact to the accepted offer",
    )


def _figures() -> Iterator[Measure]:
    for figure, further in (
        ("market_sales", ()),
        ("recruiting_cost", (_D, _J)),
        ("process_cost", ()),
    ):
        yield counted(
            f"figure.{figure}",
            Unit.MONEY,
            Aggregation.ADDITIVE,
            (*_BY_HAND, *further),
            f"{figure.replace('_', ' ')}, as entered",
        )
    for name, unit, what in (
        ("figure.output", Unit.UNITS, "what was produced, as entered"),
        ("figure.output_hours", Unit.HOURS, "working hours it took"),
    ):
        yield counted(name, unit, Aggregation.ADDITIVE, (*_BY_HAND, _D), what)
    for name, unit, what in (
        ("search.hours", Unit.HOURS, "hours a week that these search, as last entered"),
        ("search.people", Unit.PEOPLE, "employed, with a figure of their team or the company"),
    ):
        yield read_off(name, unit, _BY_HAND, what, Kept.COUNTED)
