"""What Pathway is given to sum, and what the rollups say of the same."""

from typing import Final, NamedTuple

__all__ = ["HELD", "ROWS", "SUMS", "Sum"]

_DIMENSIONS: Final = ("employee", "account", "network", "campaign", "content", "channel")


class Sum(NamedTuple):
    """One quantity of Pathway's rows: what it is of facts of a kind, and what the rollups call it.

    Several measures are one quantity: the rollups tell employees' responses from the brand's.
    """

    measures: tuple[str, ...]
    kind: str
    condition: str
    quantity: str = "1"


#: In the order of a row's quantities.
SUMS: Final = (
    Sum(("shares",), "post.published", "employee IS NOT NULL"),
    Sum(("shares_own",), "post.published", "employee IS NOT NULL AND body ->> 'origin' = 'own'"),
    Sum(("posts_brand",), "post.published", "employee IS NULL"),
    Sum(("clicks",), "link.clicked", "(body ->> 'is_human')::boolean"),
    *(
        Sum(
            (f"{name}_advocacy", f"{name}_brand"),
            "engagement.daily",
            f"body ? '{field}'",
            f"(body ->> '{field}')::int",
        )
        for name, field in (
            *((name, name) for name in ("impressions", "reactions", "comments", "reshares")),
            ("network_clicks", "clicks"),
        )
    ),
    *(
        Sum(
            (measure,),
            "session.recorded",
            f"body ->> 'landing' = '{landing}' AND channel = ANY ('{channels}')",
            f"(body ->> '{field}')::int",
        )
        for measure, landing, channels, field in (
            ("sessions", "site", "{employee_advocacy, brand}", "sessions"),
            ("engaged_sessions", "site", "{employee_advocacy, brand}", "engaged_sessions"),
            ("key_events", "site", "{employee_advocacy, brand}", "key_events"),
            ("sessions_advocacy", "site", "{employee_advocacy}", "sessions"),
            ("sessions_brand", "site", "{brand}", "sessions"),
            ("careers_sessions_advocacy", "careers", "{employee_advocacy}", "sessions"),
        )
    ),
)
#: A row for each entry of the kinds in $3 after position $2; one that takes back is a difference.
#: Nobody moves here: whoever has a team was told to be in one.
ROWS: Final = f"""
SELECT day::text, coalesce(employee, ''), coalesce(p.team, ''),
       {", ".join(f"coalesce({name}, '')" for name in _DIMENSIONS[1:])},
       ARRAY[{
    ", ".join(
        f"CASE WHEN kind = '{one.kind}' AND {one.condition} THEN weight * {one.quantity} ELSE 0 END"
        for one in SUMS
    )
}]::bigint[]
  FROM (SELECT *, payload::jsonb AS body FROM ledger_entry WHERE org_id = $1 AND position > $2) e
  LEFT JOIN (
    SELECT subject AS employee, payload::jsonb ->> 'team' AS team
      FROM ledger_entry WHERE org_id = $1 AND kind = 'employee.recorded'
  ) p USING (employee)
 WHERE kind = ANY ($3::text[])
 ORDER BY position
"""
#: What the rollups' slices add up to.
HELD: Final = """
SELECT c.slice, r.measure, sum(r.value)::bigint AS amount
  FROM rollup_value r JOIN cell c USING (org_id, generation, cell)
 WHERE r.org_id = $1 AND r.generation = $2
 GROUP BY c.slice, r.measure
"""
