"""Counter snapshots of posts: cumulative readings become steps, whatever order they arrive in."""

from services.metrics.keyed.operator import KeyedOperator, replace_state
from shared.rollups import contributions

__all__ = ["POSTS"]

# A reading changes the step that ends in it and the step that starts from it, no other: the
# neighbours on both sides bound what is recomputed, so a post's long history costs nothing.
# A publication names who and where for all of the post's steps, so it touches all of them.
# Most readings are a post's latest: then no step was held that could change.
_TOUCH = """
INSERT INTO touched_post
SELECT k.post,
       CASE WHEN k.is_publication THEN '-infinity' ELSE coalesce(
           (SELECT max(observed_at) FROM post_snapshot s
             WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post
               AND s.observed_at < k.first_at), '-infinity') END,
       CASE WHEN k.is_publication OR NOT held.has_steps THEN 'infinity' ELSE coalesce(
           (SELECT min(observed_at) FROM post_snapshot s
             WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post
               AND s.observed_at > k.last_at), 'infinity') END,
       held.has_steps
  FROM (
    SELECT subject AS post, bool_or(kind = 'post.published') AS is_publication,
           min(occurred_at) AS first_at, max(occurred_at) AS last_at
      FROM fold_batch
     WHERE kind IN ('post.metrics', 'post.published')
     GROUP BY subject
  ) k
 CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM post_snapshot s
         WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post
           AND s.observed_at >= CASE WHEN k.is_publication THEN '-infinity' ELSE k.first_at END
        OFFSET 0
    ) AS has_steps
    OFFSET 0
 ) held
"""

_WHERE = "b.employee, b.account, b.network, b.campaign, b.content"

POSTS = KeyedOperator(
    kinds=frozenset({"post.metrics", "post.published"}),
    touch=(_TOUCH,),
    contributions=contributions.post_steps("touched_post"),
    held=contributions.post_steps("(SELECT * FROM touched_post WHERE has_steps)"),
    is_side_by_side=True,
    update=(
        *replace_state(
            "post",
            "'post.published'",
            "s.post = b.subject",
            f"b.subject, b.fact_key, b.occurred_at, {_WHERE}",
        ),
        *replace_state(
            "post_snapshot",
            "'post.metrics'",
            "s.post = b.subject AND s.observed_at = b.occurred_at",
            f"b.subject, b.occurred_at, b.fact_key, b.day, {_WHERE},"
            " (b.body -> 'impressions')::bigint, (b.body -> 'reactions')::bigint,"
            " (b.body -> 'comments')::bigint, (b.body -> 'reshares')::bigint,"
            " (b.body -> 'clicks')::bigint",
        ),
    ),
)
