"""The company, counted: its internal network, surveys, staff, figures by hand."""

from collections.abc import Mapping

from shared.kpis.measures_of_company import SURVEYS
from shared.rollups.listed import EVERYWHERE, Lines, Listed, has_rows, has_standing
from shared.rollups.listed import standing as standing_lines
from shared.rollups.people import roster
from shared.rollups.sql import EVER, ZONE

__all__ = ["LISTED"]

_NOWHERE = "'' AS account, '' AS network, '' AS campaign, '' AS content, '' AS channel"
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
            )
    return listed


def _last_of_teams(figure: str) -> Lines:
    def lines(since: str, until: str) -> str:
        told = standing_lines(
            "figure.recorded",
            EVER,
            until,
            only=f"s.body ->> 'figure' = '{figure}'",
            quantity="(s.body ->> 'value')::numeric",
            key="coalesce(s.body ->> 'team', '')",
            note="'last figure'",
        )
        return f"""
            SELECT DISTINCT ON (f.team) f.* FROM ({told}) f
             ORDER BY f.team, f.day DESC, f.occurred_at DESC, f.fact_key DESC
        """

    return lines


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
        )
        for name, (figure, field) in fields.items()
    }


def _searching(since: str, until: str) -> str:
    """Return the staff of whose searching there is a figure, each with the hours it says.

    That is the last one of the person's team, or else of the whole company.
    """
    return f"""
        SELECT r.effective_on AS day, r.employee, r.team, r.fact_key, h.quantity AS hours,
               h.fact_key AS told_by
          FROM ({roster(until)}) r
         CROSS JOIN LATERAL (
            SELECT f.quantity, f.fact_key FROM ({_last_of_teams("search_hours")(since, until)}) f
             WHERE f.team IN (r.team, '')
             ORDER BY f.team <> '' DESC
             LIMIT 1
         ) h
         WHERE r.employed
    """


def _search_people(since: str, until: str) -> str:
    return f"""
        SELECT s.day, s.employee, {_NOWHERE}, 1::numeric AS quantity, s.fact_key,
               s.employee AS line_key, 'employed' AS note, s.team
          FROM ({_searching(since, until)}) s
    """


def _search_hours(since: str, until: str) -> str:
    return f"""
        SELECT {until} - 1 AS day, {EVERYWHERE}, sum(s.hours) AS quantity, s.told_by AS fact_key,
               s.team AS line_key,
               trim_scale(min(s.hours)) || ' hours each of ' || count(*) || ' people' AS note,
               s.team
          FROM ({_searching(since, until)}) s
         GROUP BY s.team, s.told_by
    """


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


def _knowledge_base(since: str, until: str) -> str:
    return standing_lines(
        "internal.daily",
        EVER,
        until,
        only="(s.body ->> 'knowledge_items')::numeric <> 0",
        quantity="(s.body ->> 'knowledge_items')::numeric",
    )


def _ties(since: str, until: str) -> str:
    told = standing_lines(
        "ties.recorded",
        EVER,
        until,
        quantity="(s.body ->> 'pairs')::numeric",
        key="s.body ->> 'team' || ' and ' || (s.body ->> 'other_team')",
        note="s.body ->> 'team' || ' and ' || (s.body ->> 'other_team')",
    )
    return f"""
        SELECT DISTINCT ON (t.line_key) t.* FROM ({told}) t
         ORDER BY t.line_key, t.occurred_at DESC, t.fact_key DESC
    """


def _staff(since: str, until: str) -> str:
    # Who is in no team is in no other one than somebody: nobody could tell of such a tie.
    return f"""
        SELECT r.effective_on AS day, {EVERYWHERE}, 1::numeric AS quantity, r.fact_key,
               r.team AS line_key, r.team AS note
          FROM ({roster(until)}) r WHERE r.employed AND r.team <> ''
    """


def _person_days(since: str, until: str) -> str:
    first, last = f"greatest(r.effective_on, {since})", f"least(r.ends_on, {until})"
    return f"""
        SELECT {first} AS day, r.employee, '' AS account, '' AS network, '' AS campaign,
               '' AS content, '' AS channel, ({last} - {first})::numeric AS quantity, r.fact_key,
               encode(r.fact_key, 'hex') AS line_key, 'days of employment' AS note
          FROM (
            SELECT s.*, lead(s.effective_on, 1, 'infinity'::date) OVER (
                       PARTITION BY s.employee ORDER BY s.effective_on, s.fact_key) AS ends_on
              FROM roster s WHERE s.org_id = $1 AND s.generation = $2
          ) r
         WHERE r.employed AND r.effective_on < {until} AND r.ends_on > {since}
           AND r.ends_on > r.effective_on
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
    ),
    "esn_slope": Listed(_weekly, "slope", _INTERNAL, "day"),
    "knowledge_base": Listed(_knowledge_base, "sum", _INTERNAL, "day"),
    "ties": Listed(_ties, "sum", has_standing("ties.recorded")),
    "ties_possible": Listed(_staff, "cross_pairs", has_rows("roster")),
    "mail.messages": Listed(
        _told("mail.daily", "(s.body ->> 'messages')::numeric"),
        "sum",
        has_standing("mail.daily"),
        "own",
    ),
    "mail.person_days": Listed(
        _told("mail.daily", "(s.body ->> 'people')::numeric"),
        "sum",
        has_standing("mail.daily"),
        "own",
    ),
    "search.hours": Listed(_search_hours, "sum", _SEARCHED, "own"),
    "search.people": Listed(_search_people, "sum", _SEARCHED, "own"),
    "person_days": Listed(_person_days, "sum", has_rows("roster"), "day"),
}
