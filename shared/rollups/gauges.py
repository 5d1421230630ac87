"""Readings of levels: each holds until the next one of its entity."""

from shared.rollups.sql import NEVER, measure_list

__all__ = ["PILLARS", "indexes", "readings"]

#: The parts of a person's index, which one fact tells together.
PILLARS = ("ssi.brand", "ssi.people", "ssi.insights", "ssi.relationships")
_ENTITY = "employee, account, network"


def readings(*measures: str, before: str, whose: str = "") -> str:
    """Return readings, each the last one of its entity at the ends of [``since``, ``until``).

    Columns besides: measure, employee, account, network, day, value, fact_key. Only those are read
    that were taken on a day before ``before``, of employees that the conditions ``whose`` name.
    """
    return _while_last(
        f"measure, {_ENTITY}",
        f"""
        SELECT measure, {_ENTITY}, observed_at, fact_key, day, value FROM gauge
         WHERE org_id = $1 AND generation = $2 AND measure IN ({measure_list(measures)})
           AND day < {before} {whose}
        """,
    )


def indexes(*, before: str, entity: str = _ENTITY, whose: str = "") -> str:
    """Return the same of the whole index, the sum of its pillars. ``entity`` is whose it is."""
    return _while_last(
        entity,
        f"""
        SELECT {_ENTITY}, observed_at, fact_key, day, sum(value) AS value FROM gauge
         WHERE org_id = $1 AND generation = $2 AND measure IN ({measure_list(PILLARS)})
           AND day < {before} {whose}
         GROUP BY {_ENTITY}, observed_at, fact_key, day
        """,
    )


def _while_last(entity: str, told: str) -> str:
    # A day may run backwards where clocks do, so the next reading is that of the earliest day.
    return f"""
        SELECT t.*
          FROM (
            SELECT r.*, r.day AS since, coalesce(min(r.day) OVER later, {NEVER}) AS until
              FROM ({told}) r
            WINDOW later AS (
                PARTITION BY {entity} ORDER BY observed_at DESC, fact_key DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
          ) t
         WHERE t.since < t.until
    """
