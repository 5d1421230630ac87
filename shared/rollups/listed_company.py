"""The company, counted: its internal network, surveys, staff, figures by hand."""

from collections.abc import Mapping

from shared.kpis.measures_of_company import SURVEYS
from shared.rollups.holding import in_buckets, level
from shared.rollups.listed import EVERYWHERE, NOWHERE, Lines, Listed, has_rows, has_standing
from shared.rollups.listed import standing as standing_lines
from shared.rollups.people import roster
from shared.rollups.query import MeasureQuery
from shared.rollups.sql import EVER, NEVER, ZONE, Arguments, bucket_ends, until_overtaken

__all__ = ["LISTED"]

_SURVEY_FIELDS = {"positive": "positive", "negative": "negative", "score": "score_sum"}
_DID = " + ".join(f"(s.body ->> '{name}')::numeric" for name in ("posts", "comments", "reactions"))
_DID_ANYTHING = " + ".join(
    f"(s.body ->> '{name}')::numeric"
    for name in (
        *("posts", "comments", "reactions", "reads", "events", "polls", "suggestions"),
        *("knowledge_items", "knowledge_reads"),
    )
)


def _told(kind: str, quantity: str, only: str = "true", key: str = "", note: str = "") -> Lines:
    """Return the lines of the facts of one kind in the period."""

    def lines(since: str, until: str) -> str:
        return standing_lines(
            kind,
            since,
            until,
            only=only,
            quantity=quantity,
            key=key or "encode(s.fact_key, 'hex')",
            note=note or "''",
        )

    return lines


def _surveys() -> Mapping[str, Listed]:
    listed = {}
    for topic, parts in SURVEYS.items():
        asked = f"body ->> 'topic' = '{topic}'"
        fields = [_SURVEY_FIELDS[part] for part in parts if part in _SURVEY_FIELDS]
        # Answers divide sums: they come from the surveys that tell all that is divided by them.
        whole = ["score_sum"] if "score_sum" in fields else fields
        for part in parts:
            field = _SURVEY_FIELDS.get(part, "respondents")
            told = [field] if part in _SURVEY_FIELDS and topic == "engagement" else whole
            only = " AND ".join((asked, *(f"body ? '{name}'" for name in told)))
            listed[f"survey.{topic}.{part}"] = Listed(
                _told(
                    "survey.recorded",
                    f"(s.body ->> '{field}')::numeric",
                    only,
                    note="(s.body ->> 'respondents') || ' respondents'",
                ),
                "sum",
                has_standing("survey.recorded", only),
                "own",
                is_by_day=True,
            )
    return listed


def _figures() -> Mapping[str, Listed]:
    # What was produced and the hours it took are of the same facts, or their quotient says nothing.
    fields = {"output": ("output", "value"), "output_hours": ("output", "hours")}
    fields |= {
        name: (name, "value") for name in ("market_sales", "recruiting_cost", "process_cost")
    }
    return {
        f"figure.{name}": Listed(
            _told(
                "figure.recorded",
                f"(s.body ->> '{field}')::numeric",
                f"s.body ->> 'figure' = '{figure}'",
            ),
            "sum",
            has_standing("figure.recorded", f"body ->> 'figure' = '{figure}'"),
            "own",
            is_by_day=True,
        )
        for name, (figure, field) in fields.items()
    }


def _searching() -> str:
    """Return the staff of whose searching there is a figure, each with the hours it says.

    That is the last one of the person's team, or else of the whole company; at the ends of the days
    [``since``, ``until``).
    """
    told = standing_lines(
        "figure.recorded",
        EVER,
        NEVER,
        only="s.body ->> 'figure' = 'search_hours'",
        quantity="(s.body ->> 'value')::numeric",
        key="coalesce(s.body ->> 'team', '')",
    )
    return f"""
        WITH figure AS MATERIALIZED (
            SELECT f.team, f.quantity, f.fact_key, f.day AS since,
                   lead(f.day, 1, {NEVER}) OVER of_team AS until,
                   first_value(f.day) OVER of_team AS begins
              FROM ({told}) f
            WINDOW of_team AS (PARTITION BY f.team ORDER BY f.day, f.occurred_at, f.fact_key)
        ), heard AS MATERIALIZED (
            -- What a team is told by: its own figures, and before them those of the company.
            SELECT r.team, f.quantity, f.fact_key, f.since,
                   CASE WHEN f.team = r.team THEN f.until
                        ELSE least(f.until, coalesce(own.begins, {NEVER})) END AS until
              FROM (
                SELECT DISTINCT team FROM roster WHERE org_id = $1 AND generation = $2
              ) r
              LEFT JOIN (SELECT DISTINCT team, begins FROM figure) own ON own.team = r.team
              JOIN figure f ON f.team IN (r.team, '')
        )
        SELECT r.since AS day, r.employee, r.team, r.fact_key, h.quantity AS hours,
               h.fact_key AS told_by, greatest(r.since, h.since) AS since,
               least(r.until, h.until) AS until
          FROM ({roster()}) r
          JOIN heard h ON h.team = r.team AND h.since < r.until AND r.since < h.until
         WHERE r.employed
    """


def _search_people() -> str:
    return f"""
        SELECT s.day, s.employee, {NOWHERE}, 1::numeric AS quantity, s.fact_key,
               s.employee AS line_key, 'employed' AS note, s.team, s.since, s.until
          FROM ({_searching()}) s
    """


def _search_hours(since: str, until: str) -> str:
    return f"""
        SELECT {until} - 1 AS day, {EVERYWHERE}, sum(s.hours) AS quantity, s.told_by AS fact_key,
               s.team AS line_key,
               trim_scale(min(s.hours)) || ' hours each of ' || count(*) || ' people' AS note,
               s.team
          FROM ({_searching()}) s
         WHERE s.since < {until} AND s.until >= {until}
         GROUP BY s.team, s.told_by
    """


def _search_hours_of_buckets(arguments: Arguments, query: MeasureQuery) -> str:
    spans = f"SELECT s.*, s.hours AS quantity, '' AS line_key FROM ({_searching()}) s"
    return in_buckets(spans, arguments.add(bucket_ends(query)))


def _weekly(since: str, until: str) -> str:
    """Return the activity of the whole ISO weeks inside the period, by their Mondays."""
    monday = f"({since} + (8 - extract(isodow FROM {since})::integer) % 7)"
    end = f"({until} + 1 - extract(isodow FROM {until})::integer)"
    return standing_lines(
        "internal.daily",
        monday,
        end,
        quantity=_DID,
        key="date_trunc('week', s.day)::date::text",
        note="'in the week of this Monday: ' || date_trunc('week', s.day)::date",
    )


def _knowledge_base() -> str:
    added = standing_lines(
        "internal.daily",
        EVER,
        NEVER,
        only="(s.body ->> 'knowledge_items')::numeric <> 0",
        quantity="(s.body ->> 'knowledge_items')::numeric",
    )
    return f"SELECT a.*, a.day AS since, {NEVER} AS until FROM ({added}) a"


def _ties() -> str:
    # The names of two teams in one: whatever stood between them could be a part of a name.
    told = standing_lines(
        "ties.recorded",
        EVER,
        NEVER,
        quantity="(s.body ->> 'pairs')::numeric",
        key="jsonb_build_array(s.body -> 'team', s.body -> 'other_team')::text",
        note="s.body ->> 'team' || ' and ' || (s.body ->> 'other_team')",
    )
    until = until_overtaken("t.day", "t.line_key", "t.occurred_at DESC, t.fact_key DESC")
    return f"SELECT t.*, t.day AS since, {until} AS until FROM ({told}) t"


def _staff() -> str:
    # Who is in no team is in no other one than somebody: nobody could tell of such a tie.
    return f"""
        SELECT r.since AS day, {EVERYWHERE}, 1::numeric AS quantity, r.fact_key,
               r.team AS line_key, r.team AS note, r.since, r.until
          FROM ({roster()}) r WHERE r.employed AND r.team <> ''
    """


def _person_days(since: str, until: str) -> str:
    first, last = f"greatest(r.since, {since})", f"least(r.until, {until})"
    return f"""
        SELECT {first} AS day, r.employee, {NOWHERE}, ({last} - {first})::numeric AS quantity,
               r.fact_key, encode(r.fact_key, 'hex') AS line_key, 'days of employment' AS note
          FROM ({roster()}) r
         WHERE r.employed AND r.since < {until} AND r.until > {since} AND r.until > r.since
    """


def _processes() -> Mapping[str, Listed]:
    return {
        f"process.{process}.median": Listed(
            _told(
                "process.completed",
                f"(s.day - ((s.body ->> 'started_at')::timestamptz AT TIME ZONE {ZONE})::date)"
                "::numeric",
                f"s.body ->> 'process' = '{process}'",
                note="'days it took'",
            ),
            "median",
            has_standing("process.completed", f"body ->> 'process' = '{process}'"),
            "own",
            is_by_day=True,
        )
        for process in ("approval", "onboarding")
    }


_INTERNAL = has_standing("internal.daily")
_SEARCHED = has_standing("figure.recorded", "body ->> 'figure' = 'search_hours'")
LISTED: Mapping[str, Listed] = {
    **_surveys(),
    **_figures(),
    **_processes(),
    "esn_active": Listed(
        _told("internal.daily", "1::numeric", f"{_DID_ANYTHING} > 0", key="s.employee"),
        "count",
        _INTERNAL,
        is_by_day=True,
    ),
    "esn_slope": Listed(_weekly, "slope", _INTERNAL, "day"),
    "knowledge_base": level(_knowledge_base(), "sum", _INTERNAL, "day"),
    "ties": level(_ties(), "sum", has_standing("ties.recorded")),
    "ties_possible": level(_staff(), "cross_pairs", has_rows("roster")),
    "mail.messages": Listed(
        _told("mail.daily", "(s.body ->> 'messages')::numeric"),
        "sum",
        has_standing("mail.daily"),
        "own",
        is_by_day=True,
    ),
    "mail.person_days": Listed(
        _told("mail.daily", "(s.body ->> 'people')::numeric"),
        "sum",
        has_standing("mail.daily"),
        "own",
        is_by_day=True,
    ),
    "search.hours": Listed(_search_hours, "sum", _SEARCHED, "own", swept=_search_hours_of_buckets),
    "search.people": level(_search_people(), "sum", _SEARCHED, "own"),
    "person_days": Listed(_person_days, "sum", has_rows("roster"), "day"),
}
