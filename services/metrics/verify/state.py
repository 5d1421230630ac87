"""The state of the fold's keyed operators, and credit, laid beside what the ledger's facts say."""

from services.metrics.verify.credit import MODELS
from services.metrics.verify.facts import standing

__all__ = ["CREDIT_MISMATCHES", "STATE_MISMATCHES"]

_WHERE = "employee, account, network, campaign, content"
_LOCAL = "((body ->> '{field}')::timestamptz AT TIME ZONE o.time_zone)::date"

# Facts that answers are counted from in their own words: all of some kinds, of others those that
# say one of these.
_COUNTED_WHOLE = (
    *("access.recorded", "content.released", "figure.recorded", "hire.accepted", "internal.daily"),
    *("login.recorded", "mail.daily", "member.invited", "mention.recorded", "process.completed"),
    *("quota.set", "survey.recorded", "ties.recorded", "training.completed"),
)
_COUNTED_PARTLY = {
    "deal.changed": ("customer", "units", "is_new_market"),
    "post.metrics": ("reach",),
    "post.published": ("hashtags",),
}

#: table → (its columns, the query of the rows it should hold)
_STATE = {
    "roster": (
        "employee, effective_on, fact_key, employed, team, role, linkedin_account",
        f"""
        SELECT subject, day, fact_key, (body ->> 'employed')::boolean,
               coalesce(body ->> 'team', ''), coalesce(body ->> 'role', ''),
               (body ->> 'linkedin_account')::boolean
          FROM ({standing("employee.recorded")}) f
        """,
    ),
    "membership": (
        "employee, happened_at, fact_key, day, event",
        f"""
        SELECT subject, occurred_at, fact_key, day,
               CASE kind WHEN 'member.joined' THEN 'joined' ELSE 'left' END
          FROM ({standing("member.joined", "member.left")}) f
        """,
    ),
    "post": (
        f"post, fact_key, published_at, {_WHERE}",
        f"SELECT subject, fact_key, occurred_at, {_WHERE} FROM ({standing('post.published')}) f",
    ),
    "post_snapshot": (
        f"post, observed_at, fact_key, day, {_WHERE}, impressions, reactions, comments, reshares,"
        " clicks",
        f"""
        SELECT subject, occurred_at, fact_key, day, {_WHERE}, (body ->> 'impressions')::bigint,
               (body ->> 'reactions')::bigint, (body ->> 'comments')::bigint,
               (body ->> 'reshares')::bigint, (body ->> 'clicks')::bigint
          FROM ({standing("post.metrics")}) f
        """,
    ),
    "gauge": (
        "measure, employee, account, network, observed_at, fact_key, day, value",
        f"""
        SELECT body ->> 'metric', employee, account, network, occurred_at, fact_key, day,
               (body ->> 'count')::numeric
          FROM ({standing("audience.recorded")}) f
        UNION ALL
        SELECT 'ssi.' || pillar, employee, '', '', occurred_at, fact_key, day,
               (body ->> pillar)::numeric
          FROM ({standing("ssi.recorded")}) f
         CROSS JOIN unnest(ARRAY['brand', 'people', 'insights', 'relationships']) pillar
        """,
    ),
    "touch": (
        f"person, touched_at, fact_key, day, channel, {_WHERE}",
        f"""
        SELECT subject, occurred_at, fact_key, day, channel, {_WHERE}
          FROM ({standing("touch.recorded")}) f
        """,
    ),
    "person_link": (
        "person, other, fact_key",
        f"""
        SELECT ends.person, ends.other, fact_key
          FROM ({standing("person.identified")}) f
         CROSS JOIN LATERAL jsonb_array_elements_text(body -> 'same_as') alias
         CROSS JOIN LATERAL (VALUES (subject, alias), (alias, subject)) ends (person, other)
         WHERE alias <> subject
        """,
    ),
    "lead": (
        "lead, fact_key, person, created_at, day",
        f"""
        SELECT subject, fact_key, body ->> 'person', occurred_at, day
          FROM ({standing("lead.created")}) f
        """,
    ),
    "deal": (
        "deal, fact_key, lead, state, amount, opened_at, opened_day, closed_at, closed_day",
        f"""
        SELECT subject, fact_key, body ->> 'lead', body ->> 'state',
               (body ->> 'amount')::numeric, (body ->> 'opened_at')::timestamptz,
               {_LOCAL.format(field="opened_at")}, (body ->> 'closed_at')::timestamptz,
               {_LOCAL.format(field="closed_at")}
          FROM ({standing("deal.changed")}) f
          JOIN organization o ON o.id = $1
        """,
    ),
    "application": (
        "application, fact_key, event, person, happened_at, day",
        f"""
        SELECT subject, fact_key,
               CASE kind WHEN 'hire.accepted' THEN 'accepted' ELSE 'submitted' END,
               body ->> 'person', occurred_at, day
          FROM ({standing("application.submitted", "hire.accepted")}) f
        """,
    ),
    "standing": (
        f"kind, day, fact_key, occurred_at, {_WHERE}, channel, body",
        f"""
        SELECT kind, day, fact_key, occurred_at, {_WHERE}, channel, body
          FROM ({standing(*_COUNTED_WHOLE, *_COUNTED_PARTLY)}) f
         WHERE kind IN ({", ".join(f"'{kind}'" for kind in _COUNTED_WHOLE)})
            OR kind = 'deal.changed' AND employee <> ''
            OR {
            " OR ".join(
                f"kind = '{kind}' AND jsonb_exists_any(body, ARRAY{list(fields)})"
                for kind, fields in _COUNTED_PARTLY.items()
            )
        }
        """,
    ),
}


def _difference(table: str, columns: str, due: str) -> str:
    held = f"SELECT {columns} FROM {table} WHERE org_id = $1 AND generation = $3"
    return f"""
    SELECT row_to_json(rest.*)::text AS stored, NULL AS recomputed
      FROM ({held} EXCEPT ALL ({due})) rest ({columns})
    UNION ALL
    SELECT NULL, row_to_json(rest.*)::text
      FROM (({due}) EXCEPT ALL {held}) rest ({columns})
    """


#: table → the rows it holds and should not, and those it should hold and does not.
#: $1 is the organization, $2 the position, $3 the generation.
STATE_MISMATCHES = {
    table: _difference(table, columns, due) for table, (columns, due) in _STATE.items()
}

_CREDITED = "share, amount, touch_day, converted_day, channel, " + _WHERE
#: $1 is the organization, $2 the generation.
CREDIT_MISMATCHES = f"""
SELECT concat_ws(' ', kind, conversion, model, encode(touch_key, 'hex')) AS name,
       concat_ws(' ', c.share, c.amount) AS stored,
       concat_ws(' ', v.share, v.amount) AS recomputed
  FROM (
    SELECT kind, conversion, model, touch_key, {_CREDITED}
      FROM credit
     WHERE org_id = $1 AND generation = $2 AND model IN ({", ".join(f"'{m}'" for m in MODELS)})
  ) c
  FULL JOIN verify_credit v USING (kind, conversion, model, touch_key)
 WHERE ({", ".join(f"c.{name}" for name in _CREDITED.split(", "))})
       IS DISTINCT FROM ({", ".join(f"v.{name}" for name in _CREDITED.split(", "))})
"""
