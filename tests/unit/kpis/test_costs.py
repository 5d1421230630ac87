"""Costs: spread to the cent, by period, with and without working time."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.costs import (
    CostBasis,
    CostLine,
    amortized,
    charged,
    cost_in,
    cost_statement,
    daily_costs,
)
from shared.kpis.periods import Period
from shared.kpis.vocabulary import CostCategory

Q1 = Period(date(2025, 1, 1), date(2025, 4, 1))


def _line(
    category: CostCategory, amount: str, starts_on: date = Q1.start, ends_on: date = Q1.end
) -> CostLine:
    return CostLine(category, Decimal(amount), starts_on, ends_on)


GOLDEN = [
    _line(CostCategory.INFRASTRUCTURE, "900"),
    _line(CostCategory.EXPERT, "2000", date(2025, 1, 15), date(2025, 1, 16)),
    _line(CostCategory.TRAINING, str(30 * 4 * 30), date(2025, 1, 20), date(2025, 1, 25)),
    _line(CostCategory.EMPLOYEE_TIME, str(24 * 1 * 13 * 30)),
    _line(CostCategory.MANAGER_TIME, str(10 * 13 * 35)),
    _line(CostCategory.CONTENT, "1500"),
    _line(CostCategory.REWARDS, "590", date(2025, 3, 31), date(2025, 4, 1)),
]
lines = st.builds(
    lambda amount, start, days: CostLine(
        CostCategory.OTHER, amount, start, start + timedelta(days=days)
    ),
    st.decimals(min_value=-(10**7), max_value=10**7, places=2),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(1, 800),
)


def test_the_first_quarter_of_golden_ratio_costs_22500() -> None:
    statement = cost_statement(GOLDEN, Q1, exponent=2)

    assert statement.total == Decimal("22500.00")
    assert statement.by_category[CostCategory.EMPLOYEE_TIME] == 9360


def test_in_cash_alone_working_time_is_left_out() -> None:
    statement = cost_statement(GOLDEN, Q1, exponent=2, basis=CostBasis.CASH)

    assert statement.total == Decimal(22500 - 9360 - 4550)
    assert CostCategory.MANAGER_TIME not in statement.by_category


@given(line=lines, exponent=st.sampled_from([0, 2, 3]))
def test_the_days_add_up_to_the_line(line: CostLine, exponent: int) -> None:
    days = list(daily_costs(line, exponent))

    total = sum(cost for _, cost in days)
    assert len(days) == line.days
    assert (days[0][0], days[-1][0]) == (line.starts_on, line.ends_on - timedelta(days=1))
    assert abs(total - line.amount) <= Decimal(1).scaleb(-exponent) / 2
    assert exponent < 2 or total == line.amount
    even = line.amount / line.days
    assert all(abs(cost - even) < 2 * Decimal(1).scaleb(-exponent) for _, cost in days)


@given(line=lines, start=st.dates(date(2019, 1, 1), date(2032, 1, 1)), days=st.integers(1, 900))
def test_a_period_takes_the_days_inside_it(line: CostLine, start: date, days: int) -> None:
    period = Period(start, start + timedelta(days=days))

    inside = [cost for day, cost in daily_costs(line, 2) if day in period]

    assert cost_in(line, period, 2) == sum(inside)


def test_the_running_total_is_rounded_and_not_the_day() -> None:
    line = _line(CostCategory.OTHER, "0.05", date(2025, 1, 1), date(2025, 1, 4))

    assert [str(cost) for _, cost in daily_costs(line, 2)] == ["0.02", "0.01", "0.02"]


def test_a_one_off_cost_can_be_spread_over_months() -> None:
    one_off = _line(CostCategory.EXPERT, "3650", date(2025, 1, 31), date(2025, 2, 1))

    spread = amortized(one_off, months=1)

    assert (spread.starts_on, spread.ends_on) == (date(2025, 1, 31), date(2025, 2, 28))
    assert amortized(one_off, months=12).days == 365
    with pytest.raises(ValueError, match="at least one month"):
        amortized(one_off, months=0)


def test_a_cost_without_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="after it starts"):
        _line(CostCategory.OTHER, "1", date(2025, 1, 1), date(2025, 1, 1))


def test_only_one_off_costs_are_amortized_and_none_without_months() -> None:
    setup = CostLine(CostCategory.PLATFORM, Decimal("1200.01"), Q1.start, Q1.end, is_one_off=True)
    monthly = _line(CostCategory.PLATFORM, "300")

    spread = charged(setup, 12)

    assert (spread.starts_on, spread.ends_on) == (Q1.start, date(2026, 1, 1))
    assert charged(setup, None) == setup
    assert charged(monthly, 12) == monthly
    years = [Period(date(year, 1, 1), date(year + 1, 1, 1)) for year in (2024, 2025, 2026)]
    assert [cost_in(spread, year, 2) for year in years] == [0, Decimal("1200.01"), 0]
