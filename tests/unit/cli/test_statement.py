"""The statement as text: what the API said, unchanged, in columns."""

from typing import Any

import pytest

from cli.statement import Figures, money, percent, render


def _return(value: str | None) -> dict[str, Any]:
    return {"percent": value, "arithmetic": "(22800 - 22500) / 22500 ≈ 1.33 %"}


def _figures(**changes: Any) -> Figures:
    statement = {
        "from": "2025-01-01",
        "to": "2025-04-01",
        "time_zone": "Europe/Warsaw",
        "currency": "USD",
        "basis": "cohort",
        "model": "linear",
        "cost": {
            "total": "22500.00",
            "by_category": [{"category": "employee_time", "amount": "9360.00"}],
        },
        "roi_on_margin": _return("1.33"),
        "payback": {"day": "2025-04-20", "age_days": 109},
        "notices": [],
    }
    comparison = {
        "channel": "employee_advocacy",
        "total_revenue": "60000.00",
        "models": [
            {
                "model": "time_decay",
                "credited_revenue": "34447.97",
                "share_percent": "57.41",
                "roi_on_revenue": _return("53.10"),
                "roi_on_margin": _return("-3.89"),
                "roi_cash": _return(None),
            }
        ],
        "spread": [
            {
                "form": "margin",
                "lowest": "-3.89",
                "highest": "31.56",
                "sign_depends_on_model": True,
            }
        ],
        "break_even": [{"form": "margin", "revenue": "28125.00", "share_percent": "46.875"}],
        "notices": [],
    }
    return Figures(
        organization={"name": "Golden Ratio", "attribution_half_life_days": 7},
        statement=statement | changes.get("statement", {}),
        comparison=comparison | changes.get("comparison", {}),
        kpis=changes.get("kpis", []),
    )


def _lines(figures: Figures) -> list[str]:
    return [" ".join(line.split()) for line in render(figures).splitlines()]


def test_every_figure_stands_as_the_api_gave_it() -> None:
    lines = _lines(_figures())

    assert "Golden Ratio: return on employee advocacy" in lines
    assert "cost of the program 22,500.00" in lines
    assert "employee time 9,360.00" in lines
    assert "time decay (7 days) 34,447.97 57.41 % +53.10 % -3.89 % –" in lines
    assert "Payback: 2025-04-20, day 109 of the period." in lines
    assert "Break-even: 28,125.00 of credited revenue, 46.875 % of all." in lines


def test_the_last_day_is_shown_and_not_the_day_after() -> None:
    assert any(line.startswith("2025-01-01 to 2025-03-31") for line in _lines(_figures()))


def test_models_that_agree_on_the_sign_are_not_said_to_differ() -> None:
    spread = {
        "form": "margin",
        "lowest": "1.33",
        "highest": "31.56",
        "sign_depends_on_model": False,
    }

    lines = _lines(_figures(comparison={"spread": [spread]}))

    assert "All models agree on the sign: +1.33 % to +31.56 %." in lines


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    kpi = {"kpi": "time_to_close", "unit": "days", "values": [{"value": None}]}
    changes: dict[str, Any] = {
        "cost": {"total": None, "by_category": []},
        "roi_on_margin": _return(None),
        "payback": None,
    }

    lines = _lines(_figures(statement=changes, kpis=[kpi]))

    assert "cost of the program –" in lines
    assert "median time to close –" in lines
    assert "Payback: –" in lines


def test_a_cost_that_nothing_has_covered_is_not_paid_back_yet() -> None:
    assert "Payback: not yet." in _lines(_figures(statement={"payback": None}))


def test_a_notice_is_shown_once_although_both_answers_carry_it() -> None:
    notice = {"code": "no_costs", "message": "No cost was booked."}

    lines = _lines(_figures(statement={"notices": [notice]}, comparison={"notices": [notice]}))

    assert lines.count("Note: No cost was booked.") == 1


@pytest.mark.parametrize(
    ("text", "shown"), [("22500.00", "22,500.00"), ("-0.50", "-0.50"), (None, "–")]
)
def test_money_keeps_its_digits(text: str | None, shown: str) -> None:
    assert money(text) == shown


@pytest.mark.parametrize(("text", "shown"), [("1.33", "+1.33 %"), ("-100", "-100 %"), (None, "–")])
def test_a_return_shows_its_sign(text: str | None, shown: str) -> None:
    assert percent(text) == shown
