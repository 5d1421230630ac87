"""Measures that need a thing's whole history: posts, memberships, leads, deals, applications."""

from services.metrics.verify.credit import CREDIT, CREDIT_MEASURES, CREDITED
from services.metrics.verify.facts import Family, parameter, standing

__all__ = ["HISTORIES"]

_COUNTERS = {
    "impressions": "impressions",
    "reactions": "reactions",
    "comments": "comments",
    "reshares": "reshares",
    "network_clicks": "clicks",
}
_NOWHERE = "'' AS employee, '' AS account, '' AS network, '' AS campaign, '' AS content"

# A reading counts what has come since the last one before it that told the same counter, whatever
# order they were told in; who and where are those of the post's first publication, if any is known.
# Views and clicks are not told by every reading.
_TOLD = {name: f", r.body ? '{name}'" for name in ("impressions", "clicks")}
_BEFORE = ", ".join(
    f"lag((r.body ->> '{field}')::bigint) OVER (PARTITION BY r.subject{_TOLD.get(field, '')}"
    f" ORDER BY r.occurred_at, r.fact_key) AS {field}_before"
    for field in _COUNTERS.values()
)
_READINGS = f"""(
        SELECT r.day, r.fact_key, r.body, {_BEFORE}, lag(r.fact_key) OVER (
                   PARTITION BY r.subject ORDER BY r.occurred_at, r.fact_key) AS earlier,
               CASE WHEN p.post IS NULL THEN r.employee ELSE p.employee END AS employee,
               CASE WHEN p.post IS NULL THEN r.account ELSE p.account END AS account,
               CASE WHEN p.post IS NULL THEN r.network ELSE p.network END AS network,
               CASE WHEN p.post IS NULL THEN r.campaign ELSE p.campaign END AS campaign,
               CASE WHEN p.post IS NULL THEN r.content ELSE p.content END AS content
          FROM ({standing("post.metrics")}) r
          LEFT JOIN verify_publication p ON p.post = r.subject
      ) reading"""
# Where readings begin, and where they begin to tell views or clicks, is of nobody and nowhere.
_POSTS = f"""
    SELECT counter.measure || CASE WHEN employee <> '' THEN '_advocacy' ELSE '_brand' END, day,
           employee, account, network, campaign, content, '' AS channel,
           (counter.now - coalesce(counter.before, 0))::numeric, fact_key
      FROM {_READINGS}
     CROSS JOIN LATERAL (VALUES
        {
    ", ".join(
        f"('{measure}', (body ->> '{field}')::bigint, {field}_before)"
        for measure, field in _COUNTERS.items()
    )
}
     ) counter (measure, now, before)
     WHERE counter.now IS NOT NULL
    UNION ALL
    SELECT concat_ws('.', 'readings', CASE WHEN employee <> '' THEN 'advocacy' ELSE 'brand' END,
                     begun.name), day, {_NOWHERE}, '', 1::numeric, fact_key
      FROM {_READINGS}
     CROSS JOIN LATERAL (VALUES
        (NULL, earlier IS NULL),
        ('impressions', body ? 'impressions' AND impressions_before IS NULL),
        ('network_clicks', body ? 'clicks' AND clicks_before IS NULL)
     ) begun (name, is_so)
     WHERE begun.is_so
"""
_PUBLICATIONS = f"""
CREATE TEMPORARY TABLE verify_publication ON COMMIT DROP AS
SELECT DISTINCT ON (subject) subject AS post, employee, account, network, campaign, content
  FROM ({standing("post.published")}) f
 ORDER BY subject, occurred_at, fact_key
"""

# Of a network's post of one author, whoever tells it, the first telling is the one that counts.
_PUBLISHED = f"""
    SELECT m.measure, day, employee, account, network, campaign, content, channel, 1::numeric,
           fact_key
      FROM (
        SELECT DISTINCT ON (network, subject, is_shared, author) f.*
          FROM (
            SELECT f.*, employee <> '' AS is_shared,
                   CASE WHEN employee = '' THEN account ELSE employee END AS author
              FROM ({standing("post.published")}) f
          ) f
         ORDER BY network, subject, is_shared, author, occurred_at, fact_key
      ) first
     CROSS JOIN LATERAL (
        SELECT 'posts_brand' AS measure WHERE NOT is_shared
        UNION ALL
        SELECT name
          FROM (VALUES ('shares', true), ('shares_own', body ->> 'origin' = 'own'),
                       ('shares_scheduled', body ->> 'mode' = 'scheduled')) shared (name, is_so)
         WHERE is_shared AND is_so
     ) m
"""

# What is told again changes nothing: a join or a leave counts if the word before it was another.
# Nor does what is told of somebody before their first join.
_MEMBERSHIP = f"""
    SELECT m.measure, day, subject AS employee, '' AS account, '' AS network, '' AS campaign,
           '' AS content, '' AS channel, 1::numeric, fact_key
      FROM (
        SELECT f.*, lag(kind) OVER (PARTITION BY subject ORDER BY occurred_at, fact_key) AS earlier
          FROM (
            SELECT f.*, bool_or(kind = 'member.joined') OVER (
                       PARTITION BY subject ORDER BY occurred_at, fact_key) AS has_joined
              FROM ({standing("member.joined", "member.left")}) f
          ) f
         WHERE has_joined
      ) told
      JOIN (VALUES ('joins', 'member.joined', NULL), ('joins', 'member.joined', 'member.left'),
                   ('rejoins', 'member.joined', 'member.left'),
                   ('leaves', 'member.left', 'member.joined')
      ) m (measure, kind, earlier)
        ON m.kind = told.kind AND m.earlier IS NOT DISTINCT FROM told.earlier
"""

# Links join identifiers to groups, as far as they lead; a group goes by its smallest member. Each
# takes the smallest name that it or a neighbor goes by, then what that name itself goes by, until
# nothing changes: a few rounds, each over all links, however large or long a group is.
_LINKS = f"""
CREATE TEMPORARY TABLE verify_link ON COMMIT DROP AS
SELECT DISTINCT ends.one, ends.other
  FROM ({standing("person.identified")}) f
 CROSS JOIN LATERAL jsonb_array_elements_text(body -> 'same_as') alias
 CROSS JOIN LATERAL (VALUES (subject, alias), (alias, subject)) ends (one, other)
"""
_PEOPLE = """
CREATE TEMPORARY TABLE verify_person ON COMMIT DROP AS
SELECT one AS person, least(one, min(other)) AS known_as FROM verify_link GROUP BY one
"""
_GROUPS = """
DO $$
DECLARE
    changed bigint;
    further bigint;
BEGIN
    LOOP
        UPDATE verify_person p SET known_as = near.known_as
          FROM (
            SELECT l.one, min(q.known_as) AS known_as
              FROM verify_link l JOIN verify_person q ON q.person = l.other
             GROUP BY l.one
          ) near
         WHERE p.person = near.one AND near.known_as < p.known_as;
        GET DIAGNOSTICS changed = ROW_COUNT;
        UPDATE verify_person p SET known_as = q.known_as
          FROM verify_person q
         WHERE q.person = p.known_as AND q.known_as < p.known_as;
        GET DIAGNOSTICS further = ROW_COUNT;
        EXIT WHEN changed + further = 0;
    END LOOP;
END $$
"""

# Of several facts about one lead or deal the first speaks: all other tables have one row of each.
_TOUCHES = f"""
CREATE TEMPORARY TABLE verify_touch ON COMMIT DROP AS
SELECT coalesce(p.known_as, f.subject) AS person, occurred_at AS touched_at, fact_key, day,
       employee, account, network, campaign, content, channel
  FROM ({standing("touch.recorded")}) f LEFT JOIN verify_person p ON p.person = f.subject
"""
_LEADS = f"""
CREATE TEMPORARY TABLE verify_lead ON COMMIT DROP AS
SELECT DISTINCT ON (subject) subject AS lead,
       coalesce(p.known_as, body ->> 'person') AS person, occurred_at AS created_at, day, fact_key
  FROM ({standing("lead.created")}) f LEFT JOIN verify_person p ON p.person = body ->> 'person'
 ORDER BY subject, occurred_at, fact_key
"""
_DEALS = f"""
CREATE TEMPORARY TABLE verify_deal ON COMMIT DROP AS
SELECT DISTINCT ON (subject) subject AS deal, body ->> 'lead' AS lead, body ->> 'state' AS state,
       (body ->> 'amount')::numeric AS amount, (body ->> 'opened_at')::timestamptz AS opened_at,
       (body ->> 'closed_at')::timestamptz AS closed_at, fact_key,
       ((body ->> 'opened_at')::timestamptz AT TIME ZONE o.time_zone)::date AS opened_on,
       ((body ->> 'closed_at')::timestamptz AT TIME ZONE o.time_zone)::date AS closed_on
  FROM ({standing("deal.changed")}) f
  JOIN organization o ON o.id = $1
 ORDER BY subject, (body ->> 'opened_at')::timestamptz, fact_key
"""

_STEPS = f"""
CREATE TEMPORARY TABLE verify_step ON COMMIT DROP AS
SELECT DISTINCT ON (subject, event) subject AS application, event,
       coalesce(p.known_as, body ->> 'person') AS person, occurred_at AS happened_at, day
  FROM ({standing("application.submitted", "hire.accepted")}) f
 CROSS JOIN LATERAL (
    SELECT CASE kind WHEN 'hire.accepted' THEN 'accepted' ELSE 'submitted' END AS event
 ) e
  LEFT JOIN verify_person p ON p.person = body ->> 'person'
 ORDER BY subject, event, occurred_at, fact_key
"""

_SELLING = f"""
    SELECT 'leads' AS measure, day, {_NOWHERE}, '' AS channel, 1::numeric AS quantity, fact_key
      FROM verify_lead
    UNION ALL
    (
        SELECT DISTINCT ON (l.lead) 'leads_advocacy', l.day, t.employee, t.account, t.network,
               t.campaign, t.content, t.channel, 1, l.fact_key
          FROM verify_lead l JOIN verify_touch t USING (person)
         WHERE t.channel = 'employee_advocacy' AND t.touched_at <= l.created_at
           AND t.day >= l.day - {parameter("window_days")}
         ORDER BY l.lead, t.touched_at, t.fact_key
    )
    UNION ALL
    SELECT 'leads_won', day, {_NOWHERE}, '', 1, fact_key
      FROM verify_lead WHERE lead IN (SELECT lead FROM verify_deal WHERE state = 'won')
    UNION ALL
    SELECT 'opportunities', opened_on, {_NOWHERE}, '', 1, fact_key FROM verify_deal
    UNION ALL
    SELECT 'deals_' || state, closed_on, {_NOWHERE}, '', 1, fact_key
      FROM verify_deal WHERE state IN ('won', 'lost')
    UNION ALL
    SELECT 'revenue_won', closed_on, {_NOWHERE}, '', amount, fact_key
      FROM verify_deal WHERE state = 'won'
"""

HISTORIES = (
    Family(
        name="posts",
        measures=(
            *(f"{name}_{side}" for name in _COUNTERS for side in ("advocacy", "brand")),
            *("readings.advocacy", "readings.advocacy.", "readings.brand", "readings.brand."),
        ),
        query=_POSTS,
        prepare=(_PUBLICATIONS, "ANALYZE verify_publication"),
    ),
    Family(
        name="publications",
        measures=("shares", "shares_own", "shares_scheduled", "posts_brand"),
        query=_PUBLISHED,
    ),
    Family(name="membership", measures=("joins", "leaves", "rejoins"), query=_MEMBERSHIP),
    Family(
        name="selling",
        measures=(
            "leads",
            "leads_advocacy",
            "leads_won",
            "opportunities",
            "deals_won",
            "deals_lost",
            "revenue_won",
        ),
        query=_SELLING,
        prepare=(
            *(_LINKS, _PEOPLE, "ANALYZE verify_link, verify_person", _GROUPS),
            *(_TOUCHES, _LEADS, _DEALS, _STEPS),
            "ANALYZE verify_touch, verify_lead, verify_deal, verify_step",
        ),
    ),
    Family(
        name="credit",
        measures=CREDIT_MEASURES,
        query=CREDITED,
        prepare=CREDIT,
        needs=("selling",),
    ),
)
