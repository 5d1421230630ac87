"""Which kinds of facts a measure is made of: what has to be told before it has a value."""

from __future__ import annotations

from collections.abc import Mapping

from shared.kpis.measure import Measure

__all__ = ["facts_of"]

_POSTS = ("post.published",)
_COUNTERS = ("post.metrics", "engagement.daily")
_TOTALS = ("engagement.daily",)
_VISITS = ("session.recorded",)
_SELLING = ("touch.recorded", "lead.created", "deal.changed")
_WON = ("lead.created", "deal.changed")
_DEALS = ("deal.changed",)
_MEMBERS = ("member.joined", "member.left")
_ROSTER = ("employee.recorded",)
_AUDIENCE = ("audience.recorded",)
_LEADERS = ("employee.recorded", "post.published")
_INTERNAL = ("internal.daily",)
_TALK = ("mention.recorded",)

_FACTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("shares", "shares_own", "shares_scheduled", "posts_brand"), _POSTS),
    **dict.fromkeys(("sharers", "active_advocates"), _POSTS),
    **dict.fromkeys(("mentions_advocacy", "engagements_paid", "engagements_organic"), _TOTALS),
    **dict.fromkeys(("reach.most", "reach.sum"), ("post.published", "post.metrics")),
    **dict.fromkeys(("sessions", "sessions_advocacy", "sessions_brand"), _VISITS),
    **dict.fromkeys(("engaged_sessions", "key_events", "careers_sessions_advocacy"), _VISITS),
    **dict.fromkeys(("opportunities", "deals_won", "deals_lost", "revenue_won"), _DEALS),
    **dict.fromkeys(("customers", "customers_returning", "pipeline", "units_sold"), _DEALS),
    **dict.fromkeys(("customers_advocacy", "customers_new_market"), _SELLING),
    **dict.fromkeys(("enrolled", "enrolled_at_start", "joins"), _MEMBERS),
    **dict.fromkeys(("leaves", "rejoins"), _MEMBERS),
    **dict.fromkeys(("headcount", "headcount_at_start", "person_days", "leaders"), _ROSTER),
    **dict.fromkeys(("followers", "followers_at_start", "followers_gained"), _AUDIENCE),
    **dict.fromkeys(("competitor_followers", "market", "connections"), _AUDIENCE),
    **dict.fromkeys(("invited", "invites", "invitees"), ("member.invited",)),
    **dict.fromkeys(("stories_published", "content_released"), ("content.released",)),
    **dict.fromkeys(("knowledge_base", "esn_active", "esn_slope"), _INTERNAL),
    **dict.fromkeys(("leavers", "adaptation_quits"), ("employment.ended",)),
    **dict.fromkeys(("hours_logged", "offline_activities"), ("activity.logged",)),
    "clicks": ("link.clicked",),
    "engagements_tagged": ("post.published", "post.metrics"),
    **dict.fromkeys(
        ("reach.followed", "reach.followers"),
        ("post.published", "post.metrics", "audience.recorded"),
    ),
    "potential_reach": ("post.published", "audience.recorded"),
    "linkedin_accounts": _ROSTER,
    "leads": ("lead.created",),
    "leads_advocacy": ("touch.recorded", "lead.created"),
    "leads_sourced": ("touch.recorded", "lead.created"),
    "leads_advocacy_won": _SELLING,
    "leads_won": _WON,
    **dict.fromkeys(("revenue_owned", "wins_owned", "losses_owned"), _DEALS),
    "opportunities_owned": _DEALS,
    "revenue_brand": _SELLING,
    "quota": ("quota.set",),
    "applications_advocacy": ("touch.recorded", "application.submitted"),
    "hires_advocacy": ("touch.recorded", "application.submitted", "hire.accepted"),
    "hires": ("hire.accepted",),
    "engaged_users": ("login.recorded", "post.published"),
    "trained": ("training.completed", *_MEMBERS),
    **dict.fromkeys(("connected", "connectable"), ("access.recorded", *_MEMBERS)),
    "leaders_sharing": _LEADERS,
    "leaders_listening": ("employee.recorded", "login.recorded"),
    "evenness": (*_MEMBERS, "post.published"),
    "invitees_activated": ("member.invited", "post.published"),
    "invited_enrolled": ("member.invited", "member.joined"),
    "stories_submitted": ("content.submitted",),
    "content_used": ("content.released", "post.published"),
    "content_offered": ("content.released",),
    "points": ("points.awarded",),
    "contest_entries": ("activity.logged",),
    "training_hours.median": ("training.completed",),
    "first_share_hours.median": ("member.joined", "post.published"),
    "esn_registered": ("access.recorded",),
    "ties": ("ties.recorded",),
    "ties_possible": _ROSTER,
    **dict.fromkeys(("search.hours", "search.people"), ("figure.recorded", *_ROSTER)),
    "off_channel_incidents": ("incident.recorded",),
    "recognized_experts": ("ssi.recorded", "mention.recorded"),
    "reply_hours.median": _TALK,
}
#: What the names of a family begin with, the longest first.
_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("impressions_profiled.", ("demographics.recorded",)),
    ("impressions_target.", ("demographics.recorded",)),
    ("impressions_generation.", ("demographics.recorded",)),
    ("cohort_active.", ("member.joined", "post.published")),
    ("cohort.", ("member.joined",)),
    ("time_to_close", _WON),
    ("time_to_hire.", ("hire.accepted",)),
    ("leads.", ("touch.recorded", "lead.created")),
    ("leads_advocacy.", ("touch.recorded", "lead.created")),
    ("applications.", ("touch.recorded", "application.submitted")),
    ("hires.", ("touch.recorded", "application.submitted", "hire.accepted")),
    ("impressions_", _COUNTERS),
    ("reactions_", _COUNTERS),
    ("comments_", _COUNTERS),
    ("reshares_", _COUNTERS),
    ("network_clicks_", _COUNTERS),
    ("mentions_", _TALK),
    ("esn_", _INTERNAL),
    ("knowledge_", _INTERNAL),
    ("mail.", ("mail.daily",)),
    ("process.", ("process.completed",)),
    ("survey.", ("survey.recorded",)),
    ("figure.", ("figure.recorded",)),
    ("ssi", ("ssi.recorded",)),
    ("cost", ("cost.booked",)),
    ("revenue", _SELLING),
    ("units.", _SELLING),
    ("opportunities.", _SELLING),
    ("opportunities_advocacy.", _SELLING),
    ("pipeline.", _SELLING),
    ("wins", _SELLING),
)


def facts_of(measure: Measure) -> tuple[str, ...]:
    """Return the kinds of facts behind a measure; none behind the calendar."""
    told = _FACTS.get(measure.id)
    if told is not None:
        return told
    return next((kinds for start, kinds in _FAMILIES if measure.id.startswith(start)), ())
