"""Which entries of the ledger can have moved a figure: those about its facts, and a few others.

A late touch makes an advocate's lead of a lead, merged records bring their touches along, a
publication says whose the readings of its post are, who leaves is a member no more, and the roster
moves people between teams. None of these is among the facts that a figure is counted from.
"""

from collections.abc import Iterator, Mapping

from shared.kpis.measure import Measure
from shared.kpis.sources import facts_of
from shared.rollups.converting import same_people
from shared.rollups.evidence import COUNTERS

__all__ = ["entries_about"]

#: What is credited begins so; a line is a touch, and its key the conversion that it led to.
_CONVERSIONS = {
    "revenue.": "deal",
    "wins.": "deal",
    "units.": "deal",
    "leads.": "lead",
    "applications.": "application",
    "hires.": "application",
}
_CONVERTING = "'deal.changed', 'lead.created', 'application.submitted', 'hire.accepted'"
#: Leads that are counted for what their people did before, and those that are for what they became.
_BY_TOUCHES = frozenset({"leads_advocacy", "leads_sourced", "leads_advocacy_won"})
_BY_DEALS = frozenset({"leads_won", "leads_advocacy_won"})

# What the facts behind a figure are about, by key: joined, all heads of the ledger would be read.
_ABOUT = """about AS MATERIALIZED (
    SELECT DISTINCT e.subject, e.payload::jsonb ->> 'person' AS person
      FROM (SELECT DISTINCT fact_key FROM behind) b
     CROSS JOIN LATERAL (
        SELECT position FROM fact_head WHERE org_id = $1 AND fact_key = b.fact_key OFFSET 0
     ) h
     CROSS JOIN LATERAL (
        SELECT subject, payload FROM ledger_entry WHERE org_id = $1 AND position = h.position
        OFFSET 0
     ) e
)"""
_PEOPLE_OF = {
    "deal": """
        SELECT l.person FROM deal d JOIN lead l ON l.org_id = $1 AND l.generation = $2
           AND l.lead = d.lead
         WHERE d.org_id = $1 AND d.generation = $2 AND d.deal IN (SELECT line_key FROM behind)""",
    "lead": """
        SELECT person FROM lead
         WHERE org_id = $1 AND generation = $2 AND lead IN (SELECT line_key FROM behind)""",
    "application": """
        SELECT person FROM application
         WHERE org_id = $1 AND generation = $2
           AND application IN (SELECT line_key FROM behind)""",
}


def entries_about(
    behind: str,
    measure: Measure,
    filters: Mapping[str, frozenset[str]],
    *,
    after: str,
    until: str,
    limit: str,
) -> str:
    """Return the statement for the positions in (``after``, ``until``] of entries about a measure.

    ``behind`` is the query of its lines (fact_key, line_key, employee) under ``filters``; the last
    three arguments are placeholders. ``$1`` is the organization and ``$2`` the generation.
    """
    conversion = _conversion(measure)
    tables = [f"behind AS MATERIALIZED ({behind})", _ABOUT]
    people = _PEOPLE_OF[conversion] if conversion else "SELECT person FROM about"
    known = f"SELECT person FROM ({people}) known WHERE person IS NOT NULL"
    tables.append(f"people AS MATERIALIZED ({same_people(known)})")
    conditions = "\n            OR ".join(_conditions(measure, conversion, filters))
    return f"""
    WITH {", ".join(tables)}
    SELECT e.position
      FROM public.ledger_entry e
     WHERE e.org_id = $1 AND e.position > {after} AND e.position <= {until}
       AND ({conditions})
     ORDER BY e.position
     LIMIT {limit}
    """


def _conversion(measure: Measure) -> str | None:
    stored = measure.stored_as
    return next((kind for name, kind in _CONVERSIONS.items() if stored.startswith(name)), None)


def _conditions(
    measure: Measure, conversion: str | None, filters: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    """Yield what makes an entry (alias ``e``) one that may have moved the measure."""
    stored = measure.stored_as
    yield "e.fact_key IN (SELECT fact_key FROM behind)"
    if conversion:
        yield f"e.kind IN ({_CONVERTING}) AND e.subject IN (SELECT line_key FROM behind)"
        yield "e.kind = 'person.identified' AND e.subject IN (SELECT person FROM people)"
    if conversion == "deal":
        yield """e.kind = 'lead.created' AND e.subject IN (
            SELECT lead FROM deal
             WHERE org_id = $1 AND generation = $2 AND deal IN (SELECT line_key FROM behind))"""
    if stored in _BY_TOUCHES:
        yield """e.kind IN ('touch.recorded', 'person.identified')
            AND e.subject IN (SELECT person FROM people)"""
    if stored in _BY_DEALS:
        yield """e.kind = 'deal.changed'
            AND e.payload::jsonb ->> 'lead' IN (SELECT subject FROM about)"""
    if stored in COUNTERS:
        yield "e.kind = 'post.published' AND e.subject IN (SELECT subject FROM about)"
    if "member.left" in facts_of(measure):
        yield """e.kind IN ('member.joined', 'member.left')
            AND e.employee IN (SELECT employee FROM behind)"""
    if "team" in filters:
        yield """e.kind = 'employee.recorded'
            AND e.employee IN (SELECT employee FROM behind)"""
