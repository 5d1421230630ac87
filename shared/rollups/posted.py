"""Posts that went out: each counts once, however many sources tell it.

A post is the same if its network, its id there and its author are: the employee who shared it or,
of a post of the brand, the account. The first row to have told it speaks for it; is that one taken
back, the next one does. ``$1`` is the organization and ``$2`` the generation.
"""

__all__ = ["counted", "posted", "speaks"]

_NONE_STAGED = """(
    SELECT 0::bigint AS position, NULL::date AS day, '' AS channel, NULL::jsonb AS body WHERE false
)"""


def speaks(row: str) -> str:
    """Return whether a row of ``post`` (alias ``row``) is the one that speaks for its post."""
    # One look by key for each row: as a join it would be planned over all posts.
    return f"""NOT EXISTS (
            SELECT FROM post earlier
             WHERE earlier.org_id = $1 AND earlier.generation = $2 AND earlier.post = {row}.post
               AND earlier.network = {row}.network AND earlier.employee = {row}.employee
               AND (earlier.employee <> '' OR earlier.account = {row}.account)
               AND (earlier.published_at, earlier.fact_key) < ({row}.published_at, {row}.fact_key)
            OFFSET 0
        )"""


def posted(keys: str, staged: str = _NONE_STAGED) -> str:
    """Return the contributions of posts that went out, advocates' and the brand's.

    ``keys`` names a relation (post). What was written and how it was sent says the entry:
    ``staged`` names those that were read already, (position, day, channel, body).
    """
    return counted(f"""(
        SELECT p.*, e.day, e.channel, e.body
          FROM {keys} k
         CROSS JOIN LATERAL (
            SELECT * FROM post
             WHERE post.org_id = $1 AND post.generation = $2 AND post.post = k.post
               AND {speaks("post")}
            OFFSET 0
         ) p
          LEFT JOIN {staged} s ON s.position = p.position
         CROSS JOIN LATERAL (
            SELECT s.day, s.channel, s.body WHERE s.position IS NOT NULL
            UNION ALL
            SELECT day, coalesce(channel, ''), payload::jsonb FROM ledger_entry
             WHERE org_id = $1 AND position = p.position AND s.position IS NULL
            OFFSET 0
         ) e
        OFFSET 0 -- or the entry is parsed again for each field
    )""")


def counted(told: str) -> str:
    """Return the contributions of posts, each told by the one row of ``told`` that speaks for it.

    ``told`` has the columns of an entry: day, who, where, fact_key and body.
    """
    return f"""
    SELECT unnest(CASE WHEN employee = '' THEN ARRAY['posts_brand'] ELSE array_remove(ARRAY[
               'shares', CASE WHEN body ->> 'origin' = 'own' THEN 'shares_own' END,
               CASE WHEN body ->> 'mode' = 'scheduled' THEN 'shares_scheduled' END
           ], NULL) END) AS measure, day, employee, account, network, campaign, content, channel,
           1::numeric AS quantity, fact_key
      FROM {told} told
    """
