"""Of which kinds anything was told at all: what tells none from unknown.

Facts can say that there is nothing: a visit of somebody else, a click of a machine, a cost of 0.
They add to no measure, and yet who told them has told that there is none. So the facts that stand
are counted, by kind and day, in measures of their own (``shared.kpis.measure.told``). Nobody asks
for these; they say of other measures whether nothing is 0, or missing. What a network counts every
day is counted for each side, and for views and clicks once more: not every source tells those.
Whose a reading of a post is, its publication says: ``contributions.post_steps`` counts those.
"""

__all__ = ["SIDE_OF_DAY", "told"]

#: kind → what divides it, as SQL over an entry; of one part nothing is known by another.
_DIVIDED = {
    "cost.booked": "CASE WHEN channel = 'brand' THEN 'brand' ELSE 'program' END",
    "demographics.recorded": "body ->> 'facet'",
    "session.recorded": "body ->> 'landing'",
}
_WHOLE_KINDS = (
    "activity.logged",
    "application.submitted",
    "hire.accepted",
    "incident.recorded",
    "internal.daily",
    "link.clicked",
    "points.awarded",
    "touch.recorded",
)
_KINDS = ", ".join(f"'{kind}'" for kind in sorted({*_DIVIDED, *_WHOLE_KINDS}))
#: Whose posts a daily total is of. What an ad brought to an employee's post was bought, not earned.
SIDE_OF_DAY = """CASE WHEN employee = '' THEN 'brand'
                WHEN body ->> 'is_paid' = 'true' THEN 'boosted' ELSE 'advocacy' END"""
_PARTS = " ".join(f"WHEN '{kind}' THEN '.' || ({part})" for kind, part in _DIVIDED.items())


def told(entries: str) -> str:
    """Return how many facts of each kind ``entries`` add, by day; those taken back count against.

    ``entries`` is a relation as of ``contributions.linear``. One row for many facts, which are of
    nobody and of nowhere: it has the columns of a contribution, but for the fact.
    """
    return f"""
    SELECT 'told.' || kind || CASE kind {_PARTS} ELSE '' END AS measure, day, '' AS employee,
           '' AS account, '' AS network, '' AS campaign, '' AS content, '' AS channel,
           sum(weight)::numeric AS quantity
      FROM {entries} e
     WHERE kind IN ({_KINDS})
     GROUP BY 1, 2
    HAVING sum(weight) <> 0
    UNION ALL
    SELECT 'told.engagement.daily.' || d.side || f.field, d.day, '', '', '', '', '', '', f.quantity
      FROM (
        SELECT {SIDE_OF_DAY} AS side, day, sum(weight)::numeric AS of_all,
               (sum(weight) FILTER (WHERE body ? 'impressions'))::numeric AS of_views,
               (sum(weight) FILTER (WHERE body ? 'clicks'))::numeric AS of_clicks
          FROM {entries} e
         WHERE kind = 'engagement.daily'
         GROUP BY 1, 2
      ) d
     CROSS JOIN LATERAL (VALUES
        ('', d.of_all), ('.impressions', d.of_views), ('.network_clicks', d.of_clicks)
     ) f (field, quantity)
     WHERE f.quantity <> 0
    """
