"""A KPI's explanation as text: arithmetic, inputs, rates, and the facts behind each input.

All of it is read as of one moment, that of the first request: what arrives meanwhile is in none.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from cli.client import Client, RefusedError

__all__ = ["explain"]

_LARGEST_PAGE = 200
#: How often an explanation is begun anew when other figures take over while it is read.
_MOST_BEGUN = 3


def explain(api: Client, kpi: str, *, first_day: date, end_day: date, most_lines: int) -> str:
    """Return where a KPI of [`first_day`, `end_day`) comes from.

    At most `most_lines` facts of each input are listed, with how many there are in all.
    """
    path = f"/v1/kpis/{kpi}/explain"
    period = {"from": first_day.isoformat(), "to": end_day.isoformat()}
    for begun in range(1, _MOST_BEGUN + 1):
        try:
            return "\n".join(_lines(api, path, period, most_lines))
        except RefusedError as refused:
            if refused.code != "list_outdated" or begun == _MOST_BEGUN:
                raise
    raise AssertionError("the last one returns or raises")


def _lines(api: Client, path: str, period: Mapping[str, str], most_lines: int) -> Iterator[str]:
    whole = api.get(path, **period, limit=1)
    yield from _summary(whole)
    for one in whole["inputs"]:
        unit = whole["currency"] if one["unit"] == "money" else one["unit"]
        yield f"  {one['description']}: {_number(one['value'])} {unit or ''}".rstrip()
        # What is read off the calendar has no facts.
        if most_lines and one["cursor"] is not None:
            facts = _first_facts(api, path, period, one["cursor"], most_lines)
            yield from (f"    {line}" for line in _fact_lines(facts))
    for rate in whole["assumptions"]:
        since = f" since {rate['effective_from']}" if rate["effective_from"] else ""
        yield f"  {rate['key']} = {_number(rate['value'])}{since} ({rate['source']})"


def _summary(whole: Mapping[str, Any]) -> Iterator[str]:
    # What has no number whatever the facts has no formula either.
    yield f"{whole['kpi']} = {whole['formula']}" if whole["formula"] else whole["kpi"]
    yield f"  {whole['arithmetic']}"
    if whole["value"]["null_reason"]:
        yield f"  no value: {whole['value']['null_reason']}"
    if whole["is_partial"]:
        yield f"  may still change: known until {whole['complete_until'] or 'nobody knows when'}"


def _first_facts(
    api: Client, path: str, period: Mapping[str, str], cursor: str, most_lines: int
) -> Mapping[str, Any]:
    """Return the first facts of the input at a cursor, from as many pages as it takes."""
    listed: list[Any] = []
    following: str | None = cursor
    facts: dict[str, Any] = {}
    while following is not None:
        limit = min(most_lines - len(listed), _LARGEST_PAGE)
        page = api.get(path, **period, cursor=following, limit=limit)["facts"]
        if facts and page["measure"] != facts["measure"]:
            break
        facts = page
        listed += page["lines"]
        is_enough = len(listed) in (most_lines, page["lines_total"])
        following = None if is_enough else page["next_cursor"]
    return {**facts, "lines": listed}


def _fact_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    for line in facts["lines"]:
        # A key without the scope people:read is not told by which fact a person counts.
        name = line["external_id"] or line["position"] or "–"
        who = " ".join(filter(None, (line["employee"], line["network"], line["note"])))
        yield (
            f"{line['day'] or '–':<10}  {_number(line['quantity']):>12}  {line['kind']}"
            f" {line['source']}/{name}  {who}".rstrip()
        )
    if facts["lines_total"] is None:
        yield "… very many more"
    elif facts["lines_total"] > len(facts["lines"]):
        yield f"… {facts['lines_total'] - len(facts['lines'])} more"


def _number(text: str | None) -> str:
    return "–" if text is None else f"{Decimal(text):,}"
