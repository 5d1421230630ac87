"""Which entries of the ledger can have moved a figure: those about its facts, and a few others.

A late touch makes an advocate's lead of a lead and takes credit from others, merged records bring
their touches along, a publication says whose the readings of its post are, who leaves is a member
no more, and the roster moves people between teams. None of these need be among the facts that a
figure is counted from, before or after.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from shared.kpis.measure import Measure
from shared.kpis.vocabulary import ROSTER_PLACES, Dimension, RetentionWeek
from shared.rollups.converting import same_people
from shared.rollups.evidence import COUNTERS
from shared.rollups.sql import date_literal, looked_up

__all__ = ["entries_about"]

#: What is credited begins so; a line is a touch, and its key the conversion that it led to.
_CREDITED = {
    "revenue.": "deal",
    "wins.": "deal",
    "units.": "deal",
    "opportunities.": "deal",
    "pipeline.": "deal",
    "leads.": "lead",
    "applications.": "application",
    "hires.": "application",
}
#: Deals that are counted for the lead they came of: a line's key is the deal.
_CLOSINGS = frozenset(
    {"time_to_close.median", "time_to_close.p90", "wins_owned_touched"}
    | {"time_to_close_advocacy.median", "time_to_close_other.median"}
)
#: Applications and hires: a line's key is the application.
_HIRING = frozenset({"applications_advocacy", "hires_advocacy", "hires", "time_to_hire.median"})
#: What posts reached: a line's fact is a reading, and a publication says whose it is.
_REACHED = frozenset({"reach.most", "reach.sum", "reach.followed"})
_CONVERTING = "'deal.changed', 'lead.created', 'application.submitted', 'hire.accepted'"
#: Customers who are counted for the touches before their deals: a line is a touch.
_CLIENTS = frozenset({"customers_advocacy", "customers_new_market"})
#: What is counted for what its people did before, and leads that are for what they became.
_BY_TOUCHES = _CLIENTS | {
    *("leads_advocacy", "leads_sourced", "leads_advocacy_won", "wins_owned_touched"),
    *("applications_advocacy", "hires_advocacy"),
    *("time_to_close_advocacy.median", "time_to_close_other.median"),
}
_BY_DEALS = frozenset({"leads_won", "leads_advocacy_won"})

#: What says in which groups employees are.
_PLACED_BY = {ROSTER_PLACES: "employee.recorded", (Dimension.COHORT,): "member.joined"}
_ROSTER = ("employee.recorded",)
_MEMBERS = ("member.joined", "member.left")
#: Other facts of the same person, or of the same account, that decide whether a fact counts, or for
#: how much: a later row of the roster, an earlier invitation, the reading a change starts from.
_OF_THE_SAME: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("headcount", "headcount_at_start", "linkedin_accounts"), _ROSTER),
    **dict.fromkeys(("leaders", "leaders_sharing", "leaders_listening"), _ROSTER),
    **dict.fromkeys(("person_days", "ties_possible"), _ROSTER),
    "search.people": _ROSTER,
    **dict.fromkeys(("leavers", "adaptation_quits"), ("employment.ended",)),
    **dict.fromkeys(("enrolled", "enrolled_at_start"), _MEMBERS),
    **dict.fromkeys(("joins", "leaves", "rejoins"), _MEMBERS),
    **dict.fromkeys(("trained", "evenness", "connectable"), _MEMBERS),
    "connected": (*_MEMBERS, "access.recorded"),
    "esn_registered": ("access.recorded",),
    **dict.fromkeys(("invitees", "invitees_activated", "invited_enrolled"), ("member.invited",)),
    **{f"{name}.w{w}": _MEMBERS[:1] for name in ("cohort", "cohort_active") for w in RetentionWeek},
    "first_share_hours.median": ("member.joined",),
    "active_advocates": ("post.published",),
    **dict.fromkeys(("potential_reach", "followers_gained"), ("audience.recorded",)),
    "reach.followers": ("post.metrics", "post.published"),
    "reach.followed": ("audience.recorded",),
    **dict.fromkeys(("ssi_change", "recognized_experts"), ("ssi.recorded",)),
}

# What the facts behind a figure are about, by key: joined, all heads of the ledger would be read.
_ABOUT = """about AS MATERIALIZED (
    SELECT DISTINCT e.kind, e.subject, e.employee, e.account,
           e.payload::jsonb ->> 'person' AS person
      FROM (SELECT DISTINCT fact_key FROM behind) b
     CROSS JOIN LATERAL (
        SELECT position FROM fact_head WHERE org_id = $1 AND fact_key = b.fact_key OFFSET 0
     ) h
     CROSS JOIN LATERAL (
        SELECT kind, subject, employee, account, payload FROM ledger_entry
         WHERE org_id = $1 AND position = h.position
        OFFSET 0
     ) e
)"""
# Of several sources that tell of a lead, a deal or a post one speaks for it: another may take over.
_OF_ANOTHER_SOURCE = """(e.kind, e.subject) IN (
            SELECT kind, subject FROM about
             WHERE kind IN ('lead.created', 'deal.changed', 'post.published'))"""

_KEYS_BEHIND = "SELECT line_key FROM behind"
_LEADS_OF_DEALS = looked_up("lead", "deal", "deal", _KEYS_BEHIND)
_LEADS_OF_PEOPLE = looked_up("lead", "lead", "person", "SELECT person FROM people")
_PEOPLE_OF = {
    "deal": looked_up("person", "lead", "lead", _LEADS_OF_DEALS),
    "lead": looked_up("person", "lead", "lead", _KEYS_BEHIND),
    "application": looked_up("person", "application", "application", _KEYS_BEHIND),
}


# Who is behind a figure on this side of a change may be told to be the same as somebody to whom no
# link of this side leads: a lead that goes to another's touch is no line on that side.
_LINKS_TOLD = """linked AS MATERIALIZED (
    SELECT l.person, array_agg(l.other) AS others
      FROM public.ledger_entry e
     CROSS JOIN LATERAL jsonb_array_elements_text(e.payload::jsonb -> 'same_as') o (other)
     CROSS JOIN LATERAL (VALUES (e.subject, o.other), (o.other, e.subject)) l (person, other)
     WHERE e.org_id = $1 AND e.position > {after} AND e.position <= {until}
       AND e.kind = 'person.identified'
     GROUP BY l.person
)"""


def entries_about(
    behind: str,
    measure: Measure,
    filters: Mapping[str, frozenset[str]],
    *,
    ends_on: date,
    after: str,
    until: str,
    limit: str,
) -> str:
    """Return the statement for the positions in (``after``, ``until``] of entries about a measure.

    ``behind`` is the query of its lines (fact_key, line_key, employee) under ``filters``, in a
    period up to, and without, ``ends_on``; the last three arguments are placeholders. ``$1`` is the
    organization and ``$2`` the generation.
    """
    conversion = _conversion(measure.stored_as)
    tables = [f"behind AS MATERIALIZED ({behind})", _ABOUT]
    people = _PEOPLE_OF[conversion] if conversion else "SELECT person FROM about"
    known = f"SELECT person FROM ({people}) known WHERE person IS NOT NULL"
    tables.append(_LINKS_TOLD.format(after=after, until=until))
    same = same_people(known, besides="linked")
    tables.append(f"people AS MATERIALIZED ({same})")
    before_end = f"e.day < {date_literal(ends_on)}"
    told = [
        "e.fact_key IN (SELECT fact_key FROM behind)",
        _OF_ANOTHER_SOURCE,
        *_of_conversions(measure.stored_as, conversion, before_end, is_part=bool(filters)),
        *_of_others(measure.stored_as, before_end),
    ]
    for places, kind in _PLACED_BY.items():
        if not filters.keys().isdisjoint(places):
            told.append(f"e.kind = '{kind}' AND e.employee IN (SELECT employee FROM behind)")
    conditions = "\n            OR ".join(told)
    return f"""
    WITH {", ".join(tables)}
    SELECT e.position
      FROM public.ledger_entry e
     WHERE e.org_id = $1 AND e.position > {after} AND e.position <= {until}
       AND ({conditions})
     ORDER BY e.position
     LIMIT {limit}
    """


def _credited(stored: str) -> str | None:
    return next((kind for name, kind in _CREDITED.items() if stored.startswith(name)), None)


def _conversion(stored: str) -> str | None:
    """Return what the key of a measure's line names, where it names a conversion."""
    if stored in _HIRING:
        return "application"
    return "deal" if stored in _CLOSINGS else _credited(stored)


def _of_conversions(
    stored: str, conversion: str | None, before_end: str, *, is_part: bool
) -> Iterator[str]:
    """Yield what makes an entry (alias ``e``) one about conversions, their people and touches."""
    if conversion:
        yield f"e.kind IN ({_CONVERTING}) AND e.subject IN (SELECT line_key FROM behind)"
    if conversion == "deal":
        yield f"e.kind = 'lead.created' AND e.subject IN ({_LEADS_OF_DEALS})"
    if stored in _CLIENTS:
        yield f"e.kind = 'lead.created' AND e.subject IN ({_LEADS_OF_PEOPLE})"
        yield _deals_of(_LEADS_OF_PEOPLE)
    if stored in _BY_DEALS:
        yield _deals_of("SELECT subject FROM about")
    if stored in _BY_TOUCHES or _credited(stored):
        yield "e.kind = 'person.identified' AND e.subject IN (SELECT person FROM people)"
    # A touch takes its share from the others: where all of them count, that moves nothing.
    if stored in _BY_TOUCHES or (_credited(stored) and is_part):
        yield f"""e.kind = 'touch.recorded' AND e.subject IN (SELECT person FROM people)
            AND {before_end}"""
    if stored == "customers_returning":
        yield """e.kind = 'deal.changed'
            AND e.payload::jsonb ->> 'customer' IN (SELECT line_key FROM behind)"""


def _deals_of(leads: str) -> str:
    return f"e.kind = 'deal.changed' AND e.subject IN ({looked_up('deal', 'deal', 'lead', leads)})"


def _of_others(stored: str, before_end: str) -> Iterator[str]:
    """Yield what makes an entry (alias ``e``) one that decides whether facts count, and how."""
    if stored in COUNTERS or stored == "engagements_tagged":
        yield "e.kind = 'post.published' AND e.subject IN (SELECT subject FROM about)"
        # A reading is counted from the one before it, which may lie before the period.
        yield f"""e.kind = 'post.metrics' AND e.subject IN (SELECT subject FROM about)
            AND {before_end}"""
    if stored == "content_used":
        yield f"""e.kind = 'post.published' AND e.content IN (SELECT subject FROM about)
            AND {before_end}"""
        # Of a post with this content another source may say another one, and speak for the post.
        yield f"""e.kind = 'post.published' AND e.subject IN (
            SELECT post FROM post
             WHERE org_id = $1 AND generation = $2 AND content IN (SELECT subject FROM about))
            AND {before_end}"""
    if stored in _REACHED:
        yield "e.kind = 'post.published' AND e.subject IN (SELECT subject FROM about)"
    if kinds := _OF_THE_SAME.get(stored):
        named = ", ".join(f"'{kind}'" for kind in kinds)
        yield f"""e.kind IN ({named}) AND {before_end}
            AND (e.employee IN (SELECT employee FROM about)
                 OR e.account IN (SELECT account FROM about))"""
