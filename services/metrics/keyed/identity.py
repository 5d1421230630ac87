"""Who is the same person: links between identifiers, and the people a batch touches by them.

A link joins two groups of identifiers, and its end parts them. Either way the leads concerned are
those of the groups at both ends as they stood before: a group is touched as soon as one of its
members is.
"""

from services.metrics.keyed.operator import KeyedOperator, forget

__all__ = ["IDENTITY"]

# Everybody whom the batch mentions, and from when on there is something new about them. A link has
# no time of its own. In a table of its own, so that the planner knows how many they are: it takes
# each list for a hundred, and would prepare to follow millions.
_MENTIONED = """
INSERT INTO mentioned_person
SELECT subject, date_trunc('day', min(occurred_at), 'UTC')
  FROM fold_batch WHERE kind = 'touch.recorded' GROUP BY subject
 UNION ALL
SELECT p.person, '-infinity'
  FROM fold_batch b
 CROSS JOIN LATERAL (
    SELECT b.subject UNION SELECT jsonb_array_elements_text(b.body -> 'same_as')
 ) p (person)
 WHERE b.kind = 'person.identified'
"""
# With them whoever was the same person until now. All are followed together, and a group once for
# each day on which something is new: followed from each of its members, thousands of visitors who
# turned out to be one person would be looked at thousands of times.
_MARK_PEOPLE = """
INSERT INTO touched_person
WITH RECURSIVE same (person, since) AS (
    SELECT person, since FROM mentioned_person
    UNION
    SELECT k.other, s.since
      FROM same s
     CROSS JOIN LATERAL (
        SELECT other FROM person_link
         WHERE org_id = $1 AND generation = $2 AND person = s.person
        OFFSET 0
     ) k
)
SELECT person, min(since) FROM same GROUP BY person
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
    touch=(_MENTIONED, _MARK_PEOPLE),
    update=(
        forget(
            "person_link",
            _links("fold_retracted"),
            "s.person = b.person AND s.other = b.other",
        ),
        "INSERT INTO person_link SELECT $1, $2, b.person, b.other, b.fact_key, b.position"
        f" FROM ({_links('fold_standing')}) b",
    ),
)
