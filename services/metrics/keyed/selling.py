"""Leads, deals and the touches that led to them.

A touched person marks its leads, a lead marks its deals. Marks are made before the state changes,
and that is enough: whatever the batch newly connects, one end of it is an entry of the batch and
marks itself, and the other end is found in the old state or is in the batch too.
"""

from services.metrics.keyed.operator import KeyedOperator, replace_state
from shared.rollups import contributions

__all__ = ["DEALS", "LEADS", "SELLING_KINDS", "TOUCHES"]

#: Facts that can change who touched a lead, or what a deal is worth to whom.
SELLING_KINDS = frozenset({"touch.recorded", "person.identified", "lead.created", "deal.changed"})

# A touch counts for what came at or after it: most touches come after the lead was won and are
# nobody's business any more.
_MARK_LEADS_OF_TOUCHED_PEOPLE = """
INSERT INTO touched_lead
SELECT l.lead
  FROM touched_person k
 CROSS JOIN LATERAL (
    SELECT lead, created_at FROM lead
     WHERE org_id = $1 AND generation = $2 AND person = k.person
    OFFSET 0
 ) l
 WHERE l.created_at >= k.since
    OR EXISTS (
        SELECT FROM deal d
         WHERE d.org_id = $1 AND d.generation = $2 AND d.lead = l.lead AND d.closed_at >= k.since
        OFFSET 0
    )
EXCEPT SELECT lead FROM touched_lead
"""

# A deal touches the lead it names, and the leads that other versions of it name.
_MARK_LEADS = """
INSERT INTO touched_lead
(
    SELECT subject FROM fold_batch WHERE kind = 'lead.created'
    UNION
    SELECT body ->> 'lead' FROM fold_batch WHERE kind = 'deal.changed' AND body ? 'lead'
    UNION
    SELECT d.lead
      FROM (SELECT DISTINCT subject FROM fold_batch WHERE kind = 'deal.changed') k
     CROSS JOIN LATERAL (
        SELECT lead FROM deal WHERE org_id = $1 AND generation = $2 AND deal = k.subject OFFSET 0
     ) d
     WHERE d.lead IS NOT NULL
)
EXCEPT SELECT lead FROM touched_lead
"""

_MARK_DEALS = """
INSERT INTO touched_deal
(
    SELECT subject FROM fold_batch
     WHERE kind = 'deal.changed'
    UNION
    SELECT d.deal
      FROM touched_lead k
     CROSS JOIN LATERAL (
        SELECT deal FROM deal WHERE org_id = $1 AND generation = $2 AND lead = k.lead OFFSET 0
     ) d
)
EXCEPT SELECT deal FROM touched_deal
"""

TOUCHES = KeyedOperator(
    kinds=frozenset({"touch.recorded", "person.identified"}),
    touch=(_MARK_LEADS_OF_TOUCHED_PEOPLE,),
    update=replace_state(
        "touch",
        "'touch.recorded'",
        "s.person = b.subject AND s.touched_at = b.occurred_at",
        "b.subject, b.occurred_at, b.fact_key, b.day, b.channel, b.employee, b.account,"
        " b.network, b.campaign, b.content",
        order="b.subject, b.occurred_at",
    ),
)

LEADS = KeyedOperator(
    kinds=SELLING_KINDS,
    touch=(_MARK_LEADS,),
    contributions=contributions.leads("touched_lead"),
    update=replace_state(
        "lead",
        "'lead.created'",
        "s.lead = b.subject",
        "b.subject, b.fact_key, b.body ->> 'person', b.occurred_at, b.day",
    ),
)

# Some systems give an open deal the day on which it may close: only what is decided has closed.
_CLOSED = """
    SELECT CASE WHEN b.body ->> 'state' <> 'open'
                THEN (b.body ->> 'closed_at')::timestamptz END AS moment
"""

DEALS = KeyedOperator(
    kinds=SELLING_KINDS,
    touch=(_MARK_DEALS,),
    contributions=contributions.deals("touched_deal"),
    update=replace_state(
        "deal",
        "'deal.changed'",
        "s.deal = b.subject",
        "b.subject, b.fact_key, b.body ->> 'lead', b.body ->> 'state',"
        " (b.body ->> 'amount')::numeric, (b.body ->> 'opened_at')::timestamptz,"
        " ((b.body ->> 'opened_at')::timestamptz AT TIME ZONE o.time_zone)::date,"
        " closed.moment, (closed.moment AT TIME ZONE o.time_zone)::date, b.employee",
        joined=f"JOIN organization o ON o.id = $1 CROSS JOIN LATERAL ({_CLOSED}) closed",
    ),
)
