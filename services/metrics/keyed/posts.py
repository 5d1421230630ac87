"""Counter snapshots of posts: cumulative readings become steps, whatever order they arrive in."""

from services.metrics.keyed.operator import KeyedOperator, replace_state
from shared.rollups import contributions

__all__ = ["POSTS"]


def _goes_on(counter: str) -> str:
    """Return when a counter is next told after the reading ``s``, null if it need not be known."""
    return f"""CASE WHEN k.tells_{counter} AND s.{counter} IS NULL THEN (
               SELECT min(f.observed_at) FROM post_snapshot f
                WHERE f.org_id = $1 AND f.generation = $2 AND f.post = k.post
                  AND f.observed_at > s.observed_at AND f.{counter} IS NOT NULL) END"""


# A reading changes the step that ends in it and the steps that start from it, no other: the
# neighbors on both sides bound what is recomputed, so a post's long history costs nothing.
# A counter that the next reading leaves out goes on in the first one that tells it: as far as that
# it is recomputed, but only if the batch tells that counter, or takes back what did.
# A publication names who and where for all of the post's steps, so it touches all of them, if there
# are any: most posts are read later than they are told of.
# Most readings are a post's latest: then no step was held that could change.
# Posts come in their order, here and in whatever is looked up of them after: what lies side by side
# in an index is in the processor's memory already.
_TOUCH = f"""
INSERT INTO touched_post
SELECT k.post,
       CASE WHEN k.is_publication THEN '-infinity'
            WHEN held.has_steps THEN coalesce(
                (SELECT max(observed_at) FROM post_snapshot s
                  WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post
                    AND s.observed_at < k.first_at), '-infinity')
            ELSE coalesce(held.last_at, '-infinity') END,
       coalesce(next.until, 'infinity'),
       held.has_steps
  FROM (
    SELECT subject AS post, bool_or(kind = 'post.published') AS is_publication,
           bool_or(kind = 'post.metrics') AS is_read,
           bool_or(kind = 'post.metrics' AND body ? 'impressions') AS tells_impressions,
           bool_or(kind = 'post.metrics' AND body ? 'clicks') AS tells_clicks,
           min(occurred_at) AS first_at, max(occurred_at) AS last_at
      FROM fold_batch
     WHERE kind IN ('post.metrics', 'post.published')
     GROUP BY subject
     ORDER BY subject
  ) k
 CROSS JOIN LATERAL (
    SELECT last_at, last_at IS NOT NULL AND (k.is_publication OR last_at >= k.first_at) AS has_steps
      FROM (
        SELECT max(observed_at) AS last_at FROM post_snapshot s
         WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post
        OFFSET 0
      ) latest
    OFFSET 0
 ) held
  LEFT JOIN LATERAL (
    SELECT greatest(s.observed_at, {_goes_on("impressions")}, {_goes_on("clicks")}) AS until
      FROM post_snapshot s
     WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post AND s.observed_at > k.last_at
       AND held.has_steps AND NOT k.is_publication
     ORDER BY s.observed_at, s.fact_key
     LIMIT 1
  ) next ON true
 WHERE k.is_read OR held.has_steps
"""

POSTS = KeyedOperator(
    kinds=frozenset({"post.metrics", "post.published"}),
    touch=(_TOUCH,),
    contributions=contributions.post_steps("touched_post"),
    held=contributions.post_steps("(SELECT * FROM touched_post WHERE has_steps)"),
    is_side_by_side=True,
    update=replace_state(
        "post_snapshot",
        "'post.metrics'",
        "s.post = b.subject AND s.observed_at = b.occurred_at",
        "b.subject, b.occurred_at, b.fact_key, b.day, b.employee, b.account, b.network,"
        " b.campaign, b.content, (b.body -> 'impressions')::bigint,"
        " (b.body -> 'reactions')::bigint, (b.body -> 'comments')::bigint,"
        " (b.body -> 'reshares')::bigint, (b.body -> 'clicks')::bigint",
        order="b.subject, b.occurred_at",
    ),
)
