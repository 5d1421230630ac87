"""Readings of levels: each holds until the next one of its entity."""

from shared.rollups.sql import measure_list, until_overtaken

__all__ = ["PILLARS", "indexes", "readings", "whole_indexes"]

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
    """Return the same of the whole index. ``entity`` is whose it is."""
    return _while_last(entity, whole_indexes(before=before, whose=whose))


def whole_indexes(*, before: str, whose: str = "") -> str:
    """Return each reading of the whole index, the sum of its pillars, on a day before ``before``.

    Columns: employee, account, network, observed_at, fact_key, day, value. ``whose`` are conditions
    on the employee.
    """
    return f"""
        SELECT {_ENTITY}, observed_at, fact_key, day, sum(value) AS value FROM gauge
         WHERE org_id = $1 AND generation = $2 AND measure IN ({measure_list(PILLARS)})
           AND day < {before} {whose}
         GROUP BY {_ENTITY}, observed_at, fact_key, day
    """


def _while_last(entity: str, told: str) -> str:
    until = until_overtaken("r.day", entity, "r.observed_at DESC, r.fact_key DESC")
    return f"""
        SELECT t.*
          FROM (
            SELECT r.*, r.day AS since, {until} AS until FROM ({told}) r
          ) t
         WHERE t.since < t.until
    """
