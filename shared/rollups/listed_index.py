"""The index of people, counted: how it changes, whom it makes an expert."""

from collections.abc import Mapping

from shared.kpis.assumptions import EXPERT_INDEX
from shared.rollups.gauges import indexes, whole_indexes
from shared.rollups.holding import gained, in_buckets
from shared.rollups.listed import NOWHERE, Listed, each_person, has_gauge, has_standing, standing
from shared.rollups.query import MeasureQuery
from shared.rollups.sql import Arguments, bucket_ends, bucket_starts, date_literal
from shared.rollups.stated import stated_spans

__all__ = ["LISTED"]


def _index_change(since: str, until: str) -> str:
    # Both readings in one pass: joined, the one list was made again for each row of the other.
    latest = "ORDER BY g.observed_at DESC, g.fact_key DESC"
    return f"""
        SELECT i.day, i.employee, {NOWHERE}, i.value - i.was AS quantity, i.fact_key,
               i.employee AS line_key,
               trim_scale(i.value) || ' after ' || trim_scale(i.was) AS note
          FROM (
            SELECT g.employee,
                   (array_agg(g.day {latest}))[1] AS day,
                   (array_agg(g.value {latest}))[1] AS value,
                   (array_agg(g.fact_key {latest}))[1] AS fact_key,
                   (array_agg(g.value {latest}) FILTER (WHERE g.day < {since}))[1] AS was
              FROM ({whole_indexes(before=until)}) g
             GROUP BY g.employee
          ) i
         WHERE i.was IS NOT NULL
    """


def _index_changes(arguments: Arguments, query: MeasureQuery) -> str:
    told = indexes(before=date_literal(query.period.end), entity="employee")
    spans = f"SELECT i.*, i.employee AS line_key FROM ({told}) i"
    return gained(spans, "x.employee", arguments, query)


def _mentioned(since: str, until: str) -> str:
    return standing("mention.recorded", since, until, only="s.employee <> ''")


def _index_high_enough(before: str) -> str:
    """Return the indexes that make experts at the ends of the days [``since``, ``until``)."""
    # What is stated is few rows, and looked through for each index.
    return f"""
        WITH needed AS MATERIALIZED ({stated_spans(EXPERT_INDEX)})
        SELECT i.employee, i.day, i.fact_key, greatest(i.since, n.since) AS since,
               least(i.until, n.until) AS until
          FROM ({indexes(before=before, entity="employee")}) i
          JOIN needed n ON i.value >= n.value AND n.since < i.until AND i.since < n.until
    """


def _experts(since: str, until: str) -> str:
    return each_person(f"""
        SELECT m.employee, m.day, m.fact_key FROM ({_mentioned(since, until)}) m
        UNION ALL
        SELECT i.employee, i.day, i.fact_key FROM ({_index_high_enough(until)}) i
         WHERE i.since < {until} AND i.until >= {until}
    """)


def _experts_of_buckets(arguments: Arguments, query: MeasureQuery) -> str:
    period = date_literal(query.period.start), date_literal(query.period.end)
    starts, ends = (arguments.add(days(query)) for days in (bucket_starts, bucket_ends))
    # Who was mentioned is one in the bucket of the day, at whose end they are placed.
    mentioned = f"""
        SELECT m.*, width_bucket(m.day, {starts}::date[]) - 1 AS enters,
               width_bucket(m.day, {starts}::date[]) AS leaves
          FROM ({_mentioned(*period)}) m
    """
    return each_person(
        f"""
        SELECT employee, day, fact_key, enters, leaves FROM ({mentioned}) m
        UNION ALL
        SELECT employee, day, fact_key, enters, leaves
          FROM ({in_buckets(_index_high_enough(period[1]), ends)}) i
        """,
        "enters",
        "leaves",
    )


LISTED: Mapping[str, Listed] = {
    "ssi_change": Listed(_index_change, "mean", has_gauge("ssi.brand"), swept=_index_changes),
    "recognized_experts": Listed(
        _experts,
        "count",
        f"({has_gauge('ssi.brand')} OR {has_standing('mention.recorded')})",
        swept=_experts_of_buckets,
    ),
}
