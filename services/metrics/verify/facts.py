"""What the ledger's standing facts contribute, recomputed from scratch: the linear measures.

Written a second time, from the definitions, on purpose: nothing here is shared with the fold, with
its state or with ``shared.rollups.contributions``, so that one mistake cannot hide in both.

Everything is set-based and reads the ledger up to a position (``$2``) of one organization (``$1``).
What else a query has to know is one row of ``verify_parameter``.
"""

from dataclasses import dataclass

__all__ = [
    "LINEAR",
    "PARAMETERS",
    "VERSIONS",
    "WITHDRAWN",
    "Family",
    "by_rules",
    "parameter",
    "standing",
    "withdrawn",
]

#: Of the generation ($2) that is verified; the currency's minor digits are $3, the days wanted $4
#: and $5.
PARAMETERS = """
CREATE TEMPORARY TABLE verify_parameter ON COMMIT DROP AS
SELECT window_days, half_life_days, $3::integer AS digits, $4::date AS first_day,
       $5::date AS last_day
  FROM generation WHERE org_id = $1 AND generation = $2
"""

#: What was taken back, and when last. Few facts ever are, so this is small.
WITHDRAWN = """
CREATE TEMPORARY TABLE verify_withdrawn ON COMMIT DROP AS
SELECT fact_key, max(position) AS position
  FROM ledger_entry
 WHERE org_id = $1 AND position <= $2 AND weight = -1
 GROUP BY fact_key
"""


@dataclass(frozen=True, slots=True)
class Family:
    """Measures that are recomputed together.

    Attributes:
        measures: the names; one that ends in ``.`` stands for all that begin like it.
        query: (measure, day, employee, account, network, campaign, content, channel, quantity,
            fact_key) of every contribution.
        prepare: statements that make the temporary tables the query reads.
        needs: names of the families whose tables it reads as well.
    """

    name: str
    measures: tuple[str, ...]
    query: str
    prepare: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def covers(self, measure: str) -> bool:
        """Return whether the family recomputes a measure."""
        return any(
            measure.startswith(name) if name.endswith(".") else measure == name
            for name in self.measures
        )


def parameter(name: str) -> str:
    """Return the expression for one column of ``verify_parameter``."""
    return f"(SELECT {name} FROM verify_parameter)"


_COLUMNS = """
    e.kind, e.fact_key, e.position, e.occurred_at, e.day, coalesce(e.employee, '') AS employee,
    coalesce(e.account, '') AS account, coalesce(e.network, '') AS network,
    coalesce(e.campaign, '') AS campaign, coalesce(e.content, '') AS content,
    coalesce(e.channel, '') AS channel, e.subject, e.payload::jsonb AS body
"""


def _stated(kinds: tuple[str, ...]) -> str:
    names = ", ".join(f"'{kind}'" for kind in kinds)
    return f"e.org_id = $1 AND e.position <= $2 AND e.weight = 1 AND e.kind IN ({names})"


def standing(*kinds: str, condition: str = "true") -> str:
    """Return the query of the facts of some kinds that stand: stated, and not taken back since.

    ``condition`` is about what a version says (alias ``e``), never about when it was said: an entry
    that takes a version back says the same, so the two are let through together or not at all.
    """
    return f"""
    SELECT {_COLUMNS}
      FROM ledger_entry e
      LEFT JOIN verify_withdrawn w ON w.fact_key = e.fact_key AND w.position > e.position
     WHERE {_stated(kinds)} AND w.fact_key IS NULL AND {condition}
    OFFSET 0 -- or a payload is parsed again for every field that is read
    """


#: The versions that were taken back, with ``until``, the position of the entry that did so, and
#: whether the organization could ever be asked in between: on another day, or at a publication.
#: Made once, for all kinds: finding where versions end takes the whole ledger.
VERSIONS = f"""
CREATE TEMPORARY TABLE verify_version ON COMMIT DROP AS
WITH said AS (
    SELECT {_COLUMNS}, e.weight, (e.recorded_at AT TIME ZONE o.time_zone)::date AS known_on,
           min(e.position) FILTER (WHERE e.weight = -1) OVER later AS until
      FROM verify_withdrawn w
      JOIN ledger_entry e ON e.fact_key = w.fact_key
      JOIN organization o ON o.id = e.org_id
     WHERE e.org_id = $1 AND e.position <= $2
    WINDOW later AS (
        -- Backward, so that each row adds to what the one before it found.
        PARTITION BY e.fact_key ORDER BY e.position DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT s.*,
       s.known_on <> u.known_on
       OR EXISTS (SELECT FROM publication p
                   WHERE p.org_id = $1 AND p.position >= s.position AND p.position < s.until)
       AS was_known
  FROM said s
  JOIN said u ON u.position = s.until
 WHERE s.weight = 1
"""


def withdrawn(*kinds: str) -> str:
    """Return the query of the versions of facts of some kinds that were taken back.

    Besides the columns of :func:`standing`: those of :data:`VERSIONS`, which is to be run first.
    """
    names = ", ".join(f"'{kind}'" for kind in kinds)
    return f"SELECT * FROM verify_version WHERE until <= $2 AND kind IN ({names})"


#: The days wanted, of entries (alias ``e``).
_IN_DAYS = f"e.day BETWEEN {parameter('first_day')} AND {parameter('last_day')}"


def _number(field: str) -> str:
    return f"(body ->> '{field}')::numeric"


_ENGAGEMENT = {
    "impressions": "impressions",
    "reactions": "reactions",
    "comments": "comments",
    "reshares": "reshares",
    "network_clicks": "clicks",
}
_IS_BOUGHT = "coalesce((body ->> 'is_paid')::boolean, false)"

#: (measure, condition on the fact, quantity); every one on the fact's own day.
_RULES = (
    *(
        (f"{measure}_{side}", f"kind = 'engagement.daily' AND {test}", _number(field))
        for measure, field in _ENGAGEMENT.items()
        for side, test in (
            ("advocacy", f"employee <> '' AND NOT {_IS_BOUGHT}"),
            ("boosted", f"employee <> '' AND {_IS_BOUGHT}"),
            ("brand", "employee = ''"),
        )
    ),
    ("mentions_advocacy", "kind = 'engagement.daily' AND employee <> ''", _number("mentions")),
    *(
        (
            f"engagements_{name}",
            "kind = 'engagement.daily' AND employee = ''"
            f" AND (body ->> 'is_paid')::boolean = {is_paid}",
            " + ".join(_number(field) for field in ("reactions", "comments", "reshares")),
        )
        for name, is_paid in (("paid", "true"), ("organic", "false"))
    ),
    ("clicks", "kind = 'link.clicked' AND (body ->> 'is_human')::boolean", "1"),
    *(
        (
            measure,
            "kind = 'session.recorded' AND body ->> 'landing' = 'site'",
            _number(measure),
        )
        for measure in ("sessions", "engaged_sessions", "key_events")
    ),
    *(
        (
            measure,
            f"kind = 'session.recorded' AND channel = '{channel}'"
            f" AND body ->> 'landing' = '{landing}'",
            _number("sessions"),
        )
        for measure, channel, landing in (
            ("sessions_advocacy", "employee_advocacy", "site"),
            ("sessions_brand", "brand", "site"),
            ("careers_sessions_advocacy", "employee_advocacy", "careers"),
        )
    ),
    ("invites", "kind = 'member.invited'", "1"),
)
_KINDS = (
    "engagement.daily",
    "link.clicked",
    "session.recorded",
    "member.invited",
)


def by_rules(name: str, kinds: tuple[str, ...], rules: tuple[tuple[str, str, str], ...]) -> Family:
    """Return the family of measures that count on their fact's own day.

    A rule is (measure, condition on the fact, quantity); a measure that ends in ``.`` begins names
    that go on with the fact's ``facet`` or ``segment``. A sample reads the entries of its days
    alone, and the ledger is passed over once, whatever the number of rules.
    """
    branches = " UNION ALL ".join(
        f"SELECT {_named(measure)} AS measure, ({quantity})::numeric AS quantity WHERE {condition}"
        for measure, condition, quantity in rules
    )
    return Family(
        name=name,
        measures=tuple(measure for measure, _, _ in rules),
        query=f"""
        SELECT m.measure, day, employee, account, network, campaign, content, channel, m.quantity,
               fact_key
          FROM ({standing(*kinds, condition=_IN_DAYS)}) f CROSS JOIN LATERAL ({branches}) m
        """,
    )


def _named(measure: str) -> str:
    goes_on = {"impressions_generation.": "segment"}.get(measure, "facet")
    return f"'{measure}' || (body ->> '{goes_on}')" if measure.endswith(".") else f"'{measure}'"


# A cost is spread over [starts_on, ends_on). Up to the end of a day it has earned its share of the
# amount in whole minor units; the day takes what that has grown by. Halves go away from zero: what
# is divided is twice the share and one unit more, in whole numbers throughout.
_COSTS = f"""
    SELECT m.measure, accrued.day, employee, account, network, campaign, content, channel,
           accrued.upto - lag(accrued.upto, 1, 0::numeric) OVER (
               PARTITION BY fact_key, m.measure ORDER BY accrued.day) AS quantity,
           fact_key
      FROM ({standing("cost.booked")}) f
     CROSS JOIN LATERAL (
        SELECT day::date,
               sign(amount) * unit * div(
                   2 * abs(amount) / unit * (day::date - first_day + 1) + days, 2 * days) AS upto
          FROM (
            SELECT {_number("amount")} AS amount, (body ->> 'starts_on')::date AS first_day,
                   (body ->> 'ends_on')::date - (body ->> 'starts_on')::date AS days,
                   ('1e-' || {parameter("digits")})::numeric AS unit
          ) cost
         CROSS JOIN generate_series(first_day, first_day + days - 1, interval '1 day') day
     ) accrued
     CROSS JOIN LATERAL (
        SELECT 'cost_brand' AS measure WHERE channel = 'brand'
        UNION ALL
        SELECT named FROM (VALUES ('cost'), ('cost.' || (body ->> 'category'))) program (named)
         WHERE channel <> 'brand'
     ) m
"""

# One for each fact, whatever it says: of nobody, and nowhere. Visits of the site and of the careers
# pages, what an audience is divided by, and costs of the program and of the brand's own social
# media are kinds of their own. What posts drew on a day tells of their side, and of views and
# clicks where the source counts them.
_ALL_TOLD = f"""
    SELECT concat_ws('.', 'told', kind,
                     coalesce(CASE WHEN kind = 'session.recorded' THEN body ->> 'landing' END,
                              CASE WHEN kind = 'demographics.recorded' THEN body ->> 'facet' END,
                              CASE WHEN kind <> 'cost.booked' THEN NULL
                                   WHEN channel = 'brand' THEN 'brand' ELSE 'program' END)
           ) AS measure, day, '', '', '', '', '', '', 1::numeric AS quantity, fact_key
      FROM ({
    standing(
        "activity.logged",
        "application.submitted",
        "cost.booked",
        "demographics.recorded",
        "hire.accepted",
        "incident.recorded",
        "internal.daily",
        "link.clicked",
        "points.awarded",
        "session.recorded",
        "touch.recorded",
        condition=_IN_DAYS,
    )
}) f
    UNION ALL
    SELECT concat_ws('.', 'told', kind,
                     CASE WHEN employee = '' THEN 'brand'
                          WHEN {_IS_BOUGHT} THEN 'boosted' ELSE 'advocacy' END, counter.name),
           day, '', '', '', '', '', '', 1::numeric, fact_key
      FROM ({standing("engagement.daily", condition=_IN_DAYS)}) f
     CROSS JOIN LATERAL (VALUES
        (NULL, true), ('impressions', body ? 'impressions'), ('network_clicks', body ? 'clicks')
     ) counter (name, is_told)
     WHERE counter.is_told
"""

LINEAR = (
    by_rules("linear", _KINDS, _RULES),
    Family(name="costs", measures=("cost", "cost.", "cost_brand"), query=_COSTS),
    Family(name="told", measures=("told.",), query=_ALL_TOLD),
)
