"""A KPI's explanation as text: arithmetic, inputs, rates, and the facts behind each input."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from cli.client import Client

__all__ = ["explain"]

# Read off the calendar.
_WITHOUT_FACTS = frozenset({"weeks"})


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
            facts = api.get(path, **period, measure=one["measure"], limit=most_lines)["facts"]
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


def _fact_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    for line in facts["lines"]:
        who = " ".join(filter(None, (line["employee"], line["network"], line["note"])))
        yield (
            f"{line['day']}  {_number(line['quantity']):>12}  {line['kind']}"
            f" {line['source']}/{line['external_id'] or line['position']}  {who}".rstrip()
        )
    if facts["lines_total"] is None:
        yield "… very many more"
    elif facts["lines_total"] > len(facts["lines"]):
        yield f"… {facts['lines_total'] - len(facts['lines'])} more"


def _number(text: str | None) -> str:
    return "–" if text is None else f"{Decimal(text):,}"
