"""Sales, counted: customers, the open pipeline, quotas, leads by their touches."""

from collections.abc import Mapping

from shared.kpis.vocabulary import AttributionModel, ConversionKind
from shared.rollups import converting
from shared.rollups.deals import closings, lost_deals, open_deals, opened_deals, won_deals
from shared.rollups.holding import level
from shared.rollups.listed import EVERYWHERE, Lines, Listed, begun, has_rows, has_standing
from shared.rollups.listed import standing as standing_lines
from shared.rollups.sql import EVER, MINOR_DIGITS, WINDOW

__all__ = ["LISTED"]

_TOUCHED = "t.employee, t.account, t.network, t.campaign, t.content, t.channel"
#: Who and where of a deal (alias ``d``): a deal has an owner, or none, and no place.
_OF_OWNER = "d.employee, '' AS account, '' AS network, '' AS campaign, '' AS content, '' AS channel"


def _told(deal: str, alias: str) -> str:
    """Return the join to what else the fact that speaks for a deal says."""
    return f"""
        JOIN LATERAL (
            SELECT body FROM standing
             WHERE org_id = $1 AND generation = $2 AND fact_key = {deal}.fact_key
            OFFSET 0 -- by key: joined, whatever stands is read if the planner knows of none of it
        ) {alias} ON true
    """


def _units(since: str, until: str) -> str:
    return f"""
        SELECT d.closed_day AS day, {_OF_OWNER}, (s.body ->> 'units')::numeric AS quantity,
               d.fact_key, d.deal AS line_key, 'units of deal ' || d.deal AS note
          FROM ({won_deals(since, until)}) d {_told("d", "s")}
         WHERE s.body ? 'units'
    """


def _owned(deals: Lines, day: str, quantity: str = "1::numeric", *, only: str = "true") -> Listed:
    """Return the sum over the deals that are somebody's, in the team of its owner on ``day``."""

    def lines(since: str, until: str) -> str:
        return f"""
            SELECT d.{day} AS day, {_OF_OWNER}, {quantity} AS quantity, d.fact_key,
                   d.deal AS line_key, 'deal ' || d.deal AS note
              FROM ({deals(since, until)}) d
             WHERE d.employee <> '' AND {only}
        """

    return Listed(lines, "sum", has_rows("deal", "employee <> ''"), "day", is_by_day=True)


def _credited_units(model: str) -> Lines:
    """Return a line for each touch that a model credits with a part of a deal's units."""

    def lines(since: str, until: str) -> str:
        return f"""
            SELECT d.closed_day AS day, c.employee, c.account, c.network, c.campaign, c.content,
                   c.channel, c.share * (s.body ->> 'units')::numeric AS quantity,
                   c.touch_key AS fact_key, d.deal AS line_key,
                   'touch credited with ' || trim_scale(c.share) || ' of deal ' || d.deal AS note
              FROM ({won_deals(since, until)}) d {_told("d", "s")}
             CROSS JOIN LATERAL (
                SELECT * FROM credit c WHERE {_is_credit("d.deal", model)} OFFSET 0
             ) c
             WHERE s.body ? 'units'
        """

    return lines


def _credited_opportunities(model: str) -> Lines:
    """Return a line for each touch that a model credits with a part of an opened deal's lead.

    As of the pipeline: it was the lead that touches led to, whatever came of the deal since.
    """

    def lines(since: str, until: str) -> str:
        return f"""
            SELECT d.opened_day AS day, c.employee, c.account, c.network, c.campaign, c.content,
                   c.channel, c.share AS quantity, c.touch_key AS fact_key, d.deal AS line_key,
                   'touch credited with ' || trim_scale(c.share) || ' of lead ' || d.lead AS note
              FROM ({opened_deals(since, until)}) d
             CROSS JOIN LATERAL (
                SELECT * FROM credit c
                 WHERE {_is_credit("d.lead", model, ConversionKind.LEAD)}
                OFFSET 0
             ) c
        """

    return lines


def _credited_pipeline(model: str) -> str:
    """Return a line for each touch that a model credits with a part of an open deal's lead.

    A deal that is open has led to nothing yet that a touch could be credited with; its lead has.
    The parts add up to the deal's amount: each is its share's whole minor units, and those left
    over go to the largest remainders, of equal ones to the earlier touch by day and key. Of an
    amount that nobody told each part is as unknown.
    """
    is_credit = _is_credit("d.lead", model, ConversionKind.LEAD)
    return f"""
        SELECT d.opened_day AS day, c.employee, c.account, c.network, c.campaign, c.content,
               c.channel, sign(d.amount) * c.units * ('1e-' || d.digits)::numeric AS quantity,
               c.touch_key AS fact_key, d.deal AS line_key,
               'touch credited with ' || trim_scale(c.share) || ' of lead ' || d.lead AS note,
               d.since, d.until
          FROM (
            -- OFFSET 0, or the digits are looked up again for every touch.
            SELECT d.*, greatest({MINOR_DIGITS}, scale(trim_scale(d.amount))) AS digits
              FROM ({open_deals()}) d
            OFFSET 0
          ) d
         CROSS JOIN LATERAL (
            SELECT w.*, div(w.exact, 1) + (
                    row_number() OVER (ORDER BY mod(w.exact, 1) DESC, w.touch_day, w.touch_key)
                    <= sum(mod(w.exact, 1)) OVER ())::integer AS units
              FROM (
                SELECT c.*, c.share * abs(d.amount) * ('1e' || d.digits)::numeric AS exact
                  FROM credit c WHERE {is_credit}
                OFFSET 0
              ) w
         ) c
    """


def _is_credit(conversion: str, model: str, kind: ConversionKind = ConversionKind.DEAL) -> str:
    """Return the condition that credit (alias ``c``) is a conversion's under a model."""
    return (
        f"c.org_id = $1 AND c.generation = $2 AND c.kind = '{kind}'"
        f" AND c.conversion = {conversion} AND c.model = '{model}'"
    )


def _buyers(*, returning: bool) -> Lines:
    def lines(since: str, until: str) -> str:
        return f"""
            SELECT bought.closed_day AS day, {EVERYWHERE}, 1::numeric AS quantity,
                   bought.fact_key, bought.customer AS line_key, 'deal ' || bought.deal AS note
              FROM (
                SELECT d.*, s.body ->> 'customer' AS customer,
                       row_number() OVER (PARTITION BY s.body ->> 'customer'
                                          ORDER BY d.closed_at, d.fact_key) AS purchase
                  FROM ({won_deals(EVER, until)}) d {_told("d", "s")}
                 WHERE s.body ? 'customer'
              ) bought
             WHERE bought.closed_day >= {since} {"AND bought.purchase > 1" if returning else ""}
        """

    return lines


def _clients(only: str) -> Lines:
    """Return a line for each advocate's touch credited with a deal, by the deal's customer.

    A deal that names none is a customer's of its own: no customer's name has an @.
    """

    def lines(since: str, until: str) -> str:
        return f"""
            SELECT c.converted_day AS day, c.employee, c.account, c.network, c.campaign, c.content,
                   c.channel, 1::numeric AS quantity, c.touch_key AS fact_key,
                   coalesce(s.body ->> 'customer', '@' || c.conversion) AS line_key,
                   'touch before deal ' || c.conversion AS note
              FROM credit c
              JOIN LATERAL ({converting.current_deal("c.conversion")}) d ON true
              LEFT {_told("d", "s").strip()}
             WHERE c.org_id = $1 AND c.generation = $2 AND c.kind = 'deal' AND c.model = 'linear'
               AND c.channel = 'employee_advocacy'
               AND c.converted_day >= {since} AND c.converted_day < {until} AND {only}
        """

    return lines


# Of deals without an amount alone the sum is null, not 0: something is open, and nobody has told
# what it is worth.
_PIPELINE = f"""
    SELECT d.opened_day AS day, {_OF_OWNER}, d.amount AS quantity, d.fact_key, d.deal AS line_key,
           'open deal' AS note, d.since, d.until
      FROM ({open_deals()}) d
"""


def _times_to_close(since: str, until: str) -> str:
    return f"""
        SELECT d.closed_day AS day, {_OF_OWNER}, d.days::numeric AS quantity, d.fact_key,
               d.deal AS line_key, 'days from lead to won deal' AS note
          FROM ({closings(since, until)}) d
    """


def _quotas(since: str, until: str, ends: str) -> str:
    # Straight line, as costs are: each period takes the difference of two rounded running totals,
    # so that periods add up to the quota.
    quotas = standing_lines(
        "quota.set",
        EVER,
        until,
        only=f"(s.body ->> 'ends_on')::date > {since}",
        quantity="(s.body ->> 'amount')::numeric",
        note="s.body ->> 'ends_on'",
    )
    first, end = f"greatest(q.day, {since})", f"least(q.note::date, {until})"
    spent = "round(q.quantity * ({day} - q.day) / (q.note::date - q.day), 4)"
    # Each day is the team's of that day, so a quota is cut where the roster tells another place.
    # Else a mover's quota would go with the first day asked about, and periods tell it apart.
    return f"""
        SELECT part.day, q.employee, q.account, q.network, q.campaign, q.content, q.channel,
               {spent.format(day="part.until")} - {spent.format(day="part.day")} AS quantity,
               q.fact_key, q.line_key, 'of a quota of ' || trim_scale(q.quantity) AS note,
               part.day AS begun_on
          FROM ({quotas}) q
         CROSS JOIN LATERAL (
            SELECT cut.day, lead(cut.day, 1, {end}) OVER (ORDER BY cut.day) AS until
              FROM (
                SELECT {first} AS day
                UNION
                SELECT ({ends})[place]
                  FROM generate_series(width_bucket({first}, {ends}) + 1,
                                       width_bucket({end} - 1, {ends})) place
                UNION
                SELECT r.effective_on FROM roster r
                 WHERE r.org_id = $1 AND r.generation = $2 AND r.employee = q.employee
                   AND r.effective_on > {first} AND r.effective_on < {end}
              ) cut
         ) part
    """


def _first_touch(channel: str) -> str:
    """Return the first touch of a lead's person (alias ``l``) inside the window before the lead."""
    before_lead = f"{converting.inside_window('l.created_at', 'l.day', WINDOW)} {channel}"
    return f"""
        {converting.touches_of("l.person", before_lead)}
         ORDER BY t.touched_at, t.fact_key
         LIMIT 1
    """


_BY_ADVOCACY = "AND t.channel = 'employee_advocacy'"


def _leads(touch: str, only: str, note: str) -> Lines:
    def lines(since: str, until: str) -> str:
        return f"""
            SELECT l.day, {_TOUCHED}, 1::numeric AS quantity, l.fact_key, k.lead AS line_key,
                   '{note}' AS note
              FROM (
                SELECT DISTINCT lead FROM lead
                 WHERE org_id = $1 AND generation = $2 AND day >= {since} AND day < {until}
              ) k
              JOIN LATERAL ({converting.lead_of("k.lead")}) l
                ON l.day >= {since} AND l.day < {until}
              JOIN LATERAL ({touch}) t ON true
             WHERE {only}
        """

    return lines


def _closings(*, by_advocacy: bool) -> Lines:
    touched = f"EXISTS ({_first_touch(_BY_ADVOCACY)})"

    def lines(since: str, until: str) -> str:
        return f"""
            SELECT d.closed_day AS day, {EVERYWHERE}, (d.closed_day - l.day)::numeric AS quantity,
                   d.fact_key, d.deal AS line_key, 'days from lead to won deal' AS note
              FROM ({won_deals(since, until)}) d
              JOIN LATERAL ({converting.lead_of("d.lead")}) l
                ON {touched if by_advocacy else f"NOT {touched}"}
        """

    return lines


# Every touch in the window has linear credit.
_IS_TOUCHED = f"EXISTS (SELECT FROM credit c WHERE {_is_credit('d.deal', 'linear')} OFFSET 0)"
_DEALS = has_rows("deal")
_LEADS = has_rows("lead")
_TOUCHES = has_rows("touch")
_CUSTOMERS = has_standing("deal.changed", "body ? 'customer'")
_UNITS = has_standing("deal.changed", "body ? 'units'")
LISTED: Mapping[str, Listed] = {
    "customers": Listed(_buyers(returning=False), "count", _CUSTOMERS, is_by_day=True),
    "customers_returning": Listed(_buyers(returning=True), "count", _CUSTOMERS, is_by_day=True),
    "customers_advocacy": Listed(_clients("true"), "count", _DEALS, "day", is_by_day=True),
    "customers_new_market": Listed(
        _clients("(s.body ->> 'is_new_market')::boolean"),
        "count",
        has_standing("deal.changed", "body ? 'is_new_market'"),
        "day",
        is_by_day=True,
    ),
    **{
        f"opportunities.{model}": Listed(
            _credited_opportunities(model), "sum", _DEALS, "day", is_by_day=True
        )
        for model in AttributionModel
    },
    "pipeline": level(_PIPELINE, "sum", _DEALS),
    **{
        f"pipeline.{model}": level(_credited_pipeline(model), "sum", _DEALS)
        for model in AttributionModel
    },
    "units_sold": Listed(_units, "sum", _UNITS, "day", is_by_day=True),
    **{
        f"units.{model}": Listed(_credited_units(model), "sum", _UNITS, "day", is_by_day=True)
        for model in AttributionModel
    },
    "revenue_owned": _owned(won_deals, "closed_day", "d.amount"),
    "wins_owned": _owned(won_deals, "closed_day"),
    "wins_owned_touched": _owned(won_deals, "closed_day", only=_IS_TOUCHED),
    "losses_owned": _owned(lost_deals, "closed_day"),
    "opportunities_owned": _owned(opened_deals, "opened_day"),
    "quota": begun(_quotas, "sum", has_standing("quota.set"), "day"),
    "leads_sourced": Listed(
        _leads(_first_touch(""), "t.channel = 'employee_advocacy'", "first touched by advocacy"),
        "sum",
        f"({_LEADS} AND {_TOUCHES})",
        "day",
        is_by_day=True,
    ),
    "leads_advocacy_won": Listed(
        _leads(
            _first_touch(_BY_ADVOCACY), converting.is_won("k.lead"), "touched by advocacy, and won"
        ),
        "sum",
        f"({_LEADS} AND {_TOUCHES})",
        "day",
        is_by_day=True,
    ),
    "time_to_close.median": Listed(_times_to_close, "median", _DEALS, "day", is_by_day=True),
    "time_to_close.p90": Listed(_times_to_close, "p90", _DEALS, "day", is_by_day=True),
    "time_to_close_advocacy.median": Listed(
        _closings(by_advocacy=True), "median", _DEALS, is_by_day=True
    ),
    "time_to_close_other.median": Listed(
        _closings(by_advocacy=False), "median", _DEALS, is_by_day=True
    ),
}
