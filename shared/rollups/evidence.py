"""Where the evidence of each measure lies: relations of (fact, day, who, where, quantity, note)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED
from shared.kpis.measures import MEASURES, Measure
from shared.kpis.periods import Period, last_iso_weeks
from shared.kpis.sources import facts_of
from shared.kpis.vocabulary import PLACES
from shared.rollups import contributions
from shared.rollups.booked import BOOKED_KINDS
from shared.rollups.gauges import PILLARS
from shared.rollups.layout import RESPONSES
from shared.rollups.leaving import leaving
from shared.rollups.listed import Combined, Listed, PlacedOn
from shared.rollups.posted import posted
from shared.rollups.query import ForbiddenSlice
from shared.rollups.readers import LISTED
from shared.rollups.sql import WINDOW, Arguments, date_literal, filter_clause
from shared.rollups.stated import whole

__all__ = ["COUNTERS", "Evidence", "Relation", "credit_of_touches", "evidence"]

#: SQL of the lines of a period, with the minor digits of the organization's currency; what it
#: names beside ``$1``, the organization, and ``$2``, the generation, it adds to the arguments.
Relation = Callable[[Arguments, Period, int], str]
_Filters = Mapping[str, frozenset[str]]

#: What is credited: the kind of conversion, and the column of its credit.
_CREDITED = {
    "revenue": ("deal", "amount"),
    "wins": ("deal", "share"),
    "leads": ("lead", "share"),
    "applications": ("application", "share"),
    "hires": ("hire", "share"),
}
_FOLDED = "(SELECT position FROM fold_cursor WHERE org_id = $1 AND generation = $2)"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a measure is proved: its relation, and how the lines make the value.

    Attributes:
        relation: the lines of a period.
        combined: how they make the value; a count counts their ``line_key``.
        placed_on: where a line's team or role comes from, see :class:`Listed`.
        is_by_day: whether the lines of a day are the same in every period that holds it.
        under: the relation under filters, where these decide who counts before they let lines
            through.
    """

    relation: Relation
    combined: Combined
    placed_on: PlacedOn = "end"
    is_by_day: bool = False
    under: Callable[[_Filters], Relation] | None = None


def evidence(measure: Measure) -> Evidence:
    """Return the evidence of a measure.

    Raises:
        ForbiddenSlice: there are no facts behind it (the calendar).
    """
    stored = measure.stored_as
    if stored in LISTED:
        return _listed(LISTED[stored])
    if stored.partition(".")[0] in _CREDITED and "." in stored:
        return _summed(_credits(stored))
    if stored in _SPECIAL:
        return _SPECIAL[stored]
    if stored in _POSTED:
        return _summed(_posted(stored))
    if stored in _LEAVING:
        return _summed(_left(stored))
    if stored in _KEYED:
        return _summed(_keyed(stored))
    kinds = _LINEAR_KINDS.get(stored, _LINEAR_KINDS["cost"] if stored.startswith("cost") else None)
    if kinds is None:
        kinds = tuple(BOOKED_KINDS.intersection(facts_of(MEASURES[stored])))
    if not kinds:
        raise ForbiddenSlice("not_explained_by_facts", f"{measure.id} is not made of facts")
    return _summed(_linear(stored, kinds))


def _summed(relation: Relation) -> Evidence:
    return Evidence(relation, "sum", "day", is_by_day=True)


def _listed(listed: Listed) -> Evidence:
    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        return listed.lines(date_literal(period.start), date_literal(period.end))

    return Evidence(relation, listed.combined, listed.placed_on)


_LINEAR_KINDS: dict[str, tuple[str, ...]] = {
    "mentions_advocacy": ("engagement.daily",),
    "engagements_paid": ("engagement.daily",),
    "engagements_organic": ("engagement.daily",),
    "sessions_brand": ("session.recorded",),
    "clicks": ("link.clicked",),
    "sessions": ("session.recorded",),
    "sessions_advocacy": ("session.recorded",),
    "engaged_sessions": ("session.recorded",),
    "key_events": ("session.recorded",),
    "careers_sessions_advocacy": ("session.recorded",),
    "invites": ("member.invited",),
    "cost": ("cost.booked",),
    **{
        f"{response}_{side}": ("engagement.daily",)
        for response in RESPONSES
        for side in ("advocacy", "boosted", "brand")
    },
}
#: What readings of posts count, besides what daily totals do.
COUNTERS = frozenset(f"{r}_{side}" for r in RESPONSES for side in ("advocacy", "brand"))
#: The kind of these readings. Posts are found by them; what they say is kept with the posts.
_READING = "post.metrics"
_POSTED = frozenset({"shares", "shares_own", "shares_scheduled", "posts_brand"})
_LEAVING = frozenset({"leavers", "adaptation_quits"})
_MEMBERSHIPS = frozenset({"joins", "leaves", "rejoins"})
_KEYED = frozenset(
    {"leads", "leads_advocacy", "leads_won", "opportunities", "deals_won", "deals_lost"}
    | {"revenue_won"}
    | _MEMBERSHIPS
)


def _linear(measure: str, kinds: tuple[str, ...]) -> Relation:
    """Return what facts of these kinds contribute."""

    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        named = arguments.add(measure)
        # Written out: how many days they are says whether they are looked for among all entries of
        # these days, everybody's, or among all those of the organization.
        since, until = date_literal(period.start), date_literal(period.end)
        # A cost is booked on every day it covers, so its own day does not bound the search. Its
        # kind does, if written out: only then does it lead to the index on costs.
        bound = "" if "cost.booked" in kinds else f"AND day >= {since} AND day < {until}"
        read = (*kinds, _READING) if measure in COUNTERS else kinds
        named_kinds = ", ".join(f"'{kind}'" for kind in read)
        where = ", ".join(f"coalesce({name}, '') AS {name}" for name in contributions.DIMENSIONS)
        entries = f"""(
            SELECT position, weight, kind, fact_key, occurred_at, day, {where}, subject,
                   CASE WHEN kind <> '{_READING}' THEN payload::jsonb END AS body
              FROM ledger_entry
             WHERE org_id = $1 AND position <= {_FOLDED}
               AND kind IN ({named_kinds}) {bound}
        )"""
        # Versions that were taken back cancel out: weights −1 and +1 of one fact.
        booked = contributions.linear("entries", arguments.add(digits) + "::integer")
        # Read once, whatever the number of branches that look at them.
        found = f"""
            WITH entries AS MATERIALIZED {entries}
            SELECT *, '' AS line_key, '' AS note FROM ({booked}) booked
             WHERE measure = {named} AND day >= {since} AND day < {until}
        """
        if measure in COUNTERS:
            found += f" UNION ALL {_counters(named, since, until)}"
        return found

    return relation


def _counters(named: str, since: str, until: str) -> str:
    """Return the steps of posts with readings among ``entries``, taken back or not."""
    # Steps end in the snapshots of these days, and begin in the last ones before: of a long history
    # no others are read. Instants a day and more around find them, the day itself decides.
    first, last = (
        f"({day})::timestamp AT TIME ZONE 'UTC'" for day in (f"{since} - 1", f"{until} + 1")
    )
    posts = f"""(
        SELECT k.post, {last} AS until, coalesce((
                   SELECT max(s.observed_at) FROM post_snapshot s
                    WHERE s.org_id = $1 AND s.generation = $2 AND s.post = k.post
                      AND s.observed_at < {first}), '-infinity') AS after
          FROM (SELECT DISTINCT subject FROM entries WHERE kind = '{_READING}') k (post)
        OFFSET 0 -- or it is looked up again for each snapshot
    )"""
    return f"""
        SELECT *, '' AS line_key, 'step of a counter' AS note
          FROM ({contributions.post_counters(posts)}) stepped
         WHERE measure = {named} AND day >= {since} AND day < {until}
    """


def _posted(measure: str) -> Relation:
    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        found = _posted_on(measure, (date_literal(period.start), date_literal(period.end)))
        return f"SELECT *, '' AS line_key, '' AS note FROM ({found}) posted"

    return relation


def _posted_on(measure: str, days: tuple[str, str]) -> str:
    """Return the posts that count on ``days``, from the first up to the second, as they stand."""
    since, until = days
    # By the entries of these days, as those of other sums; versions that were taken back name posts
    # that may not stand any more.
    told = f"""(
        SELECT DISTINCT subject AS post FROM ledger_entry
         WHERE org_id = $1 AND position <= {_FOLDED} AND kind = 'post.published'
           AND day >= {since} AND day < {until}
    )"""
    return f"""
        SELECT * FROM ({posted(told)}) posted
         WHERE measure = '{measure}' AND day >= {since} AND day < {until}
    """


def _left(measure: str) -> Relation:
    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        since, until = date_literal(period.start), date_literal(period.end)
        days = f"""(
            SELECT DISTINCT day FROM standing
             WHERE org_id = $1 AND generation = $2 AND kind = 'employment.ended'
               AND day >= {since} AND day < {until}
        )"""
        return f"""
            SELECT *, '' AS line_key, '' AS note FROM ({leaving(days)}) ended
             WHERE measure = '{measure}'
        """

    return relation


def _keyed(measure: str) -> Relation:
    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        since, until = arguments.add(period.start), arguments.add(period.end)

        def keys(name: str, table: str, *days: str) -> str:
            # What is booked on a day says so in a fact of its own: only those are looked at.
            told = " OR ".join(f"{day} >= {since}::date AND {day} < {until}::date" for day in days)
            return f"""(
                SELECT DISTINCT {name} FROM {table}
                 WHERE org_id = $1 AND generation = $2 AND ({told})
            )"""

        if measure in _MEMBERSHIPS:
            query = contributions.memberships(keys("employee", "membership", "day"))
        elif measure.startswith("leads"):
            query = contributions.leads(keys("lead", "lead", "day"), WINDOW)
        else:
            query = contributions.deals(keys("deal", "deal", "opened_day", "closed_day"))
        return f"""
            SELECT *, '' AS line_key, '' AS note FROM ({query}) keyed
             WHERE measure = {arguments.add(measure)} AND day >= {since} AND day < {until}
        """

    return relation


def credit_of_touches(measure: Measure) -> Evidence:
    """Return the evidence of what touches of a period were credited with, whenever that was."""
    return _summed(_credits(measure.stored_as, by_touch=True))


def _credits(measure: str, *, by_touch: bool = False) -> Relation:
    quantity, model = measure.split(".")
    kind, column = _CREDITED[quantity]

    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        since, until = arguments.add(period.start), arguments.add(period.end)
        inside = f"touch_day >= {since} AND touch_day < {until}"
        if not by_touch:
            # By their touches, which the index knows: they came in the window before. All that was
            # ever credited would be read for each page otherwise.
            inside = f"""converted_day >= {since} AND converted_day < {until}
               AND touch_day >= {since}::date - {WINDOW} AND touch_day < {until}"""
        return f"""
            SELECT employee, account, network, campaign, content, channel,
                   converted_day AS day, {column} AS quantity, touch_key AS fact_key,
                   conversion AS line_key,
                   'touch credited with ' || trim_scale(share) || ' of {kind} ' || conversion
                   AS note
              FROM credit
             WHERE org_id = $1 AND generation = $2 AND kind = '{kind}'
               AND model = {arguments.add(model)}
               AND {inside}
        """

    return relation


def _shares(arguments: Arguments, days: tuple[str, str], only: _Filters) -> str:
    kept = {name: values for name, values in only.items() if name not in PLACES}
    clause = filter_clause(kept, arguments, alias="x")
    return f"SELECT * FROM ({_posted_on('shares', days)}) x WHERE true {clause}"


def _sharers(arguments: Arguments, period: Period, digits: int) -> str:
    days = date_literal(period.start), date_literal(period.end)
    return f"""
        SELECT day, employee, account, network, campaign, content, channel,
               1::numeric AS quantity, fact_key, employee AS line_key, 'first share' AS note
          FROM ({_posted_on("shares", days)}) x
    """


def _active(only: _Filters) -> Relation:
    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        end, over = (date_literal(d) for d in (period.end, last_iso_weeks(period.end, 1)[0].end))
        looked_at, needed = whole(ACTIVE_WEEKS, end), whole(ACTIVE_WEEKS_NEEDED, end)
        shares = _shares(arguments, (f"({over} - 7 * {looked_at})", over), only)
        return f"""
            SELECT DISTINCT ON (employee) day, employee, account, network, campaign, content,
                   channel, 1::numeric AS quantity, fact_key, employee AS line_key,
                   'shares in ' || weeks || ' of ' || {looked_at} || ' weeks' AS note
              FROM ({shares}) x
              JOIN (
                SELECT employee, count(DISTINCT ({over} - 1 - day) / 7) AS weeks
                  FROM ({shares}) y GROUP BY employee
              ) s USING (employee)
             WHERE weeks >= {needed}
             ORDER BY employee, day, fact_key
        """

    return relation


def _roster(condition: str) -> Relation:
    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        return f"""
            SELECT effective_on AS day, employee, '' AS account, '' AS network, '' AS campaign,
                   '' AS content, '' AS channel, 1::numeric AS quantity, fact_key,
                   employee AS line_key, team AS note
              FROM (
                SELECT DISTINCT ON (employee) * FROM roster
                 WHERE org_id = $1 AND generation = $2
                   AND effective_on < {arguments.add(period.end)}
                 ORDER BY employee, effective_on DESC, fact_key DESC
              ) r
             WHERE {condition}
        """

    return relation


def _readings(measures: tuple[str, ...]) -> Relation:
    def relation(arguments: Arguments, period: Period, digits: int) -> str:
        return f"""
            SELECT day, employee, account, network, '' AS campaign, '' AS content, '' AS channel,
                   value AS quantity, fact_key, '' AS line_key, 'last reading' AS note
              FROM (
                SELECT DISTINCT ON (measure, employee, account, network) * FROM gauge
                 WHERE org_id = $1 AND generation = $2
                   AND measure = ANY ({arguments.add(list(measures))}::text[])
                   AND day < {arguments.add(period.end)}
                 ORDER BY measure, employee, account, network, observed_at DESC, fact_key DESC
              ) g
        """

    return relation


_SPECIAL: dict[str, Evidence] = {
    "sharers": Evidence(_sharers, "count"),
    "active_advocates": Evidence(_active({}), "count", under=_active),
    "headcount": Evidence(_roster("employed"), "count"),
    "linkedin_accounts": Evidence(_roster("employed AND linkedin_account"), "count"),
    "followers": Evidence(_readings(("followers",)), "sum"),
    "competitor_followers": Evidence(_readings(("competitor_followers",)), "sum"),
    "market": Evidence(_readings(("market",)), "sum"),
    "connections": Evidence(_readings(("connections",)), "sum"),
    "ssi": Evidence(_readings(PILLARS), "mean"),
    **{name: Evidence(_readings((name,)), "mean") for name in PILLARS},
}
