"""The KPIs of the fold in DuckDB's SQL, over one file of typed columns."""

__all__ = ["CELLS", "EXPORT", "TOTALS", "TO_PARQUET"]

_WHERE = "employee, account, network, campaign, content, channel"

#: All entries of an organization, the numbers of the payloads in columns. Runs in PostgreSQL.
EXPORT = """
SELECT position, weight, kind, encode(fact_key, 'hex') AS fact_key, occurred_at, day,
       coalesce(employee, '') AS employee, coalesce(account, '') AS account,
       coalesce(network, '') AS network, coalesce(campaign, '') AS campaign,
       coalesce(content, '') AS content, coalesce(channel, '') AS channel, subject,
       b ->> 'impressions' AS impressions, b ->> 'reactions' AS reactions,
       b ->> 'comments' AS comments, b ->> 'reshares' AS reshares, b ->> 'clicks' AS clicks,
       b ->> 'sessions' AS sessions, b ->> 'engaged_sessions' AS engaged_sessions,
       b ->> 'key_events' AS key_events, b ->> 'landing' AS landing, b ->> 'origin' AS origin,
       b ->> 'is_human' AS is_human, b ->> 'category' AS category, b ->> 'amount' AS amount,
       b ->> 'starts_on' AS starts_on, b ->> 'ends_on' AS ends_on, b ->> 'person' AS person,
       b ->> 'lead' AS lead, b ->> 'state' AS state, b ->> 'opened_at' AS opened_at,
       b ->> 'closed_at' AS closed_at, b ->> 'team' AS team
  FROM (SELECT *, payload::jsonb AS b FROM ledger_entry) e
 WHERE org_id = $1
"""
TO_PARQUET = f"""
COPY (
    SELECT * REPLACE (
               {", ".join(f"coalesce({name}, '') AS {name}" for name in _WHERE.split(", "))},
               cast(impressions AS bigint) AS impressions, cast(reactions AS bigint) AS reactions,
               cast(comments AS bigint) AS comments, cast(reshares AS bigint) AS reshares,
               cast(clicks AS bigint) AS clicks, cast(sessions AS bigint) AS sessions,
               cast(engaged_sessions AS bigint) AS engaged_sessions,
               cast(key_events AS bigint) AS key_events, cast(is_human AS boolean) AS is_human,
               cast(amount AS decimal(18, 4)) AS amount, cast(starts_on AS date) AS starts_on,
               cast(ends_on AS date) AS ends_on, cast(position AS bigint) AS position,
               cast(weight AS tinyint) AS weight, cast(day AS date) AS day,
               cast(occurred_at AS timestamptz) AS occurred_at,
               cast(opened_at AS timestamptz) AS opened_at,
               cast(closed_at AS timestamptz) AS closed_at)
      FROM read_csv('{{csv}}', header = true, all_varchar = true, nullstr = '')
) TO '{{parquet}}' (FORMAT parquet)
"""

_EMPTY = "'' AS employee, '' AS account, '' AS network, '' AS campaign, '' AS content"
_NAMES = ("employee", "account", "network", "campaign", "content", "channel", "team")
_SETS = ", ".join(
    f"(measure, day{''.join(f', {name}' for name in grouped)})"
    for grouped in (
        *((), ("employee",), ("account",), ("network",), ("campaign",), ("content",)),
        *(("channel",), ("team",), ("employee", "account", "network", "campaign", "channel")),
    )
)
_SIDE = "CASE WHEN employee <> '' THEN '_advocacy' ELSE '_brand' END"


def _rows(kinds: str, *pairs: tuple[str, str], source: str = "fact") -> str:
    """Return the contributions of some facts: each pair is a measure and its quantity, as SQL."""
    lists = ", ".join(f"{{{{'m': {measure}, 'q': {quantity}}}}}" for measure, quantity in pairs)
    return f"""
    SELECT u.r.m AS measure, day, {_WHERE}, u.r.q AS quantity
      FROM (SELECT *, unnest([{lists}]) AS r FROM {source} WHERE {kinds}) u
     WHERE u.r.q <> 0
    """


_ENGAGEMENT = (
    ("impressions", "impressions"),
    ("reactions", "reactions"),
    ("comments", "comments"),
    ("reshares", "reshares"),
    ("network_clicks", "clicks"),
)


def _when(condition: str, quantity: str = "1") -> str:
    return f"CAST(CASE WHEN {condition} THEN {quantity} END AS decimal(18, 4))"


_LINEAR = " UNION ALL ".join(
    (
        _rows(
            "true",
            ("'shares'", _when("employee <> ''")),
            ("'shares_own'", _when("employee <> '' AND origin = 'own'")),
            ("'posts_brand'", _when("employee = ''")),
            source="published",
        ),
        _rows(
            "kind = 'engagement.daily'",
            *((f"'{name}' || {_SIDE}", _when("true", field)) for name, field in _ENGAGEMENT),
        ),
        _rows("kind = 'link.clicked'", ("'clicks'", _when("is_human"))),
        _rows(
            "kind = 'session.recorded'",
            *(
                (f"'{name}'", _when("landing = 'site'", name))
                for name in ("sessions", "engaged_sessions", "key_events")
            ),
            *(
                (
                    f"'{name}'",
                    _when(f"landing = '{landing}' AND channel = 'employee_advocacy'", "sessions"),
                )
                for name, landing in (
                    ("sessions_advocacy", "site"),
                    ("careers_sessions_advocacy", "careers"),
                )
            ),
            ("'sessions_brand'", _when("landing = 'site' AND channel = 'brand'", "sessions")),
        ),
        _rows(
            "kind = 'member.invited'",
            ("'invites'", _when("true")),
        ),
    )
)
_STEPPED = ", ".join(
    f"{field} - coalesce(lag({field} IGNORE NULLS) OVER steps, 0) AS {field}"
    for _, field in _ENGAGEMENT
)
_PUBLISHED = ", ".join(
    f"CASE WHEN p.subject IS NULL THEN r.{name} ELSE p.{name} END AS {name}"
    for name in ("employee", "account", "network", "campaign", "content")
)

#: Every cell of every slice, into a table in memory.
CELLS = f"""
CREATE TABLE cell AS
WITH fact AS MATERIALIZED (
    SELECT e.* FROM '{{parquet}}' e
      ANTI JOIN (SELECT fact_key, position FROM '{{parquet}}' WHERE weight = -1) w
        ON w.fact_key = e.fact_key AND w.position > e.position
     WHERE e.weight = 1
), reading AS (
    SELECT r.day, {_PUBLISHED}, '' AS channel, {", ".join(f"r.{field}" for _, field in _ENGAGEMENT)}
      FROM (
        SELECT * REPLACE ({_STEPPED})
          FROM fact WHERE kind = 'post.metrics'
        WINDOW steps AS (PARTITION BY subject ORDER BY occurred_at, fact_key)
      ) r
      LEFT JOIN (
        SELECT DISTINCT ON (subject) * FROM fact WHERE kind = 'post.published'
         ORDER BY subject, occurred_at, fact_key
      ) p ON p.subject = r.subject
), published AS (
    SELECT DISTINCT ON (network, subject, employee, CASE WHEN employee = '' THEN account END) *
      FROM fact WHERE kind = 'post.published'
     ORDER BY network, subject, employee, CASE WHEN employee = '' THEN account END,
              occurred_at, fact_key
), lead AS (
    SELECT DISTINCT ON (subject) * FROM fact WHERE kind = 'lead.created'
     ORDER BY subject, occurred_at, fact_key
), deal AS (
    SELECT DISTINCT ON (subject) *, cast(timezone('Europe/Warsaw', opened_at) AS date) AS opened_on,
           cast(timezone('Europe/Warsaw', closed_at) AS date) AS closed_on
      FROM fact WHERE kind = 'deal.changed' ORDER BY subject, opened_at, fact_key
), spread AS (
    SELECT *, ends_on - starts_on AS days, cast(amount * 100 AS bigint) AS cents,
           unnest(range(1, (ends_on - starts_on) + 1)) AS i
      FROM fact WHERE kind = 'cost.booked'
), contribution AS (
    {_LINEAR}
    UNION ALL
    {
    _rows(
        "true",
        *((f"'{name}' || {_SIDE}", _when("true", field)) for name, field in _ENGAGEMENT),
        source="reading",
    )
}
    UNION ALL
    SELECT unnest(['cost', 'cost.' || category]), starts_on + cast(i - 1 AS integer), {_WHERE},
           cast((2 * cents * i + days) // (2 * days)
                - (2 * cents * (i - 1) + days) // (2 * days) AS decimal(18, 4)) * 0.01
      FROM spread
    UNION ALL
    SELECT unnest(CASE WHEN kind = 'member.left' THEN ['leaves']
                       WHEN joins > 1 THEN ['joins', 'rejoins'] ELSE ['joins'] END),
           day, employee, '' AS account, '' AS network, '' AS campaign, '' AS content,
           '' AS channel, 1
      FROM (
        SELECT *, lag(kind) OVER told AS earlier,
               count(*) FILTER (WHERE kind = 'member.joined') OVER told AS joins
          FROM fact WHERE kind IN ('member.joined', 'member.left')
        WINDOW told AS (PARTITION BY subject ORDER BY occurred_at, fact_key)
      ) WHERE kind IS DISTINCT FROM earlier AND joins > 0
    UNION ALL
    SELECT 'leads', day, {_EMPTY}, '', 1 FROM lead
    UNION ALL
    (
        SELECT DISTINCT ON (l.subject) 'leads_advocacy', l.day, t.employee, t.account, t.network,
               t.campaign, t.content, t.channel, 1
          FROM lead l JOIN fact t ON t.kind = 'touch.recorded' AND t.subject = l.person
         WHERE t.channel = 'employee_advocacy' AND t.occurred_at <= l.occurred_at
           AND l.day - t.day <= 90
         ORDER BY l.subject, t.occurred_at, t.fact_key
    )
    UNION ALL
    SELECT 'leads_won', day, {_EMPTY}, '', 1
      FROM lead WHERE subject IN (SELECT lead FROM deal WHERE state = 'won')
    UNION ALL
    SELECT 'opportunities', opened_on, {_EMPTY}, '', 1 FROM deal
    UNION ALL
    SELECT 'deals_' || state, closed_on, {_EMPTY}, '', 1 FROM deal WHERE state IN ('won', 'lost')
    UNION ALL
    SELECT 'revenue_won', closed_on, {_EMPTY}, '', amount FROM deal WHERE state = 'won'
), place AS (
    SELECT DISTINCT ON (subject, day) subject AS employee, day, coalesce(team, '') AS team
      FROM fact WHERE kind = 'employee.recorded' ORDER BY subject, day, fact_key DESC
)
SELECT measure, day, {", ".join(_NAMES)}, grouping({", ".join(_NAMES)}) AS slice,
       sum(quantity) AS value
  FROM (
    SELECT c.*, CASE WHEN c.employee <> '' THEN coalesce(p.team, '') END AS team
      FROM contribution c
      ASOF LEFT JOIN place p ON p.employee = c.employee AND c.day >= p.day
  )
 GROUP BY GROUPING SETS ({_SETS})
"""
#: What the total slice of each measure adds up to.
TOTALS = """
SELECT measure, sum(value) FROM cell WHERE slice = 127 GROUP BY measure HAVING sum(value) <> 0
"""
