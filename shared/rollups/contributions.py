"""What facts contribute to measures, as SQL over the ledger and the state of the fold.

Every query here selects a measure, the organization's day it is booked on, who and where (the
``DIMENSIONS``, ``''`` for none), the quantity and the fact it comes from (``fact_key``), in this
order. In the keyed ones ``$1`` is the organization and ``$2`` the generation.

What changes together is told side by side: a row names a family of ``layout.FAMILIES``, and ``q1``
to ``q8`` are the quantities of that family's measures, in the declared order. The fold takes such
rows as they are; ``one_by_one`` makes contributions of them.
"""

from collections.abc import Sequence

from shared.rollups.booked import booked
from shared.rollups.converting import (
    current_deal,
    inside_window,
    is_won,
    lead_of,
    touches_of,
)
from shared.rollups.layout import FAMILIES, SLOTS, WIDTH, each_slot
from shared.rollups.told import SIDE_OF_DAY

__all__ = [
    "DIMENSIONS",
    "deals",
    "leads",
    "linear",
    "memberships",
    "one_by_one",
    "post_counters",
    "post_steps",
    "side_by_side",
    "singly",
]

DIMENSIONS = ("employee", "account", "network", "campaign", "content", "channel")
_WHERE = ", ".join(DIMENSIONS)
#: What networks count of a post, in the order of the families of responses.
_COUNTERS = ("impressions", "reactions", "comments", "reshares", "clicks")
#: Those that a reading may leave out: it then says nothing of them.
_LEFT_OUT = ("impressions", "clicks")
#: What a reading may be the first of its post to tell.
_BEGUN = {
    "any": "is_first",
    **{name: f"{name} IS NOT NULL AND {name}_before IS NULL" for name in _LEFT_OUT},
}
#: Fields of a visit that are counted under their own names.
_VISITS = ("sessions", "engaged_sessions", "key_events")
#: One, told to so many digits that no share of an amount is nearer to half a unit than they tell.
_EXACTLY = "1.000000000000"
_RESPONSES = " + ".join(
    f"(body -> '{name}')::numeric" for name in ("reactions", "comments", "reshares")
)


def _quantities(*quantities: str) -> str:
    """Return the columns ``q1`` to ``q8``; ``NULL`` for a measure without a quantity."""
    padded = (*quantities, *["NULL::numeric"] * (WIDTH - len(quantities)))
    return ", ".join(f"{quantity} AS q{slot}" for slot, quantity in zip(SLOTS, padded, strict=True))


def one_by_one(rows: str, families: Sequence[str]) -> str:
    """Return the contributions told side by side in ``rows``, a measure each.

    ``rows`` is a query of (family, day, who and where, q1 to q8, fact_key) of ``families``.
    """
    measures = ", ".join(
        f"('{family}', {slot}, '{measure}')"
        for family in families
        for slot, measure in enumerate(FAMILIES[family], start=1)
    )
    return f"""
    SELECT m.measure, r.day, {_WHERE}, q.quantity, r.fact_key
      FROM ({rows}) r
     CROSS JOIN LATERAL (VALUES {each_slot("({slot}, r.q{slot})")}) q (slot, quantity)
      JOIN (VALUES {measures}) m (family, slot, measure)
        ON m.family = r.family AND m.slot = q.slot
     WHERE q.quantity <> 0
    """


def linear(entries: str, digits: str = "$1") -> str:
    """Return the contributions of the facts whose quantities simply add up.

    ``entries`` names a relation with the columns of the ledger, the dimensions without nulls, and
    the payload parsed as ``body`` (jsonb). The weight of an entry multiplies its quantity.
    ``digits`` is the placeholder of the number of minor digits of the organization's currency.
    """
    families = ("advocacy", "boosted", "brand", "visits")
    together = one_by_one(side_by_side(entries), families)
    return f"{together} UNION ALL {singly(entries, digits)}"


def side_by_side(entries: str) -> str:
    """Return those contributions of :func:`linear` that come several at a time, side by side."""

    def of(field: str) -> str:
        # Counts are numbers in JSON; only amounts are text there.
        return f"weight * (body -> '{field}')::numeric"

    responses = map(of, _COUNTERS)
    is_site = "body ->> 'landing' = 'site'"
    visits = (
        *(f"CASE WHEN {is_site} THEN {of(n)} END" for n in _VISITS),
        f"CASE WHEN {is_site} AND channel = 'employee_advocacy' THEN {of('sessions')} END",
        f"CASE WHEN NOT {is_site} AND channel = 'employee_advocacy' THEN {of('sessions')} END",
        f"CASE WHEN {is_site} AND channel = 'brand' THEN {of('sessions')} END",
    )
    return f"""
    SELECT {SIDE_OF_DAY} AS family, day, {_WHERE}, {_quantities(*responses)}, fact_key
      FROM {entries} e
     WHERE e.kind = 'engagement.daily'
    UNION ALL
    SELECT 'visits', day, {_WHERE}, {_quantities(*visits)}, fact_key
      FROM {entries} e
     WHERE e.kind = 'session.recorded'
    """


def singly(entries: str, digits: str = "$1") -> str:
    """Return those contributions of :func:`linear` that are not told side by side."""
    return f"""
    SELECT measure, day, {_WHERE}, weight * quantity AS quantity, fact_key
      FROM (
        SELECT e.*, m.measure, m.quantity
          FROM {entries} e
         CROSS JOIN LATERAL (
            -- no VALUES: its expressions would be prepared anew for every entry
            SELECT 'mentions_advocacy',
                   CASE WHEN employee <> '' THEN (body ->> 'mentions')::numeric END
            UNION ALL
            SELECT CASE body ->> 'is_paid' WHEN 'true' THEN 'engagements_paid'
                                           WHEN 'false' THEN 'engagements_organic' END,
                   CASE WHEN employee = '' AND body ? 'is_paid' THEN {_RESPONSES} END
         ) m (measure, quantity)
         WHERE e.kind = 'engagement.daily'
        UNION ALL
        SELECT e.*, 'clicks', 1
          FROM {entries} e
         WHERE e.kind = 'link.clicked' AND (body ->> 'is_human')::boolean
        UNION ALL
        SELECT e.*, 'invites', 1
          FROM {entries} e
         WHERE e.kind = 'member.invited'
        UNION ALL
        {booked(entries)}
        UNION ALL
        {_costs(entries, digits)}
      ) booked
     WHERE quantity <> 0
    """


def _costs(entries: str, digits: str) -> str:
    # What the brand's own social media cost is no cost of the program.
    # Straight line over the days of [starts_on, ends_on). Each day takes the difference of two
    # rounded cumulative shares, so the days add up to the amount to the last minor unit. A quotient
    # has as many digits as what is divided, and few of its own once it is large: rounded to those
    # first, a share just below half a minor unit would be rounded up.
    share = f"round(cost.amount * {{passed}} * {_EXACTLY} / cost.days, {digits})"
    upto, before = (share.format(passed=passed) for passed in ("i", "(i - 1)"))
    return f"""
        SELECT position, weight, kind, fact_key, occurred_at, spread.day, {_WHERE}, subject, body,
               m.measure, spread.quantity
          FROM {entries} e
         CROSS JOIN LATERAL (
            SELECT (body ->> 'amount')::numeric AS amount,
                   (body ->> 'starts_on')::date AS starts_on,
                   (body ->> 'ends_on')::date - (body ->> 'starts_on')::date AS days
         ) cost
         CROSS JOIN LATERAL (
            SELECT cost.starts_on + i - 1 AS day,
                   {upto} - {before} AS quantity
              FROM generate_series(1, cost.days) i
         ) spread
         CROSS JOIN LATERAL unnest(
            CASE WHEN channel = 'brand' THEN ARRAY['cost_brand']
                 ELSE ARRAY['cost', 'cost.' || (body ->> 'category')] END) m (measure)
         WHERE e.kind = 'cost.booked'
    """


def post_counters(keys: str) -> str:
    """Return the contributions of the counter snapshots of posts: the steps between them.

    ``keys`` names a relation as of :func:`post_steps`.
    """
    return one_by_one(post_steps(keys), ("advocacy", "brand"))


def post_steps(keys: str) -> str:
    """Return the steps between the counter snapshots of posts, the counters side by side.

    ``keys`` names a relation (post, after, until): only steps that end in (after, until] are
    returned, and the snapshot at ``after`` is what the first of them starts from. A counter that
    falls is a negative step. One that a snapshot leaves out makes no step there: the next one that
    tells it goes on from the last one that did. Who and where come from the publication, where it
    is known.

    Where readings begin, and where they begin to tell views or clicks, that counts among the
    ``readings`` of the post's side, so that a counter of 0 is known from one that nobody counts.
    """
    last_told = (
        f"CASE WHEN {name} IS NOT NULL AND NOT is_first"
        f" THEN coalesce({name}_before, ({_last_told(name)})) END AS {name}_before"
        for name in _LEFT_OUT
    )
    always = [name for name in _COUNTERS if name not in _LEFT_OUT]
    kept = ", ".join((*_COUNTERS, *(f"{name}_before" for name in always)))
    steps = (f"({name} - coalesce({name}_before, 0))::numeric" for name in _COUNTERS)
    advocacy, brand = (
        [f"CASE WHEN {whose} AND {begun} THEN 1::numeric END" for begun in _BEGUN.values()]
        for whose in ("employee <> ''", "employee = ''")
    )
    return f"""
    SELECT t.family, told.day, t.employee, t.account, t.network, t.campaign, t.content,
           '' AS channel, {each_slot("t.q{slot}")}, fact_key
      FROM (
        SELECT day, fact_key, is_first, employee, account, network, campaign, content, {kept},
               {", ".join(last_told)}
          FROM ({_snapshots(keys)}) stepped
         WHERE is_counted
        OFFSET 0 -- or what was told last is looked up again wherever it is named
      ) told
     CROSS JOIN LATERAL (
        SELECT CASE WHEN employee <> '' THEN 'advocacy' ELSE 'brand' END AS family, employee,
               account, network, campaign, content, {_quantities(*steps)}
        UNION ALL
        SELECT 'readings', '', '', '', '', '', {_quantities(*advocacy, *brand)}
         WHERE {" OR ".join(f"({begun})" for begun in _BEGUN.values())}
     ) t
    """


def _snapshots(keys: str) -> str:
    """Return the snapshots of posts, each with the counters of the one before it."""
    before = (f"lag({name}) OVER steps AS {name}_before" for name in _COUNTERS)
    return f"""
        SELECT s.post, s.observed_at, s.day, s.fact_key, s.observed_at > k.after AS is_counted,
               lag(s.fact_key) OVER steps IS NULL AS is_first, {", ".join(_COUNTERS)},
               {", ".join(before)},
               coalesce(p.employee, s.employee) AS employee,
               coalesce(p.account, s.account) AS account,
               coalesce(p.network, s.network) AS network,
               coalesce(p.campaign, s.campaign) AS campaign,
               coalesce(p.content, s.content) AS content
          FROM {keys} k
          LEFT JOIN LATERAL (
            SELECT employee, account, network, campaign, content
              FROM post p
             WHERE p.org_id = $1 AND p.generation = $2 AND p.post = k.post
             ORDER BY published_at, fact_key
             LIMIT 1
          ) p ON true
         CROSS JOIN LATERAL (
            SELECT * FROM post_snapshot s
             WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post
               AND s.observed_at BETWEEN k.after AND k.until
            OFFSET 0
         ) s
        WINDOW steps AS (PARTITION BY s.post ORDER BY s.observed_at, s.fact_key)
    """


def _last_told(counter: str) -> str:
    # From the snapshot just before back to the one that told it: each snapshot that leaves it out
    # is passed once, by the next one that does not. Where nothing is left out, none is.
    return f"""
            SELECT e.{counter} FROM post_snapshot e
             WHERE e.org_id = $1 AND e.generation = $2 AND e.post = stepped.post
               AND (e.observed_at, e.fact_key) < (stepped.observed_at, stepped.fact_key)
               AND e.{counter} IS NOT NULL
             ORDER BY e.observed_at DESC, e.fact_key DESC
             LIMIT 1"""


def leads(keys: str, window: str = "$3::integer") -> str:
    """Return the contributions of leads: each once, once more if advocacy reached it first, and
    once more if it became a won deal.

    ``keys`` names a relation (lead). A lead counts for advocacy when one of its person's touches
    through employee advocacy came at or before its creation, inside the attribution window
    (``window``: SQL of its days); who and where are those of the first such touch.
    """
    in_window = inside_window("l.created_at", "l.day", window)
    before_lead = f"t.channel = 'employee_advocacy' AND {in_window}"
    return f"""
    SELECT m.measure, l.day,
           CASE WHEN m.by_touch THEN t.employee ELSE '' END AS employee,
           CASE WHEN m.by_touch THEN t.account ELSE '' END AS account,
           CASE WHEN m.by_touch THEN t.network ELSE '' END AS network,
           CASE WHEN m.by_touch THEN t.campaign ELSE '' END AS campaign,
           CASE WHEN m.by_touch THEN t.content ELSE '' END AS content,
           CASE WHEN m.by_touch THEN 'employee_advocacy' ELSE '' END AS channel,
           1::numeric AS quantity, l.fact_key
      FROM {keys} k
      JOIN LATERAL ({lead_of("k.lead")}) l ON true
      LEFT JOIN LATERAL (
        SELECT t.employee, t.account, t.network, t.campaign, t.content
          FROM ({touches_of("l.person", before_lead)}) t
         ORDER BY t.touched_at, t.fact_key
         LIMIT 1
      ) t ON true
     CROSS JOIN LATERAL (VALUES
        ('leads', false, true),
        ('leads_advocacy', true, t.employee IS NOT NULL),
        ('leads_won', false, {is_won("k.lead")})
     ) m (measure, by_touch, counts)
     WHERE m.counts
    """


def memberships(keys: str) -> str:
    """Return the contributions of joins and leaves, and of returns: a join that follows a leave.

    ``keys`` names a relation (employee). Of words in a row that say the same, the first counts:
    whoever is in the program joins it no more, whatever a second source tells. Who never joined
    cannot leave: all joins are first ones and returns, and less all leaves they are the members.
    """
    return f"""
    SELECT m.measure, day, employee, '' AS account, '' AS network, '' AS campaign,
           '' AS content, '' AS channel, 1::numeric AS quantity, fact_key
      FROM (
        SELECT m.employee, m.day, m.fact_key, m.event,
               lag(m.event) OVER (PARTITION BY m.employee ORDER BY m.happened_at, m.fact_key)
                   AS previous,
               count(*) FILTER (WHERE m.event = 'joined') OVER (
                   PARTITION BY m.employee ORDER BY m.happened_at, m.fact_key) AS joins
          FROM {keys} k
         CROSS JOIN LATERAL (
            SELECT * FROM membership m
             WHERE m.org_id = $1 AND m.generation = $2 AND m.employee = k.employee
            OFFSET 0
         ) m
      ) told
     CROSS JOIN LATERAL (VALUES
        ('joins', event = 'joined'),
        ('rejoins', event = 'joined' AND joins > 1),
        ('leaves', event = 'left' AND joins > 0)
     ) m (measure, counts)
     WHERE event IS DISTINCT FROM previous AND m.counts
    """


def deals(keys: str) -> str:
    """Return the contributions of deals: opened, won or lost, and the amount won.

    ``keys`` names a relation (deal).
    """
    return f"""
    SELECT m.measure, m.day, '' AS employee, '' AS account, '' AS network, '' AS campaign,
           '' AS content, '' AS channel, m.quantity, d.fact_key
      FROM {keys} k
      JOIN LATERAL ({current_deal("k.deal")}) d ON true
     CROSS JOIN LATERAL (VALUES
        ('opportunities', d.opened_day, 1::numeric),
        ('deals_won', CASE WHEN d.state = 'won' THEN d.closed_day END, 1),
        ('deals_lost', CASE WHEN d.state = 'lost' THEN d.closed_day END, 1),
        ('revenue_won', CASE WHEN d.state = 'won' THEN d.closed_day END, d.amount)
     ) m (measure, day, quantity)
     WHERE m.day IS NOT NULL AND m.quantity <> 0
    """
