"""A KPI's explanation as text: arithmetic, inputs, rates, and the facts behind each input."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from cli.client import Client

__all__ = ["explain"]

# Read off the calendar.
_WITHOUT_FACTS = frozenset({"weeks"})
_LARGEST_PAGE = 200


def explain(api: Client, kpi: str, *, first_day: date, end_day: date, most_lines: int) -> str:
    """Return where a KPI of [`first_day`, `end_day`) comes from.

    At most `most_lines` facts of each input are listed, with how many there are in all.
    """
    path = f"/v1/kpis/{kpi}/explain"
    period = {"from": first_day.isoformat(), "to": end_day.isoformat()}
    whole = api.get(path, **period, limit=1)
    lines = list(_summary(whole))
    for one in whole["inputs"]:
        unit = whole["currency"] if one["unit"] == "money" else one["unit"]
        lines.append(f"  {one['description']}: {_number(one['value'])} {unit or ''}".rstrip())
        if most_lines and one["measure"] not in _WITHOUT_FACTS:
            asked = {**period, "measure": one["measure"]}
            facts = _first_facts(api, path, asked, most_lines)
            lines += [f"    {line}" for line in _fact_lines(facts)]
    for rate in whole["assumptions"]:
        since = f" since {rate['effective_from']}" if rate["effective_from"] else ""
        lines.append(f"  {rate['key']} = {_number(rate['value'])}{since} ({rate['source']})")
    return "\n".join(lines)


def _summary(whole: Mapping[str, Any]) -> Iterator[str]:
    # What has no number whatever the facts has no formula either.
    yield f"{whole['kpi']} = {whole['formula']}" if whole["formula"] else whole["kpi"]
    yield f"  {whole['arithmetic']}"
    if whole["value"]["null_reason"]:
        yield f"  no value: {whole['value']['null_reason']}"


def _first_facts(
    api: Client, path: str, asked: Mapping[str, str], most_lines: int
) -> Mapping[str, Any]:
    """Return the first facts of one input, from as many pages as it takes."""
    listed: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        limit = min(most_lines - len(listed), _LARGEST_PAGE)
        facts = api.get(path, **asked, **cursor, limit=limit)["facts"]
        listed += facts["lines"]
        if facts["next_cursor"] is None or len(listed) == most_lines:
            return {**facts, "lines": listed}
        cursor = {"cursor": facts["next_cursor"]}


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
