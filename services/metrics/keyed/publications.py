"""Publications: a post counts once, however many sources tell that it went out."""

from services.metrics.keyed.operator import KeyedOperator, replace_state
from shared.rollups.posted import counted, posted

__all__ = ["PUBLICATIONS"]

# Of a post that is told again, another row may speak than before: all of its rows are looked at.
# One that nobody has told before, and that the batch tells once, speaks for itself: so do most.
_TOUCH = """
INSERT INTO touched_publication
SELECT k.post, k.times > 1 OR EXISTS (
           SELECT FROM post p
            WHERE p.org_id = $1 AND p.generation = $2 AND p.post = k.post
            OFFSET 0
       )
  FROM (
    SELECT subject AS post, count(*) AS times
      FROM fold_batch WHERE kind = 'post.published' GROUP BY subject
  ) k
"""
_TOLD_AGAIN = "(SELECT post FROM touched_publication WHERE is_told_again)"
# What is looked up in the ledger are the rows that it held before.
_STAGED = """(
    SELECT position, day, channel, body FROM fold_batch WHERE kind = 'post.published'
)"""
_TOLD_ONCE = """(
    SELECT b.*
      FROM fold_standing b JOIN touched_publication k ON k.post = b.subject
     WHERE b.kind = 'post.published' AND NOT k.is_told_again
)"""

PUBLICATIONS = KeyedOperator(
    kinds=frozenset({"post.published"}),
    touch=(_TOUCH,),
    contributions=f"{posted(_TOLD_AGAIN, _STAGED)} UNION ALL {counted(_TOLD_ONCE)}",
    held=posted(_TOLD_AGAIN),
    update=replace_state(
        "post",
        "'post.published'",
        "s.post = b.subject",
        "b.subject, b.fact_key, b.occurred_at, b.employee, b.account, b.network, b.campaign,"
        " b.content",
    ),
)
