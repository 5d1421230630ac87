"""Who shared on which day, from the cells: what people are counted by."""

from shared.rollups.posted import speaks
from shared.rollups.query import Slicing
from shared.rollups.sql import Arguments, filter_clause

__all__ = ["shares"]


def shares(plan: Slicing, arguments: Arguments) -> str:
    """Return the relation (employee, day, value, grouped) of shares, as far as cells are filtered.

    ``grouped`` is what cells are grouped by as they are kept, and "" where they are not.
    """
    if plan.slice == "content":
        return _publications(plan, arguments)
    filters = plan.kept_filters
    name = "finest" if filters or plan.kept_group not in {None, "employee"} else "employee"
    grouped, has_group = _grouping(plan)
    return f"""
        SELECT c.employee, c.day, c.value, {grouped} AS grouped
          FROM cell_value c
         WHERE c.org_id = $1 AND c.generation = $2 AND c.slice = '{name}' AND c.measure = 'shares'
           AND c.employee <> '' {has_group} {filter_clause(filters, arguments)}
    """


def _publications(plan: Slicing, arguments: Arguments) -> str:
    """Return the same by content: no cell holds a person and a content item."""
    grouped, has_group = _grouping(plan)
    return f"""
        SELECT c.employee, (c.published_at AT TIME ZONE o.time_zone)::date AS day,
               1::numeric AS value, {grouped} AS grouped
          FROM post c
          JOIN organization o ON o.id = c.org_id
         WHERE c.org_id = $1 AND c.generation = $2 AND c.employee <> '' AND {speaks("c")}
           {has_group} {filter_clause(plan.filters, arguments)}
    """


def _grouping(plan: Slicing) -> tuple[str, str]:
    """Return the column of the group and its condition: a slice exists for a value, not without."""
    if plan.kept_group is None:
        return "''::text", ""
    return f"c.{plan.kept_group}", f"AND c.{plan.kept_group} <> ''"
