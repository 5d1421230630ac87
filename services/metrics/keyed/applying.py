"""Applications for jobs and the hires they led to: state that credit is computed from."""

from services.metrics.keyed.operator import KeyedOperator, replace_state

__all__ = ["APPLICATIONS", "APPLYING_KINDS"]

#: Facts that can change who applied, or what touched them before.
APPLYING_KINDS = frozenset(
    {"touch.recorded", "person.identified", "application.submitted", "hire.accepted"}
)

_STEPS = "'application.submitted', 'hire.accepted'"

# A touched person marks what they applied for. As with leads, marks made before the state changes
# are enough: an application of the batch marks itself.
_MARK = f"""
INSERT INTO touched_application
SELECT subject FROM fold_batch WHERE kind IN ({_STEPS})
UNION
SELECT a.application
  FROM touched_person k
 CROSS JOIN LATERAL (
    SELECT application FROM application
     WHERE org_id = $1 AND generation = $2 AND person = k.person
    OFFSET 0
 ) a
"""

APPLICATIONS = KeyedOperator(
    kinds=APPLYING_KINDS,
    touch=(_MARK,),
    update=replace_state(
        "application",
        _STEPS,
        "s.application = b.subject",
        "b.subject, b.fact_key, split_part(b.kind, '.', 2), b.body ->> 'person', b.occurred_at,"
        " b.day",
    ),
)
