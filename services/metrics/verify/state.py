"""The state of the fold's keyed operators, and credit, laid beside what the ledger's facts say."""

from collections.abc import Iterator
from typing import NamedTuple

from services.metrics.verify.cells import NAMES
from services.metrics.verify.credit import MODELS
from services.metrics.verify.facts import standing, withdrawn

__all__ = ["STATE_MISMATCHES", "UNFIT", "credit_mismatches"]

_WHERE = "employee, account, network, campaign, content"
_LOCAL = "((body ->> '{field}')::timestamptz AT TIME ZONE o.time_zone)::date"
_IF_CLOSED = "CASE WHEN body ->> 'state' IN ('won', 'lost') THEN"

# Facts that answers are counted from in their own words: all of some kinds, of others those that
# say one of these.
_COUNTED_WHOLE = (
    *("access.recorded", "application.submitted", "content.released", "employment.ended"),
    *("figure.recorded", "hire.accepted", "internal.daily", "login.recorded", "mail.daily"),
    *("member.invited", "mention.recorded", "process.completed", "quota.set", "survey.recorded"),
    *("ties.recorded", "training.completed"),
)
_COUNTED_PARTLY = {
    "deal.changed": ("customer", "units", "is_new_market"),
    "post.metrics": ("reach",),
    "post.published": ("hashtags",),
}


class _Table(NamedTuple):
    """What a table should hold: its columns, and what they are of a fact ``f`` of these kinds."""

    columns: str
    values: str
    kinds: tuple[str, ...]
    rest: str = ""


_LINKS = """
 CROSS JOIN LATERAL jsonb_array_elements_text(body -> 'same_as') alias
 CROSS JOIN LATERAL (VALUES (subject, alias), (alias, subject)) ends (person, other)
 WHERE alias <> subject
"""
_READINGS = """
 CROSS JOIN LATERAL (
    SELECT body ->> 'metric' AS measure, body -> 'count' AS value, account AS of_account,
           network AS of_network
     WHERE kind = 'audience.recorded'
    UNION ALL
    SELECT 'ssi.' || pillar, body -> pillar, '', ''
      FROM unnest(ARRAY['brand', 'people', 'insights', 'relationships']) pillar
     WHERE kind = 'ssi.recorded'
 ) reading
"""
_IS_COUNTED = " OR ".join(
    (
        f"kind IN ({', '.join(repr(kind) for kind in _COUNTED_WHOLE)})",
        *(
            f"kind = '{kind}' AND jsonb_exists_any(body, ARRAY{list(fields)})"
            for kind, fields in _COUNTED_PARTLY.items()
        ),
    )
)

_TABLES = {
    "roster": _Table(
        "employee, effective_on, fact_key, employed, team, department, role, linkedin_account",
        "subject, day, fact_key, (body ->> 'employed')::boolean, coalesce(body ->> 'team', ''),"
        " coalesce(body ->> 'department', ''), coalesce(body ->> 'role', ''),"
        " (body ->> 'linkedin_account')::boolean",
        ("employee.recorded",),
    ),
    "membership": _Table(
        "employee, happened_at, fact_key, day, event",
        "subject, occurred_at, fact_key, day,"
        " CASE kind WHEN 'member.joined' THEN 'joined' ELSE 'left' END",
        ("member.joined", "member.left"),
    ),
    "post": _Table(
        f"post, fact_key, published_at, {_WHERE}",
        f"subject, fact_key, occurred_at, {_WHERE}",
        ("post.published",),
    ),
    "post_snapshot": _Table(
        f"post, observed_at, fact_key, day, {_WHERE}, impressions, reactions, comments, reshares,"
        " clicks",
        f"subject, occurred_at, fact_key, day, {_WHERE}, (body ->> 'impressions')::bigint,"
        " (body ->> 'reactions')::bigint, (body ->> 'comments')::bigint,"
        " (body ->> 'reshares')::bigint, (body ->> 'clicks')::bigint",
        ("post.metrics",),
    ),
    "gauge": _Table(
        "measure, employee, account, network, observed_at, fact_key, day, value",
        "reading.measure, employee, of_account, of_network, occurred_at, fact_key, day,"
        " (reading.value #>> '{}')::numeric",
        ("audience.recorded", "ssi.recorded"),
        _READINGS,
    ),
    "touch": _Table(
        f"person, touched_at, fact_key, day, channel, {_WHERE}",
        f"subject, occurred_at, fact_key, day, channel, {_WHERE}",
        ("touch.recorded",),
    ),
    "person_link": _Table(
        "person, other, fact_key",
        "ends.person, ends.other, fact_key",
        ("person.identified",),
        _LINKS,
    ),
    "lead": _Table(
        "lead, fact_key, person, created_at, day",
        "subject, fact_key, body ->> 'person', occurred_at, day",
        ("lead.created",),
    ),
    "deal": _Table(
        "deal, fact_key, lead, state, amount, opened_at, opened_day, closed_at, closed_day,"
        " employee",
        "subject, fact_key, body ->> 'lead', body ->> 'state', (body ->> 'amount')::numeric,"
        f" (body ->> 'opened_at')::timestamptz, {_LOCAL.format(field='opened_at')},"
        f" {_IF_CLOSED} (body ->> 'closed_at')::timestamptz END,"
        f" {_IF_CLOSED} {_LOCAL.format(field='closed_at')} END, employee",
        ("deal.changed",),
        "JOIN organization o ON o.id = $1",
    ),
    "application": _Table(
        "application, fact_key, event, person, happened_at, day",
        "subject, fact_key, CASE kind WHEN 'hire.accepted' THEN 'accepted' ELSE 'submitted' END,"
        " body ->> 'person', occurred_at, day",
        ("application.submitted", "hire.accepted"),
    ),
    "standing": _Table(
        f"kind, day, fact_key, occurred_at, {_WHERE}, channel, body",
        f"kind, day, fact_key, occurred_at, {_WHERE}, channel, body",
        (*_COUNTED_WHOLE, *_COUNTED_PARTLY),
        f"WHERE {_IS_COUNTED}",
    ),
}


def _differences() -> Iterator[tuple[str, str]]:
    for name, table in _TABLES.items():
        due = f"SELECT {table.values}, position, true FROM ({standing(*table.kinds)}) f"
        yield name, _difference(name, f"{table.columns}, position", f"{due} {table.rest}")
        # What was stated and taken back in one batch never was in the state; whether it was one
        # batch cannot be told, but then it was one day, and nobody can ask about the time between.
        gone = (
            f"SELECT {table.values}, position, until, was_known FROM ({withdrawn(*table.kinds)}) f"
        )
        columns = f"{table.columns}, position, until"
        yield f"{name}_past", _difference(f"{name}_past", columns, f"{gone} {table.rest}")


def _difference(table: str, columns: str, due: str) -> str:
    """Return the query of the rows that differ; the last column of ``due``: whether it must be."""
    return f"""
    WITH held AS MATERIALIZED (
        SELECT {columns} FROM {table} WHERE org_id = $1 AND generation = $3
    ), due ({columns}, must_be_held) AS MATERIALIZED ({due})
    SELECT row_to_json(rest.*)::text AS stored, NULL AS recomputed
      FROM (SELECT * FROM held EXCEPT ALL SELECT {columns} FROM due) rest
    UNION ALL
    SELECT NULL, row_to_json(rest.*)::text
      FROM (SELECT {columns} FROM due WHERE must_be_held EXCEPT ALL SELECT * FROM held) rest
    """


#: table → the rows it holds and should not, and those it should hold and does not; a table and its
#: past. $1 is the organization, $2 the position, $3 the generation.
STATE_MISMATCHES = dict(_differences())

#: What the fold could not go on from: names with two cells, numbers with two names, a cursor that
#: is beyond the ledger or hands out numbers again. $1 is the organization, $2 the generation.
UNFIT = f"""
SELECT 'cell' AS table, concat_ws(' ', 'cells', string_agg(cell::text, ', ' ORDER BY cell), {NAMES})
           AS stored, 'one cell' AS recomputed
  FROM cell WHERE org_id = $1 AND generation = $2
 GROUP BY {NAMES} HAVING count(*) > 1
UNION ALL
SELECT 'cell', format('%s names for cell %s', count(*), cell), 'one name'
  FROM cell WHERE org_id = $1 AND generation = $2
 GROUP BY cell HAVING count(*) > 1
UNION ALL
SELECT 'fold_cursor', format('position %s', f.position), format('at most %s', h.position)
  FROM fold_cursor f JOIN ledger_head h USING (org_id)
 WHERE f.org_id = $1 AND f.generation = $2 AND f.position > h.position
UNION ALL
SELECT 'fold_cursor', format('next cell %s', f.next_cell), format('more than %s', held.last)
  FROM fold_cursor f
 CROSS JOIN (SELECT max(cell) AS last FROM cell WHERE org_id = $1 AND generation = $2) held
 WHERE f.org_id = $1 AND f.generation = $2 AND f.next_cell <= held.last
"""

_CREDITED = "share, amount, touch_day, converted_day, channel, " + _WHERE


def credit_mismatches(stored: str) -> str:
    """Return the query of the credits in which ``stored``, a view, and ``verify_credit`` differ.

    $1 is the organization, $2 the generation, $3 and $4 the days of the conversions.
    """
    return f"""
    SELECT concat_ws(' ', kind, conversion, model, encode(touch_key, 'hex')) AS name,
           concat_ws(' ', c.share, c.amount) AS stored,
           concat_ws(' ', v.share, v.amount) AS recomputed
      FROM (
        SELECT kind, conversion, model, touch_key, {_CREDITED}
          FROM {stored}
         WHERE org_id = $1 AND generation = $2 AND model IN ({", ".join(f"'{m}'" for m in MODELS)})
           AND converted_day BETWEEN $3 AND $4
      ) c
      FULL JOIN verify_credit v USING (kind, conversion, model, touch_key)
     WHERE ({", ".join(f"c.{name}" for name in _CREDITED.split(", "))})
           IS DISTINCT FROM ({", ".join(f"v.{name}" for name in _CREDITED.split(", "))})
    """
