"""The ROI statement as text. Every figure comes from the API; here it is only set in columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from cli.client import Client

__all__ = ["Figures", "money", "percent", "read_figures", "render"]

_PROGRAM_KPIS = ("enrollment_rate", "active_of_enrolled_rate", "shares", "impressions_advocacy")
_DEAL_KPIS = ("deals_won", "time_to_close")
_KPI_NAMES = {
    "enrollment_rate": "adoption (enrolled of headcount)",
    "active_of_enrolled_rate": "active of enrolled",
    "shares": "shares",
    "impressions_advocacy": "views of these",
    "deals_won": "deals won since the first day",
    "time_to_close": "median time to close",
}
_UNIT_SIGNS = {"percent": " %", "days": " days"}


@dataclass(frozen=True, slots=True)
class Figures:
    """What the API said: documents as they came."""

    organization: Mapping[str, Any]
    statement: Mapping[str, Any]
    comparison: Mapping[str, Any]
    kpis: Sequence[Mapping[str, Any]]


def read_figures(api: Client, *, first_day: date, end_day: date, model: str) -> Figures:
    """Ask for everything that a statement shows; `end_day` is the day after the last one."""
    period = {"from": first_day.isoformat(), "to": end_day.isoformat()}
    statement = api.get("/v1/roi", **period, model=model)
    program = api.get("/v1/kpis/values", ids=list(_PROGRAM_KPIS), **period)
    # A period's touches bring deals that close after it, so these are counted up to now: the day
    # up to which the statement counts late hires.
    until_now = {**period, "to": max(statement["recruiting_to"], period["to"])}
    deals = api.get("/v1/kpis/values", ids=list(_DEAL_KPIS), **until_now)
    return Figures(
        organization=api.get("/v1/organization"),
        statement=statement,
        comparison=api.get("/v1/roi/models", **period),
        kpis=[*program["kpis"], *deals["kpis"]],
    )


def render(figures: Figures) -> str:
    """Return the statement as lines of text."""
    blocks = (
        _heading(figures),
        _costs(figures.statement),
        _models(figures),
        _verdict(figures),
        _kpis(figures.kpis),
        _notices(figures),
    )
    return "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines)


def money(text: str | None) -> str:
    """Return an amount with thousands set apart: ``22,500.00``."""
    return "–" if text is None else f"{Decimal(text):,}"


def percent(text: str | None) -> str:
    """Return a return with its sign: ``+1.33 %``."""
    return "–" if text is None else f"{Decimal(text):+,} %"


def _heading(figures: Figures) -> Iterator[str]:
    statement = figures.statement
    last_day = date.fromisoformat(statement["to"]) - timedelta(days=1)
    yield f"{figures.organization['name']}: return on employee advocacy"
    yield (
        f"{statement['from']} to {last_day} · {statement['time_zone']} · "
        f"{statement['currency']} · {_BASES[statement['basis']]}"
    )


_BASES = {
    "cohort": "value of the period's touches, whenever their deals closed",
    "period": "value of the deals closed in the period",
}


def _costs(statement: Mapping[str, Any]) -> Iterator[str]:
    cost = statement["cost"]
    yield _amount_line("cost of the program", money(cost["total"]))
    for part in cost["by_category"]:
        yield _amount_line(f"  {part['category'].replace('_', ' ')}", money(part["amount"]))


def _models(figures: Figures) -> Iterator[str]:
    comparison = figures.comparison
    channel = comparison["channel"].replace("_", " ")
    yield f"revenue credited to {channel}, of {money(comparison['total_revenue'])} won"
    yield _model_row("", "credited", "share", "on revenue", "on margin", "with hires")
    names = _model_names(figures.organization)
    for model in comparison["models"]:
        yield _model_row(
            names.get(model["model"], model["model"]),
            money(model["credited_revenue"]),
            "–" if model["share_percent"] is None else f"{model['share_percent']} %",
            percent(model["roi_on_revenue"]["percent"]),
            percent(model["roi_on_margin"]["percent"]),
            percent(model["roi_cash"]["percent"]),
        )


def _model_names(organization: Mapping[str, Any]) -> dict[str, str]:
    return {
        "first": "first touch",
        "last": "last touch",
        "last_non_direct": "last but direct visits",
        "linear": "linear",
        "position": "position 40/20/40",
        "w_shaped": "W-shaped 30/30/30/10",
        "time_decay": f"time decay ({organization['attribution_half_life_days']} days)",
        "shapley": "Shapley over channels",
        "markov": "Markov removal effect",
    }


def _verdict(figures: Figures) -> Iterator[str]:
    statement, comparison = figures.statement, figures.comparison
    margin = statement["roi_on_margin"]
    names = _model_names(figures.organization)
    name = names.get(statement["model"], statement["model"])
    yield f"ROI on margin, {name}: {percent(margin['percent'])}"
    yield f"  {margin['arithmetic']}"
    yield from _sign(comparison)
    payback = statement["payback"]
    if payback is None:
        # Without a return nothing is known of the day either.
        yield "Payback: –" if margin["percent"] is None else "Payback: not yet."
    else:
        yield f"Payback: {payback['day']}, day {payback['age_days']} of the period."


def _sign(comparison: Mapping[str, Any]) -> Iterator[str]:
    """Say how much hangs on the choice of model."""
    spread = next((one for one in comparison["spread"] if one["form"] == "margin"), None)
    even = next((one for one in comparison["break_even"] if one["form"] == "margin"), None)
    if spread is None or even is None:
        return
    reach = f"{percent(spread['lowest'])} to {percent(spread['highest'])}"
    if spread["sign_depends_on_model"]:
        yield f"The sign of ROI depends on the model: {reach}, a loss or a gain on the same facts."
    else:
        yield f"All models agree on the sign: {reach}."
    share = f", {even['share_percent']} % of all" if even["share_percent"] else ""
    yield f"Break-even: {money(even['revenue'])} of credited revenue{share}."


def _kpis(kpis: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for kpi in kpis:
        value = kpi["values"][0]["value"]
        sign = _UNIT_SIGNS.get(kpi["unit"], "")
        shown = "–" if value is None else f"{Decimal(value):,}{sign}"
        yield _amount_line(_KPI_NAMES.get(kpi["kpi"], kpi["kpi"]), shown)


def _notices(figures: Figures) -> Iterator[str]:
    seen = {
        notice["code"]: notice["message"]
        for document in (figures.statement, figures.comparison)
        for notice in document["notices"]
    }
    for message in seen.values():
        yield f"Note: {message}"


def _amount_line(name: str, amount: str) -> str:
    return f"  {name:<36}{amount:>14}"


def _model_row(name: str, *columns: str) -> str:
    return f"  {name:<24}" + "".join(f"{column:>13}" for column in columns)
