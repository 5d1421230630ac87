"""Who is the same person: links between identifiers, and the people a batch touches by them.

A link joins two groups of identifiers, and its end parts them. Either way the leads concerned are
those of the groups at both ends as they stood before: a group is touched as soon as one of its
members is.
"""

from services.metrics.keyed.operator import RETRACTED, KeyedOperator, forget
from shared.rollups import converting

__all__ = ["IDENTITY"]

# Everybody whom the batch mentions, and whoever was the same person until now; from when on there
# is something new about them. A link has no time of its own.
_MARK_PEOPLE = f"""
INSERT INTO touched_person
SELECT s.person, min(k.since)
  FROM (
    SELECT subject AS person, min(occurred_at) AS since
      FROM fold_batch WHERE kind = 'touch.recorded' GROUP BY subject
    UNION ALL
    SELECT p.person, '-infinity'
      FROM fold_batch b
     CROSS JOIN LATERAL (
        SELECT b.subject UNION SELECT jsonb_array_elements_text(b.body -> 'same_as')
     ) p (person)
     WHERE b.kind = 'person.identified'
  ) k
 CROSS JOIN LATERAL ({converting.same_person("k.person")}) s
 GROUP BY s.person
"""


def _links(entries: str) -> str:
    """Return the entries with each link they tell, once from either end."""
    return f"""
    SELECT b.*, ends.person, ends.other
      FROM {entries} b
     CROSS JOIN LATERAL jsonb_array_elements_text(b.body -> 'same_as') alias
     CROSS JOIN LATERAL (VALUES (b.subject, alias), (alias, b.subject)) ends (person, other)
     WHERE b.kind = 'person.identified' AND alias <> b.subject
    """


IDENTITY = KeyedOperator(
    kinds=frozenset({"touch.recorded", "person.identified"}),
    touch=(_MARK_PEOPLE,),
    update=(
        forget(
            "person_link",
            _links(f"({RETRACTED})"),
            "s.person = b.person AND s.other = b.other",
        ),
        "INSERT INTO person_link SELECT $1, $2, b.person, b.other, b.fact_key, b.position"
        f" FROM ({_links('fold_standing')}) b",
    ),
)
