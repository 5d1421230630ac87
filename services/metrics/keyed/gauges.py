"""Gauges (audiences, the Social Selling Index): the last reading counts, never a sum over time."""

from services.metrics.keyed.operator import KeyedOperator, forget

__all__ = ["GAUGES"]

# A person has one index, whichever network or account a source reads it through: it is kept
# under the person alone, so that a later reading always replaces an earlier one.
_READINGS = """
    SELECT b.position, b.employee, m.account, m.network, b.occurred_at, b.fact_key, b.day,
           m.measure, m.value
      FROM {entries} b
     CROSS JOIN LATERAL (VALUES
        (CASE WHEN b.kind = 'audience.recorded' THEN b.body ->> 'metric' END,
         (b.body ->> 'count')::numeric, b.account, b.network),
        ('ssi.brand', (b.body ->> 'brand')::numeric, '', ''),
        ('ssi.people', (b.body ->> 'people')::numeric, '', ''),
        ('ssi.insights', (b.body ->> 'insights')::numeric, '', ''),
        ('ssi.relationships', (b.body ->> 'relationships')::numeric, '', '')
     ) m (measure, value, account, network)
     WHERE b.kind IN ('audience.recorded', 'ssi.recorded')
       AND m.measure IS NOT NULL AND m.value IS NOT NULL
"""

GAUGES = KeyedOperator(
    kinds=frozenset({"audience.recorded", "ssi.recorded"}),
    update=(
        forget(
            "gauge",
            _READINGS.format(entries="fold_retracted"),
            "s.measure = b.measure AND s.employee = b.employee AND s.account = b.account"
            " AND s.network = b.network AND s.observed_at = b.occurred_at",
        ),
        f"""
        INSERT INTO gauge
        SELECT $1, $2, b.measure, b.employee, b.account, b.network, b.occurred_at, b.fact_key,
               b.day, b.value, b.position
          FROM ({_READINGS.format(entries="fold_standing")}) b
        """,
    ),
)
